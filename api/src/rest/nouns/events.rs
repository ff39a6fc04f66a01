//! `/events`.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use service::event::{self, Event, EventFilter, EventSort};

use super::Tag;
use crate::http::rejection::Rejection;
use crate::rest::answers::{Data, List};
use crate::rest::extract::{Access, PathId, Query};

pub struct Events;

#[OpenApi(tag = "Tag::Webhooks")]
impl Events {
    /// List events
    ///
    /// Events of the workspace, exactly as they were sent.
    #[oai(path = "/events", method = "get", operation_id = "listEvents")]
    async fn list_events(
        &self,
        Access(cx): Access,
        query: Query<EventFilter, EventSort>,
    ) -> Result<List<Event>, Rejection> {
        Ok(List(event::list(&cx, &query.0).await?))
    }

    /// Get an event
    ///
    /// Returns one event, exactly as it was sent.
    #[oai(path = "/events/:id", method = "get", operation_id = "getEvent")]
    async fn get_event(&self, Access(cx): Access, id: Path<PathId>) -> Result<Data<Event>, Rejection> {
        Ok(Data(event::get(&cx, id.0.into()).await?))
    }
}
