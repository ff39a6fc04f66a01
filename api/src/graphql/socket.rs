//! Operations over a WebSocket, by the protocol graphql-transport-ws. The token comes with `connection_init`; each
//! operation is admitted and charged like a request of its own, and runs in a task of its own.

use std::collections::HashMap;
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_graphql::Response as GraphqlResponse;
use futures_util::stream::{self, BoxStream};
use futures_util::{SinkExt, StreamExt};
use poem::http::header;
use poem::web::websocket::{Message, WebSocket, WebSocketConfig, WebSocketStream};
use poem::{FromRequest, IntoResponse, Request, Response};
use schema::{Kind, Refused, before_execution};
use serde_json::value::RawValue;
use service::Error;
use service::live::{Closed, Subscriber};
use service::value::Json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::endpoint::{Charged, Graphql, TIMEOUT, body, rejected};
use super::request::{JSON, bad, from_json};
use crate::http::address::Address;
use crate::http::middleware::caught;
use crate::http::request::{MAX_BODY, header_text, request_id};

const PROTOCOL: &str = "graphql-transport-ws";
/// How long a client may take to send `connection_init`.
const INIT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may be silent before the server sends a ping.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long a connection may be silent, or a message may wait to be read by the client, before the connection is closed.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the last message of a connection may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// How many operations may run on a connection at once.
const MAX_OPERATIONS: usize = 100;
/// Bytes of the read buffer. Most connections wait for events and need no larger one.
const BUFFER: usize = 4 * 1024;

/// Why a connection is closed: a code of the protocol and a reason for people.
type Close = (u16, &'static str);

const BAD_MESSAGE: Close = (4400, "Invalid message");
const UNAUTHORIZED: Close = (4401, "Unauthorized");
const FORBIDDEN: Close = (4403, "Forbidden");
const NO_PROTOCOL: Close = (4406, "Subprotocol not acceptable");
const INIT_TOO_LATE: Close = (4408, "Connection initialisation timeout");
const TOO_MANY_INITS: Close = (4429, "Too many initialisation requests");
const RESTART: Close = (1012, "Service restart");
const BEHIND: Close = (1013, "Too far behind; connect again");

/// Whether a request asks for a WebSocket.
pub(super) fn is_upgrade(request: &Request) -> bool {
    header_text(request, header::UPGRADE.as_str()).is_some_and(|to| to.eq_ignore_ascii_case("websocket"))
}

/// Answers the handshake; the connection then runs in a task of its own.
pub(super) async fn accept(graphql: &Graphql, request: Request) -> Response {
    let id = request_id(&request);
    let socket = match WebSocket::from_request_without_body(&request).await {
        Ok(socket) => socket,
        Err(_) => {
            let error = bad("the handshake of a WebSocket is a GET with `Sec-WebSocket-Version: 13` and a key");
            return rejected(&error.into(), JSON, &id, None);
        }
    };
    let offered = header_text(&request, header::SEC_WEBSOCKET_PROTOCOL.as_str()).unwrap_or_default();
    let speaks_protocol = offered.split(',').any(|protocol| protocol.trim() == PROTOCOL);
    let session = Session {
        graphql: graphql.clone(),
        id,
        address: Address::of(&request, &graphql.server.trusted_proxies).0,
        authorization: header_text(&request, header::AUTHORIZATION.as_str()).map(str::to_owned),
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(MAX_BODY))
        .max_frame_size(Some(MAX_BODY));
    let run = move |socket| async move { session.run(socket, speaks_protocol).await };
    socket.protocols([PROTOCOL]).config(config).on_upgrade(run).into_response()
}

struct Session {
    graphql: Graphql,
    /// The id of the handshake, which all operations share.
    id: Arc<str>,
    address: IpAddr,
    authorization: Option<String>,
}

/// The running operations, by the ids that the client gave them.
type RunningOperations = HashMap<String, RunningOperation>;

/// A running operation, which ends when this is dropped.
struct RunningOperation {
    messages: mpsc::Receiver<ServerMessage>,
    is_subscription: bool,
    _task: JoinSet<()>,
}

impl RunningOperation {
    /// Starts it in a task of its own: while the client does not read, its messages wait, but unfinished work such as a
    /// transaction must not wait with them.
    fn begin(mut source: BoxStream<'static, ServerMessage>, is_subscription: bool, id: Arc<str>) -> RunningOperation {
        let (sender, messages) = mpsc::channel(1);
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                let message = match caught(source.next()).await {
                    Ok(Some(message)) => message,
                    Ok(None) => return,
                    Err(fault) => {
                        fault.log();
                        ServerMessage::Error(errors(&Refused::Over(fault).into_response(&id)))
                    }
                };
                let is_last = matches!(message, ServerMessage::Error(_));
                if sender.send(message).await.is_err() || is_last {
                    return;
                }
            }
        });
        RunningOperation { messages, is_subscription, _task: task }
    }
}

