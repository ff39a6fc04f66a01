//! Answers as server-sent events, by the protocol of graphql-sse, in distinct connections: an event `next` for each
//! answer, then `complete`. A connection that is cut ends without it, so that the client comes back.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use async_graphql::Response as GraphqlResponse;
use futures_util::stream::{self, BoxStream, StreamExt};
use poem::{Body, Response};
use schema::Prepared;
use service::Cx;
use service::live::Subscriber;

use super::endpoint::{Charged, Graphql, body};
use crate::http::events::{COMMENT, HEARTBEAT, events};
use crate::http::server::Server;
use crate::http::space::Space;

/// A stream of events that is being sent.
struct EventStream {
    answers: BoxStream<'static, GraphqlResponse>,
    subscriber: Subscriber,
    /// Charged for each event.
    cx: Cx,
    charged: Charged,
    server: Arc<Server>,
    address: IpAddr,
    /// That of the event that is being sent.
    space: Option<Space>,
    ended: bool,
}

/// Answers a subscription as events. It is registered before the answer begins.
pub(super) async fn subscribe(
    graphql: &Graphql,
    prepared: Prepared,
    cx: Cx,
    charged: Charged,
    address: IpAddr,
) -> Response {
    let server = graphql.server.clone();
    let subscriber = graphql.server.app.register_subscriber(cx.caller());
    let mut answers = graphql.gateway.clone().subscribe(prepared, cx.clone(), subscriber.clone());
    // Waits for the registration: an event that is committed after the client has read the status will be sent.
    let first = tokio::select! {
        first = answers.next() => first,
        () = subscriber.subscribed() => None,
    };
    let answers = stream::iter(first).chain(answers).boxed();
    let stream = EventStream { answers, subscriber, cx, charged, server, address, space: None, ended: false };
    let stream = stream::unfold(stream, next);
    events(Body::from_bytes_stream(stream))
}

/// The one answer to a query or a mutation, as events.
pub(super) fn single(answer: GraphqlResponse, charged: &Charged) -> Response {
    let parts = [event("next", &body(answer, Some(charged))), event("complete", b"")].concat();
    events(Body::from(parts))
}

/// The next part of the body.
async fn next(mut stream: EventStream) -> Option<(io::Result<Vec<u8>>, EventStream)> {
    if stream.ended {
        return None;
    }
    // The one before was taken by the connection.
    stream.space = None;
    let part = tokio::select! {
        biased;
        // The stream ends without `complete`, which the client takes for a lost connection.
        _ = stream.subscriber.closed() => return None,
        answer = stream.answers.next() => match answer {
            Some(answer) => {
                stream.charged.budget = stream.cx.budget();
                event("next", &body(answer, Some(&stream.charged)))
            }
            None => {
                stream.ended = true;
                event("complete", b"")
            }
        },
        () = tokio::time::sleep(HEARTBEAT) => COMMENT.to_vec(),
    };
    // Without space for it, the stream ends without `complete`: the client reads too slowly, and comes back.
    stream.space = stream.server.memory.hold_event(part.len(), stream.address).await.ok()?;
    Some((Ok(part), stream))
}

/// One event. JSON as we write it has no line breaks, so its data is one line.
fn event(name: &str, data: &[u8]) -> Vec<u8> {
    [b"event: ", name.as_bytes(), b"\ndata: ", data, b"\n\n"].concat()
}
