//! What may leave the system, and its shape: the noun as GET gives it to an Owner, frozen at that moment.

use entity::value::{Id, Timestamp};
use serde::Serialize;

use crate::app::Environment;
use crate::contract::error::Error;
use crate::nouns::client::Client;
use crate::nouns::invoice::{InvoiceWithLines, Payment};
use crate::nouns::project::Project;
use crate::nouns::task::Task;
use crate::nouns::time_entry::TimeEntry;

/// Something that happened, with the record as it then was.
#[derive(Clone, Copy, Debug)]
pub enum NewEvent<'a> {
    /// `client.created`
    ClientCreated(&'a Client),
    /// `project.created`
    ProjectCreated(&'a Project),
    /// `task.created`
    TaskCreated(&'a Task),
    /// `task.completed`: it has gone to DONE.
    TaskCompleted(&'a Task),
    /// `time_entry.created`: the entry has a duration now.
    TimeEntryCreated(&'a TimeEntry),
    /// `invoice.sent`
    InvoiceSent(&'a InvoiceWithLines),
    /// `invoice.paid`: in full.
    InvoicePaid(&'a InvoiceWithLines, &'a Payment),
    /// `invoice.payment_failed`
    InvoicePaymentFailed(&'a InvoiceWithLines, &'a Payment),
}

/// The records of an event; each stands under its noun.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a Client>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'a Project>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<&'a Task>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_entry: Option<&'a TimeEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice: Option<&'a InvoiceWithLines>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<&'a Payment>,
}

impl<'a> NewEvent<'a> {
    /// Its type on the wire.
    pub const fn kind(&self) -> &'static str {
        match self {
            NewEvent::ClientCreated(_) => "client.created",
            NewEvent::ProjectCreated(_) => "project.created",
            NewEvent::TaskCreated(_) => "task.created",
            NewEvent::TaskCompleted(_) => "task.completed",
            NewEvent::TimeEntryCreated(_) => "time_entry.created",
            NewEvent::InvoiceSent(_) => "invoice.sent",
            NewEvent::InvoicePaid(..) => "invoice.paid",
            NewEvent::InvoicePaymentFailed(..) => "invoice.payment_failed",
        }
    }

    fn data(&self) -> Data<'a> {
        let none = Data::default();
        match *self {
            NewEvent::ClientCreated(client) => Data { client: Some(client), ..none },
            NewEvent::ProjectCreated(project) => Data { project: Some(project), ..none },
            NewEvent::TaskCreated(task) | NewEvent::TaskCompleted(task) => Data { task: Some(task), ..none },
            NewEvent::TimeEntryCreated(entry) => Data { time_entry: Some(entry), ..none },
            NewEvent::InvoiceSent(invoice) => Data { invoice: Some(invoice), ..none },
            NewEvent::InvoicePaid(invoice, payment) | NewEvent::InvoicePaymentFailed(invoice, payment) => {
                Data { invoice: Some(invoice), payment: Some(payment), ..none }
            }
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
        let livemode = environment == Environment::Live;
        let data = self.data();
        Envelope { id, r#type: self.kind(), created: now.seconds(), org_id: organization_id, livemode, data }.text()
    }
}

/// What is sent of an event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Envelope<D> {
    pub(crate) id: Id,
    pub(crate) r#type: &'static str,
    /// Unix seconds.
    pub(crate) created: i64,
    pub(crate) org_id: Id,
    pub(crate) livemode: bool,
    pub(crate) data: D,
}

impl<D: Serialize> Envelope<D> {
    pub(crate) fn text(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|e| Error::bug(format!("an event does not serialize: {e}")))
    }
}
