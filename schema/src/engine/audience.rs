//! Who may read and call the fields of the roots, as part of their descriptions: one line for all fields of one audience,
//! made from the policy.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use service::{Access, Action};

/// The description of `Query`.
pub(crate) static QUERY: LazyLock<String> =
    LazyLock::new(|| described("The records that a client can read.", Access::Read));

/// The description of `Mutation`.
pub(crate) static MUTATION: LazyLock<String> =
    LazyLock::new(|| described("The changes that a client can make.", Access::Write));

fn described(about: &str, access: Access) -> String {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for action in Action::ALL.iter().filter(|action| action.access() == access) {
        if let Some(field) = field(*action) {
            fields.entry(service::audience(*action)).or_default().push(format!("`{field}`"));
        }
    }
    let lines: Vec<String> =
        fields.iter().map(|(audience, fields)| format!("- {}. {audience}", fields.join(", "))).collect();
    format!("{about}\n\n{}", lines.join("\n"))
}

/// The field of an action: a write has its name, a read that of the record. The members of a project stand below it,
/// and the running timer is stopped by `stopTimer`.
fn field(action: Action) -> Option<String> {
    let id = action.operation_id();
    match action {
        _ if action.needs_session() => None,
        Action::GetMe => Some("viewer".into()),
        Action::ListProjectMembers | Action::StopRunningTimer => None,
        _ if action.access() == Access::Write => Some(id.into_owned()),
        _ => {
            let noun = id.strip_prefix("list").or(id.strip_prefix("get"))?;
            let (first, rest) = noun.split_at(noun.len().min(1));
            Some(first.to_ascii_lowercase() + rest)
        }
    }
}
