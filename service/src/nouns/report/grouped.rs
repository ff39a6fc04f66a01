//! What all reports share: groups, a query of own parameters and the filters of a list, and sums of amounts in SQL.

use std::cell::LazyCell;
use std::fmt::Display;

use entity::value::{FieldErrors, Id};
use sea_orm::QueryResult;
use sea_orm::sea_query::{Alias, Expr, SelectStatement, SimpleExpr};

use crate::contract::error::Error;
use crate::contract::input::{Field, camel};
use crate::list::page::{Filter, grouped, unknown};

/// Says how to group by some of these.
pub(super) fn how_to_group<G: Display>(most: usize, all: &[G]) -> String {
    let many = ["one", "one or two", "one to three"].get(most.saturating_sub(1)).copied().unwrap_or("some");
    format!("required: {many}, each once, with commas between, of {}", names(all))
}

/// Checks that there are not too many groups, and none twice.
pub(super) fn check<G: Display + PartialEq>(groups: &[G], most: usize, all: &[G]) -> Result<(), FieldErrors> {
    let twice = groups.iter().enumerate().any(|(i, group)| groups[..i].contains(group));
    if groups.len() <= most && !twice {
        return Ok(());
    }
    Err(how_to_group(most, all).replace("required: ", "must be ").into())
}

/// A list of groups, of `all` that exist: in either case, as `paymentStatus` or `PAYMENT_STATUS`, with commas between or
/// repeated.
pub(super) fn list<G: Copy + Display>(values: &[String], all: &[G]) -> Field<Vec<G>> {
    let plain = |name: &str| name.trim().replace('_', "").to_ascii_lowercase();
    let group = |sent: &str| all.iter().find(|group| plain(&group.to_string()) == plain(sent)).copied();
    let groups: Option<Vec<G>> = values.iter().flat_map(|list| list.split(',')).map(group).collect();
    match groups {
        Some(groups) => Field::Value(groups),
        None => Field::Bad(format!("must be of {}", names(all)).into()),
    }
}

/// The names of groups, as the keys of rows are called.
fn names<G: Display>(all: &[G]) -> String {
    let all: Vec<_> = all.iter().map(|group| camel(&group.to_string().to_ascii_lowercase())).collect();
    all.join(", ")
}

/// Reads the pairs of a query: parameters of the report's `own`, filters, and those that the surface reads itself. Returns
/// the errors of unknown ones. An empty value counts as not sent.
pub(super) fn read<F: Filter>(
    pairs: &[(String, String)],
    own: &[&str],
    also: &[&str],
    filter: &mut F,
    mut set: impl FnMut(&str, &[String]),
) -> FieldErrors {
    let mut not_taken = FieldErrors::none();
    let filters = LazyCell::new(|| F::fields().into_iter().map(|field| field.name).collect::<Vec<_>>());
    for (name, values) in grouped(pairs.to_vec()) {
        let name = name.as_str();
        if also.contains(&name) {
            continue;
        }
        if values.is_empty() && (own.contains(&name) || filters.contains(&name)) {
            continue;
        }
        if own.contains(&name) {
            set(name, &values);
        } else if values.is_empty() || !filter.set_query(name, &values) {
            unknown(&mut not_taken, name, || own.iter().chain(also).chain(&*filters).copied().collect());
        }
    }
    not_taken
}

/// Adds an expression to the columns and to the groups of a statement.
pub(super) fn group(statement: &mut SelectStatement, by: impl Into<SimpleExpr>, name: &'static str) {
    statement.expr_as(by.into(), Alias::new(name)).add_group_by([SimpleExpr::from(Expr::col(Alias::new(name)))]);
}

/// What an amount is cut by before it is summed: sums of both parts fit in 64 bits, however many rows there are.
const PART: i64 = 100_000_000;

/// Adds the sum of an expression over ten-thousandths, in two parts, to the columns of a statement.
pub(super) fn sum(statement: &mut SelectStatement, amount: &str, name: &str) {
    for (part, operator) in [("high", "/"), ("low", "%")] {
        let sum = format!("CAST(SUM(({amount}) {operator} {PART}) AS BIGINT)");
        statement.expr_as(Expr::cust(sum), Alias::new(format!("{name}_{part}")));
    }
}

/// Reads such a sum.
pub(super) fn sum_of(row: &QueryResult, name: &str) -> Result<i128, Error> {
    let high: i64 = row.try_get("", &format!("{name}_high"))?;
    let low: i64 = row.try_get("", &format!("{name}_low"))?;
    Ok(i128::from(high) * i128::from(PART) + i128::from(low))
}

/// The month of a date column, `YYYY-MM`.
pub(super) fn month(column: &str, postgres: bool) -> SimpleExpr {
    Expr::cust(match postgres {
        true => format!("to_char({column}, 'YYYY-MM')"),
        false => format!("substr({column}, 1, 7)"),
    })
}

/// A record that rows are grouped by: its id and name, if there is one.
pub(super) fn record(row: &QueryResult, id: &str, name: &str) -> Result<Option<(Id, Option<String>)>, Error> {
    let id: Option<Id> = row.try_get("", id)?;
    let name: Option<String> = row.try_get("", name)?;
    Ok(id.map(|id| (id, name)))
}
