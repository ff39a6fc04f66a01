//! Operations over a WebSocket, by the protocol graphql-transport-ws. The token comes with `connection_init`; each
//! operation is admitted and charged like a request of its own, and runs in a task of its own.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::Response as GraphqlResponse;
use futures_util::stream;
use futures_util::{SinkExt, StreamExt};
use poem::http::header;
use poem::{Request, Response};
use schema::{Kind, Refused, before_execution};
use service::live::{Closed, Subscriber};
use service::value::Json;
use service::{Error, OPERATION_TIMEOUT};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::{self, Message};

use super::endpoint::{Charged, Graphql, body};
use super::message::{ClientMessage, ServerMessage, errors, message};
use super::operations::{Outgoing, RunningOperations};
use super::quota::Quota;
use super::request::{bad, from_json};
use super::upgrade::{self, Socket};
use crate::http::address::Address;
use crate::http::admission::authorization;
use crate::http::request::{header_text, request_id};

const PROTOCOL: &str = "graphql-transport-ws";
/// How long a client may take to send `connection_init`.
const INIT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may be silent before the server sends a ping.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long a connection may be silent, or a message may wait to be read by the client, before the connection is closed.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the last message of a connection may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// How many operations may run on a connection at once, and how many of them may be subscriptions.
const MAX_OPERATIONS: usize = 100;
const MAX_SUBSCRIPTIONS: usize = 50;
/// How many operations may be rejected in a row before the connection is closed.
const MAX_REJECTIONS: u32 = 20;

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
const TOO_LARGE: Close = (1009, "Message too large");
const TOO_MANY_PINGS: Close = (1008, "Too many pings");
const TOO_MANY_REJECTIONS: Close = (1008, "Too many rejected operations");

/// Whether a request asks for a WebSocket.
pub(super) fn is_upgrade(request: &Request) -> bool {
    header_text(request, header::UPGRADE.as_str()).is_some_and(|to| to.eq_ignore_ascii_case("websocket"))
}

/// Answers the handshake; the connection then runs in a task of its own.
pub(super) async fn accept(graphql: &Graphql, request: Request) -> Response {
    let id = request_id(&request);
    let offered = header_text(&request, header::SEC_WEBSOCKET_PROTOCOL.as_str()).unwrap_or_default();
    let speaks_protocol = offered.split(',').any(|protocol| protocol.trim() == PROTOCOL);
    let session = SocketSession {
        graphql: graphql.clone(),
        id,
        address: Address::of(&request, &graphql.server.trusted_proxies).0,
        authorization: authorization(&request).map(str::to_owned),
        quota: Quota::new(),
        rejections: 0,
    };
    let protocol = speaks_protocol.then_some(PROTOCOL);
    upgrade::accept(&request, protocol, move |socket| session.run(socket, speaks_protocol))
}

struct SocketSession {
    graphql: Graphql,
    /// The id of the handshake, which all operations share.
    id: Arc<str>,
    address: std::net::IpAddr,
    authorization: Option<String>,
    /// The pings that the client may still send.
    quota: Quota,
    /// Operations that were rejected since the last one that was not.
    rejections: u32,
}

