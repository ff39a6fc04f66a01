//! What the reports of expenses and of invoices share: their arguments, and amounts of money summed by group and currency.

use std::collections::BTreeMap;
use std::fmt::Display;

use entity::client;
use entity::value::{Currency, FieldErrors, Money, Wire};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, JoinType, SelectStatement, SimpleExpr};
use sea_orm::{ColumnTrait, QueryResult};

use super::amounts::{MAX_SUMS, money};
use super::{TimeReportNoun, by_name, grouped, sql};
use crate::access::caller::Caller;
use crate::contract::error::Error;
use crate::contract::input::Field;
use crate::contract::visible::Visible;
use crate::list::page::Filter;

/// The most groups of a report of amounts.
const MAX_GROUPS: usize = 2;

/// The arguments of a report of amounts: the groups `G`, and the filter `F` of the records that are counted.
#[derive(Clone, Debug)]
pub struct MoneyReportArgs<G, F> {
    /// The groups, up to two, in the order of the keys of a row. None: only the total.
    pub group_by: Field<Vec<G>>,
    /// The records that are counted.
    pub filter: F,
    /// Unknown parameters that were sent, as errors.
    pub not_taken: FieldErrors,
}

impl<G: Copy + Display + PartialEq, F: Filter> MoneyReportArgs<G, F> {
    /// Reads the pairs of a query string; `also` are parameters that the surface reads itself, `all` the groups that exist.
    pub(super) fn read(pairs: &[(String, String)], also: &[&str], all: &[G]) -> Self {
        let (mut group_by, mut filter) = (Field::Absent, F::default());
        let not_taken = grouped::read(pairs, &["groupBy"], also, &mut filter, |_, values| {
            group_by = grouped::list(values, all);
        });
        MoneyReportArgs { group_by, filter, not_taken }
    }

    /// The groups, in the order asked; none, if they are wrong.
    pub fn groups(&self) -> &[G] {
        self.group_by.get().map_or(&[], Vec::as_slice)
    }

    /// Reports all problems of the arguments together; `all` are the groups that exist.
    pub(super) fn check(&self, caller: &Caller, all: &[G]) -> Result<(), Error> {
        self.filter.check(caller)?;
        let mut problems = self.not_taken.clone();
        problems.nest("groupBy", self.group_by.problems().unwrap_or_default());
        if let Err(wrong) = grouped::check(self.groups(), MAX_GROUPS, all) {
            problems.nest("groupBy", wrong);
        }
        problems.nest("", self.filter.field_problems());
        if problems.is_empty() { Ok(()) } else { Err(Error::Invalid(problems)) }
    }
}

/// Groups a statement by the client of its records, whose columns these are.
pub(super) fn by_client(statement: &mut SelectStatement, organization: impl ColumnTrait, client: impl ColumnTrait) {
    let same = Expr::col(organization.as_column_ref()).equals((client::Entity, client::Column::OrganizationId));
    let joined = same.and(Expr::col(client.as_column_ref()).equals((client::Entity, client::Column::Id)));
    statement.join(JoinType::InnerJoin, client::Entity, joined);
    grouped::group(statement, client::Column::Id.into_expr(), "client_key");
    grouped::group(statement, client::Column::Name.into_expr(), "client_name");
}

/// The record that a row is grouped by, as its key is shown, and what the key is sorted by.
pub(super) fn record_key(
    row: &QueryResult,
    id: &str,
    name: &str,
) -> Result<(sql::Key, Visible<TimeReportNoun>), Error> {
    let record = grouped::record(row, id, name)?;
    let place = record.as_ref().map_or_else(sql::Key::default, |(id, name)| by_name(name.as_deref(), *id));
    Ok((place, Visible::Shown(record.map(|(id, name)| TimeReportNoun { id, name }))))
}

