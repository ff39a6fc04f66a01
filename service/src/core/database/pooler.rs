//! Poolers between this process and PostgreSQL: whether there is one, and what it does with prepared statements.

use sea_orm::sqlx;
use sea_orm::{QueryResult, Statement};
use tokio::time::{Instant, timeout};

use super::connection::{Ask, Fault, Got, Options};
use super::pool::CONNECT;

/// A pooler between this process and PostgreSQL, such as PgBouncer in transaction mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pooler {
    /// Whether named statements are there whichever server they meet.
    pub(super) keeps_statements: bool,
}

/// Finds out whether there is a pooler, by the processes of the server that two sessions meet; and, if so, whether it keeps
/// statements that are prepared under a name.
pub(super) async fn find(options: &Options) -> Result<Option<Pooler>, sqlx::Error> {
    let open = || async {
        let opened = timeout(CONNECT, options.open(Some(Pooler { keeps_statements: true }))).await;
        opened.map_err(|_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))?
    };
    let fault = |fault: Fault| match fault {
        Fault::Lost(error) | Fault::Refused(error) => error,
        Fault::Late => sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()),
    };
    let until = Instant::now() + CONNECT;
    let (mut first, mut second) = (open().await?, open().await?);
    let process = |rows: Vec<QueryResult>| rows.last().and_then(|row| row.try_get_by_index::<i32>(0).ok());
    let ask = "SELECT pg_backend_pid()";
    // A session of one's own keeps its process, and no other session has it, whatever is asked in between. A pooler of
    // transactions gives both sessions whichever process is free.
    let own = process(first.simple(ask, until).await.map_err(fault)?);
    let others = process(second.simple(&format!("BEGIN; {ask}"), until).await.map_err(fault)?);
    let later = process(first.simple(ask, until).await.map_err(fault)?);
    second.simple("ROLLBACK", until).await.map_err(fault)?;
    let last = process(first.simple(ask, until).await.map_err(fault)?);
    if own != others && own == later && own == last {
        return Ok(None);
    }
    let mut keeps_statements = true;
    for i in 0..4 {
        for (conn, n) in [(&mut first, 2 * i), (&mut second, 2 * i + 1)] {
            let statement = Statement::from_string(sea_orm::DbBackend::Postgres, format!("SELECT {n} AS n"));
            let right = match conn.run(Ask::All, &statement, until).await {
                Ok(Got::Rows(rows)) => rows.first().and_then(|row| row.try_get::<i32>("", "n").ok()) == Some(n),
                _ => false,
            };
            keeps_statements &= right;
        }
    }
    Ok(Some(Pooler { keeps_statements }))
}
