//! Passkeys: what a member signs in to the settings pages with, once one was added. A member sees and removes their own.

mod ceremony;

use entity::passkey;
use entity::value::{Id, PasskeyId, Timestamp};
use sea_orm::Condition;
use serde::{Deserialize, Serialize};

use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::contract::error::Error;
use crate::contract::input::Field;
use crate::contract::outcome::{Deleted, Record, Written};
use crate::door::Cx;
use crate::list::filter::one_of;
use crate::list::page::{Filter, Key, ListArgs, Listed, Page};

pub use self::ceremony::{AddPasskeyInput, Challenge, RelyingParty, add, sign_in, start_adding, start_sign_in};

/// A passkey of a member.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Passkey {
    /// Identifier of the passkey (UUID v7).
    pub id: PasskeyId,
    /// What the member calls it.
    pub name: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used to sign in; none if it never was.
    pub last_used_at: Option<Timestamp>,
}

impl From<passkey::Model> for Passkey {
    fn from(row: passkey::Model) -> Passkey {
        let passkey::Model {
            id,
            organization_id: _,
            member_id: _,
            name,
            credential_id: _,
            credential: _,
            created_at,
            last_used_at,
            removed_at: _,
        } = row;
        Passkey { id, name, created_at, last_used_at }
    }
}

impl Record for Passkey {
    fn id(&self) -> Id {
        self.id.any()
    }

    fn version(&self) -> Option<i32> {
        None
    }
}

crate::sort! {
    /// What passkeys are sorted by.
    pub enum PasskeySort of passkey {
        CreatedAt "createdAt" by "created_at" => |row| row.created_at.into(),
        Id "id" by "id" => |_row| Key::Id,
    }
}

crate::input! {
    /// Filters of the list of passkeys.
    pub struct PasskeyFilter {
        /// Only passkeys with one of these identifiers.
        pub id: Field<Vec<PasskeyId>>,
    }
}

impl Filter for PasskeyFilter {
    fn condition(&self, _: &Caller) -> Condition {
        Condition::all().add_option(one_of(passkey::Column::Id, &self.id))
    }
}

impl Listed for passkey::Entity {
    type Sort = PasskeySort;
    type Filter = PasskeyFilter;
    const SEARCH: Option<passkey::Column> = None;
}

/// A page of the caller's own passkeys.
///
/// # Errors
/// `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list(cx: &Cx, args: &ListArgs<PasskeyFilter, PasskeySort>) -> Result<Page<Passkey>, Error> {
    Ok(cx.list::<passkey::Entity>(Action::ListPasskeys, args).await?.map(Passkey::from))
}

/// Removes one of the caller's own passkeys, which signs in no more.
///
/// # Errors
/// `Forbidden` (no recent sign-in), `NotFound`, `Conflict` (idempotency key), or `Internal` (database).
#[crate::boxed]
pub async fn remove(cx: &Cx, id: PasskeyId) -> Result<Written<Deleted>, Error> {
    cx.write(Action::RemovePasskey, (), async |write, ()| {
        let row = write.lock_exclusive::<passkey::Entity>(id).await?;
        write.store::<passkey::Entity>(passkey::Model { removed_at: Some(write.now), ..row }).await?;
        Ok(Deleted { id: id.any() })
    })
    .await
}
