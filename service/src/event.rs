//! What may leave the system, and its shape: the noun as GET gives it to an Owner, frozen at that moment.

use entity::value::{Id, Timestamp};
use serde::Serialize;

use crate::client::Client;
use crate::invoice::{InvoiceWithLines, Payment};
use crate::project::Project;
use crate::task::Task;
use crate::time_entry::TimeEntry;
use crate::{Environment, Error};

/// Something that happened, with the record as it then was.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
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

impl<'a> Event<'a> {
    /// Its type on the wire.
    pub const fn kind(&self) -> &'static str {
        match self {
            Event::ClientCreated(_) => "client.created",
            Event::ProjectCreated(_) => "project.created",
            Event::TaskCreated(_) => "task.created",
            Event::TaskCompleted(_) => "task.completed",
            Event::TimeEntryCreated(_) => "time_entry.created",
            Event::InvoiceSent(_) => "invoice.sent",
            Event::InvoicePaid(..) => "invoice.paid",
            Event::InvoicePaymentFailed(..) => "invoice.payment_failed",
        }
    }

    fn data(&self) -> Data<'a> {
        let none = Data::default();
        match *self {
            Event::ClientCreated(client) => Data { client: Some(client), ..none },
            Event::ProjectCreated(project) => Data { project: Some(project), ..none },
            Event::TaskCreated(task) | Event::TaskCompleted(task) => Data { task: Some(task), ..none },
            Event::TimeEntryCreated(entry) => Data { time_entry: Some(entry), ..none },
            Event::InvoiceSent(invoice) => Data { invoice: Some(invoice), ..none },
            Event::InvoicePaid(invoice, payment) | Event::InvoicePaymentFailed(invoice, payment) => {
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
