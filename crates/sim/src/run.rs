//! Runs a plan, alone on its thread, in a runtime whose time is paused.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::time::Duration;

use patchcast_session::document::mutation::choose;
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};

use crate::mutation::Mutation;
use crate::plan::Plan;
use crate::stage::{Stage, end_in_doubt};
use crate::world::World;

/// How a plan is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The rule that is broken on purpose.
    pub mutation: Option<Mutation>,
    /// Whether what happens is noted.
    pub trace: bool,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What went wrong, the first first.
    pub failures: Vec<String>,
    /// What happened, when that was to be noted.
    pub trace: Vec<String>,
    /// Ops that were submitted.
    pub ops: usize,
    /// Virtual time that went by.
    pub elapsed: Duration,
}

/// Runs a plan from its beginning until nothing is left of it.
pub fn run(plan: &Plan, options: Options) -> Outcome {
    note_panics();
    choose(options.mutation.and_then(Mutation::of_session));
    RUNNING.set(true);
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing that could be missing");
    let stage = panic::catch_unwind(AssertUnwindSafe(|| {
        LocalSet::new().block_on(&runtime, async {
            let world = World::new(plan, options.mutation, options.trace);
            let doubt = spawn_local(end_in_doubt(world.clone()));
            let mut stage = Stage::new(world.clone());
            stage.perform(plan).await;
            doubt.abort();
            Outcome {
                failures: world.failures().clone(),
                trace: world.take_trace(),
                ops: world.ledger().len(),
                elapsed: world.elapsed(),
            }
        })
    }));
    RUNNING.set(false);
    choose(None);
    let mut outcome = stage.unwrap_or_default();
    outcome.failures.extend(PANICS.take());
    outcome
}

thread_local! {
    static RUNNING: Cell<bool> = const { Cell::new(false) };
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A task that panics would otherwise only fall silent. Panics of others are reported as ever.
fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if RUNNING.get() {
                PANICS.with_borrow_mut(|panics| panics.push(info.to_string()));
            } else {
                report(info);
            }
        }));
    });
}
