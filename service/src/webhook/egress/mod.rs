//! The way out to receivers: which addresses may be reached, how a connection is made, and the signed request.

mod address;
mod connect;
mod head;
mod send;
mod sign;

pub use self::address::Resolve;
pub(super) use self::address::{EgressPolicy, SystemResolver};
pub(super) use self::send::{AttemptResult, Sender, SignedRequest, failure_reason};
pub use self::sign::{Secret, Signed, sign};
