//! The sessions dialect, `patchcast.v1`.

mod bad_input;
mod crashes;
mod cuts;
mod joining;
mod presence;
mod resending;