/// A part of the answer to an operation.
enum ServerMessage {
    Next(Vec<u8>),
    /// The errors of a document that was not executed.
    Error(Vec<u8>),
}

/// A message of a client.
enum ClientMessage {
    Init(Option<Json>),
    Ping,
    Pong,
    Subscribe(String, Json),
    Complete(String),
}

impl ClientMessage {
    fn read(text: &str) -> Option<ClientMessage> {
        let Json::Object(pairs) = Json::parse(text.as_bytes()).ok()? else { return None };
        let mut fields: HashMap<String, Json> = pairs.into_iter().collect();
        let Some(Json::Text(kind)) = fields.remove("type") else { return None };
        let payload = fields.remove("payload");
        let mut id = || match fields.remove("id") {
            Some(Json::Text(id)) if !id.is_empty() => Some(id),
            _ => None,
        };
        match kind.as_str() {
            "connection_init" => match payload {
                None | Some(Json::Null | Json::Object(_)) => Some(ClientMessage::Init(payload)),
                _ => None,
            },
            "ping" => Some(ClientMessage::Ping),
            "pong" => Some(ClientMessage::Pong),
            "subscribe" => {
                Some(ClientMessage::Subscribe(id()?, payload.filter(|payload| matches!(payload, Json::Object(_)))?))
            }
            "complete" => Some(ClientMessage::Complete(id()?)),
            _ => None,
        }
    }
}

