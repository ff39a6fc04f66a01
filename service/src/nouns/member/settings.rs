//! People, as Owner and Admin administer them on the settings pages. Of Owners, only an Owner decides.

use entity::value::{FieldErrors, MemberId, Name, Role, Text};

use super::membership::{Which, ensure_decides, give_role, join, leave};
use super::{Member, NewMember};
use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::contract::error::Error;
use crate::contract::input::{Input, Required, Validate};
use crate::contract::outcome::Written;
use crate::door::Cx;

crate::input! {
    /// A person who joins the workspace.
    pub struct AddMemberInput {
        /// E-mail address, by which the person is known in every workspace.
        pub email: Required<Text<254>>,
        /// Name of the person in this workspace.
        pub name: Required<Name>,
        /// Role of the person, which decides what they may see and do.
        pub role: Required<Role>,
    }
}

impl Validate for AddMemberInput {
    fn refuse(&self, caller: &Caller) -> Result<(), Error> {
        self.role.get().map_or(Ok(()), |role| ensure_decides(Some(caller.role), *role))
    }

    fn problems(&self) -> FieldErrors {
        let mut problems = self.field_problems();
        if self.email.get().is_some_and(|email| !is_address(email.as_str())) {
            problems.add("email", "must be an e-mail address, such as ada@example.com");
        }
        problems
    }
}

/// Whether a text has the form of an e-mail address. Whether mail arrives there, only mail can say.
fn is_address(text: &str) -> bool {
    let parts = text.split_once('@').filter(|(name, host)| !name.is_empty() && !host.is_empty());
    parts.is_some_and(|(_, host)| !host.contains('@')) && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

crate::input! {
    /// Another role for a member.
    pub struct SetMemberRoleInput {
        /// The new role, which counts from the next request of the member.
        pub role: Required<Role>,
    }
}

impl Validate for SetMemberRoleInput {
    fn refuse(&self, caller: &Caller) -> Result<(), Error> {
        self.role.get().map_or(Ok(()), |role| ensure_decides(Some(caller.role), *role))
    }

    fn problems(&self) -> FieldErrors {
        self.field_problems()
    }
}

/// Adds a person to the caller's workspace, within the cap of its plan.
///
/// # Errors
/// `Forbidden` (role, sign-in, or an Owner made by somebody else), `Invalid` (input), `Conflict` (cap, member already, or
/// key), or `Internal` (database).
#[crate::boxed]
pub async fn add(cx: &Cx, input: AddMemberInput) -> Result<Written<Member>, Error> {
    cx.create(Action::AddMember, input, async |write, input| {
        let AddMemberInput { email, name, role, not_taken: _ } = input;
        join(write, NewMember { email: email.value()?, name: name.value()?, role: role.value()? }).await
    })
    .await
}

/// Gives a member another role; never leaves a workspace without an Owner.
///
/// # Errors
/// `Forbidden` (role, sign-in, or an Owner changed by somebody else), `Invalid` (input), `NotFound`, `Conflict` (the last
/// Owner, or key), or `Internal` (database).
#[crate::boxed]
pub async fn set_role(cx: &Cx, id: MemberId, input: SetMemberRoleInput) -> Result<Written<Member>, Error> {
    cx.write(Action::SetMemberRole, input, async |write, input| {
        give_role(write, &Which::Id(id), input.role.value()?).await
    })
    .await
}

/// Ends a membership, also the caller's own: revokes its tokens permanently and ends its sessions. Their time stays.
///
/// # Errors
/// `Forbidden` (role, sign-in, or an Owner removed by somebody else), `NotFound`, `Conflict` (the last Owner, or key), or
/// `Internal` (database).
#[crate::boxed]
pub async fn remove(cx: &Cx, id: MemberId) -> Result<Written<Member>, Error> {
    cx.write(Action::RemoveMember, (), async |write, ()| leave(write, &Which::Id(id)).await).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_name_and_a_host() {
        for good in ["ada@example.com", "a+b@localhost", "å@exämple.org"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["", "ada", "@example.com", "ada@", "a@b@c", "ada lovelace@example.com", "ada@exam ple.com"] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn of_owners_only_an_owner_decides() {
        for role in Role::ALL {
            assert!(ensure_decides(None, *role).is_ok(), "the operator, {role}");
            assert!(ensure_decides(Some(Role::Owner), *role).is_ok(), "an Owner, {role}");
            assert_eq!(ensure_decides(Some(Role::Admin), *role).is_ok(), *role != Role::Owner, "an Admin, {role}");
        }
    }
}
