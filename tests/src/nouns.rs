//! The nouns that are listed, in one entry each: what the tests of every noun know of it.

use serde_json::{Value, json};

use crate::{Workspace, World};

/// An id that no record has.
pub const NOWHERE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// A noun with a list.
pub struct Noun {
    /// The name of its type, as in `Action::GetClient`.
    pub one: &'static str,
    /// Several of it, as in `Action::ListClients`.
    pub many: &'static str,
    /// Its list over REST, below `/api/v1/`.
    pub path: &'static str,
    /// What its list is sorted by.
    pub sorts: &'static str,
    /// The filters of its list, besides those that every list has.
    pub filters: &'static str,
    /// Whether its list can be searched.
    pub searched: bool,
    /// Whether it has `updatedAt`.
    pub changes: bool,
    /// What a query reads of one in the test of roles: an amount of money, if it has any. None for a noun with recipes of its own.
    pub reads: Option<&'static str>,
    /// How it is written over the API, if all that it takes are fields and another record.
    pub written: Option<Written>,
}

/// How a noun is written.
pub struct Written {
    /// A new one.
    pub new: New,
    /// A change of one.
    pub change: fn() -> Value,
    /// A change that is refused for what it holds: it names a record that is not there, or holds what a field cannot be.
    pub refused: fn() -> Value,
}

/// The body of a new record.
pub enum New {
    /// It names no other.
    Alone(fn() -> Value),
    /// It names a client.
    OfClient(fn(&str) -> Value),
    /// It names a project, which has a member.
    OnProject(fn(&str) -> Value),
}

impl Noun {
    /// The entry of a type.
    #[must_use]
    pub fn of(one: &str) -> &'static Noun {
        NOUNS.iter().find(|noun| noun.one == one).expect("a noun of the list")
    }

    /// The nouns that are written, with how.
    pub fn written() -> impl Iterator<Item = (&'static Noun, &'static Written)> {
        NOUNS.iter().filter_map(|noun| Some((noun, noun.written.as_ref()?)))
    }

    /// The query of one: `timeEntry`.
    #[must_use]
    pub fn field(&self) -> String {
        camel(self.one)
    }

    /// The query of its list: `timeEntries`.
    #[must_use]
    pub fn list(&self) -> String {
        camel(self.many)
    }

    /// The body of a new one, with the records that it names made for it.
    pub async fn body(&self, world: &World, at: &Workspace) -> Value {
        let written = self.written.as_ref().unwrap_or_else(|| panic!("{} is not made over the API", self.one));
        match written.new {
            New::Alone(body) => body(),
            New::OfClient(body) => body(&at.client(world, "one").await),
            New::OnProject(body) => body(&at.project_with_member(world, "one").await),
        }
    }
}

/// A name in camel case.
#[must_use]
pub fn camel(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    first.to_lowercase() + rest
}

/// Nothing more is known of a noun than its names and that its list has pages.
const PLAIN: Noun = Noun {
    one: "",
    many: "",
    path: "",
    sorts: "createdAt id",
    filters: "",
    searched: false,
    changes: false,
    reads: None,
    written: None,
};

/// The nouns, in the order of the reference.
pub static NOUNS: [Noun; 11] = [
    Noun {
        one: "Client",
        many: "Clients",
        path: "clients",
        sorts: "createdAt id name updatedAt",
        filters: "externalId",
        searched: true,
        changes: true,
        reads: Some("id"),
        written: Some(Written {
            new: New::Alone(|| json!({ "name": "new" })),
            change: || json!({ "name": "two" }),
            refused: || json!({ "currency": "XXX" }),
        }),
    },
    Noun {
        one: "Project",
        many: "Projects",
        path: "projects",
        sorts: "createdAt dueDate id name startDate status updatedAt",
        filters: "externalId clientId clientName status startDateFrom startDateTo dueDateFrom dueDateTo",
        searched: true,
        changes: true,
        reads: Some("id hourlyRate"),
        written: Some(Written {
            new: New::OfClient(|client| json!({ "clientId": client, "name": "p" })),
            change: || json!({ "name": "two" }),
            refused: || json!({ "clientId": NOWHERE }),
        }),
    },
    Noun {
        one: "Task",
        many: "Tasks",
        path: "tasks",
        sorts: "createdAt dueDate endDate id name priority startDate status updatedAt",
        filters: "externalId projectId clientId assigneeId assigned tag status priority billable startDateFrom startDateTo \
            dueDateFrom dueDateTo endDateFrom endDateTo",
        searched: true,
        changes: true,
        reads: Some("id"),
        written: Some(Written {
            new: New::OnProject(|project| json!({ "projectId": project, "name": "t" })),
            change: || json!({ "status": "DONE" }),
            refused: || json!({ "assigneeIds": [NOWHERE] }),
        }),
    },
    Noun {
        one: "TimeEntry",
        many: "TimeEntries",
        path: "time-entries",
        sorts: "createdAt durationSeconds entryDate id updatedAt",
        filters: "externalId projectId taskId hasTask userId clientId billable invoiced running entryDateFrom entryDateTo \
            durationSecondsMin durationSecondsMax",
        searched: true,
        changes: true,
        reads: Some("id userId"),
        written: Some(Written {
            new: New::OnProject(
                |project| json!({ "projectId": project, "durationSeconds": 60, "entryDate": "2026-06-11" }),
            ),
            change: || json!({ "note": "x" }),
            refused: || json!({ "projectId": NOWHERE }),
        }),
    },
    Noun {
        one: "Expense",
        many: "Expenses",
        path: "expenses",
        sorts: "amount createdAt expenseDate id updatedAt",
        filters: "externalId clientId clientName projectId category billable invoiced expenseDateFrom expenseDateTo \
            amountMin amountMax",
        searched: true,
        changes: true,
        reads: Some("id amount"),
        written: Some(Written {
            new: New::OfClient(
                |client| json!({ "clientId": client, "description": "d", "amount": "150.00", "expenseDate": "2026-06-11" }),
            ),
            change: || json!({ "description": "x" }),
            refused: || json!({ "clientId": NOWHERE }),
        }),
    },
    Noun {
        one: "Invoice",
        many: "Invoices",
        path: "invoices",
        sorts: "amountPaid createdAt dueDate id issueDate number paidAt paymentStatus sentAt status total updatedAt",
        filters: "clientId clientName status paymentStatus issueDateFrom issueDateTo dueDateFrom dueDateTo sentAtFrom \
            sentAtTo paidAtFrom paidAtTo totalMin totalMax",
        searched: true,
        changes: true,
        reads: Some("id total"),
        ..PLAIN
    },
    Noun {
        one: "Member",
        many: "Members",
        path: "members",
        sorts: "createdAt id role",
        filters: "role",
        searched: true,
        reads: Some("id"),
        ..PLAIN
    },
    Noun { one: "Token", many: "Tokens", path: "tokens", ..PLAIN },
    Noun {
        one: "WebhookEndpoint",
        many: "WebhookEndpoints",
        path: "webhook-endpoints",
        sorts: "createdAt id updatedAt",
        filters: "externalId enabled status",
        changes: true,
        ..PLAIN
    },
    Noun {
        one: "WebhookDelivery",
        many: "WebhookDeliveries",
        path: "webhook-deliveries",
        filters: "endpointId eventId eventType status",
        ..PLAIN
    },
    Noun { one: "Event", many: "Events", path: "events", filters: "type", ..PLAIN },
];