fn message(kind: &str, id: Option<&str>, payload: Option<&[u8]>) -> Message {
    #[derive(serde::Serialize)]
    struct Written<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        r#type: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<&'a RawValue>,
    }
    let payload = payload.and_then(|bytes| serde_json::from_slice::<&RawValue>(bytes).ok());
    Message::text(serde_json::to_string(&Written { id, r#type: kind, payload }).unwrap_or_default())
}

impl Session {
    async fn run(mut self, mut socket: WebSocketStream, speaks_protocol: bool) {
        let close = if speaks_protocol {
            match timeout(INIT_TIMEOUT, self.init(&mut socket)).await {
                Err(_) => Some(INIT_TOO_LATE),
                Ok(Err(close)) => close,
                Ok(Ok(subscriber)) => {
                    let _open = self.graphql.server.sockets.subscribe();
                    let mut operations = RunningOperations::new();
                    tokio::select! {
                        biased;
                        reason = subscriber.closed() => Some(match reason {
                            Closed::Token => UNAUTHORIZED,
                            Closed::Access => FORBIDDEN,
                            Closed::SlowConsumer => BEHIND,
                            Closed::Restart => {
                                finish(&mut socket, &mut operations).await;
                                RESTART
                            }
                        }),
                        close = self.serve(&mut socket, &subscriber, &mut operations) => close,
                    }
                }
            }
        } else {
            Some(NO_PROTOCOL)
        };
        if let Some((code, reason)) = close {
            tracing::debug!(code, reason, "a WebSocket is closed");
            let _ = timeout(CLOSE_TIMEOUT, socket.send(Message::close_with(code, reason))).await;
        }
        let _ = timeout(CLOSE_TIMEOUT, socket.close()).await;
    }

    /// Waits for `connection_init` and admits its token. `None`: the client has disconnected.
    async fn init(&mut self, socket: &mut WebSocketStream) -> Result<Subscriber, Option<Close>> {
        loop {
            match receive(socket).await? {
                ClientMessage::Init(payload) => {
                    if let Some(Json::Object(pairs)) = payload {
                        let sent = pairs.into_iter().find(|(key, _)| key.eq_ignore_ascii_case("authorization"));
                        if let Some((_, Json::Text(authorization))) = sent {
                            self.authorization = Some(authorization);
                        }
                    }
                    let app = &self.graphql.server.app;
                    let admission = app.admit(self.authorization.as_deref(), self.address).await;
                    let admitted = admission.and_then(|admission| admission.pass).map_err(|error| {
                        error.log();
                        Some(FORBIDDEN)
                    })?;
                    let subscriber = app.register_subscriber(admitted.caller());
                    socket.send(message("connection_ack", None, None)).await.map_err(|_| None)?;
                    return Ok(subscriber);
                }
                ClientMessage::Ping => socket.send(message("pong", None, None)).await.map_err(|_| None)?,
                ClientMessage::Pong => {}
                ClientMessage::Subscribe(..) | ClientMessage::Complete(_) => return Err(Some(UNAUTHORIZED)),
            }
        }
    }

    /// Serves the connection until the client disconnects, or until it is to be closed.
    async fn serve(
        &self,
        socket: &mut WebSocketStream,
        subscriber: &Subscriber,
        operations: &mut RunningOperations,
    ) -> Option<Close> {
        let mut received_at = Instant::now();
        loop {
            let message = tokio::select! {
                received = socket.next() => {
                    received_at = Instant::now();
                    match received? {
                        Ok(Message::Text(text)) => match self.handle(&text, subscriber, operations).await {
                            Ok(Some(reply)) => reply,
                            Ok(None) => continue,
                            Err((code, reason)) => {
                                let _ = timeout(CLOSE_TIMEOUT, socket.send(Message::close_with(code, reason))).await;
                                return None;
                            }
                        },
                        Ok(Message::Ping(_) | Message::Pong(_)) => continue,
                        Ok(Message::Binary(_)) => return Some(BAD_MESSAGE),
                        Ok(Message::Close(_)) | Err(_) => return None,
                    }
                }
                message = next_message_of(operations) => message,
                () = tokio::time::sleep(PING_INTERVAL) => {
                    if received_at.elapsed() >= SILENCE_TIMEOUT {
                        return None;
                    }
                    Message::ping(vec![])
                }
            };
            timeout(SILENCE_TIMEOUT, socket.send(message)).await.ok()?.ok()?;
        }
    }

    /// Handles a message; the result is the reply that is due at once.
    async fn handle(
        &self,
        text: &str,
        subscriber: &Subscriber,
        operations: &mut RunningOperations,
    ) -> Result<Option<Message>, (u16, String)> {
        let owned = |(code, reason): Close| (code, reason.to_owned());
        match ClientMessage::read(text).ok_or(owned(BAD_MESSAGE))? {
            ClientMessage::Init(_) => Err(owned(TOO_MANY_INITS)),
            ClientMessage::Ping => Ok(Some(message("pong", None, None))),
            ClientMessage::Pong => Ok(None),
            ClientMessage::Complete(id) => {
                operations.remove(&id);
                Ok(None)
            }
            ClientMessage::Subscribe(id, _) if operations.contains_key(&id) => {
                Err((4409, format!("Subscriber for {} already exists", id.chars().take(64).collect::<String>())))
            }
            ClientMessage::Subscribe(id, _) if operations.len() >= MAX_OPERATIONS => {
                let error = bad(format!("{MAX_OPERATIONS} operations run on this connection; complete one first"));
                let answer = Refused::Over(error).into_response(&self.id);
                Ok(Some(message("error", Some(&id), Some(&errors(&answer)))))
            }
            ClientMessage::Subscribe(id, payload) => match self.begin(payload, subscriber).await {
                Ok(operation) => {
                    operations.insert(id, operation);
                    Ok(None)
                }
                Err(answer) => Ok(Some(message("error", Some(&id), Some(&errors(&answer))))),
            },
        }
    }

    /// Admits an operation and starts it.
    async fn begin(&self, payload: Json, subscriber: &Subscriber) -> Result<RunningOperation, Box<GraphqlResponse>> {
        let reject = |error: Error| Box::new(Refused::Over(error).into_response(&self.id));
        let app = &self.graphql.server.app;
        let admission = app.admit(self.authorization.as_deref(), self.address).await.map_err(reject)?;
        let mut charged = Charged { points: 1, budget: admission.budget };
        let admitted = admission.pass.map_err(reject)?;
        let sent = from_json(payload).map_err(reject)?;
        let (prepared, cx) = self.graphql.enter(admitted, sent, &self.id, &mut charged).await?;
        let to_message = move |answer: GraphqlResponse| match before_execution(&answer) {
            true => ServerMessage::Error(errors(&answer)),
            false => ServerMessage::Next(body(answer, Some(&charged))),
        };
        let id = self.id.clone();
        if prepared.kind() == Kind::Subscription {
            let answers = self.graphql.gateway.clone().subscribe(prepared, cx, subscriber.clone());
            return Ok(RunningOperation::begin(answers.map(to_message).boxed(), true, id));
        }
        let (graphql, request_id) = (self.graphql.clone(), id.clone());
        let answer = async move {
            let answer = graphql.execute(prepared, cx).await;
            to_message(answer.unwrap_or_else(|error| Refused::Over(error).into_response(&request_id)))
        };
        Ok(RunningOperation::begin(stream::once(answer).boxed(), false, id))
    }
}

/// Ends subscriptions without `complete`, so that clients reconnect; other operations are finished and answered.
async fn finish(socket: &mut WebSocketStream, operations: &mut RunningOperations) {
    operations.retain(|_, operation| !operation.is_subscription);
    let rest = async {
        while !operations.is_empty() {
            let message = next_message_of(operations).await;
            if socket.send(message).await.is_err() {
                return;
            }
        }
    };
    let _ = timeout(TIMEOUT, rest).await;
}

fn errors(answer: &GraphqlResponse) -> Vec<u8> {
    serde_json::to_vec(&answer.errors).unwrap_or_default()
}

/// The next message of the client.
async fn receive(socket: &mut WebSocketStream) -> Result<ClientMessage, Option<Close>> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return ClientMessage::read(&text).ok_or(Some(BAD_MESSAGE)),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Binary(_))) => return Err(Some(BAD_MESSAGE)),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(None),
        }
    }
}

/// The next message of any running operation. An operation that has ended is removed.
async fn next_message_of(operations: &mut RunningOperations) -> Message {
    let (id, next) = poll_fn(|task| {
        for (id, operation) in operations.iter_mut() {
            if let Poll::Ready(next) = operation.messages.poll_recv(task) {
                return Poll::Ready((id.clone(), next));
            }
        }
        Poll::Pending
    })
    .await;
    match next {
        Some(ServerMessage::Next(bytes)) => message("next", Some(&id), Some(&bytes)),
        Some(ServerMessage::Error(bytes)) => {
            operations.remove(&id);
            message("error", Some(&id), Some(&bytes))
        }
        None => {
            operations.remove(&id);
            message("complete", Some(&id), None)
        }
    }
}
