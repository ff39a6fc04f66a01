//! Events: the node, queries and loaders.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;
use async_graphql::{Context, ID, Object, Result};
use service::Error;
use service::event::{Event, EventFilter, EventSort};
use service::value::{EventId, Id};

use crate::engine::connection::lists;
use crate::engine::loader::{Linked, Loaders};
use crate::engine::long::Long;
use crate::engine::object::nodes;
use crate::nouns::{cx, parse_id, shared};

/// An event: something that happened, as it is sent to webhook endpoints.
pub struct EventNode(pub(crate) Event);

/// An event: something that happened, as it is sent to webhook endpoints.
#[Object(name = "Event")]
impl EventNode {
    #[graphql(flatten)]
    async fn fields(&self) -> &Event {
        &self.0
    }

    /// The id, the same on every delivery.
    pub async fn id(&self) -> Id {
        self.0.id.any()
    }

    /// When it happened, in seconds since 1970.
    async fn created(&self) -> Long {
        Long(self.0.created)
    }
}

nodes! {
    EventNode => 0: Event, resolved &["data"];
}

/// An event by its id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EventById(pub(crate) EventId);

impl Loader<EventById> for Loaders {
    type Value = Arc<EventNode>;
    type Error = Arc<Error>;

    async fn load(&self, keys: &[EventById]) -> Result<HashMap<EventById, Arc<EventNode>>, Arc<Error>> {
        let ids: Vec<EventId> = keys.iter().map(|key| key.0).collect();
        let events = service::event::by_ids(&self.0, &ids).await?;
        Ok(events.into_iter().map(|event| (EventById(event.id), Arc::new(EventNode(event)))).collect())
    }
}

lists! {
    /// The list of this noun.
    EventRootLists() {
        /// A page of events.
        events[]: EventFilter, EventSort => EventNode[], (flat service::event::list);
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
    ) -> Result<Option<Linked<EventNode>>> {
        let cx = cx(ctx)?;
        shared(ctx, "event", &id, async { service::event::get(cx, parse_id(&id)).await.map(EventNode) }).await
    }
}
