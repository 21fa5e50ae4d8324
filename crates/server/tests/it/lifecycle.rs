//! A server from its command line to its end, and the connections' own deadlines and bounds.

mod command_line;
mod idle;
mod limits;
mod shutdown;
mod web;
