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
        // A token acts as the person who made it.
        CreateToken => false,
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

fn row(action: Action, plan: Plan, last: &str) -> String {
    let cells: Vec<_> = Role::ALL.iter().map(|role| cell(*role, action)).collect();
    format!("| `{}` | {} | {} | {last} |\n", action.operation_id(), cells.join(" | "), plan.as_str())
}

/// The page of permissions, `docs/permissions.md`.
pub fn page() -> String {
    let mut page = String::from(HEAD);
    for action in Action::ALL.iter().filter(|action| !action.needs_session()) {
        let scope = match action.access() {
            Access::Read => "read",
            Access::Write => "write",
        };
        page.push_str(&row(*action, action.feature().required_plan(), scope));
    }
    page.push_str(SETTINGS);
    for action in Action::ALL.iter().filter(|action| action.needs_session()) {
        let plan = action.feature_of_session().map_or(Plan::Free, Feature::required_plan);
        let sign_in = if action.needs_recent_sign_in() { "of the last 5 minutes" } else { "any" };
        page.push_str(&row(*action, plan, sign_in));
    }
    page.push_str(TAIL);
    page
}

const HEAD: &str = "# Permissions

Which role may perform which action, on which plan and with which scope of the token. This page is generated from the
policy that the server follows. The names of the actions are the operation ids of REST; a writing action
is the mutation of the same name in GraphQL.

✔ all records of the workspace · own: only the caller's own records, see below · ✘ refused with 403

| action | Owner | Admin | Manager | Member | plan, at least | token scope |
| --- | --- | --- | --- | --- | --- | --- |
";

const SETTINGS: &str = "
## On the settings pages only

The settings pages offer all of the above, and what follows, which no token performs, whatever its scope and the role of its
owner. The operator has the same on the command line, except for sessions and passkeys. Every plan may sign in.

| action | Owner | Admin | Manager | Member | plan, at least | sign-in |
| --- | --- | --- | --- | --- | --- | --- |
";

const TAIL: &str = "
## Own records

- **Tokens**: the caller's own tokens. Everyone makes tokens for themself only.
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
- Of Owners, only an Owner decides: an Admin can neither add an Owner, nor make anybody Owner, nor change or remove one.
- The last Owner can be neither removed nor given another role.
";
