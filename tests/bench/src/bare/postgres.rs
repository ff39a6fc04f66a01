//! The bare server's PostgreSQL: a few connections with prepared statements, in turn.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_postgres::{Client, Error, NoTls, Row, Statement};
use uuid::Uuid;

use super::answer::{self, ClientNode, Entry, EntryNode, ProjectNode, Sum};
use super::{Bare, Page, sql};

const CONNECTIONS: usize = 10;

/// Connections, each with its statements. A transaction has one to itself.
pub(super) struct Database {
    all: Vec<Connection>,
    next: AtomicUsize,
}

struct Connection {
    client: Client,
    alone: tokio::sync::Mutex<()>,
    statements: Statements,
}

struct Statements {
    list: Statement,
    after: Statement,
    search: Statement,
    get: Statement,
    insert: Statement,
    event: Statement,
    reply: Statement,
    clients: Statement,
    projects: Statement,
    entries: Statement,
    report: Statement,
}

impl Database {
    pub(super) async fn connect(url: &str) -> Result<Database, Error> {
        let mut all = Vec::new();
        for _ in 0..CONNECTIONS {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
            tokio::spawn(connection);
            let statements = Statements {
                list: client.prepare(&sql::list()).await?,
                after: client.prepare(&sql::after()).await?,
                search: client.prepare(&sql::search()).await?,
                get: client.prepare(&sql::get()).await?,
                insert: client.prepare(sql::INSERT).await?,
                event: client.prepare(sql::EVENT).await?,
                reply: client.prepare(sql::REPLY).await?,
                clients: client.prepare(sql::CLIENTS).await?,
                projects: client.prepare(sql::PROJECTS).await?,
                entries: client.prepare(sql::ENTRIES).await?,
                report: client.prepare(sql::REPORT).await?,
            };
            all.push(Connection { client, alone: tokio::sync::Mutex::new(()), statements });
        }
        Ok(Database { all, next: AtomicUsize::new(0) })
    }

    fn one(&self) -> &Connection {
        &self.all[self.next.fetch_add(1, Ordering::Relaxed) % self.all.len()]
    }
}

fn entry(row: &Row) -> Entry {
    Entry {
        id: row.get(0),
        org_id: row.get(1),
        external_id: row.get(2),
        user_id: row.get(3),
        project_id: row.get(4),
        task_id: row.get(5),
        invoice_id: row.get(6),
        duration_seconds: row.get(7),
        billable: row.get(8),
        note: row.get(9),
        entry_date: row.get(10),
        started_at: row.get(11),
        stopped_at: row.get(12),
        version: row.get(13),
        created_at: row.get(14),
        updated_at: row.get(15),
        deleted_at: row.get(16),
    }
}

async fn insert(connection: &Connection, entry: &Entry) -> Result<u64, Error> {
    let Entry { id, org_id, user_id, project_id, duration_seconds, note, entry_date, created_at, .. } = entry;
    let key = note.as_deref().map(str::to_lowercase);
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 9] =
        [id, org_id, user_id, project_id, duration_seconds, note, &key, entry_date, created_at];
    connection.client.execute(&connection.statements.insert, &values).await
}

async fn transaction(connection: &Connection, entry: &Entry, event: &str, reply: &str, key: &str) -> Result<(), Error> {
    let Connection { client, statements, .. } = connection;
    client.batch_execute("BEGIN").await?;
    insert(connection, entry).await?;
    let (id, now, until) = (answer::later(entry.created_at), entry.created_at, entry.created_at + 86_400_000);
    client.execute(&statements.event, &[&id, &entry.org_id, &event, &now]).await?;
    let fingerprint = &[7_u8; 32][..];
    client
        .execute(&statements.reply, &[&entry.org_id, &entry.user_id, &key, &fingerprint, &entry.id, &reply, &until])
        .await?;
    client.batch_execute("COMMIT").await
}

fn fine<T>(outcome: Result<T, Error>) -> T {
    outcome.expect("the database answers")
}

impl Bare for Database {
    async fn list(&self, workspace: Uuid, page: &Page) -> Vec<Entry> {
        let Connection { client, statements, .. } = self.one();
        let rows = match (page.at, page.id, &page.search) {
            (Some(at), Some(id), _) => client.query(&statements.after, &[&workspace, &at, &id]).await,
            (_, _, Some(text)) => client.query(&statements.search, &[&workspace, &format!("%{text}%")]).await,
            _ => client.query(&statements.list, &[&workspace]).await,
        };
        fine(rows).iter().map(entry).collect()
    }

    async fn get(&self, workspace: Uuid, id: Uuid) -> Entry {
        let Connection { client, statements, .. } = self.one();
        entry(&fine(client.query_one(&statements.get, &[&workspace, &id]).await))
    }

    async fn insert(&self, entry: &Entry) {
        fine(insert(self.one(), entry).await);
    }

    async fn create(&self, entry: &Entry, event: &str, reply: &str, key: &str) {
        let connection = self.one();
        let _alone = connection.alone.lock().await;
        fine(transaction(connection, entry, event, reply, key).await);
    }

    async fn nested(&self, workspace: Uuid) -> Vec<ClientNode> {
        let Connection { client, statements, .. } = self.one();
        let rows = fine(client.query(&statements.clients, &[&workspace]).await);
        let of = |row: &Row| ClientNode { id: row.get(0), name: row.get(1), projects: Vec::with_capacity(5) };
        let mut clients: Vec<_> = rows.iter().take(20).map(of).collect();

        let parents: Vec<Uuid> = clients.iter().map(|client| client.id).collect();
        let rows = fine(client.query(&statements.projects, &[&workspace, &parents]).await);
        let of = |row: &Row| {
            let time_entries = Vec::with_capacity(5);
            ProjectNode { client_id: row.get(0), id: row.get(1), name: row.get(2), time_entries }
        };
        let mut projects: Vec<_> = rows.iter().map(of).collect();

        let parents: Vec<Uuid> = projects.iter().map(|project| project.id).collect();
        let rows = fine(client.query(&statements.entries, &[&workspace, &parents]).await);
        let of = |row: &Row| EntryNode {
            project_id: row.get(0),
            id: row.get(1),
            duration_seconds: row.get(2),
            note: row.get(3),
            entry_date: row.get(4),
        };
        let entries = rows.iter().map(of).collect();
        answer::below(&mut projects, entries, |e, p| e.project_id == p.id, |p| &mut p.time_entries);
        answer::below(&mut clients, projects, |p, c| p.client_id == c.id, |c| &mut c.projects);
        clients
    }

    async fn report(&self, workspace: Uuid) -> Vec<Sum> {
        let Connection { client, statements, .. } = self.one();
        let of = |row: &Row| Sum {
            id: row.get(0),
            name: row.get(1),
            seconds: row.get(2),
            billable: row.get(3),
            entries: row.get(4),
            currency: row.get(5),
            rate: row.get(6),
        };
        fine(client.query(&statements.report, &[&workspace]).await).iter().map(of).collect()
    }
}
