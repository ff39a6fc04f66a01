//! Everything that can be done, one variant each. Names on every surface are derived from here.

use std::borrow::Cow;

use crate::contract::error::Feature;

/// Whether an action changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Looks.
    Read,
    /// Changes.
    Write,
}

macro_rules! actions {
    ($($(#[doc = $doc:literal])* $name:ident: $access:ident,)*) => {
        /// One thing that can be done. Nothing reaches the database without naming one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[doc = $doc])* $name),*
        }

        impl Action {
            /// All of them.
            pub const ALL: &'static [Action] = &[$(Action::$name),*];

            /// Its name in Rust.
            pub const fn name(self) -> &'static str {
                match self { $(Action::$name => stringify!($name)),* }
            }

            /// Whether it changes something.
            pub const fn access(self) -> Access {
                match self { $(Action::$name => Access::$access),* }
            }
        }
    };
}

actions! {
    /// Who the caller is.
    GetMe: Read,
    /// The workspace of the caller.
    GetOrganization: Read,

    /// People of the workspace.
    ListMembers: Read,
    /// One of them.
    GetMember: Read,

    /// Tokens: own ones, or all of the workspace.
    ListTokens: Read,
    /// Revoke a token permanently.
    RevokeToken: Write,

    /// Clients.
    ListClients: Read,
    /// One client.
    GetClient: Read,
    /// A new client.
    CreateClient: Write,
    /// Change a client.
    UpdateClient: Write,
    /// Delete a client.
    DeleteClient: Write,

    /// Projects.
    ListProjects: Read,
    /// One project.
    GetProject: Read,
    /// A new project.
    CreateProject: Write,
    /// Change a project.
    UpdateProject: Write,
    /// Delete a project.
    DeleteProject: Write,

    /// Put a project away.
    ArchiveProject: Write,
    /// Bring a project back, deleted or archived.
    RestoreProject: Write,
    /// Who is on a project.
    ListProjectMembers: Read,
    /// Put somebody on a project.
    AddProjectMember: Write,
    /// Take somebody off a project.
    RemoveProjectMember: Write,

    /// Tasks.
    ListTasks: Read,
    /// One task.
    GetTask: Read,
    /// A new task.
    CreateTask: Write,
    /// Change a task.
    UpdateTask: Write,
    /// Delete a task.
    DeleteTask: Write,
    /// Put a task away.
    ArchiveTask: Write,
    /// Bring a task back.
    RestoreTask: Write,

    /// Time entries.
    ListTimeEntries: Read,
    /// One time entry.
    GetTimeEntry: Read,
    /// Log time.
    CreateTimeEntry: Write,
    /// Log up to 100 at once.
    CreateTimeEntries: Write,
    /// The caller's running timer.
    GetRunningTimer: Read,
    /// Start a timer; the one that runs is stopped.
    StartTimer: Write,
    /// Stop a timer.
    StopTimer: Write,
    /// Stop the caller's running timer, without naming it.
    StopRunningTimer: Write,
    /// Change a time entry.
    UpdateTimeEntry: Write,
    /// Delete a time entry.
    DeleteTimeEntry: Write,
    /// Time summed by what it was spent on, by whom and when.
    GetTimeReport: Read,
    /// Expenses summed by client, project, category and month.
    GetExpenseReport: Read,
    /// Invoices summed by client, status and month.
    GetInvoiceReport: Read,

    /// Expenses.
    ListExpenses: Read,
    /// One expense.
    GetExpense: Read,
    /// A new expense.
    CreateExpense: Write,
    /// Change an expense.
    UpdateExpense: Write,
    /// Delete an expense.
    DeleteExpense: Write,

    /// Invoices.
    ListInvoices: Read,
    /// One invoice with its lines.
    GetInvoice: Read,

    /// Webhook endpoints.
    ListWebhookEndpoints: Read,
    /// One webhook endpoint.
    GetWebhookEndpoint: Read,
    /// A new webhook endpoint.
    CreateWebhookEndpoint: Write,
    /// Change a webhook endpoint.
    UpdateWebhookEndpoint: Write,
    /// Delete a webhook endpoint.
    DeleteWebhookEndpoint: Write,
    /// Give a webhook endpoint a new secret.
    RotateWebhookSecret: Write,
    /// Send a test event to a webhook endpoint.
    TestWebhookEndpoint: Write,
    /// What was sent to webhook endpoints, or will be.
    ListWebhookDeliveries: Read,
    /// One delivery with its attempts.
    GetWebhookDelivery: Read,
    /// Send the event of a delivery again.
    ReplayWebhookDelivery: Write,
    /// Send the events of many deliveries again.
    ReplayWebhookDeliveries: Write,
    /// What happened.
    ListEvents: Read,
    /// One event.
    GetEvent: Read,

    /// The caller's own sessions on the settings pages.
    ListSessions: Read,
    /// End one of them.
    EndSession: Write,
    /// End all of them.
    EndAllSessions: Write,
    /// The caller's own passkeys.
    ListPasskeys: Read,
    /// Add a passkey.
    AddPasskey: Write,
    /// Remove a passkey.
    RemovePasskey: Write,

    /// A new token of the caller's own.
    CreateToken: Write,
    /// Add a person to the workspace.
    AddMember: Write,
    /// Give a member another role.
    SetMemberRole: Write,
    /// End a membership.
    RemoveMember: Write,
    /// Change the workspace itself.
    UpdateOrganization: Write,
    /// What an invoice would bill, without making it.
    PreviewInvoice: Read,
    /// A new invoice, as a draft.
    CreateInvoice: Write,
    /// Mark a draft as sent.
    SendInvoice: Write,
    /// Record a payment of an invoice, in part or in full.
    RecordPayment: Write,
    /// Report that a payment of an invoice has failed.
    RecordFailedPayment: Write,
    /// Record that everything paid was given back.
    RefundInvoice: Write,
    /// Cancel an invoice.
    CancelInvoice: Write,
}

