//! The laws of edits, on documents and patches that the fuzzer chooses: `cargo +nightly fuzz run edits` in `fuzz`.
#![no_main]

#[path = "../../crates/protocol/tests/laws/check.rs"]
#[expect(dead_code, reason = "the tests hold more cases to fewer laws as well")]
mod check;
#[path = "../../crates/protocol/tests/laws/draw.rs"]
mod draw;

use draw::{Case, Source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut source = Bytes(bytes.iter());
    let parties = 2 + source.below(2);
    let case = Case::draw(&mut source, parties);
    if let Err(fault) = check::check(&case) {
        panic!("{}\n{:?}\n{fault}", case.base, case.batches);
    }
});

/// A choice is a byte; 0 once there are no more.
struct Bytes<'a>(std::slice::Iter<'a, u8>);

impl Source for Bytes<'_> {
    fn below(&mut self, end: usize) -> usize {
        self.0.next().map_or(0, |&byte| usize::from(byte)) % end
    }
}
