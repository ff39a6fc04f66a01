//! Statements whose text is made once. The same few are sent all the time, for other callers and other records: making
//! their text anew took a tenth of the time of a short read. Each is made once for stand-ins; where those turn up among
//! its values, the values of the request are put.
//!
//! Decision: `docs/decisions/0062-texts-of-statements-are-made-once.md`.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use entity::cells::{Columns, SEARCHED};
use entity::value::{Id, MemberId, OrganizationId, Role, UserId};
use sea_orm::sea_query::SelectStatement;
use sea_orm::{DbBackend, EntityTrait, IdenStatic, Iterable, QuerySelect, Select, Value, Values};
use uuid::Uuid;

use crate::access::caller::Caller;
pub(crate) use crate::core::database::Ready;

/// The id of a record, in a statement that is made for stand-ins.
pub(crate) const PLACEHOLDER_ID: Id = stand_in(1);
/// The id of another record in it.
pub(crate) const SECOND_PLACEHOLDER_ID: Id = stand_in(5);
const WORKSPACE: OrganizationId = stand_in(2);
const USER: UserId = stand_in(3);
const MEMBER: MemberId = stand_in(4);

/// Ids of a version that none of ours has.
const fn stand_in<T>(number: u128) -> Id<T> {
    Id::new(Uuid::from_u128(0x6c69_6b65_2061_8020_8f6e_6500_0000_0000 + number))
}

/// Which statement of a table it is: everything that its text depends on, but for table, role and database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    /// One live row.
    One {
        /// With the access epoch beside it.
        confirms: bool,
    },
    /// One live row, locked.
    Locked {
        /// Against every other write, and not only against changes.
        exclusively: bool,
    },
    /// Live rows of several tables, locked, by the name of the statement.
    Together(&'static str),
    /// The first rows below each of many parents, in lists without filters.
    Below {
        /// The column that has the parent.
        parent: &'static str,
        /// The column that each list is sorted by.
        sort: &'static str,
        /// Whether the greatest comes first.
        descending: bool,
        /// Whether they have deleted rows too.
        deleted: bool,
        /// How many rows are asked for below each parent.
        rows: u64,
        /// The columns that are read of each.
        columns: Columns,
    },
    /// A page of a list without filters.
    Page {
        /// The column that it is sorted by.
        sort: &'static str,
        /// Whether the greatest comes first.
        descending: bool,
        /// Whether it begins at a cursor.
        continued: bool,
        /// Whether it has deleted rows too.
        deleted: bool,
        /// How many rows are asked for.
        rows: u64,
        /// With the access epoch beside each row.
        confirms: bool,
    },
}

/// A query without the texts that are searched, as `Shown` reads it.
pub(crate) fn shown<E: EntityTrait>(query: Select<E>) -> Select<E> {
    shown_columns::<E>().fold(query.select_only(), QuerySelect::column)
}

/// Its columns.
fn shown_columns<E: EntityTrait>() -> impl Iterator<Item = E::Column> {
    shown_of::<E>(Columns::ALL)
}

/// Those of these columns that are shown.
pub(crate) fn shown_of<E: EntityTrait>(columns: Columns) -> impl Iterator<Item = E::Column> {
    let all = E::Column::iter().enumerate().filter(move |(index, _)| columns.has(*index));
    all.map(|(_, column)| column).filter(|column| column.as_str() != SEARCHED)
}

/// A text with what stands in the places of its values.
struct Text {
    text: Arc<str>,
    values: Vec<Slot>,
}

enum Slot {
    Workspace,
    User,
    Member,
    /// Of what the request brings.
    Brought(usize),
    /// A constant of the statement.
    Fixed(Value),
}

/// Sets of columns that texts are made for, at most: a client may select any, and each is a text more for each shape.
const SETS: usize = 64;

static READ: LazyLock<RwLock<HashSet<(TypeId, Columns)>>> = LazyLock::new(RwLock::default);

/// The columns that are read where these are needed: these, or all if too many other sets were asked for before.
pub(crate) fn read_columns<E: 'static>(needed: Columns) -> Columns {
    let set = (TypeId::of::<E>(), needed);
    if needed == Columns::ALL || READ.read().unwrap_or_else(PoisonError::into_inner).contains(&set) {
        return needed;
    }
    let mut known = READ.write().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= SETS && !known.contains(&set) {
        return Columns::ALL;
    }
    known.insert(set);
    needed
}

type Key = (TypeId, bool, Role, Shape);

