//! Takes every row of one database over into another: in pages by the primary key, read in one snapshot of the source and
//! written in one transaction of the target, and compared row by row at the end.

use sha2::{Digest, Sha256};

use super::MaintenanceError;
use super::connection::{ColumnKind, Purpose, Raw, Value};
use super::tables::{self, OF_MIGRATIONS, Table};

/// Rows of a page.
const PAGE: usize = 500;
/// Bytes of rows that are written at once.
const WRITTEN_AT_ONCE: usize = 4 * 1024 * 1024;

/// What is copied where. Both databases must have the same migrations.
#[derive(Clone, Copy, Debug)]
pub struct Transfer<'a> {
    /// The URL of the database that is read.
    pub from: &'a str,
    /// The URL of the empty database that is filled.
    pub to: &'a str,
}

/// What one table has taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The name of the table.
    pub table: String,
    /// The number of its rows.
    pub rows: u64,
    /// SHA-256 of all values of all rows in the order of the primary key, in hexadecimal: the same in both databases.
    pub sha256: String,
}

/// Copies every table, and gives what each has, after both were compared. All or nothing.
///
/// `progress` is called with a table and the number of its rows so far.
///
/// # Errors
/// A database cannot be reached, is not migrated by this release, or has tables that this release does not know; the target
/// is not empty; or the two differ at the end.
pub async fn copy(
    transfer: Transfer<'_>,
    mut progress: impl FnMut(&str, u64),
) -> Result<Vec<Copied>, MaintenanceError> {
    let named = |which: &str| {
        let which = which.to_owned();
        move |fault: MaintenanceError| MaintenanceError::new(format!("{which}: {fault}"))
    };
    let mut source = Raw::open(transfer.from, Purpose::Read).await.map_err(named("--from"))?;
    let mut target = Raw::open(transfer.to, Purpose::Write).await.map_err(named("--to"))?;
    let outcome = Box::pin(transfer_tables(&mut source, &mut target, &mut progress)).await;
    if outcome.is_err() {
        // It ends with the connection all the same.
        let _ = target.run("ROLLBACK").await;
    }
    source.close().await;
    target.close().await;
    outcome
}

async fn transfer_tables(
    source: &mut Raw,
    target: &mut Raw,
    progress: &mut impl FnMut(&str, u64),
) -> Result<Vec<Copied>, MaintenanceError> {
    // Whatever is written to the source meanwhile, all tables are read as they are at this instant.
    if !source.is_postgres() {
        source.run("BEGIN").await?;
    }
    target.run(if target.is_postgres() { "BEGIN" } else { "BEGIN IMMEDIATE" }).await?;
    let known = |name: &String| tables::all().chain(OF_MIGRATIONS).any(|known| known == name.as_str());
    if let Some(unknown) = tables::names(source).await?.into_iter().find(|name| !known(name)) {
        return Err(MaintenanceError::new(format!(
            "--from: this release does not know the table {unknown}, so it would be left out"
        )));
    }
    if let Some(used) = tables::first_used(target).await? {
        return Err(MaintenanceError::new(format!(
            "--to: the database is not empty (there are rows in {used}); copy into an empty one"
        )));
    }
    let mut read = Vec::new();
    for name in tables::all() {
        let from = tables::describe(source, name).await?;
        let to = tables::describe(target, name).await?.in_order_of(&from)?;
        target.run(&format!("DELETE FROM \"{name}\"")).await?;
        let mut rows = 0;
        let mut digest = Sha256::new();
        let mut after = None;
        loop {
            let page = page(source, &from, after.as_deref()).await?;
            let Some(last) = page.last() else { break };
            after = Some(key_of(last, &from));
            page.iter().for_each(|row| add(&mut digest, row));
            rows += u64::try_from(page.len()).unwrap_or_default();
            let is_last = page.len() < PAGE;
            write(target, &to, page).await?;
            progress(name, rows);
            if is_last {
                break;
            }
        }
        read.push((from, to, Copied { table: name.to_owned(), rows, sha256: hex(digest) }));
    }
    for (from, to, copied) in &read {
        compare(target, from, to, copied).await?;
    }
    target.run("COMMIT").await?;
    // So that the first queries are planned for tables with rows. Others of a database are not this role's.
    for name in tables::all() {
        target.run(&format!("ANALYZE \"{name}\"")).await?;
    }
    Ok(read.into_iter().map(|(_, _, copied)| copied).collect())
}