impl Action {
    /// `createTimeEntry`: the operationId over REST, the field of `Mutation` in GraphQL.
    pub fn operation_id(self) -> Cow<'static, str> {
        let name = self.name();
        let (first, rest) = name.split_at(1);
        format!("{}{rest}", first.to_ascii_lowercase()).into()
    }

    /// What the plan must have. Where it depends on the input (changing an endpoint), the input says so itself; looking
    /// at endpoints and deliveries and deleting endpoints stays open on every plan with access.
    pub const fn feature(self) -> Feature {
        use Action::*;
        match self {
            CreateWebhookEndpoint | RotateWebhookSecret | TestWebhookEndpoint => Feature::OutboundWebhooks,
            ReplayWebhookDelivery | ReplayWebhookDeliveries => Feature::OutboundWebhooks,
            ListEvents | GetEvent => Feature::OutboundWebhooks,
            _ => Feature::ApiAccess,
        }
    }

    /// Whether the first statement of a read, or the beginning of the transaction of a write, confirms that the caller is
    /// known as they are now, so that nothing has to be asked before. What is read later in the same request is
    /// read for the caller as confirmed.
    pub const fn confirms_caller(self) -> bool {
        use Action::*;
        matches!(
            self,
            GetClient
                | GetProject
                | GetTask
                | GetTimeEntry
                | GetExpense
                | GetInvoice
                | ListClients
                | ListProjects
                | ListTasks
                | ListTimeEntries
                | ListExpenses
                | ListInvoices
                | GetMember
                | GetEvent
                | GetWebhookEndpoint
                | GetWebhookDelivery
                | ListMembers
                | ListTokens
                | ListEvents
                | ListWebhookEndpoints
                | ListWebhookDeliveries
                | CreateClient
                | UpdateClient
                | DeleteClient
                | CreateProject
                | UpdateProject
                | DeleteProject
                | ArchiveProject
                | RestoreProject
                | CreateTask
                | UpdateTask
                | DeleteTask
                | CreateTimeEntry
                | CreateTimeEntries
                | UpdateTimeEntry
                | DeleteTimeEntry
                | StartTimer
                | StopTimer
                | CreateExpense
                | UpdateExpense
                | DeleteExpense
        )
    }

    /// Whether it is done on the settings pages alone, by a member who has signed in: no token performs it, and no other
    /// surface has it.
    pub const fn needs_session(self) -> bool {
        use Action::*;
        matches!(self, ListSessions | EndSession | EndAllSessions | ListPasskeys | AddPasskey | RemovePasskey)
            || matches!(self, CreateToken | AddMember | SetMemberRole | RemoveMember | UpdateOrganization)
            || matches!(self, PreviewInvoice | CreateInvoice | SendInvoice | RecordPayment | RecordFailedPayment)
            || matches!(self, RefundInvoice | CancelInvoice)
    }

    /// Whether a member on the settings pages must have signed in within the last five minutes, since it makes a credential
    /// or changes who has access.
    pub const fn needs_recent_sign_in(self) -> bool {
        use Action::*;
        matches!(self, RotateWebhookSecret | AddPasskey | RemovePasskey)
            || matches!(self, CreateToken | AddMember | SetMemberRole | RemoveMember)
    }

    /// The feature that the plan must have of a caller who has signed in. Every plan may sign in, so that access to the API
    /// is asked only of what is of no use without it.
    pub const fn feature_of_session(self) -> Option<Feature> {
        match self.feature() {
            Feature::ApiAccess if !matches!(self, Action::CreateToken) => None,
            feature => Some(feature),
        }
    }

    /// Whether it reads much: such reads run few at once for each workspace.
    pub const fn is_heavy(self) -> bool {
        matches!(self, Action::GetTimeReport | Action::GetExpenseReport | Action::GetInvoiceReport)
    }

    /// The most points that a request takes whose price does not stand in its query: a report 11, a batch 1 per entry, a replay
    /// of deliveries 1 for each 20 of at most 1,000.
    pub const fn most_points(self) -> u32 {
        match self {
            Action::GetTimeReport | Action::GetExpenseReport | Action::GetInvoiceReport => 11,
            Action::CreateTimeEntries => 100,
            Action::ReplayWebhookDeliveries => 50,
            _ => 1,
        }
    }

    /// In words, for messages: `create time entry`.
    pub fn words(self) -> String {
        let mut words = String::new();
        for c in self.name().chars() {
            if c.is_ascii_uppercase() && !words.is_empty() {
                words.push(' ');
            }
            words.push(c.to_ascii_lowercase());
        }
        words
    }
}
