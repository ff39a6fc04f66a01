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

/// What is particular about an action, besides who may do it.
struct Traits {
    /// See `confirms_caller`.
    confirms: bool,
    /// The plan must have webhooks, and not only access to the API.
    webhooks: bool,
    /// See `needs_session`.
    session: bool,
    /// See `needs_recent_sign_in`.
    recent: bool,
    /// See `is_heavy`.
    heavy: bool,
    /// See `shows_secret`.
    secret: bool,
}

impl Traits {
    const NONE: Traits =
        Traits { confirms: false, webhooks: false, session: false, recent: false, heavy: false, secret: false };
}

macro_rules! actions {
    ($($(#[doc = $doc:literal])* $name:ident: $access:ident $($trait:ident)*,)*) => {
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

            const fn traits(self) -> Traits {
                match self { $(Action::$name => Traits { $($trait: true,)* ..Traits::NONE }),* }
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
    ListMembers: Read confirms,
    /// One of them.
    GetMember: Read confirms,

    /// Tokens: own ones, or all of the workspace.
    ListTokens: Read confirms,
    /// Revoke a token permanently.
    RevokeToken: Write,

    /// Clients.
    ListClients: Read confirms,
    /// One client.
    GetClient: Read confirms,
    /// A new client.
    CreateClient: Write confirms,
    /// Change a client.
    UpdateClient: Write confirms,
    /// Delete a client.
    DeleteClient: Write confirms,

    /// Projects.
    ListProjects: Read confirms,
    /// One project.
    GetProject: Read confirms,
    /// A new project.
    CreateProject: Write confirms,
    /// Change a project.
    UpdateProject: Write confirms,
    /// Delete a project.
    DeleteProject: Write confirms,

    /// Put a project away.
    ArchiveProject: Write confirms,
    /// Bring a project back, deleted or archived.
    RestoreProject: Write confirms,
    /// Who is on a project.
    ListProjectMembers: Read,
    /// Put somebody on a project.
    AddProjectMember: Write,
    /// Take somebody off a project.
    RemoveProjectMember: Write,

    /// Tasks.
    ListTasks: Read confirms,
    /// One task.
    GetTask: Read confirms,
    /// A new task.
    CreateTask: Write confirms,
    /// Change a task.
    UpdateTask: Write confirms,
    /// Delete a task.
    DeleteTask: Write confirms,
    /// Put a task away.
    ArchiveTask: Write,
    /// Bring a task back.
    RestoreTask: Write,

    /// Time entries.
    ListTimeEntries: Read confirms,
    /// One time entry.
    GetTimeEntry: Read confirms,
    /// Log time.
    CreateTimeEntry: Write confirms,
    /// Log up to 100 at once.
    CreateTimeEntries: Write confirms,
    /// The caller's running timer.
    GetRunningTimer: Read,
    /// Start a timer; the one that runs is stopped.
    StartTimer: Write confirms,
    /// Stop a timer.
    StopTimer: Write confirms,
    /// Stop the caller's running timer, without naming it.
    StopRunningTimer: Write,
    /// Change a time entry.
    UpdateTimeEntry: Write confirms,
    /// Delete a time entry.
    DeleteTimeEntry: Write confirms,
    /// Time summed by what it was spent on, by whom and when.
    GetTimeReport: Read heavy,
    /// Expenses summed by client, project, category and month.
    GetExpenseReport: Read heavy,
    /// Invoices summed by client, status and month.
    GetInvoiceReport: Read heavy,

    /// Expenses.
    ListExpenses: Read confirms,
    /// One expense.
    GetExpense: Read confirms,
    /// A new expense.
    CreateExpense: Write confirms,
    /// Change an expense.
    UpdateExpense: Write confirms,
    /// Delete an expense.
    DeleteExpense: Write confirms,

    /// Invoices.
    ListInvoices: Read confirms,
    /// One invoice with its lines.
    GetInvoice: Read confirms,

    /// Webhook endpoints.
    ListWebhookEndpoints: Read confirms,
    /// One webhook endpoint.
    GetWebhookEndpoint: Read confirms,
    /// A new webhook endpoint.
    CreateWebhookEndpoint: Write webhooks secret,
    /// Change a webhook endpoint.
    UpdateWebhookEndpoint: Write,
    /// Delete a webhook endpoint.
    DeleteWebhookEndpoint: Write,
    /// Give a webhook endpoint a new secret.
    RotateWebhookSecret: Write webhooks recent secret,
    /// Send a test event to a webhook endpoint.
    TestWebhookEndpoint: Write webhooks,
    /// What was sent to webhook endpoints, or will be.
    ListWebhookDeliveries: Read confirms,
    /// One delivery with its attempts.
    GetWebhookDelivery: Read confirms,
    /// Send the event of a delivery again.
    ReplayWebhookDelivery: Write webhooks,
    /// Send the events of many deliveries again.
    ReplayWebhookDeliveries: Write webhooks,
    /// What happened.
    ListEvents: Read confirms webhooks,
    /// One event.
    GetEvent: Read confirms webhooks,

    /// The caller's own sessions on the settings pages.
    ListSessions: Read session,
    /// End one of them.
    EndSession: Write session,
    /// End all of them.
    EndAllSessions: Write session,
    /// The caller's own passkeys.
    ListPasskeys: Read session,
    /// Add a passkey.
    AddPasskey: Write session recent,
    /// Remove a passkey.
    RemovePasskey: Write session recent,

    /// A new token of the caller's own.
    CreateToken: Write session recent,
    /// Add a person to the workspace.
    AddMember: Write session recent,
    /// Give a member another role.
    SetMemberRole: Write session recent,
    /// End a membership.
    RemoveMember: Write session recent,
    /// Change the workspace itself.
    UpdateOrganization: Write session,
    /// What an invoice would bill, without making it.
    PreviewInvoice: Read session,
    /// A new invoice, as a draft.
    CreateInvoice: Write session,
    /// Mark a draft as sent.
    SendInvoice: Write session,
    /// Record a payment of an invoice, in part or in full.
    RecordPayment: Write session,
    /// Report that a payment of an invoice has failed.
    RecordFailedPayment: Write session,
    /// Record that everything paid was given back.
    RefundInvoice: Write session,
    /// Cancel an invoice.
    CancelInvoice: Write session,
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
        if self.traits().webhooks { Feature::OutboundWebhooks } else { Feature::ApiAccess }
    }

    /// Whether the first statement of a read, or the beginning of the transaction of a write, confirms that the caller is
    /// known as they are now, so that nothing has to be asked before. What is read later in the same request is
    /// read for the caller as confirmed.
    pub const fn confirms_caller(self) -> bool {
        self.traits().confirms
    }

    /// Whether it is done on the settings pages alone, by a member who has signed in: no token performs it, and no other
    /// surface has it.
    pub const fn needs_session(self) -> bool {
        self.traits().session
    }

    /// Whether a member on the settings pages must have signed in within the last five minutes, since it makes a credential
    /// or changes who has access.
    pub const fn needs_recent_sign_in(self) -> bool {
        self.traits().recent
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
        self.traits().heavy
    }

    /// Whether its answer shows a secret that no other answer will show.
    pub const fn shows_secret(self) -> bool {
        self.traits().secret
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
