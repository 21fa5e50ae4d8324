//! What is measured: one file for each scenario.

pub(crate) mod document_join;
pub(crate) mod document_op;
pub(crate) mod fanout;
pub(crate) mod idle;
pub(crate) mod join;
pub(crate) mod latency;
