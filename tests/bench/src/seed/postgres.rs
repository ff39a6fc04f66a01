//! Seeds PostgreSQL. Indexes are made again when the rows are there, which is several times faster.

use tokio_postgres::{Client, Error};

use super::{NOW, entries, people_and_projects, token_rows};
use crate::rows::{Size, note};

/// The functions that the statements call. `note` reads a table that Rust has filled, since its words are there.
const FUNCTIONS: &str = "
    CREATE FUNCTION make_id(kind BIGINT, workspace BIGINT, number BIGINT) RETURNS UUID LANGUAGE SQL IMMUTABLE AS $$
        SELECT ('0190' || lpad(to_hex(kind), 4, '0') || lpad(to_hex(workspace), 4, '0') || '70008'
            || lpad(to_hex(number), 15, '0'))::uuid $$;
    CREATE FUNCTION day(number BIGINT) RETURNS DATE LANGUAGE SQL IMMUTABLE AS
        $$ SELECT DATE '2025-06-12' + number::int $$;
    CREATE FUNCTION note(number BIGINT) RETURNS TEXT LANGUAGE SQL IMMUTABLE AS $$ SELECT replace(NOTES[1 + number % 77],
        '@', number::text) || CASE WHEN number % 1000 = 0 THEN ' with a zebra' ELSE '' END $$;";

/// Fills a migrated, empty database.
///
/// # Errors
/// What the database refuses.
pub async fn fill(db: &Client, size: Size) -> Result<(), Error> {
    let texts: Vec<String> =
        (0..77).map(|i| format!("'{}'", note(77_000 + 77 + i).replace(&(77_077 + i).to_string(), "@"))).collect();
    db.batch_execute(&FUNCTIONS.replace("NOTES", &format!("(ARRAY[{}])", texts.join(",")))).await?;
    for workspace in 0..size.workspaces {
        for statement in people_and_projects(workspace, size) {
            db.batch_execute(&statement).await?;
        }
        tokens(db, workspace, size).await?;
    }
    let indexes = indexes(db).await?;
    for (name, _) in &indexes {
        db.batch_execute(&format!("DROP INDEX {name}")).await?;
    }
    for workspace in 0..size.workspaces {
        db.batch_execute(&entries(workspace, size)).await?;
    }
    db.batch_execute("SET maintenance_work_mem = '256MB'").await?;
    for (_, made_by) in &indexes {
        db.batch_execute(made_by).await?;
    }
    db.batch_execute("VACUUM (FREEZE, ANALYZE)").await?;
    // What it would do meanwhile is no cost of a request.
    db.batch_execute("CHECKPOINT").await
}

/// The secondary indexes of the entries, with the statements that make them.
async fn indexes(db: &Client) -> Result<Vec<(String, String)>, Error> {
    let sql = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'time_entry' AND indexname NOT IN \
               (SELECT conname FROM pg_constraint)";
    Ok(db.query(sql, &[]).await?.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn tokens(db: &Client, workspace: u16, size: Size) -> Result<(), Error> {
    for (member, prefix, hash) in token_rows(workspace, size) {
        let (w, member) = (i64::from(workspace), i64::from(member));
        let sql = format!(
            "INSERT INTO token (id, organization_id, member_id, name, prefix, hash, scope, last_used_at, created_at) \
             VALUES (make_id(4, $1, $2), make_id(1, $1, 0), make_id(3, $1, $2), 'bench', $3, $4, 20, NULL, {NOW})"
        );
        db.execute(&sql, &[&w, &member, &prefix, &hash]).await?;
    }
    Ok(())
}
