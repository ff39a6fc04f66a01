//! Which kind of record an id is of: one statement over every table that the caller's role may read.

use entity::value::Id;
use sea_orm::sea_query::{Alias, Expr, UnionType};

use crate::access::action::Action;
pub use crate::access::scope::RecordKind;
use crate::contract::error::Error;
use crate::door::Cx;

/// The kind of the live record with this id, if the caller sees one.
///
/// # Errors
/// `Forbidden` (role or scope), or `Internal` (database).
#[crate::boxed]
pub async fn kind_of(cx: &Cx, id: Id) -> Result<RecordKind, Error> {
    let read = cx.read(Action::GetMe)?;
    let kinds = (0..).zip(RecordKind::ALL).filter(|(_, (_, action))| cx.may(*action));
    let mut looks = kinds.map(|(number, (kind, _))| {
        let number: i32 = number;
        kind.find(cx.caller(), id).expr_as(Expr::val(number), Alias::new("kind")).take()
    });
    let mut statement = looks.next().ok_or(Error::NotFound("record"))?;
    looks.for_each(|look| {
        statement.union(UnionType::All, look);
    });
    let rows = read.rows(&statement).await?;
    let row = rows.first().ok_or(Error::NotFound("record"))?;
    let number: i32 = row.try_get("", "kind")?;
    let known = usize::try_from(number).ok().and_then(|number| RecordKind::ALL.get(number));
    known.map(|(kind, _)| *kind).ok_or_else(|| Error::bug("a look gave a kind that was not asked for"))
}