/// Groups a statement by currency too, and adds the number of its records and the sums of these expressions, by name.
pub(super) fn select<const N: usize>(statement: &mut SelectStatement, currency: SimpleExpr, sums: [(&str, &str); N]) {
    grouped::group(statement, currency, "currency_key");
    statement.expr_as(Expr::cust("COUNT(*)"), Alias::new("count_sum"));
    for (name, amount) in sums {
        grouped::sum(statement, amount, name);
    }
    statement.limit(MAX_SUMS + 1);
}

/// The number of records in one currency and `N` sums of them, in ten-thousandths.
struct Sums<const N: usize> {
    count: i64,
    units: [i128; N],
}

impl<const N: usize> Default for Sums<N> {
    fn default() -> Self {
        Sums { count: 0, units: [0; N] }
    }
}

type ByCurrency<const N: usize> = BTreeMap<String, Sums<N>>;

fn add<const N: usize>(to: &mut ByCurrency<N>, currency: &str, count: i64, units: &[i128; N]) {
    let sums = to.entry(currency.to_owned()).or_default();
    sums.count += count;
    for (sum, units) in sums.units.iter_mut().zip(units) {
        *sum += units;
    }
}

/// The number of records, and their sums per currency, of type `A`.
pub(super) type CountAndSums<A> = (i64, Vec<A>);

/// The groups with their keys, and the total.
pub(super) type GroupedSums<K, A> = (Vec<(K, CountAndSums<A>)>, CountAndSums<A>);

/// Records summed by their keys `K` and by currency.
pub(super) struct Summed<K, const N: usize> {
    groups: BTreeMap<Vec<sql::Key>, (K, ByCurrency<N>)>,
    total: ByCurrency<N>,
}

impl<K, const N: usize> Summed<K, N> {
    /// Adds up the rows of a statement that was completed by [`select`] with sums of these names.
    pub(super) fn of(
        rows: &[QueryResult],
        names: [&str; N],
        keys: impl Fn(&QueryResult) -> Result<(Vec<sql::Key>, K), Error>,
    ) -> Result<Self, Error> {
        let mut summed = Summed { groups: BTreeMap::new(), total: ByCurrency::new() };
        for row in rows {
            let (order, keys) = keys(row)?;
            let currency: String = row.try_get("", "currency_key")?;
            let count: i64 = row.try_get("", "count_sum")?;
            let mut units = [0; N];
            for (units, name) in units.iter_mut().zip(names) {
                *units = grouped::sum_of(row, name)?;
            }
            add(&mut summed.total, &currency, count, &units);
            let (_, group) = summed.groups.entry(order).or_insert_with(|| (keys, ByCurrency::new()));
            add(group, &currency, count, &units);
        }
        Ok(summed)
    }

    /// The groups in the order of their keys, and the total. `amount` makes the sums of one currency.
    pub(super) fn shown<A>(self, amount: impl Fn(Currency, i64, [Money; N]) -> A) -> Result<GroupedSums<K, A>, Error> {
        let groups = self.groups.into_values().map(|(keys, sums)| Ok((keys, shown(sums, &amount)?)));
        Ok((groups.collect::<Result<_, Error>>()?, shown(self.total, &amount)?))
    }

    /// Each group by itself: what is too large in one takes no other away.
    pub(super) fn each<A>(
        self,
        amount: impl Fn(Currency, i64, [Money; N]) -> A,
    ) -> impl Iterator<Item = (K, Result<CountAndSums<A>, Error>)> {
        self.groups.into_values().map(move |(keys, sums)| (keys, shown(sums, &amount)))
    }
}

fn shown<const N: usize, A>(
    sums: ByCurrency<N>,
    amount: &impl Fn(Currency, i64, [Money; N]) -> A,
) -> Result<CountAndSums<A>, Error> {
    let (mut number, mut amounts) = (0, Vec::with_capacity(sums.len()));
    for (currency, Sums { count, units }) in sums {
        let currency = Currency::parse_text(&currency).map_err(Error::Invalid)?;
        let mut sums = [Money::from_units(0); N];
        for (sum, units) in sums.iter_mut().zip(units) {
            *sum = money(units)?;
        }
        number += count;
        amounts.push(amount(currency, count, sums));
    }
    Ok((number, amounts))
}
