//! What REST and GraphQL share of HTTP: the facts of a request, admission, rejections with their status codes, rate
//! headers, and the middleware around every answer. Imports nothing of either surface.

pub(crate) mod accept;
mod access_log;
pub(crate) mod address;
pub(crate) mod admission;
pub(crate) mod budget;
pub(crate) mod compress;
pub(crate) mod events;
pub(crate) mod listener;
pub(crate) mod memory;
pub(crate) mod metrics;
pub(crate) mod middleware;
pub(crate) mod rejection;
pub(crate) mod request;
pub(crate) mod server;
pub(crate) mod space;
