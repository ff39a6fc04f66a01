//! Who may do what: the table role × action, and the check of plan, role and scope by it. Which rows a role sees is in
//! `scope`.
//!
//! A Member never sees money, which is decided in three places. This table gives Members no action on clients, expenses
//! and invoices, and `scope` no row of them. Of projects and reports, which Members do see, `sees_money` decides whether
//! the fields with rates, amounts and budgets are there (`contract::visible::Visible`). `tests/it/roles.rs` compares every
//! answer that a Member gets with the list of these fields.

use entity::value::{Role, TokenScope};

use crate::access::action::{Access, Action};
use crate::contract::caller::Caller;
use crate::contract::error::Error;

/// Checks that the plan, the role and the token's scope of a caller allow an action. It reads nothing but the caller, so that a
/// surface can ask before it reads the fields of a body.
///
/// # Errors
/// `PlanLacks` or `Forbidden`.
pub fn ensure_allowed(caller: &Caller, action: Action) -> Result<(), Error> {
    let feature = if caller.session.is_some() { action.feature_of_session() } else { Some(action.feature()) };
    if let Some(feature) = feature.filter(|feature| !feature.is_in(caller.plan)) {
        return Err(Error::PlanLacks(feature));
    }
    if action.needs_session() && caller.session.is_none() {
        let message = format!("no token can {}; the settings pages and the command line can", action.words());
        return Err(Error::Forbidden(message.into()));
    }
    if !allows(caller.role, action) {
        let message = format!("your role {} may not {}", caller.role, action.words());
        return Err(Error::Forbidden(message.into()));
    }
    if action.access() != Access::Read && caller.scope != TokenScope::Write {
        let message = format!("to {}, use a token with scope write: this one has scope read", action.words());
        return Err(Error::Forbidden(message.into()));
    }
    Ok(())
}

/// Checks that a caller on the settings pages has signed in within the last five minutes, where an action asks for that.
///
/// # Errors
/// `Forbidden`.
pub fn ensure_recent(caller: &Caller, action: Action) -> Result<(), Error> {
    match caller.session {
        Some(session) if action.needs_recent_sign_in() && !session.recent => {
            let message = format!("to {} takes a sign-in of the last five minutes; sign in again", action.words());
            Err(Error::Forbidden(message.into()))
        }
        _ => Ok(()),
    }
}

/// Whether a role may do this at all.
pub const fn allows(role: Role, action: Action) -> bool {
    use Action::*;
    use Role::*;
    match (action, role) {
        (GetMe | GetOrganization, _) => true,
        (ListMembers | GetMember, _) => true,
        (ListTokens | RevokeToken, _) => true,

        (ListClients | GetClient, Owner | Admin | Manager) => true,
        (CreateClient | UpdateClient | DeleteClient, Owner | Admin | Manager) => true,
        (ListClients | GetClient | CreateClient | UpdateClient | DeleteClient, Member) => false,

        (ListProjects | GetProject, _) => true,
        (CreateProject | UpdateProject | DeleteProject, Owner | Admin | Manager) => true,
        (ArchiveProject | RestoreProject, Owner | Admin | Manager) => true,
        (ArchiveProject | RestoreProject, Member) => false,
        (CreateProject | UpdateProject | DeleteProject, Member) => false,

        (ListProjectMembers, _) => true,
        (AddProjectMember | RemoveProjectMember, Owner | Admin | Manager) => true,
        (AddProjectMember | RemoveProjectMember, Member) => false,

        (ListTasks | GetTask, _) => true,
        // A Member changes a few things of the tasks that are assigned to them; `task` knows which.
        (UpdateTask, _) => true,
        (CreateTask | DeleteTask | ArchiveTask | RestoreTask, Owner | Admin | Manager) => true,
        (CreateTask | DeleteTask | ArchiveTask | RestoreTask, Member) => false,

        (ListTimeEntries | GetTimeEntry | GetRunningTimer, _) => true,
        (StartTimer | StopTimer | StopRunningTimer, _) => true,
        (GetTimeReport, _) => true,
        (CreateTimeEntry | CreateTimeEntries | UpdateTimeEntry | DeleteTimeEntry, _) => true,

        (ListExpenses | GetExpense | GetExpenseReport, Owner | Admin | Manager) => true,
        (GetExpenseReport, Member) => false,
        (CreateExpense | UpdateExpense | DeleteExpense, Owner | Admin | Manager) => true,
        (ListExpenses | GetExpense | CreateExpense | UpdateExpense | DeleteExpense, Member) => false,

        (ListInvoices | GetInvoice | GetInvoiceReport, Owner | Admin | Manager) => true,
        (ListInvoices | GetInvoice | GetInvoiceReport, Member) => false,

        (ListWebhookEndpoints | GetWebhookEndpoint | CreateWebhookEndpoint, Owner | Admin) => true,
        (UpdateWebhookEndpoint | DeleteWebhookEndpoint, Owner | Admin) => true,
        (RotateWebhookSecret | TestWebhookEndpoint, Owner | Admin) => true,
        (ListWebhookEndpoints | GetWebhookEndpoint | CreateWebhookEndpoint, Manager | Member) => false,
        (UpdateWebhookEndpoint | DeleteWebhookEndpoint, Manager | Member) => false,
        (RotateWebhookSecret | TestWebhookEndpoint, Manager | Member) => false,
        (ListWebhookDeliveries | GetWebhookDelivery, Owner | Admin) => true,
        (ReplayWebhookDelivery | ReplayWebhookDeliveries, Owner | Admin) => true,
        (ListWebhookDeliveries | GetWebhookDelivery, Manager | Member) => false,
        (ReplayWebhookDelivery | ReplayWebhookDeliveries, Manager | Member) => false,
        (ListEvents | GetEvent, Owner | Admin) => true,
        (ListEvents | GetEvent, Manager | Member) => false,

        (ListSessions | EndSession | EndAllSessions, _) => true,
        (ListPasskeys | AddPasskey | RemovePasskey, _) => true,

        (CreateToken, _) => true,
        // Of Owners, only an Owner decides; `member` knows.
        (AddMember | SetMemberRole | RemoveMember | UpdateOrganization, Owner | Admin) => true,
        (AddMember | SetMemberRole | RemoveMember | UpdateOrganization, Manager | Member) => false,
        (PreviewInvoice | CreateInvoice | SendInvoice, Owner | Admin | Manager) => true,
        (RecordPayment | RecordFailedPayment, Owner | Admin | Manager) => true,
        (RefundInvoice | CancelInvoice, Owner | Admin | Manager) => true,
        (PreviewInvoice | CreateInvoice | SendInvoice, Member) => false,
        (RecordPayment | RecordFailedPayment | RefundInvoice | CancelInvoice, Member) => false,
    }
}

/// Whether a role sees rates, amounts, fees and money budgets.
pub const fn sees_money(role: Role) -> bool {
    match role {
        Role::Owner | Role::Admin | Role::Manager => true,
        Role::Member => false,
    }
}

/// Whether a role sees the legal name and the tax number of the workspace.
pub const fn sees_legal_details(role: Role) -> bool {
    sees_money(role)
}

/// Whether a role reaches the whole workspace, not only its own projects and time.
pub const fn sees_all(role: Role) -> bool {
    match role {
        Role::Owner | Role::Admin | Role::Manager => true,
        Role::Member => false,
    }
}

/// Whether a role sees and ends everyone's tokens, and gives an entry to another person.
pub const fn administers(role: Role) -> bool {
    match role {
        Role::Owner | Role::Admin => true,
        Role::Manager | Role::Member => false,
    }
}
