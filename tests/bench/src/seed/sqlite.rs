//! Seeds SQLite, in one transaction.

use std::path::Path;

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Result, params};

use super::{NOW, entries, people_and_projects, token_rows};
use crate::rows::{Kind, Size, id, note, organization};

/// Fills a migrated, empty database.
///
/// # Errors
/// What the database refuses.
pub fn fill(file: &Path, size: Size) -> Result<()> {
    let mut db = Connection::open(file)?;
    functions(&db)?;
    db.pragma_update(None, "synchronous", "off")?;
    db.pragma_update(None, "cache_size", -200_000)?;
    let tx = db.transaction()?;
    for workspace in 0..size.workspaces {
        for statement in people_and_projects(workspace, size) {
            tx.execute(&statement, [])?;
        }
        for (member, prefix, hash) in token_rows(workspace, size) {
            let sql = "INSERT INTO token (id, organization_id, member_id, name, prefix, hash, scope, created_at) \
                       VALUES (?1, ?2, ?3, 'bench', ?4, ?5, 20, ?6)";
            let blob = |kind, number| id(kind, workspace, number).into_bytes();
            let (own, member) = (blob(Kind::Token, member.into()), blob(Kind::Member, member.into()));
            tx.execute(sql, params![own, organization(workspace).into_bytes(), member, prefix, hash, NOW])?;
        }
        tx.execute(&entries(workspace, size), [])?;
    }
    tx.commit()?;
    db.execute_batch("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")
}

fn functions(db: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    db.create_scalar_function("make_id", 3, flags, |call| {
        let number = |i| call.get::<i64>(i).map(i64::cast_unsigned);
        let high = (0x0190_u64 << 48) | (number(0)? << 32) | (number(1)? << 16) | 0x7000;
        Ok(uuid::Uuid::from_u64_pair(high, 0x8000_0000_0000_0000 | number(2)?).into_bytes().to_vec())
    })?;
    db.create_scalar_function("note", 1, flags, |call| Ok(note(call.get(0)?)))?;
    db.create_scalar_function("day", 1, flags, |call| {
        let first = chrono::NaiveDate::from_ymd_opt(2025, 6, 12).unwrap_or_default();
        Ok((first + chrono::Days::new(call.get::<i64>(0)?.cast_unsigned())).to_string())
    })
}
