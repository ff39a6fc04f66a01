//! The connector of the HTTP client: it resolves a name, checks every address, and connects to one of the checked ones.
//! Every connection to a receiver is made here, without a proxy and without a second look-up.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Host;

use super::address::EgressPolicy;
use super::head::{Bounded, HeadBudget};

/// How long one of several addresses may take to connect before the next is tried.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(3);

/// Makes connections to checked addresses.
#[derive(Clone)]
pub(crate) struct Connector {
    egress: EgressPolicy,
    tls: TlsConnector,
    timeout: Duration,
    /// The number of open connections, busy and idle.
    open: Arc<AtomicUsize>,
}

/// Why no connection was made.
#[derive(Debug)]
pub(crate) enum NoConnection {
    /// The policy refuses the destination.
    Refused(&'static str),
    /// The name does not resolve.
    NoSuchName,
    /// The TCP connection failed.
    Tcp(io::Error),
    /// The TLS handshake failed.
    Tls(io::Error),
}

impl std::error::Error for NoConnection {}

impl std::fmt::Display for NoConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoConnection::Refused(reason) => write!(f, "not sent: the URL {reason}"),
            NoConnection::NoSuchName => f.write_str("the name does not resolve"),
            NoConnection::Tcp(cause) => write!(f, "could not connect: {}", cause.kind()),
            NoConnection::Tls(cause) => write!(f, "the TLS handshake failed: {cause}"),
        }
    }
}

impl Connector {
    /// A connector that trusts the public certificate authorities compiled into the binary, so that it works in an empty
    /// container too, and these further ones.
    pub(crate) fn new(
        egress: EgressPolicy,
        more_roots: &[CertificateDer<'static>],
        timeout: Duration,
    ) -> Result<Connector, rustls::Error> {
        let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        more_roots.iter().try_for_each(|root| roots.add(root.clone()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Ok(Connector { egress, tls: TlsConnector::from(Arc::new(config)), timeout, open: Arc::default() })
    }

    /// The counter of open connections.
    pub(crate) fn open(&self) -> Arc<AtomicUsize> {
        self.open.clone()
    }

    /// Connects within the time-out: the client may go on connecting after the attempt that asked for it has ended.
    async fn connect_in_time(self, uri: Uri) -> Result<Socket, NoConnection> {
        let late = |_| NoConnection::Tcp(io::ErrorKind::TimedOut.into());
        tokio::time::timeout(self.timeout, self.connect(uri)).await.map_err(late)?
    }

    async fn connect(self, uri: Uri) -> Result<Socket, NoConnection> {
        let destination = self.egress.destination(&uri.to_string()).map_err(NoConnection::Refused)?;
        let addresses = match &destination.host {
            Host::Domain(name) => self.egress.resolver.resolve(name).await.map_err(|_| NoConnection::NoSuchName)?,
            _ => destination.literal().into_iter().collect(),
        };
        if addresses.is_empty() {
            return Err(NoConnection::NoSuchName);
        }
        self.egress.admit(&destination, &addresses).map_err(NoConnection::Refused)?;
        let stream = connect_to_one(&addresses, destination.port).await.map_err(NoConnection::Tcp)?;
        if !destination.secure {
            return Ok(Socket::new(stream, self.open));
        }
        let name = match &destination.host {
            Host::Domain(name) => ServerName::try_from(name.trim_end_matches('.').to_owned()),
            _ => return self.secure(ServerName::from(addresses[0]), stream).await,
        };
        self.secure(name.map_err(|_| NoConnection::NoSuchName)?, stream).await
    }

    async fn secure(self, name: ServerName<'static>, stream: TcpStream) -> Result<Socket, NoConnection> {
        let stream = self.tls.connect(name, stream).await.map_err(NoConnection::Tls)?;
        Ok(Socket::new(stream, self.open))
    }
}

/// Connects to the first of the addresses that accepts.
async fn connect_to_one(addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for (i, address) in addresses.iter().enumerate() {
        let connecting = TcpStream::connect(SocketAddr::new(*address, port));
        // The last address may use all the time that is left.
        let outcome = if i + 1 < addresses.len() {
            match tokio::time::timeout(ADDRESS_TIMEOUT, connecting).await {
                Ok(outcome) => outcome,
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            }
        } else {
            connecting.await
        };
        match outcome {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(cause) => last = cause,
        }
    }
    Err(last)
}

impl tower_service::Service<Uri> for Connector {
    type Response = Socket;
    type Error = NoConnection;
    type Future = BoxFuture<'static, Result<Socket, NoConnection>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NoConnection>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect_in_time(uri))
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection with or without TLS, as hyper uses it.
pub(crate) struct Socket {
    io: TokioIo<Bounded<Box<dyn Stream>>>,
    head: HeadBudget,
    open: Arc<AtomicUsize>,
}

impl Socket {
    fn new(stream: impl Stream + 'static, open: Arc<AtomicUsize>) -> Socket {
        open.fetch_add(1, Ordering::Relaxed);
        let head = HeadBudget::default();
        Socket { io: TokioIo::new(Bounded::new(Box::new(stream), head.clone())), head, open }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection for Socket {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.head.clone())
    }
}

impl Read for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
