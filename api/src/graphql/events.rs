//! Answers as server-sent events, by the protocol of graphql-sse, in distinct connections: an event `next` for each
//! answer, then `complete`. A connection that is cut ends without it, so that the client comes back.

use std::io;
use std::time::Duration;

use async_graphql::Response as GraphqlResponse;
use futures_util::stream::{self, BoxStream, StreamExt};
use poem::{Body, IntoResponse, Response};
use schema::Prepared;
use service::Cx;
use service::live::Subscriber;

use super::request::EVENTS;
use super::{Graphql, Spent, body};

/// A comment is sent when nothing else was for so long, to keep proxies from closing what is quiet.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// One stream on its way.
struct Stream {
    answers: BoxStream<'static, GraphqlResponse>,
    watch: Subscriber,
    spent: Spent,
    ended: bool,
}

/// Answers a subscription as events. It is in place when the answer begins.
pub(super) async fn subscribe(graphql: &Graphql, prepared: Prepared, cx: Cx, spent: Spent) -> Response {
    let watch = graphql.server.app.register_subscriber(cx.caller());
    let mut answers = graphql.gateway.clone().subscribe(prepared, cx, watch.clone());
    // Until it is in its place: what is committed once the client has read the status will be told.
    let first = tokio::select! {
        first = answers.next() => first,
        () = watch.subscribed() => None,
    };
    let answers = stream::iter(first).chain(answers).boxed();
    let stream = stream::unfold(Stream { answers, watch, spent, ended: false }, next);
    Response::builder().content_type(EVENTS).body(Body::from_bytes_stream(stream)).into_response()
}

/// The one answer to a query or a mutation, as events.
pub(super) fn single(answer: GraphqlResponse, spent: &Spent) -> Response {
    let events = [event("next", &body(answer, Some(spent))), event("complete", b"")].concat();
    Response::builder().content_type(EVENTS).body(events).into_response()
}

/// The next piece of the body.
async fn next(mut stream: Stream) -> Option<(io::Result<Vec<u8>>, Stream)> {
    if stream.ended {
        return None;
    }
    let piece = tokio::select! {
        biased;
        // The stream ends without `complete`: the client takes that for a lost connection.
        _ = stream.watch.closed() => return None,
        answer = stream.answers.next() => match answer {
            Some(answer) => event("next", &body(answer, Some(&stream.spent))),
            None => {
                stream.ended = true;
                event("complete", b"")
            }
        },
        () = tokio::time::sleep(HEARTBEAT) => b":\n\n".to_vec(),
    };
    Some((Ok(piece), stream))
}

/// One event. JSON as we write it has no line breaks, so its data is one line.
fn event(name: &str, data: &[u8]) -> Vec<u8> {
    [b"event: ", name.as_bytes(), b"\ndata: ", data, b"\n\n"].concat()
}
