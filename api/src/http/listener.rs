//! Accepts connections that send small packets at once (`TCP_NODELAY`): messages on a WebSocket and events must not wait
//! for the acknowledgement of earlier ones, which Nagle's algorithm and delayed acknowledgements make 40 ms each.

use std::io::Result;

use poem::http::uri::Scheme;
use poem::listener::{Acceptor, TcpAcceptor};
use poem::web::{LocalAddr, RemoteAddr};
use tokio::net::TcpStream;

/// Accepts what `TcpAcceptor` does, with `TCP_NODELAY`.
pub struct NoDelay(pub TcpAcceptor);

impl Acceptor for NoDelay {
    type Io = TcpStream;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.0.local_addr()
    }

    async fn accept(&mut self) -> Result<(TcpStream, LocalAddr, RemoteAddr, Scheme)> {
        let accepted = self.0.accept().await?;
        // A connection that does not take the option is served all the same.
        let _ = accepted.0.set_nodelay(true);
        Ok(accepted)
    }
}
