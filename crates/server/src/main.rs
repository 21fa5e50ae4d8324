//! The binary `patchcast`.

fn main() {}
