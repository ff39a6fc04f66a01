//! A world behind a listener on this machine, and raw connections to it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A listener that runs until it is stopped.
pub struct Listening {
    /// Where it listens.
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Listening {
    /// Serves the router of a world within limits.
    pub fn start(world: &crate::World, limits: api::Limits) -> Listening {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = socket.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let endpoint = api::server(api::Server::new(world.app.clone()));
        let listener = api::Listener::counted(world.app.clone(), limits);
        let task = tokio::spawn(listener.serve(socket, endpoint, async move {
            let _ = stopped.await;
        }));
        Listening { address, stop, task }
    }

    /// Stops it, and waits until it has ended.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        self.task.await.expect("it does not panic").expect("it can serve");
    }

    /// A connection.
    pub async fn connect(&self) -> Raw {
        Raw(TcpStream::connect(self.address).await.expect("it listens"))
    }

    /// A connection with a small buffer for what is not read.
    pub async fn connect_small(&self) -> Raw {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        Raw(socket.connect(self.address).await.expect("it listens"))
    }
}

/// A connection of which the test writes every byte.
pub struct Raw(pub TcpStream);

impl Raw {
    /// Sends bytes.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.expect("the server reads");
    }

    /// Waits until the server closes the connection; what it has sent before that. Whether it is closed or reset is all the
    /// same.
    pub async fn closed(&mut self, within: Duration) -> String {
        let mut bytes = Vec::new();
        let read = timeout(within, self.0.read_to_end(&mut bytes)).await;
        assert!(read.is_ok(), "still open after {within:?}: {:?}", String::from_utf8_lossy(&bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The next answer over HTTP/1.1: head and body.
    pub async fn answer(&mut self) -> (String, String) {
        let read = async {
            let mut bytes = Vec::new();
            let head = loop {
                assert!(self.0.read_buf(&mut bytes).await.expect("an answer, not a reset") > 0, "closed in a head");
                if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                    break end + 4;
                }
            };
            let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().expect("a length"));
            while bytes.len() < head + length {
                assert!(self.0.read_buf(&mut bytes).await.expect("a body, not a reset") > 0, "closed in a body");
            }
            (text, String::from_utf8_lossy(&bytes[head..]).into_owned())
        };
        timeout(Duration::from_secs(20), read).await.expect("an answer")
    }
}
