//! A local receiver of webhooks, which records its requests and answers as the test decides; and the host names that
//! resolve to addresses in a test.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use poem::http::{HeaderMap, StatusCode};
use poem::listener::TcpAcceptor;
use poem::{Endpoint, IntoResponse, Request, Response};
use serde_json::Value;
use service::webhook::Resolve;

/// One request that came.
#[derive(Clone, Debug)]
pub struct Received {
    /// The path and query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as it came.
    pub body: String,
    /// The other end of the connection that it came over.
    pub from: String,
    /// When it came.
    pub at: std::time::Instant,
}

impl Received {
    /// A header as text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("headers are text"))
    }

    /// The event.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("an event is JSON")
    }
}

/// How to answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
    /// How long to say nothing first.
    pub after: Duration,
}

impl Reply {
    /// Nothing but a status code, at once.
    pub fn status(status: u16) -> Reply {
        Reply { status, headers: vec![], body: String::new(), after: Duration::ZERO }
    }
}

type Behaviour = Box<dyn FnMut(&Received) -> Reply + Send>;

/// A receiver, until it is dropped.
pub struct Receiver {
    /// Where it is.
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
    behaviour: Arc<Mutex<Behaviour>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Receiver {
    /// Answers with this behaviour.
    pub async fn new(behaviour: impl FnMut(&Received) -> Reply + Send + 'static) -> Receiver {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let received = Arc::new(Mutex::new(Vec::new()));
        let behaviour: Arc<Mutex<Behaviour>> = Arc::new(Mutex::new(Box::new(behaviour)));
        let inner = Inner { received: received.clone(), behaviour: behaviour.clone() };
        let acceptor = TcpAcceptor::from_std(listener).expect("a listener");
        let serving = tokio::spawn(async move {
            poem::Server::new_with_acceptor(acceptor).run(inner).await.expect("the receiver runs");
        });
        Receiver { url: format!("http://{address}/hook"), received, behaviour, serving }
    }

    /// Answers this to everything.
    pub async fn answering(status: u16) -> Receiver {
        Receiver::new(move |_| Reply::status(status)).await
    }

    /// Answers otherwise from now on.
    pub fn behave(&self, behaviour: impl FnMut(&Received) -> Reply + Send + 'static) {
        *self.behaviour.lock().expect("no behaviour panics") = Box::new(behaviour);
    }

    /// What came so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("nothing panics while it remembers").clone()
    }

    /// Waits until so many have come.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        for _ in 0..3000 {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} of {count} came", self.received().len());
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Inner {
    received: Arc<Mutex<Vec<Received>>>,
    behaviour: Arc<Mutex<Behaviour>>,
}

impl Endpoint for Inner {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let body = request.take_body().into_string().await.unwrap_or_default();
        let path = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
        let (headers, from) = (request.headers().clone(), request.remote_addr().to_string());
        let received = Received { path, headers, body, from, at: std::time::Instant::now() };
        let reply = (self.behaviour.lock().expect("no behaviour panics"))(&received);
        self.received.lock().expect("nothing panics while it remembers").push(received);
        if !reply.after.is_zero() {
            tokio::time::sleep(reply.after).await;
        }
        let mut response = Response::builder().status(StatusCode::from_u16(reply.status).expect("a status code"));
        for (name, value) in reply.headers {
            response = response.header(name, value);
        }
        Ok(response.body(reply.body).into_response())
    }
}

/// The host names that resolve in a test; no other name resolves. They can be changed at any time.
#[derive(Clone, Debug, Default)]
pub struct Names(Arc<Mutex<HashMap<String, Vec<IpAddr>>>>);

impl Names {
    /// From now on the name resolves to these addresses.
    pub fn set(&self, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|address| address.parse().expect("an address")).collect();
        self.0.lock().expect("nothing panics while it looks").insert(name.to_owned(), addresses);
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        let found = self.0.lock().expect("nothing panics while it looks").get(name).cloned();
        Box::pin(async move { found.ok_or_else(|| std::io::ErrorKind::NotFound.into()) })
    }
}
