//! The listener: accepts connections up to a number in all and per address, and ends those that make no progress.

mod activity;
mod body;
mod connection;
mod flood;
mod handler;
mod head;
mod permits;
mod socket;
mod work;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use poem::{Endpoint, Response};
use service::App;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;

use super::metrics::ConnectionMetrics;
use super::rejection::HttpRejection;
use connection::{Connections, Stage};
use permits::ConnectionPermits;

/// The pause after the system has refused to accept a connection, for example because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// How many connections a listener serves, and for how long they may make no progress.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open connections in all.
    pub connections: usize,
    /// Open connections from one address, or from one IPv6 network of 64 bits. Trusted proxies are not counted.
    pub per_address: usize,
    /// How long the head of a request may take from its first byte, however it arrives.
    pub head_timeout: Duration,
    /// How long a connection without a request is kept.
    pub idle_timeout: Duration,
    /// How long a client may leave an answer unread.
    pub write_timeout: Duration,
    /// How long open requests may take to finish when the server stops.
    pub drain_timeout: Duration,
    /// Proxies, which have no limit per address.
    pub trusted_proxies: Vec<IpNet>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 10_000,
            per_address: 2_500,
            head_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(30),
            trusted_proxies: Vec::new(),
        }
    }
}

/// Serves connections within limits.
pub struct Listener {
    limits: Limits,
    app: App,
    metrics: Option<ConnectionMetrics>,
}

impl Listener {
    /// A listener that counts its connections in the metrics of the application.
    pub fn counted(app: App, limits: Limits) -> Listener {
        let metrics = ConnectionMetrics::new(&app).ok();
        Listener { limits, app, metrics }
    }

    /// A listener that counts nothing, for the operator's own address.
    pub fn uncounted(app: App, limits: Limits) -> Listener {
        Listener { limits, app, metrics: None }
    }

    /// Serves an endpoint until `stop` is ready, then finishes the requests that are open.
    ///
    /// # Errors
    /// If the socket cannot be used.
    pub async fn serve<E: Endpoint<Output = Response> + 'static>(
        self,
        socket: std::net::TcpListener,
        endpoint: E,
        stop: impl Future<Output = ()>,
    ) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        let socket = TcpListener::from_std(socket)?;
        let (stage, stages) = watch::channel(Stage::Serving);
        let Listener { limits, app, metrics } = self;
        let drain_timeout = limits.drain_timeout;
        let permits = ConnectionPermits::new(limits.connections, limits.per_address);
        let connections = Arc::new(Connections::new(endpoint, limits, permits, metrics, app));
        tokio::select! {
            () = accept(&socket, &connections, &stages) => {}
            () = stop => {}
        }
        drop((socket, stages));
        // Every connection holds a receiver: the channel is closed when all have ended.
        stage.send_replace(Stage::Draining);
        if timeout(drain_timeout, stage.closed()).await.is_err() {
            stage.send_replace(Stage::Ended);
            stage.closed().await;
        }
        Ok(())
    }
}

/// Accepts connections for ever.
async fn accept<E: Endpoint<Output = Response> + 'static>(
    listener: &TcpListener,
    connections: &Arc<Connections<E>>,
    stages: &watch::Receiver<Stage>,
) {
    let mut is_failing = false;
    while let Some(permit) = free_permit(connections).await {
        match listener.accept().await {
            Ok((stream, address)) => {
                is_failing = false;
                begin(connections, permit, stream, address, stages.clone());
            }
            // The client has given up before it was accepted.
            Err(cause) if cause.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(cause) => {
                if !is_failing {
                    tracing::error!(%cause, "no connection can be accepted; trying again until it succeeds");
                }
                is_failing = true;
                connections.count_refused("system");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Waits until another connection may be open.
async fn free_permit<E>(connections: &Connections<E>) -> Option<OwnedSemaphorePermit> {
    if let Some(permit) = connections.permits.try_any() {
        return Some(permit);
    }
    let open = connections.limits.connections;
    tracing::warn!(open, "the largest number of connections is open; new ones wait until others end");
    connections.count_refused("all");
    connections.permits.any().await
}

/// Serves a connection in a task of its own.
fn begin<E: Endpoint<Output = Response> + 'static>(
    connections: &Arc<Connections<E>>,
    permit: OwnedSemaphorePermit,
    stream: TcpStream,
    address: SocketAddr,
    stages: watch::Receiver<Stage>,
) {
    let is_proxy = connections.limits.trusted_proxies.iter().any(|net| net.contains(&address.ip().to_canonical()));
    let Some(permit) = connections.permits.take(permit, Some(address.ip()).filter(|_| !is_proxy)) else {
        tracing::debug!(%address, "too many connections from this address");
        connections.count_refused("address");
        let refusal = connections.refusal(&HttpRejection::TooManyConnections, address);
        // A new socket takes these few bytes at once, or the client does without them.
        let _ = stream.try_write(&refusal);
        return;
    };
    // Small messages and events are sent at once, and do not wait for the acknowledgement of earlier ones (Nagle's algorithm
    // with delayed acknowledgements makes that 40 ms each). A connection that does not take the option is served all the same.
    let _ = stream.set_nodelay(true);
    tokio::spawn(connections.clone().run(stream, address, permit, stages));
}
