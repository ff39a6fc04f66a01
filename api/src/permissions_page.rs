//! The page of permissions, `docs/permissions.md`: every action by role, plan and token scope, generated from the policy.

use service::value::{Plan, Role};
use service::{Access, Action, Feature, policy};

/// How much of an action a role may do.
fn cell(role: Role, action: Action) -> &'static str {
    use Action::*;
    let everything = match action {
        GetMe | GetOrganization => true,
        // Nobody sees or ends how another person signs in.
        ListSessions | EndSession | EndAllSessions | ListPasskeys | AddPasskey | RemovePasskey => false,
        // There is one running timer per person, and nobody starts another person's.
        GetRunningTimer | StartTimer => false,
        ListTokens | RevokeToken => policy::administers(role),
        _ => policy::sees_all(role),
    };
    match (policy::allows(role, action), everything) {
        (false, _) => "✘",
        (true, true) => "✔",
        (true, false) => "own",
    }
}

/// The page of permissions, `docs/permissions.md`.
pub fn page() -> String {
    let mut page = String::from(HEAD);
    for action in Action::ALL {
        let cells: Vec<_> = Role::ALL.iter().map(|role| cell(*role, *action)).collect();
        let scope = match action.access() {
            _ if action.needs_session() => "none: settings pages only",
            Access::Read => "read",
            Access::Write => "write",
        };
        let plan = match action.feature() {
            Feature::ApiAccess if action.needs_session() => Plan::Free,
            feature => feature.required_plan(),
        };
        page.push_str(&format!(
            "| `{}` | {} | {} | {scope} |\n",
            action.operation_id(),
            cells.join(" | "),
            plan.as_str(),
        ));
    }
    page.push_str(TAIL);
    page
}

const HEAD: &str = "# Permissions

Which role may perform which action, on which plan and with which scope of the token. This page is generated from the
policy by `make accept`, and a test compares it. The names of the actions are the operation ids of REST; a writing action
is the mutation of the same name in GraphQL. What no token performs is on the settings pages alone, where a member signs in;
every plan may sign in there.

✔ all records of the workspace · own: only the caller's own records, see below · ✘ refused with 403

| action | Owner | Admin | Manager | Member | plan, at least | token scope |
| --- | --- | --- | --- | --- | --- | --- |
";

const TAIL: &str = "
## Own records

- **Tokens**: the caller's own tokens.
- **Sessions and passkeys**: the caller's own, whatever the role.
- **Timers**: the caller's own running timer.
- **Members**: a Member sees only their own record.
- **Projects and tasks**: a Member reads the projects that they are on, and the tasks of these projects.
- **`updateTask`**: of the tasks that are assigned to them, a Member changes status, description, priority, tags, dates and
  `estimatedHours`.
- **Time entries and the time report**: a Member reads their own time, on former projects too, and writes their own time
  that is not invoiced, on the projects that they are on now.

## Further rules

- A Member never sees money: rates, amounts, fees and money budgets are absent over REST and null in GraphQL, and a Member
  can neither sort nor filter by them.
- A Member does not see the legal name and the tax fields of the workspace.
- Only Owner and Admin assign an existing time entry to another person.
- `updateWebhookEndpoint` needs the plan agency, unless it only disables the endpoint.
- A token with scope `read` performs no writing action, whatever the role of its owner.
- No token creates tokens; the operator does, with `hoursmith token create`.
";
