//! The table of `docs/permissions.md`, written out by hand: which role may do what. The policy is compared with it, so
//! that a mistake in the policy is a failure and not a new expectation.

use service::value::Role;
use service::{Action, policy};

/// Actions by who may do them: everyone; Manager and above; Owner and Admin.
const TABLE: [(&[Role], &str); 3] = [
    (
        &[Role::Owner, Role::Admin, Role::Manager, Role::Member],
        "GetMe GetOrganization ListMembers GetMember ListTokens RevokeToken ListProjects GetProject ListProjectMembers \
            ListTasks GetTask UpdateTask ListTimeEntries GetTimeEntry GetRunningTimer StartTimer StopTimer StopRunningTimer CreateTimeEntry \
            CreateTimeEntries UpdateTimeEntry DeleteTimeEntry GetTimeReport \
            ListSessions EndSession EndAllSessions ListPasskeys AddPasskey RemovePasskey CreateToken",
    ),
    (
        &[Role::Owner, Role::Admin, Role::Manager],
        "ListClients GetClient CreateClient UpdateClient DeleteClient CreateProject UpdateProject DeleteProject \
            ArchiveProject RestoreProject AddProjectMember RemoveProjectMember CreateTask DeleteTask ArchiveTask RestoreTask \
            ListExpenses GetExpense CreateExpense UpdateExpense DeleteExpense ListInvoices GetInvoice \
            GetExpenseReport GetInvoiceReport PreviewInvoice CreateInvoice SendInvoice RecordPayment RecordFailedPayment \
            RefundInvoice CancelInvoice",
    ),
    (
        &[Role::Owner, Role::Admin],
        "ListWebhookEndpoints GetWebhookEndpoint CreateWebhookEndpoint UpdateWebhookEndpoint DeleteWebhookEndpoint \
            RotateWebhookSecret TestWebhookEndpoint ListWebhookDeliveries GetWebhookDelivery ReplayWebhookDelivery \
            ReplayWebhookDeliveries ListEvents GetEvent AddMember SetMemberRole RemoveMember UpdateOrganization",
    ),
];

#[test]
fn the_policy_is_the_table_of_the_contract() {
    let mut known = 0;
    for (roles, actions) in TABLE {
        for name in actions.split_whitespace() {
            let action = Action::ALL.iter().find(|action| action.name() == name);
            let action = *action.unwrap_or_else(|| panic!("there is no action {name}"));
            known += 1;
            for role in Role::ALL {
                assert_eq!(policy::allows(*role, action), roles.contains(role), "{role} {name}");
            }
        }
    }
    assert_eq!(known, Action::ALL.len(), "an action is missing from the table, or stands there twice");
}
