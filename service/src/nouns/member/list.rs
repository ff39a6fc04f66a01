//! Lists of members: what they are sorted and filtered by.

use entity::member;
use entity::value::{DateOrDateTime, MemberId, Role};
use sea_orm::Condition;

use super::Member;
use crate::access::action::Action;
use crate::access::caller::Caller;
use crate::contract::error::Error;
use crate::contract::input::Field;
use crate::door::Cx;
use crate::list::filter::{one_of, since, until};
use crate::list::page::{Filter, Key, ListArgs, Listed, Page};

crate::sort! {
    /// What members are sorted by.
    pub enum MemberSort of member {
        CreatedAt "createdAt" by "created_at" => |row| row.created_at.into(),
        Id "id" by "id" => |_row| Key::Id,
        Role "role" by "role" => |row| Key::Number(row.role.rank().into()),
    }
}

crate::input! {
    /// Filters of the list of members; a member must match all of them.
    pub struct MemberFilter {
        /// Only members with one of these identifiers.
        pub id: Field<Vec<MemberId>>,
        /// Only members with one of these roles.
        pub role: Field<Vec<Role>>,
        /// Only members who joined at or after this instant; a date means the start of that UTC day.
        pub created_at_from: Field<DateOrDateTime>,
        /// Only members who joined at or before this instant; a date means the end of that UTC day.
        pub created_at_to: Field<DateOrDateTime>,
    }
}

impl Filter for MemberFilter {
    fn condition(&self, _: &Caller) -> Condition {
        use member::Column;
        Condition::all()
            .add_option(one_of(Column::Id, &self.id))
            .add_option(one_of(Column::Role, &self.role))
            .add_option(since(Column::CreatedAt, &self.created_at_from))
            .add_option(until(Column::CreatedAt, &self.created_at_to))
    }
}

impl Listed for member::Entity {
    type Sort = MemberSort;
    type Filter = MemberFilter;
    const SEARCH: Option<member::Column> = Some(member::Column::SearchKey);
}

/// A page of members.
///
/// # Errors
/// `Forbidden` (role, scope or filter), `Invalid` (parameter), `BadRequest` (cursor), or `Internal` (database).
#[crate::boxed]
pub async fn list(cx: &Cx, args: &ListArgs<MemberFilter, MemberSort>) -> Result<Page<Member>, Error> {
    Ok(cx.list::<member::Entity>(Action::ListMembers, args).await?.map(Member::from))
}
