//! What attacks are made of: loops that go on at full rate until their time is over.

use std::future::Future;

use futures_util::future::{BoxFuture, join_all};
use reqwest::RequestBuilder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::program::Target;

/// One way to attack.
pub struct Attack {
    /// The row of the table that it belongs to.
    pub name: &'static str,
    /// Attacks until then.
    pub run: fn(Target, Instant) -> BoxFuture<'static, ()>,
}

/// Repeats something in so many loops at once until the time is over. What fails is only tried again: a client that attacks
/// expects to be refused.
pub async fn repeat<F: Future<Output = ()> + Send + 'static>(
    loops: usize,
    until: Instant,
    each: impl Fn(usize) -> F + Clone + Send + Sync + 'static,
) {
    let tasks = (0..loops).map(|place| {
        let each = each.clone();
        tokio::spawn(async move {
            while Instant::now() < until {
                if timeout_at(until, each(place)).await.is_err() {
                    return;
                }
            }
        })
    });
    join_all(tasks).await;
}

/// Sends the same request in so many loops, each with one of the tokens, and reads its answers.
pub async fn requests(
    target: &Target,
    loops: usize,
    until: Instant,
    make: impl Fn(&reqwest::Client, &str) -> RequestBuilder + Clone + Send + Sync + 'static,
) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let at = format!("http://{}", target.address);
    let tokens = target.tokens.clone();
    repeat(loops, until, move |place| {
        let request = make(&http, &at).bearer_auth(&tokens[place % tokens.len()]);
        async move {
            if let Ok(mut answer) = request.send().await {
                while let Ok(Some(_)) = answer.chunk().await {}
            }
        }
    })
    .await;
}

/// Sends a GraphQL document in so many loops.
pub async fn documents(target: &Target, loops: usize, until: Instant, query: String) {
    let body = serde_json::json!({ "query": query }).to_string();
    requests(target, loops, until, move |http, at| {
        http.post(format!("{at}/graphql")).header("content-type", "application/json").body(body.clone())
    })
    .await;
}

/// A connection; none while there are too many.
pub async fn connect(target: &Target) -> Option<TcpStream> {
    TcpStream::connect(&target.address).await.ok()
}

/// Writes the same again and again on connections that read all that comes, and opens a connection anew when it is closed.
pub async fn stream(
    target: &Target,
    loops: usize,
    until: Instant,
    opening: Vec<u8>,
    each: impl Fn(usize) -> Vec<u8> + Clone + Send + Sync + 'static,
) {
    let target = target.clone();
    repeat(loops, until, move |_| {
        let (target, opening, each) = (target.clone(), opening.clone(), each.clone());
        async move {
            let Some(stream) = connect(&target).await else { return };
            let (mut reader, mut writer) = stream.into_split();
            let reading = tokio::spawn(async move {
                let mut part = vec![0; 64 * 1024];
                while matches!(reader.read(&mut part).await, Ok(1..)) {}
            });
            if writer.write_all(&opening).await.is_ok() {
                for turn in 0.. {
                    if reading.is_finished() || writer.write_all(&each(turn)).await.is_err() {
                        break;
                    }
                }
            }
            reading.abort();
        }
    })
    .await;
}

/// Opens connections, writes this on each, reads nothing and keeps them until the time is over.
pub async fn hold(target: &Target, connections: usize, until: Instant, bytes: impl Fn(usize) -> Vec<u8>) {
    let mut held = vec![];
    for place in 0..connections {
        if Instant::now() >= until {
            break;
        }
        let Some(mut stream) = connect(target).await else { continue };
        // Once the other side reads nothing any more, there is nothing to do but hold on.
        let bytes = bytes(place);
        let _ = timeout_at(until.min(Instant::now() + std::time::Duration::from_millis(200)), stream.write_all(&bytes))
            .await;
        held.push(stream);
    }
    tokio::time::sleep_until(until).await;
}