/// Reads a table of the target in the order of the source, and refuses any difference.
async fn compare(target: &mut Raw, from: &Table, to: &Table, copied: &Copied) -> Result<(), MaintenanceError> {
    let mut digest = Sha256::new();
    let (mut rows, mut after) = (0, None);
    loop {
        let page = page(target, to, after.as_deref()).await?;
        let Some(last) = page.last() else { break };
        after = Some(key_of(last, from));
        rows += u64::try_from(page.len()).unwrap_or_default();
        page.iter().for_each(|row| add(&mut digest, row));
        if page.len() < PAGE {
            break;
        }
    }
    if rows != copied.rows || hex(digest) != copied.sha256 {
        return Err(MaintenanceError::new(format!(
            "{} is not the same in both databases ({} rows read, {rows} rows written); nothing was kept",
            copied.table, copied.rows
        )));
    }
    Ok(())
}

/// The next rows after a key.
async fn page(db: &mut Raw, table: &Table, after: Option<&[Value]>) -> Result<Vec<Vec<Value>>, MaintenanceError> {
    let postgres = db.is_postgres();
    let shown = |(name, kind): &(String, ColumnKind)| match kind {
        ColumnKind::Integer if postgres => format!("\"{name}\"::bigint"),
        ColumnKind::Boolean if postgres => format!("\"{name}\"::int::bigint"),
        ColumnKind::Date if postgres => format!("\"{name}\"::text"),
        ColumnKind::Uuid if postgres => format!("uuid_send(\"{name}\")"),
        _ => format!("\"{name}\""),
    };
    let columns = table.columns.iter().map(shown).collect::<Vec<_>>().join(", ");
    let key = table.key.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let mut condition = String::new();
    if after.is_some() {
        let place = |(at, name): (usize, &String)| {
            let kind = table.columns.iter().find(|(own, _)| own == name).map(|(_, kind)| *kind);
            let number = at + 1;
            match kind {
                Some(ColumnKind::Uuid) if postgres => format!("encode(${number}, 'hex')::uuid"),
                Some(ColumnKind::Date) if postgres => format!("${number}::date"),
                _ => format!("${number}"),
            }
        };
        let places = table.key.iter().enumerate().map(place).collect::<Vec<_>>().join(", ");
        condition = format!("WHERE ({key}) > ({places})");
    }
    let sql = format!("SELECT {columns} FROM \"{}\" {condition} ORDER BY {key} LIMIT {PAGE}", table.name);
    db.rows(&sql, after.unwrap_or_default(), &table.kinds()).await
}

fn key_of(row: &[Value], table: &Table) -> Vec<Value> {
    let at = |name: &String| table.columns.iter().position(|(own, _)| own == name);
    table.key.iter().filter_map(at).filter_map(|at| row.get(at).cloned()).collect()
}

/// Writes a page, of which a part at a time is in the memory twice.
async fn write(target: &mut Raw, table: &Table, page: Vec<Vec<Value>>) -> Result<(), MaintenanceError> {
    let (mut some, mut bytes) = (Vec::new(), 0);
    for row in page {
        bytes += row.iter().map(Value::size).sum::<usize>();
        some.push(row);
        if bytes >= WRITTEN_AT_ONCE {
            target.insert(&table.name, &table.columns, &some).await?;
            (some, bytes) = (Vec::new(), 0);
        }
    }
    target.insert(&table.name, &table.columns, &some).await
}

/// Adds a row to a digest, each value with its kind and length, so that no two rows look alike.
fn add(digest: &mut Sha256, row: &[Value]) {
    for value in row {
        let (kind, bytes): (u8, &[u8]) = match value {
            Value::Null => (0, &[]),
            Value::Integer(number) => (1, &number.to_be_bytes()),
            Value::Text(text) => (2, text.as_bytes()),
            Value::Bytes(bytes) => (3, bytes),
        };
        digest.update([kind]);
        digest.update(u64::try_from(bytes.len()).unwrap_or_default().to_be_bytes());
        digest.update(bytes);
    }
}

fn hex(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
