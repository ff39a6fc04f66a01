//! The promises of HTTP itself: connections, refusals that arrive, headers, static files, logs.

mod connections;
mod floods;
mod headers;
mod http2;
mod logs;
mod rejections;
mod sockets;
mod unavailable;
