//! The operations that run on one WebSocket, each in a task of its own.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use schema::Refused;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use super::message::{ServerMessage, errors, message};
use crate::http::middleware::caught;

/// The running operations, by the ids that the client gave them.
#[derive(Default)]
pub(super) struct RunningOperations(HashMap<String, RunningOperation>);

/// A running operation, which ends when this is dropped.
struct RunningOperation {
    messages: mpsc::Receiver<ServerMessage>,
    is_subscription: bool,
    _task: JoinSet<()>,
}

impl RunningOperations {
    /// How many run.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// How many of them are subscriptions.
    pub(super) fn subscriptions(&self) -> usize {
        self.0.values().filter(|operation| operation.is_subscription).count()
    }

    /// Whether one with this id runs.
    pub(super) fn contains(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// Ends one.
    pub(super) fn end(&mut self, id: &str) {
        self.0.remove(id);
    }

    /// Ends all subscriptions.
    pub(super) fn end_subscriptions(&mut self) {
        self.0.retain(|_, operation| !operation.is_subscription);
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
                let is_last = matches!(message, ServerMessage::Error(_));
                if sender.send(message).await.is_err() || is_last {
                    return;
                }
            }
        });
        self.0.insert(id.to_owned(), RunningOperation { messages, is_subscription, _task: task });
    }

    /// The next message of any of them, and whether its operation was rejected. An operation that has ended is removed.
    pub(super) async fn next_message(&mut self) -> (Message, bool) {
        let (id, next) = poll_fn(|task| {
            for (id, operation) in &mut self.0 {
                if let Poll::Ready(next) = operation.messages.poll_recv(task) {
                    return Poll::Ready((id.clone(), next));
                }
            }
            Poll::Pending
        })
        .await;
        match next {
            Some(ServerMessage::Next(bytes)) => (message("next", Some(&id), Some(&bytes)), false),
            Some(ServerMessage::Error(bytes)) => {
                self.end(&id);
                (message("error", Some(&id), Some(&bytes)), true)
            }
            None => {
                self.end(&id);
                (message("complete", Some(&id), None), false)
            }
        }
    }
}
