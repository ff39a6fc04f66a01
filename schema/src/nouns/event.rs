//! Events: queries and loaders.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use async_graphql::{Context, ID, Object, Result};
use service::Error;
use service::event::{Event, EventFilter, EventSort};
use service::value::Id;

use crate::engine::connection::{connection, lists};
use crate::engine::error::OrFail;
use crate::engine::loader::Loaders;
use crate::nouns::{cx, parse_id};

connection!(EventConnection, EventEdge, Event);

/// An event by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EventById(pub(crate) Id);

impl Loader<EventById> for Loaders {
    type Value = Event;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[EventById]) -> Result<HashMap<EventById, Event>, Arc<Error>> {
        let ids: Vec<Id> = keys.iter().map(|key| key.0).collect();
        let events = service::event::by_ids(&self.0, &ids).await?;
        Ok(events.into_iter().map(|event| (EventById(event.id), event)).collect())
    }
}

lists! {
    /// The list of this noun.
    EventRootLists() {
        /// A page of events.
        events: EventFilter, EventSort => EventConnection(std::convert::identity), (flat service::event::list);
    }
}

/// The queries of this noun.
#[derive(Default)]
pub struct EventQueries;

/// The queries of this noun.
#[Object]
impl EventQueries {
    #[graphql(flatten)]
    async fn lists(&self) -> EventRootLists {
        EventRootLists()
    }

    /// An event by its identifier; null with the error `not_found` if the caller sees none.
    async fn event(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Identifier of the event.")] id: ID,
    ) -> Result<Option<Event>> {
        let cx = cx(ctx)?;
        service::event::get(cx, parse_id(&id)).await.map(Some).or_fail(cx)
    }
}
