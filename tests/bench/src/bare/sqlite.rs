//! The bare server's SQLite: one connection, asked where the request is, since nothing waits on another machine.

use std::sync::Mutex;

use rusqlite::{Connection, Result, Row, params};
use uuid::Uuid;

use super::answer::{self, ClientNode, Entry, EntryNode, ProjectNode, Sum};
use super::{Bare, Page, sql};

/// The connection.
pub(super) struct Database(Mutex<Connection>);

impl Database {
    pub(super) fn open(file: &str) -> Result<Database> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(std::time::Duration::from_secs(10))?;
        // As the product has it.
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", "on")?;
        connection.set_prepared_statement_cache_capacity(32);
        Ok(Database(Mutex::new(connection)))
    }

    fn with<T>(&self, ask: impl FnOnce(&mut Connection) -> Result<T>) -> T {
        let mut connection = self.0.lock().expect("nobody panics with it");
        ask(&mut connection).expect("the database answers")
    }
}

fn uuid(row: &Row, column: usize) -> Result<Uuid> {
    Ok(Uuid::from_bytes(row.get(column)?))
}

fn maybe_uuid(row: &Row, column: usize) -> Result<Option<Uuid>> {
    Ok(row.get::<_, Option<[u8; 16]>>(column)?.map(Uuid::from_bytes))
}

fn day(row: &Row, column: usize) -> Result<chrono::NaiveDate> {
    let text = row.get_ref(column)?.as_str()?;
    Ok(text.parse().unwrap_or_default())
}

fn entry(row: &Row) -> Result<Entry> {
    Ok(Entry {
        id: uuid(row, 0)?,
        org_id: uuid(row, 1)?,
        external_id: row.get(2)?,
        user_id: uuid(row, 3)?,
        project_id: uuid(row, 4)?,
        task_id: maybe_uuid(row, 5)?,
        invoice_id: maybe_uuid(row, 6)?,
        duration_seconds: row.get(7)?,
        billable: row.get(8)?,
        note: row.get(9)?,
        entry_date: day(row, 10)?,
        started_at: row.get(11)?,
        stopped_at: row.get(12)?,
        version: row.get(13)?,
        created_at: row.get(14)?,
        updated_at: row.get(15)?,
        deleted_at: row.get(16)?,
    })
}

fn insert(db: &Connection, entry: &Entry) -> Result<usize> {
    let key = entry.note.as_deref().map(str::to_lowercase);
    db.prepare_cached(sql::INSERT)?.execute(params![
        entry.id.as_bytes(),
        entry.org_id.as_bytes(),
        entry.user_id.as_bytes(),
        entry.project_id.as_bytes(),
        entry.duration_seconds,
        entry.note,
        key,
        entry.entry_date.to_string(),
        entry.created_at
    ])
}

impl Bare for Database {
    async fn list(&self, workspace: Uuid, page: &Page) -> Vec<Entry> {
        self.with(|db| {
            let workspace = workspace.as_bytes();
            match (page.at, page.id, &page.search) {
                (Some(at), Some(id), _) => {
                    db.prepare_cached(&sql::after())?.query_map(params![workspace, at, id.as_bytes()], entry)?.collect()
                }
                (_, _, Some(text)) => db
                    .prepare_cached(&sql::search())?
                    .query_map(params![workspace, format!("%{text}%")], entry)?
                    .collect(),
                _ => db.prepare_cached(&sql::list())?.query_map([workspace], entry)?.collect(),
            }
        })
    }

    async fn get(&self, workspace: Uuid, id: Uuid) -> Entry {
        self.with(|db| db.prepare_cached(&sql::get())?.query_row([workspace.as_bytes(), id.as_bytes()], entry))
    }

    async fn insert(&self, entry: &Entry) {
        self.with(|db| insert(db, entry));
    }

    async fn create(&self, entry: &Entry, event: &str, reply: &str, key: &str) {
        self.with(|db| {
            let tx = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            insert(&tx, entry)?;
            let id = answer::later(entry.created_at);
            let workspace = entry.org_id.as_bytes();
            tx.prepare_cached(sql::EVENT)?.execute(params![id.as_bytes(), workspace, event, entry.created_at])?;
            let (person, until) = (entry.user_id.as_bytes(), entry.created_at + 86_400_000);
            let values = params![workspace, person, key, [7_u8; 32], entry.id.as_bytes(), reply, until];
            tx.prepare_cached(sql::REPLY)?.execute(values)?;
            tx.commit()
        });
    }

    async fn nested(&self, workspace: Uuid) -> Vec<ClientNode> {
        self.with(|db| {
            let workspace = workspace.as_bytes();
            let mut clients = db.prepare_cached(sql::CLIENTS)?;
            let mut projects = db.prepare_cached(sql::PROJECTS_OF)?;
            let mut entries = db.prepare_cached(sql::ENTRIES_OF)?;
            let of = |row: &Row| Ok(ClientNode { id: uuid(row, 0)?, name: row.get(1)?, projects: Vec::new() });
            let mut tree: Vec<_> = clients.query_map([workspace], of)?.take(20).collect::<Result<_>>()?;
            for client in &mut tree {
                let of = |row: &Row| {
                    let (client_id, id, name) = (uuid(row, 0)?, uuid(row, 1)?, row.get(2)?);
                    Ok(ProjectNode { client_id, id, name, time_entries: Vec::new() })
                };
                let rows = projects.query_map([workspace, client.id.as_bytes()], of)?;
                client.projects = rows.take(5).collect::<Result<_>>()?;
                for project in &mut client.projects {
                    let of = |row: &Row| {
                        Ok(EntryNode {
                            project_id: uuid(row, 0)?,
                            id: uuid(row, 1)?,
                            duration_seconds: row.get(2)?,
                            note: row.get(3)?,
                            entry_date: day(row, 4)?,
                        })
                    };
                    let rows = entries.query_map([workspace, project.id.as_bytes()], of)?;
                    project.time_entries = rows.take(5).collect::<Result<_>>()?;
                }
            }
            Ok(tree)
        })
    }

    async fn report(&self, workspace: Uuid) -> Vec<Sum> {
        self.with(|db| {
            let of = |row: &Row| {
                Ok(Sum {
                    id: uuid(row, 0)?,
                    name: row.get(1)?,
                    seconds: row.get(2)?,
                    billable: row.get(3)?,
                    entries: row.get(4)?,
                    currency: row.get(5)?,
                    rate: row.get(6)?,
                })
            };
            db.prepare_cached(sql::REPORT)?.query_map([workspace.as_bytes()], of)?.collect()
        })
    }
}
