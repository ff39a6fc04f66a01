//! New rows that go to the database together, as parts of one statement.
//!
//! Decision: `docs/decisions/0063-rows-at-the-end-of-a-query-are-written-at-once.md`.

use std::fmt::Write;

use entity::value::OrganizationId;
use sea_orm::{DbBackend, IdenStatic, Iterable, ModelTrait, Statement, Value, Values};

use crate::access::scope::Scoped;

/// A statement that is a part of another: its text, with its placeholders counted from one, and its values.
pub(super) struct Part {
    sql: String,
    values: Vec<Value>,
}

impl From<Statement> for Part {
    fn from(statement: Statement) -> Part {
        Part { sql: statement.sql, values: statement.values.map_or_else(Vec::new, |values| values.0) }
    }
}

impl Part {
    /// How many values it binds.
    pub(super) fn values(&self) -> usize {
        self.values.len()
    }

    /// New rows of a table of a workspace, in the words of PostgreSQL. Every value is bound, so that the text is prepared
    /// once.
    pub(super) fn insert<E: Scoped>(rows: &[E::Model], organization: OrganizationId) -> Part
    where
        E::Model: ModelTrait<Entity = E>,
    {
        let columns: Vec<E::Column> = E::Column::iter().collect();
        let mut sql = format!("INSERT INTO \"{}\" (", E::default().table_name());
        for (i, column) in columns.iter().enumerate() {
            _ = write!(sql, "{}\"{}\"", if i == 0 { "" } else { ", " }, column.as_str());
        }
        sql.push_str(") VALUES ");
        let mut values = Vec::with_capacity(rows.len() * columns.len());
        for (number, row) in rows.iter().enumerate() {
            sql.push_str(if number == 0 { "(" } else { ", (" });
            for (i, column) in columns.iter().enumerate() {
                let is_organization = column.as_str() == E::ORGANIZATION.as_str();
                values.push(if is_organization { organization.into() } else { row.get(*column) });
                _ = write!(sql, "{}${}", if i == 0 { "" } else { ", " }, values.len());
            }
            sql.push(')');
        }
        Part { sql, values }
    }
}

/// Several statements as one: all but the last as parts of it that change rows by themselves. No part sees the rows of another;
/// foreign keys are checked when the whole has run.
pub(super) fn together(parts: Vec<Part>, backend: DbBackend) -> Option<Statement> {
    let last = parts.len().checked_sub(1)?;
    let (mut sql, mut values) = (String::new(), Vec::new());
    for (number, part) in parts.into_iter().enumerate() {
        if number < last {
            _ = write!(sql, "{}part_{number} AS (", if number == 0 { "WITH " } else { ", " });
        } else if number > 0 {
            sql.push(' ');
        }
        write_renumbered(&mut sql, &part.sql, values.len());
        if number < last {
            sql.push(')');
        }
        values.extend(part.values);
    }
    Some(Statement { sql, values: Some(Values(values)), db_backend: backend })
}

/// Writes a statement with its placeholders counted on from a number. Its values are all bound: a dollar is a placeholder.
fn write_renumbered(text: &mut String, sql: &str, from: usize) {
    let mut parts = sql.split('$');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: usize = part[..digits].parse().unwrap_or(0);
        _ = write!(text, "${}{}", number + from, &part[digits..]);
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::ActiveModelTrait;

    use super::*;

    #[test]
    fn statements_go_together_with_their_values() {
        let statement = |sql: &str, values: &[i32]| {
            let values = values.iter().map(|value| Value::from(*value));
            Part::from(Statement::from_sql_and_values(DbBackend::Postgres, sql, values))
        };
        let together = |parts| together(parts, DbBackend::Postgres);
        assert!(together(vec![]).is_none());
        let one = together(vec![statement("INSERT INTO a VALUES ($1)", &[1])]).expect("a statement");
        assert_eq!(one.sql, "INSERT INTO a VALUES ($1)");
        let both = together(vec![
            statement("INSERT INTO a VALUES ($1, $2)", &[1, 2]),
            statement("INSERT INTO b VALUES ($1) ON CONFLICT DO UPDATE SET x = $2", &[3, 4]),
        ]);
        let both = both.expect("a statement");
        assert_eq!(
            both.sql,
            "WITH part_0 AS (INSERT INTO a VALUES ($1, $2)) INSERT INTO b VALUES ($3) ON CONFLICT DO UPDATE SET x = $4"
        );
        assert_eq!(both.values.map(|values| values.0.len()), Some(4));
    }

    #[test]
    fn new_rows_are_written_as_the_library_writes_them() {
        use entity::event;
        use entity::value::EventId;
        use sea_orm::{EntityTrait, IntoActiveModel, QueryTrait};

        let row = |number| event::Model {
            id: EventId::new(uuid::Uuid::from_u128(number)),
            organization_id: OrganizationId::new(uuid::Uuid::from_u128(7)),
            kind: "client.created".into(),
            body: "{}".into(),
            traceparent: None,
            created_at: entity::value::Timestamp::from_millis(1),
        };
        let rows = vec![row(1), row(2)];
        let part = Part::insert::<event::Entity>(&rows, rows[0].organization_id);
        let active = rows.into_iter().map(|row| row.into_active_model().reset_all());
        let theirs = event::Entity::insert_many(active).build(DbBackend::Postgres);
        assert_eq!((part.sql, Some(Values(part.values))), (theirs.sql, theirs.values));
    }
}
