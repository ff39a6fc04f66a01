//! The conditions of filters: several values of one filter are OR, several filters are AND.

use entity::client;
use entity::value::{DateOrDateTime, Name, OrganizationId, Text, fold};
use sea_orm::sea_query::{SelectStatement, SimpleExpr, Value};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait};

use crate::access::scope::Identified;
use crate::contract::input::Field;

/// The column has one of the values asked for.
pub(crate) fn one_of<T: Clone + Into<Value>>(column: impl ColumnTrait, field: &Field<Vec<T>>) -> Option<SimpleExpr> {
    field.get().map(|values| column.is_in(values.iter().cloned()))
}

/// The column has one of the texts asked for.
pub(crate) fn one_of_texts<const N: usize>(
    column: impl ColumnTrait,
    field: &Field<Vec<Text<N>>>,
) -> Option<SimpleExpr> {
    field.get().map(|texts| column.is_in(texts.iter().map(Text::as_str)))
}

/// The column is null or not: `true` asks for rows with a value.
pub(crate) fn is_set(column: impl ColumnTrait, field: &Field<Vec<bool>>) -> Option<Condition> {
    field.get().map(|wanted| {
        let each = wanted.iter().map(|set| if *set { column.is_not_null() } else { column.is_null() });
        each.fold(none_yet(), Condition::add)
    })
}

/// Not below the bound.
pub(crate) fn at_least<T: Clone + Into<Value>>(column: impl ColumnTrait, field: &Field<T>) -> Option<SimpleExpr> {
    field.get().map(|bound| column.gte(bound.clone()))
}

/// Not above the bound.
pub(crate) fn at_most<T: Clone + Into<Value>>(column: impl ColumnTrait, field: &Field<T>) -> Option<SimpleExpr> {
    field.get().map(|bound| column.lte(bound.clone()))
}

/// Not before the bound.
pub(crate) fn since(column: impl ColumnTrait, field: &Field<DateOrDateTime>) -> Option<SimpleExpr> {
    field.get().map(|bound| column.gte(bound.from()))
}

/// Not after the bound; a date means the end of that UTC day.
pub(crate) fn until(column: impl ColumnTrait, field: &Field<DateOrDateTime>) -> Option<SimpleExpr> {
    field.get().map(|bound| column.lte(bound.to()))
}

/// The ids of the rows of a workspace that match, for use inside another query.
pub(crate) fn ids_where<E: Identified>(organization: OrganizationId, condition: Condition) -> SelectStatement {
    E::all_of(organization).filter(condition).select_only().column(E::ID).into_query()
}

/// The client has one of the names asked for; names are compared without regard to case.
pub(crate) fn of_client_named(
    column: impl ColumnTrait,
    names: &Field<Vec<Name>>,
    organization: OrganizationId,
) -> Option<SimpleExpr> {
    names.get().map(|names| {
        let keys = names.iter().map(|name| fold(name.as_str()));
        let named = Condition::all().add(client::Column::NameKey.is_in(keys));
        column.in_subquery(ids_where::<client::Entity>(organization, named))
    })
}

fn none_yet() -> Condition {
    Condition::any().add(SimpleExpr::from(false))
}