static TEXTS: LazyLock<RwLock<HashMap<Key, Arc<Text>>>> = LazyLock::new(RwLock::default);

/// The statement of a table, for a caller. `arguments` are the values that the request brings, each after its stand-in.
/// `make` makes the statement for stand-ins; apart from them it depends on nothing but table, database, role and shape.
pub(crate) fn ready<T: 'static>(
    shape: Shape,
    backend: DbBackend,
    caller: &Caller,
    arguments: &[(Value, Value)],
    make: impl FnOnce(&Caller) -> SelectStatement,
) -> Ready {
    let key = (TypeId::of::<T>(), backend == DbBackend::Postgres, caller.role, shape);
    let known = TEXTS.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    let text = known.unwrap_or_else(|| {
        let stand_in = Caller { organization_id: WORKSPACE, user_id: USER, member_id: MEMBER, ..caller.clone() };
        let text = Arc::new(Text::of(make(&stand_in), backend, arguments));
        TEXTS.write().unwrap_or_else(PoisonError::into_inner).insert(key, text.clone());
        text
    });
    let value = |slot: &Slot| match slot {
        Slot::Workspace => caller.organization_id.into(),
        Slot::User => caller.user_id.into(),
        Slot::Member => caller.member_id.into(),
        Slot::Brought(index) => arguments.get(*index).map_or(Value::Bool(None), |(_, value)| value.clone()),
        Slot::Fixed(value) => value.clone(),
    };
    let values = Values(text.values.iter().map(value).collect());
    Ready { text: text.text.clone(), values, columns: Columns::ALL }
}

impl Text {
    fn of(statement: SelectStatement, backend: DbBackend, arguments: &[(Value, Value)]) -> Text {
        let Ready { text, values, .. } = backend.build(&statement).into();
        let slot = |value: Value| match &value {
            value if *value == WORKSPACE.into() => Slot::Workspace,
            value if *value == USER.into() => Slot::User,
            value if *value == MEMBER.into() => Slot::Member,
            value if arguments.iter().any(|(stand_in, _)| stand_in == value) => {
                Slot::Brought(arguments.iter().position(|(stand_in, _)| stand_in == value).unwrap_or_default())
            }
            _ => Slot::Fixed(value),
        };
        Text { text, values: values.0.into_iter().map(slot).collect() }
    }
}

#[cfg(test)]
mod tests {
    use entity::value::{Plan, TokenScope};
    use entity::{project, task, time_entry, token};
    use sea_orm::{ColumnTrait, QueryFilter, QueryTrait};

    use super::*;
    use crate::access::scope::Identified;

    fn caller(role: Role, number: u128) -> Caller {
        fn id<T>(number: u128) -> Id<T> {
            Id::new(Uuid::from_u128(number))
        }
        let number = number * 100;
        Caller {
            organization_id: id(number + 1),
            organization_name: String::new(),
            plan: Plan::Agency,
            default_currency: entity::value::Wire::parse_text("EUR").expect("a currency"),
            member_id: id(number + 2),
            user_id: id(number + 3),
            name: String::new(),
            email: String::new(),
            role,
            token_id: id(number + 4),
            token_name: String::new(),
            scope: TokenScope::Write,
            session: None,
        }
    }

    fn one<E: Identified>(caller: &Caller, id: Id) -> SelectStatement {
        E::live(E::within(caller).filter(E::ID.eq(id))).into_query()
    }

    fn is_as_made_anew<E: Identified>() {
        for backend in [DbBackend::Postgres, DbBackend::Sqlite] {
            for role in Role::ALL {
                for number in 1..4 {
                    let (caller, id) = (caller(*role, number), Id::new(Uuid::from_u128(number)));
                    let shape = Shape::One { confirms: false };
                    let arguments = [(PLACEHOLDER_ID.into(), id.into())];
                    let ready =
                        ready::<E>(shape, backend, &caller, &arguments, |caller| one::<E>(caller, PLACEHOLDER_ID));
                    let anew = Ready::from(backend.build(&one::<E>(&caller, id)));
                    assert_eq!((&*ready.text, &ready.values), (&*anew.text, &anew.values), "{role} {number}");
                }
            }
        }
    }

    #[test]
    fn a_text_that_is_made_once_is_that_of_each_caller() {
        is_as_made_anew::<time_entry::Entity>();
        is_as_made_anew::<project::Entity>();
        is_as_made_anew::<task::Entity>();
        is_as_made_anew::<token::Entity>();
    }
}
