//! What may leave the system, and its shape: the noun as GET gives it to an Owner, frozen at that moment.

use entity::value::{Id, Timestamp};
use serde::Serialize;

use crate::client::Client;
use crate::project::Project;
use crate::time_entry::TimeEntry;
use crate::{Environment, Error};

/// Something that happened, with the record as it then was.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// `client.created`
    ClientCreated(&'a Client),
    /// `project.created`
    ProjectCreated(&'a Project),
    /// `time_entry.created`: the entry has a duration now.
    TimeEntryCreated(&'a TimeEntry),
}

impl Event<'_> {
    /// Its type on the wire.
    pub const fn kind(&self) -> &'static str {
        match self {
            Event::ClientCreated(_) => "client.created",
            Event::ProjectCreated(_) => "project.created",
            Event::TimeEntryCreated(_) => "time_entry.created",
        }
    }

    /// Its envelope, as it is sent.
    pub(crate) fn body(
        &self,
        id: Id,
        organization_id: Id,
        environment: Environment,
        now: Timestamp,
    ) -> Result<String, Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Envelope<D> {
            id: Id,
            r#type: &'static str,
            created: i64,
            org_id: Id,
            livemode: bool,
            data: D,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        enum Data<'a> {
            Client(&'a Client),
            Project(&'a Project),
            TimeEntry(&'a TimeEntry),
        }
        let data = match self {
            Event::ClientCreated(client) => Data::Client(client),
            Event::ProjectCreated(project) => Data::Project(project),
            Event::TimeEntryCreated(entry) => Data::TimeEntry(entry),
        };
        let envelope = Envelope {
            id,
            r#type: self.kind(),
            created: now.seconds(),
            org_id: organization_id,
            livemode: environment == Environment::Live,
            data,
        };
        serde_json::to_string(&envelope).map_err(|e| Error::bug(format!("an event does not serialize: {e}")))
    }
}
