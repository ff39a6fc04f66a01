//! One admitted request: who asks, of which list, and how it gets to the door.

use std::sync::{Arc, Mutex, PoisonError};

use schema::Gateway;
use service::{Admitted, Cx, RequestFacts};

use super::tools::List;

/// What the handler knows of the request that it serves.
pub(crate) struct McpRequest {
    admitted: Admitted,
    request_id: String,
    entered: Mutex<Vec<Cx>>,
    /// The list of tools that was asked.
    pub(super) list: List,
    /// Executes the documents of the tool `query`.
    pub(super) gateway: Arc<Gateway>,
}

impl McpRequest {
    /// Of an admitted request.
    pub(super) fn new(admitted: Admitted, request_id: &str, list: List, gateway: Arc<Gateway>) -> McpRequest {
        McpRequest { admitted, request_id: request_id.to_owned(), entered: Mutex::default(), list, gateway }
    }

    /// Enters the door with the facts of a call; the request id is added here.
    pub(super) fn enter(&self, facts: RequestFacts) -> Cx {
        let facts = RequestFacts { request_id: self.request_id.clone(), ..facts };
        let cx = self.admitted.clone().enter(facts);
        self.entered.lock().unwrap_or_else(PoisonError::into_inner).push(cx.clone());
        cx
    }

    /// Enters the door for a call that changes nothing.
    pub(super) fn reader(&self) -> Cx {
        self.enter(RequestFacts::default())
    }

    /// The way through the door that was charged last, which knows what the token has left.
    pub(super) fn entered(&self) -> Option<Cx> {
        let entered = self.entered.lock().unwrap_or_else(PoisonError::into_inner);
        entered.iter().min_by_key(|cx| cx.budget().sustained).cloned()
    }

    /// The id that leads from an answer to the log.
    pub(super) fn request_id(&self) -> &str {
        &self.request_id
    }
}
