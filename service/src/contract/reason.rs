//! The reasons that refine the code `conflict`, as one closed list from which the documents are generated.

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $wire:literal,)*) => {
        /// Why the state of a record blocks a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])+ $name),*
        }

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Reason] = &[$(Reason::$name),*];

            /// Its name on the wire, under `reason`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Reason::$name => $wire),* }
            }

            /// When it occurs, and what to do about it.
            pub const fn when(self) -> &'static str {
                match self { $(Reason::$name => concat!($($doc),+)),* }
            }
        }
    };
}

reasons! {
    /// The client still has active projects. Complete, archive or delete them first.
    ActiveProjects = "active_projects",
    /// The client has invoices that are not cancelled. Cancel them first, or keep the client.
    HasInvoices = "has_invoices",
    /// The client of the project is deleted, so the project cannot come back.
    ClientDeleted = "client_deleted",
    /// Another record of this kind has its `externalId` by now, so it cannot come back with it. Give that one another `externalId`, or delete it.
    ExternalIdTaken = "external_id_taken",
    /// It is on an invoice, or has time that is. It can be changed again when that invoice is cancelled.
    Invoiced = "invoiced",
    /// The project has expenses of its client, so it stays with that client. Take the project off the expenses first.
    HasExpenses = "has_expenses",
    /// The task has time, so it stays on its project. Create a task on the other one.
    HasTime = "has_time",
    /// The project of the task is deleted. Restore it first.
    ProjectDeleted = "project_deleted",
    /// A timer is running on the project. Stop it first.
    TimerRunning = "timer_running",
    /// The timer has been stopped already, or no timer of the caller is running. There is nothing left to do.
    NotRunning = "not_running",
    /// New time needs an ACTIVE project. Restore the project, or set its status to ACTIVE.
    ProjectNotActive = "project_not_active",

    /// The workspace has as many webhook endpoints as a workspace may have. Delete one first.
    EndpointCap = "endpoint_cap",
    /// The webhook endpoint is disabled. Enable it first.
    EndpointDisabled = "endpoint_disabled",
    /// The webhook endpoint has been deleted. Create another one; events are in `/events` for 30 days.
    EndpointDeleted = "endpoint_deleted",
    /// The delivery is pending. Wait until it has succeeded or failed.
    DeliveryPending = "delivery_pending",
    /// The workspace has as many pending deliveries as replays and test events may add to. Wait until some have been sent.
    PendingCap = "pending_cap",
    /// The token has as many subscriptions as a token may have. End one first.
    SubscriptionCap = "subscription_cap",

    /// `If-Match` (`expectedVersion` in GraphQL) names another version than the record has. Read it again and retry.
    Stale = "stale",

    /// The `Idempotency-Key` was used for another request. Use a new key for each thing to be done.
    IdempotencyMismatch = "idempotency_mismatch",
    /// A request with this `Idempotency-Key` is still running. Retry with the same key after `Retry-After`.
    IdempotencyInFlight = "idempotency_in_flight",
    /// The role has changed since this `Idempotency-Key` was used, so the earlier reply is not repeated.
    IdempotencyRoleChanged = "idempotency_role_changed",

    /// There is neither time nor an expense to bill. Only the command line and the settings pages meet it.
    NothingToBill = "nothing_to_bill",
    /// What is to be billed has changed since the preview. Look at it again. Only the settings pages meet it.
    PreviewOutdated = "preview_outdated",
    /// An expense to be billed is in another currency than the invoice. Make it not billable. Only the command line and the settings pages meet it.
    OtherCurrency = "other_currency",
    /// The invoice would come to more than an amount can hold. Only the command line and the settings pages meet it.
    AmountTooLarge = "amount_too_large",
    /// The invoice is a DRAFT. Only the command line and the settings pages meet it.
    InvoiceDraft = "invoice_draft",
    /// The invoice is SENT. Only the command line and the settings pages meet it.
    InvoiceSent = "invoice_sent",
    /// The invoice is PAID. Only the command line and the settings pages meet it.
    InvoicePaid = "invoice_paid",
    /// The invoice is CANCELLED. Only the command line and the settings pages meet it.
    InvoiceCancelled = "invoice_cancelled",
    /// Nothing has been paid that could be refunded. Only the command line and the settings pages meet it.
    NothingToRefund = "nothing_to_refund",

    /// The workspace has as many members as its plan allows. Only the command line and the settings pages meet it.
    MemberCap = "member_cap",
    /// The person is a member already. Only the command line and the settings pages meet it.
    AlreadyMember = "already_member",
    /// The last Owner can be neither removed nor lowered. Only the command line and the settings pages meet it.
    LastOwner = "last_owner",
    /// The member has as many live tokens as a member may have. Only the command line and the settings pages meet it.
    TokenCap = "token_cap",
    /// The member has as many passkeys as a member may have. Only the settings pages meet it.
    PasskeyCap = "passkey_cap",
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
