//! What leaves the system: events, written in the transaction of the change that they report, each with a delivery for every
//! endpoint that is sent it.

mod deliveries;
mod event;

pub(crate) use deliveries::{Delivery, insert_deliveries, subscribed};
pub(crate) use event::{Envelope, EventRecord, emit, insert_event};
