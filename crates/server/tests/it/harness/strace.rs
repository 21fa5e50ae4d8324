//! Tests that look at, or make fail, what the server asks of the kernel.

use std::process::Command;

/// Whether to go on: a machine without strace fails the test unless its owner said that this is known.
pub fn strace_is_there() -> bool {
    let works = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "true"])
        .output()
        .is_ok_and(|output| output.status.success());
    if works {
        return true;
    }
    assert!(
        std::env::var_os("PATCHCAST_TEST_WITHOUT_STRACE").is_some(),
        "power cuts are replayed from what strace records, and disk errors are made by it; strace is not installed \
         or may not trace here. Install it, or set PATCHCAST_TEST_WITHOUT_STRACE=1 to go without these tests."
    );
    eprintln!("SKIPPED: power cuts and disk errors are not tested without strace");
    false
}
