//! The operations that run on one WebSocket, each in a task of its own.

use std::collections::HashMap;
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Poll;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use schema::Refused;
use service::Error;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use super::message::{ServerMessage, errors, message};
use crate::http::memory::TooSlowReader;
use crate::http::middleware::caught;
use crate::http::server::Server;
use crate::http::space::Space;

/// The running operations, by the ids that the client gave them.
pub(super) struct RunningOperations {
    by_id: HashMap<String, RunningOperation>,
    server: Arc<Server>,
    address: IpAddr,
}

/// A message for the client. It has its space in memory until it was sent.
pub(super) struct Outgoing {
    pub(super) message: Message,
    /// Whether it rejects its operation.
    pub(super) is_rejection: bool,
    pub(super) space: Option<Space>,
}

/// A running operation, which ends when this is dropped.
struct RunningOperation {
    messages: mpsc::Receiver<(ServerMessage, Option<Space>)>,
    is_subscription: bool,
    _task: JoinSet<()>,
}

impl RunningOperations {
    /// None yet, of a client at this address.
    pub(super) fn new(server: Arc<Server>, address: IpAddr) -> RunningOperations {
        RunningOperations { by_id: HashMap::new(), server, address }
    }

    /// How many run.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// How many of them are subscriptions.
    pub(super) fn subscriptions(&self) -> usize {
        self.by_id.values().filter(|operation| operation.is_subscription).count()
    }

    /// Whether one with this id runs.
    pub(super) fn contains(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// Ends one.
    pub(super) fn end(&mut self, id: &str) {
        self.by_id.remove(id);
    }

    /// Ends all subscriptions.
    pub(super) fn end_subscriptions(&mut self) {
        self.by_id.retain(|_, operation| !operation.is_subscription);
    }

    /// Starts one in a task of its own: while the client does not read, its messages wait, but unfinished work such as a
    /// transaction must not wait with them.
    pub(super) fn begin(
        &mut self,
        id: &str,
        mut source: BoxStream<'static, ServerMessage>,
        is_subscription: bool,
        request_id: Arc<str>,
    ) {
        let (sender, messages) = mpsc::channel(1);
        let (server, address) = (self.server.clone(), self.address);
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                let message = match caught(source.next()).await {
                    Ok(Some(message)) => message,
                    Ok(None) => return,
                    Err(fault) => {
                        fault.log();
                        ServerMessage::Error(errors(&Refused::Over(fault).into_response(&request_id)))
                    }
                };
                let size = match &message {
                    ServerMessage::Next(bytes) | ServerMessage::Error(bytes) => bytes.len(),
                };
                let (message, space) = match server.memory.hold_event(size, address).await {
                    Ok(space) => (message, space),
                    // The client reads too slowly: the operation ends, and the memory of its answer is free.
                    Err(TooSlowReader) => {
                        let refused = Refused::Over(Error::Unavailable).into_response(&request_id);
                        (ServerMessage::Error(errors(&refused)), None)
                    }
                };
                let is_last = matches!(message, ServerMessage::Error(_));
                if sender.send((message, space)).await.is_err() || is_last {
                    return;
                }
            }
        });
        self.by_id.insert(id.to_owned(), RunningOperation { messages, is_subscription, _task: task });
    }

    /// The next message of any of them. An operation that has ended is removed.
    pub(super) async fn next_message(&mut self) -> Outgoing {
        let (id, next) = poll_fn(|task| {
            for (id, operation) in &mut self.by_id {
                if let Poll::Ready(next) = operation.messages.poll_recv(task) {
                    return Poll::Ready((id.clone(), next));
                }
            }
            Poll::Pending
        })
        .await;
        match next {
            Some((ServerMessage::Next(bytes), space)) => {
                let message = message("next", Some(&id), Some(&bytes));
                Outgoing { message, is_rejection: false, space }
            }
            Some((ServerMessage::Error(bytes), space)) => {
                self.end(&id);
                let message = message("error", Some(&id), Some(&bytes));
                Outgoing { message, is_rejection: true, space }
            }
            None => {
                self.end(&id);
                Outgoing { message: message("complete", Some(&id), None), is_rejection: false, space: None }
            }
        }
    }
}
