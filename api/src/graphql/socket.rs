//! Operations over a WebSocket, by the protocol graphql-transport-ws. The token comes with `connection_init`; each
//! operation is let in and charged like a request of its own, and runs in a task of its own.

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

use super::request::{JSON, bad, from_json};
use super::{Graphql, Spent, TIMEOUT, body, refused};
use crate::address::Address;
use crate::middleware::{caught, request_id};
use crate::rest::pipeline::{MAX_BODY, header_text};

const PROTOCOL: &str = "graphql-transport-ws";
/// How long a client may take to send `connection_init`.
const INIT: Duration = Duration::from_secs(5);
/// How long a connection may be quiet before it is asked whether it is still there, and before it is given up. A client that
/// does not read is given up as soon.
const PING: Duration = Duration::from_secs(20);
const GONE: Duration = Duration::from_secs(60);
/// How long a last message may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// Operations of a connection at once.
const MAX_OPERATIONS: usize = 100;
/// Most connections wait; large buffers for each would be memory for nothing.
const BUFFER: usize = 4 * 1024;

/// Why a connection is closed: a code of the protocol and words for people.
type Close = (u16, &'static str);

const BAD_MESSAGE: Close = (4400, "Invalid message");
const UNAUTHORIZED: Close = (4401, "Unauthorized");
const FORBIDDEN: Close = (4403, "Forbidden");
const NO_PROTOCOL: Close = (4406, "Subprotocol not acceptable");
const INIT_TIMEOUT: Close = (4408, "Connection initialisation timeout");
const TOO_MANY_INITS: Close = (4429, "Too many initialisation requests");
const RESTART: Close = (1012, "Service restart");
const BEHIND: Close = (1013, "Too far behind; connect again");

/// Whether a request asks for a WebSocket.
pub(super) fn is_upgrade(request: &Request) -> bool {
    header_text(request, header::UPGRADE.as_str()).is_some_and(|to| to.eq_ignore_ascii_case("websocket"))
}

/// Answers the handshake; what follows runs by itself.
pub(super) async fn accept(graphql: &Graphql, request: Request) -> Response {
    let id = request_id(&request);
    let socket = match WebSocket::from_request_without_body(&request).await {
        Ok(socket) => socket,
        Err(_) => {
            let told = bad("the handshake of a WebSocket is a GET with `Sec-WebSocket-Version: 13` and a key");
            return refused(told.into(), JSON, &id, None);
        }
    };
    let offered = header_text(&request, header::SEC_WEBSOCKET_PROTOCOL.as_str()).unwrap_or_default();
    let speaks = offered.split(',').any(|protocol| protocol.trim() == PROTOCOL);
    let connection = Connection {
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
    let run = move |socket| async move { connection.run(socket, speaks).await };
    socket.protocols([PROTOCOL]).config(config).on_upgrade(run).into_response()
}

struct Connection {
    graphql: Graphql,
    /// The id of the handshake, which all operations share.
    id: Arc<str>,
    address: IpAddr,
    authorization: Option<String>,
}

/// The operations that run, by the ids that the client gave them.
type Operations = HashMap<String, Operation>;

/// An operation, which ends when this is dropped.
struct Operation {
    pieces: mpsc::Receiver<ServerMessage>,
    /// It goes on until somebody ends it.
    is_subscription: bool,
    _running: JoinSet<()>,
}

impl Operation {
    /// Begins it, in a task of its own: while a client does not read, what it is told waits, but work that is half done, such
    /// as a transaction, must not wait with it.
    fn begin(mut pieces: BoxStream<'static, ServerMessage>, is_subscription: bool, id: Arc<str>) -> Operation {
        let (tell, told) = mpsc::channel(1);
        let mut running = JoinSet::new();
        running.spawn(async move {
            loop {
                let piece = match caught(pieces.next()).await {
                    Ok(Some(piece)) => piece,
                    Ok(None) => return,
                    Err(fault) => {
                        fault.log();
                        ServerMessage::Error(errors(&Refused::Over(fault).into_response(&id)))
                    }
                };
                let is_last = matches!(piece, ServerMessage::Error(_));
                if tell.send(piece).await.is_err() || is_last {
                    return;
                }
            }
        });
        Operation { pieces: told, is_subscription, _running: running }
    }
}

/// A part of the answer to an operation.
enum ServerMessage {
    Next(Vec<u8>),
    /// Nothing was executed: the errors.
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
    struct Told<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        r#type: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<&'a RawValue>,
    }
    let payload = payload.and_then(|bytes| serde_json::from_slice::<&RawValue>(bytes).ok());
    Message::text(serde_json::to_string(&Told { id, r#type: kind, payload }).unwrap_or_default())
}

impl Connection {
    async fn run(mut self, mut socket: WebSocketStream, speaks: bool) {
        let close = if speaks {
            match timeout(INIT, self.init(&mut socket)).await {
                Err(_) => Some(INIT_TIMEOUT),
                Ok(Err(close)) => close,
                Ok(Ok(watch)) => {
                    let _open = self.graphql.server.sockets.subscribe();
                    let mut operations = Operations::new();
                    tokio::select! {
                        biased;
                        reason = watch.closed() => Some(match reason {
                            Closed::Token => UNAUTHORIZED,
                            Closed::Access => FORBIDDEN,
                            Closed::SlowConsumer => BEHIND,
                            Closed::Restart => {
                                finish(&mut socket, &mut operations).await;
                                RESTART
                            }
                        }),
                        close = self.talk(&mut socket, &watch, &mut operations) => close,
                    }
                }
            }
        } else {
            Some(NO_PROTOCOL)
        };
        if let Some((code, reason)) = close {
            tracing::debug!(code, reason, "a WebSocket is closed");
            let _ = timeout(FAREWELL, socket.send(Message::close_with(code, reason))).await;
        }
        let _ = timeout(FAREWELL, socket.close()).await;
    }

    /// Waits for `connection_init` and lets its token in. `None`: the client has gone.
    async fn init(&mut self, socket: &mut WebSocketStream) -> Result<Subscriber, Option<Close>> {
        loop {
            match next_message(socket).await? {
                ClientMessage::Init(payload) => {
                    if let Some(Json::Object(pairs)) = payload {
                        let sent = pairs.into_iter().find(|(key, _)| key.eq_ignore_ascii_case("authorization"));
                        if let Some((_, Json::Text(authorization))) = sent {
                            self.authorization = Some(authorization);
                        }
                    }
                    let app = &self.graphql.server.app;
                    let admission = app.admit(self.authorization.as_deref(), self.address).await;
                    let pass = admission.and_then(|admission| admission.pass).map_err(|refused| {
                        refused.log();
                        Some(FORBIDDEN)
                    })?;
                    let watch = app.register_subscriber(pass.caller());
                    socket.send(message("connection_ack", None, None)).await.map_err(|_| None)?;
                    return Ok(watch);
                }
                ClientMessage::Ping => socket.send(message("pong", None, None)).await.map_err(|_| None)?,
                ClientMessage::Pong => {}
                ClientMessage::Subscribe(..) | ClientMessage::Complete(_) => return Err(Some(UNAUTHORIZED)),
            }
        }
    }

    /// Talks until the client has gone, or is to be closed.
    async fn talk(
        &self,
        socket: &mut WebSocketStream,
        watch: &Subscriber,
        operations: &mut Operations,
    ) -> Option<Close> {
        let mut heard_at = Instant::now();
        loop {
            let told = tokio::select! {
                received = socket.next() => {
                    heard_at = Instant::now();
                    match received? {
                        Ok(Message::Text(text)) => match self.hear(&text, watch, operations).await {
                            Ok(Some(told)) => told,
                            Ok(None) => continue,
                            Err((code, reason)) => {
                                let _ = timeout(FAREWELL, socket.send(Message::close_with(code, reason))).await;
                                return None;
                            }
                        },
                        Ok(Message::Ping(_) | Message::Pong(_)) => continue,
                        Ok(Message::Binary(_)) => return Some(BAD_MESSAGE),
                        Ok(Message::Close(_)) | Err(_) => return None,
                    }
                }
                told = next_piece(operations) => told,
                () = tokio::time::sleep(PING) => {
                    if heard_at.elapsed() >= GONE {
                        return None;
                    }
                    Message::ping(vec![])
                }
            };
            timeout(GONE, socket.send(told)).await.ok()?.ok()?;
        }
    }

    /// What is answered to a message at once.
    async fn hear(
        &self,
        text: &str,
        watch: &Subscriber,
        operations: &mut Operations,
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
                let told = bad(format!("{MAX_OPERATIONS} operations run on this connection; complete one first"));
                let refused = Refused::Over(told).into_response(&self.id);
                Ok(Some(message("error", Some(&id), Some(&errors(&refused)))))
            }
            ClientMessage::Subscribe(id, payload) => match self.begin(payload, watch).await {
                Ok(operation) => {
                    operations.insert(id, operation);
                    Ok(None)
                }
                Err(refused) => Ok(Some(message("error", Some(&id), Some(&errors(&refused))))),
            },
        }
    }

    /// Lets an operation in, and begins it.
    async fn begin(&self, payload: Json, watch: &Subscriber) -> Result<Operation, Box<GraphqlResponse>> {
        let refuse = |error: Error| Box::new(Refused::Over(error).into_response(&self.id));
        let app = &self.graphql.server.app;
        let admission = app.admit(self.authorization.as_deref(), self.address).await.map_err(refuse)?;
        let mut spent = Spent { points: 1, budget: admission.budget };
        let pass = admission.pass.map_err(refuse)?;
        let sent = from_json(payload).map_err(refuse)?;
        let (prepared, cx) = self.graphql.enter(pass, sent, &self.id, &mut spent).await?;
        let piece = move |answer: GraphqlResponse| match before_execution(&answer) {
            true => ServerMessage::Error(errors(&answer)),
            false => ServerMessage::Next(body(answer, Some(&spent))),
        };
        let id = self.id.clone();
        if prepared.kind() == Kind::Subscription {
            let answers = self.graphql.gateway.clone().subscribe(prepared, cx, watch.clone());
            return Ok(Operation::begin(answers.map(piece).boxed(), true, id));
        }
        let (graphql, told) = (self.graphql.clone(), id.clone());
        let answer = async move {
            let answer = graphql.execute(prepared, cx).await;
            piece(answer.unwrap_or_else(|slow| Refused::Over(slow).into_response(&told)))
        };
        Ok(Operation::begin(stream::once(answer).boxed(), false, id))
    }
}

/// Ends subscriptions, without `complete`, so that clients come back; what else runs is finished and told.
async fn finish(socket: &mut WebSocketStream, operations: &mut Operations) {
    operations.retain(|_, operation| !operation.is_subscription);
    let told = async {
        while !operations.is_empty() {
            let told = next_piece(operations).await;
            if socket.send(told).await.is_err() {
                return;
            }
        }
    };
    let _ = timeout(TIMEOUT, told).await;
}

fn errors(answer: &GraphqlResponse) -> Vec<u8> {
    serde_json::to_vec(&answer.errors).unwrap_or_default()
}

/// The next message of the protocol.
async fn next_message(socket: &mut WebSocketStream) -> Result<ClientMessage, Option<Close>> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return ClientMessage::read(&text).ok_or(Some(BAD_MESSAGE)),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Binary(_))) => return Err(Some(BAD_MESSAGE)),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(None),
        }
    }
}

/// The next part of any operation's answer, as a message. What has ended is forgotten.
async fn next_piece(operations: &mut Operations) -> Message {
    let (id, piece) = poll_fn(|task| {
        for (id, operation) in operations.iter_mut() {
            if let Poll::Ready(piece) = operation.pieces.poll_recv(task) {
                return Poll::Ready((id.clone(), piece));
            }
        }
        Poll::Pending
    })
    .await;
    match piece {
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
