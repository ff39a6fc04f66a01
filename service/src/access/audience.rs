//! Who may call an action, in words: made from the policy and from what the plans have, so that the published reference
//! cannot promise anything else.

use entity::value::{Plan, Role};

use crate::access::action::{Access, Action};
use crate::access::policy;

/// Such as "**Roles:** Owner, Admin. **Plans:** Agency. **Token scope:** `write`." What a role sees of the records, and
/// what depends on the input, is said in the description of the operation.
pub fn audience(action: Action) -> String {
    let roles = Role::ALL.iter().filter(|role| policy::allows(**role, action)).map(|role| title(role.as_str()));
    let plans = Plan::ALL.iter().filter(|plan| action.feature().is_in(**plan)).map(|plan| title(plan.as_str()));
    let scope = match action.access() {
        Access::Read => "read",
        Access::Write => "write",
    };
    let [roles, plans] = [roles.collect::<Vec<_>>(), plans.collect()].map(|names| names.join(", "));
    format!("**Roles:** {roles}. **Plans:** {plans}. **Token scope:** `{scope}`.")
}

/// `OWNER` and `owner` as `Owner`.
fn title(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
}
