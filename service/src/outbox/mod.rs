//! What leaves the system: events, written in the transaction of the change that they report.

pub(crate) mod new_event;
