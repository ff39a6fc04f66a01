//! Counts what a server says to PostgreSQL: a relay that reads the messages which pass. It stands between them for the
//! count alone, never while times are taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What has passed so far.
#[derive(Debug, Default)]
pub struct Counts {
    statements: AtomicU64,
    round_trips: AtomicU64,
}

/// Statements and round trips.
#[derive(Clone, Copy, Debug, Default)]
pub struct Passed {
    /// Messages that execute a statement.
    pub statements: u64,
    /// How often the server spoke after the database had spoken.
    pub round_trips: u64,
}

impl Counts {
    /// As of now.
    pub fn now(&self) -> Passed {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Passed { statements: of(&self.statements), round_trips: of(&self.round_trips) }
    }
}

/// Relays from a free port of this machine to a port; the port, and the counts.
///
/// # Errors
/// If there is no free port.
pub async fn relay(to: u16) -> std::io::Result<(u16, Arc<Counts>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let counts = Arc::new(Counts::default());
    let counted = counts.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await {
                pass(client, server, counted.clone());
            }
        }
    });
    Ok((port, counts))
}

fn pass(client: TcpStream, server: TcpStream, counts: Arc<Counts>) {
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let answered = Arc::new(AtomicBool::new(true));
    let has_answered = answered.clone();
    tokio::spawn(async move {
        let mut reader = Messages::default();
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_client.read(&mut bytes).await {
            if answered.swap(false, Ordering::Relaxed) {
                counts.round_trips.fetch_add(1, Ordering::Relaxed);
            }
            counts.statements.fetch_add(reader.statements(&bytes[..read]), Ordering::Relaxed);
            if to_server.write_all(&bytes[..read]).await.is_err() {
                break;
            }
        }
    });
    tokio::spawn(async move {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_server.read(&mut bytes).await {
            has_answered.store(true, Ordering::Relaxed);
            if to_client.write_all(&bytes[..read]).await.is_err() {
                break;
            }
        }
    });
}

/// Reads the messages of a client, which may come in pieces (PostgreSQL's documentation, "Message Formats").
#[derive(Default)]
struct Messages {
    pending: Vec<u8>,
    begun: bool,
}

/// The code of a start-up message; others ask for encryption first.
const START_UP: [u8; 4] = 196_608_u32.to_be_bytes();

impl Messages {
    /// How many of these bytes' messages execute something.
    fn statements(&mut self, bytes: &[u8]) -> u64 {
        self.pending.extend_from_slice(bytes);
        let mut found = 0;
        loop {
            // Until the start-up, messages have no type.
            let head = usize::from(self.begun);
            let Some(length) = self.pending.get(head..head + 4).and_then(|l| <[u8; 4]>::try_from(l).ok()) else {
                break;
            };
            let end = head + u32::from_be_bytes(length) as usize;
            if self.pending.len() < end {
                break;
            }
            if self.begun {
                found += u64::from(matches!(self.pending[0], b'E' | b'Q'));
            } else {
                self.begun = self.pending.get(4..8) == Some(&START_UP);
            }
            self.pending.drain(..end);
        }
        found
    }
}