impl SocketSession {
    async fn run(mut self, mut socket: Socket, speaks_protocol: bool) {
        let close = if speaks_protocol {
            match timeout(INIT_TIMEOUT, self.init(&mut socket)).await {
                Err(_) => Some(INIT_TOO_LATE),
                Ok(Err(close)) => close,
                Ok(Ok(subscriber)) => {
                    upgrade::allow_large_messages(&mut socket);
                    let _open = self.graphql.server.sockets.subscribe();
                    let mut operations = RunningOperations::new(self.graphql.server.clone(), self.address);
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
            let _ = timeout(CLOSE_TIMEOUT, socket.send(upgrade::close(code, reason.into()))).await;
        }
        let _ = timeout(CLOSE_TIMEOUT, upgrade::linger(socket)).await;
    }

    /// Waits for `connection_init` and admits its token. `None`: the client has disconnected.
    async fn init(&mut self, socket: &mut Socket) -> Result<Subscriber, Option<Close>> {
        loop {
            match self.receive(socket).await? {
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

    /// The next message of the protocol. `None`: the client has disconnected.
    async fn receive(&mut self, socket: &mut Socket) -> Result<ClientMessage, Option<Close>> {
        loop {
            let received = socket.next().await.ok_or(None)?;
            let Some(text) = self.text_of(received)? else { continue };
            let message = ClientMessage::read(&text).ok_or(Some(BAD_MESSAGE))?;
            if matches!(message, ClientMessage::Ping | ClientMessage::Pong) && !self.quota.take() {
                return Err(Some(TOO_MANY_PINGS));
            }
            return Ok(message);
        }
    }

    /// The text of a frame, if it has one that is for us.
    fn text_of(
        &mut self,
        received: Result<Message, tungstenite::Error>,
    ) -> Result<Option<tungstenite::Utf8Bytes>, Option<Close>> {
        match received {
            Ok(Message::Text(text)) => Ok(Some(text)),
            Ok(Message::Ping(_) | Message::Pong(_)) if self.quota.take() => Ok(None),
            Ok(Message::Ping(_) | Message::Pong(_)) => Err(Some(TOO_MANY_PINGS)),
            Ok(Message::Binary(_)) => Err(Some(BAD_MESSAGE)),
            Err(tungstenite::Error::Capacity(_)) => Err(Some(TOO_LARGE)),
            Err(tungstenite::Error::Io(cause)) if cause.kind() == ErrorKind::FileTooLarge => Err(Some(TOO_LARGE)),
            Ok(Message::Close(_) | Message::Frame(_)) | Err(_) => Err(None),
        }
    }

    /// Serves the connection until the client disconnects, or until it is to be closed.
    async fn serve(
        &mut self,
        socket: &mut Socket,
        subscriber: &Subscriber,
        operations: &mut RunningOperations,
    ) -> Option<Close> {
        let mut received_at = Instant::now();
        loop {
            let message = tokio::select! {
                received = self.receive(socket) => {
                    received_at = Instant::now();
                    match received {
                        Err(close) => return close,
                        // Boxed, since most of the time nothing is handled.
                        Ok(received) => match Box::pin(self.handle(received, subscriber, operations)).await {
                            Ok(Some(reply)) => reply,
                            Ok(None) => continue,
                            Err((code, reason)) => {
                                let _ = timeout(CLOSE_TIMEOUT, socket.send(upgrade::close(code, reason))).await;
                                return None;
                            }
                        },
                    }
                }
                outgoing = operations.next_message() => {
                    self.rejections = if outgoing.is_rejection { self.rejections + 1 } else { 0 };
                    if self.rejections > MAX_REJECTIONS {
                        return Some(TOO_MANY_REJECTIONS);
                    }
                    // Its space is free once it was sent.
                    let Outgoing { message, space, .. } = outgoing;
                    timeout(SILENCE_TIMEOUT, socket.send(message)).await.ok()?.ok()?;
                    drop(space);
                    continue;
                }
                () = tokio::time::sleep(PING_INTERVAL) => {
                    if received_at.elapsed() >= SILENCE_TIMEOUT {
                        return None;
                    }
                    self.quota.give();
                    Message::Ping(tungstenite::Bytes::new())
                }
            };
            timeout(SILENCE_TIMEOUT, socket.send(message)).await.ok()?.ok()?;
        }
    }

    /// Handles a message; the result is the reply that is due at once.
    async fn handle(
        &mut self,
        received: ClientMessage,
        subscriber: &Subscriber,
        operations: &mut RunningOperations,
    ) -> Result<Option<Message>, (u16, String)> {
        let owned = |(code, reason): Close| (code, reason.to_owned());
        match received {
            ClientMessage::Init(_) => Err(owned(TOO_MANY_INITS)),
            ClientMessage::Ping => Ok(Some(message("pong", None, None))),
            ClientMessage::Pong => Ok(None),
            ClientMessage::Complete(id) => {
                operations.end(&id);
                Ok(None)
            }
            ClientMessage::Subscribe(id, _) if operations.contains(&id) => {
                Err((4409, format!("Subscriber for {} already exists", id.chars().take(64).collect::<String>())))
            }
            ClientMessage::Subscribe(id, payload) => match self.begin(&id, payload, subscriber, operations).await {
                Ok(()) => Ok(None),
                Err(_) if self.rejections >= MAX_REJECTIONS => Err(owned(TOO_MANY_REJECTIONS)),
                Err(answer) => {
                    self.rejections += 1;
                    Ok(Some(message("error", Some(&id), Some(&errors(&answer)))))
                }
            },
        }
    }

    /// Admits an operation and starts it.
    async fn begin(
        &self,
        operation: &str,
        payload: Json,
        subscriber: &Subscriber,
        operations: &mut RunningOperations,
    ) -> Result<(), Box<GraphqlResponse>> {
        let reject = |error: Error| Box::new(Refused::Over(error).into_response(&self.id));
        if operations.len() >= MAX_OPERATIONS {
            return Err(reject(bad(format!("{MAX_OPERATIONS} operations run on this connection; complete one first"))));
        }
        let app = &self.graphql.server.app;
        let admission = app.admit(self.authorization.as_deref(), self.address).await.map_err(reject)?;
        let mut charged = Charged { points: 1, budget: admission.budget };
        let admitted = admission.pass.map_err(reject)?;
        let sent = from_json(payload).map_err(reject)?;
        let (prepared, cx) = self.graphql.enter(admitted, sent, &self.id, &mut charged).await?;
        // Each event of a subscription is charged, so what is left is asked for each answer.
        let caller = cx.clone();
        let to_message = move |answer: GraphqlResponse| match before_execution(&answer) {
            true => ServerMessage::Error(errors(&answer)),
            false => {
                let charged = Charged { budget: caller.budget(), ..charged };
                ServerMessage::Next(body(answer, Some(&charged)))
            }
        };
        let id = self.id.clone();
        if prepared.kind() == Kind::Subscription {
            if operations.subscriptions() >= MAX_SUBSCRIPTIONS {
                return Err(reject(bad(format!(
                    "{MAX_SUBSCRIPTIONS} subscriptions run on this connection; open another one"
                ))));
            }
            let answers = self.graphql.gateway.clone().subscribe(prepared, cx, subscriber.clone());
            operations.begin(operation, answers.map(to_message).boxed(), true, id);
            return Ok(());
        }
        let (graphql, request_id) = (self.graphql.clone(), id.clone());
        let answer = async move {
            let answer = graphql.execute(&prepared, cx).await;
            to_message(answer.unwrap_or_else(|error| Refused::Over(error).into_response(&request_id)))
        };
        operations.begin(operation, stream::once(answer).boxed(), false, id);
        Ok(())
    }
}

/// Ends subscriptions without `complete`, so that clients reconnect; other operations are finished and answered.
async fn finish(socket: &mut Socket, operations: &mut RunningOperations) {
    operations.end_subscriptions();
    let rest = async {
        while operations.len() > 0 {
            let Outgoing { message, space, .. } = operations.next_message().await;
            if socket.send(message).await.is_err() {
                return;
            }
            drop(space);
        }
    };
    let _ = timeout(OPERATION_TIMEOUT, rest).await;
}
