//! Pages of the settings that are refreshed by themselves: each watches a few rows, and is signalled when they have changed. One
//! statement per second reads what all pages of this process watch, and in the same rows whether their sessions, members,
//! roles and plans are as they were when the page was opened: nothing is signalled to a session that has lost its rights.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use entity::value::{
    Id, InvoiceId, MemberId, OrganizationId, Plan, Role, SessionId, WebhookDeliveryId, WebhookEndpointId,
};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};
use serde::Serialize;
use tokio::sync::watch;

use super::{Closed, Hub};
use crate::access::action::Action;
use crate::contract::error::Error;
use crate::contract::reason::Reason;
use crate::door::Cx;

/// The least time between two looks at what pages watch.
pub(super) const PAGES_INTERVAL: Duration = Duration::from_millis(500);
/// Open pages of one session in this process. A browser has six connections to a server over HTTP/1.1, and one stays free.
const MAX_PER_SESSION: usize = 5;
/// Open pages of one member in this process, in all sessions.
const MAX_PER_MEMBER: usize = 20;
/// Open pages of this process.
const MAX_PAGES: usize = 500;
/// Pages in one statement.
const CHUNK: usize = 100;

/// What a page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// The webhook endpoints of the workspace.
    Endpoints,
    /// An endpoint, and the newest 100 deliveries to it.
    Endpoint(WebhookEndpointId),
    /// The newest 100 deliveries of the workspace.
    Deliveries,
    /// A delivery with its attempts.
    Delivery(WebhookDeliveryId),
    /// The invoices of the workspace.
    Invoices,
    /// An invoice.
    Invoice(InvoiceId),
}

impl Watched {
    /// The action by which the page reads it.
    fn action(self) -> Action {
        match self {
            Watched::Endpoints => Action::ListWebhookEndpoints,
            Watched::Endpoint(_) => Action::GetWebhookEndpoint,
            Watched::Deliveries => Action::ListWebhookDeliveries,
            Watched::Delivery(_) => Action::GetWebhookDelivery,
            Watched::Invoices => Action::ListInvoices,
            Watched::Invoice(_) => Action::GetInvoice,
        }
    }

    /// How `LOOK` names it, with the id of the record.
    fn named(self) -> (i16, Id) {
        match self {
            Watched::Endpoints => (1, Id::NONE),
            Watched::Endpoint(id) => (2, id.any()),
            Watched::Deliveries => (3, Id::NONE),
            Watched::Delivery(id) => (4, id.any()),
            Watched::Invoices => (5, Id::NONE),
            Watched::Invoice(id) => (6, id.any()),
        }
    }
}

/// A stamp of what each page shows, which differs after each change, beside what its session may do. A record that does not
/// exist has none. What is summed up for a list is read from the end of an index, and at most 100 rows of it.
const LOOK: &str = "\
    SELECT v.n, m.role, o.plan, CASE v.k \
    WHEN 1 THEN (SELECT COALESCE(SUM(n.version), 0) || ' ' || COALESCE(MAX(n.updated_at), 0) FROM \
      (SELECT w.version, w.updated_at FROM webhook_endpoint w WHERE w.organization_id = v.o \
      ORDER BY w.updated_at DESC, w.id DESC LIMIT 100) n) \
    WHEN 2 THEN (SELECT w.version || ' ' || (\
      SELECT COALESCE(SUM(n.created_at), 0) || ' ' || COALESCE(SUM(n.attempt_count), 0) || ' ' || COALESCE(SUM(n.status), 0) \
      FROM (SELECT d.created_at, d.attempt_count, d.status FROM webhook_delivery d WHERE d.organization_id = v.o \
      AND d.endpoint_id = v.i ORDER BY d.created_at DESC, d.id DESC LIMIT 100) n) \
      FROM webhook_endpoint w WHERE w.organization_id = v.o AND w.id = v.i AND w.deleted_at IS NULL) \
    WHEN 3 THEN (\
      SELECT COALESCE(SUM(n.created_at), 0) || ' ' || COALESCE(SUM(n.attempt_count), 0) || ' ' || COALESCE(SUM(n.status), 0) \
      FROM (SELECT d.created_at, d.attempt_count, d.status FROM webhook_delivery d WHERE d.organization_id = v.o \
      ORDER BY d.created_at DESC, d.id DESC LIMIT 100) n) \
    WHEN 4 THEN (SELECT d.status || ' ' || d.attempt_count || ' ' || COALESCE(d.next_attempt_at, 0) \
      FROM webhook_delivery d WHERE d.organization_id = v.o AND d.id = v.i) \
    WHEN 5 THEN (SELECT COALESCE(SUM(n.version), 0) || ' ' || COALESCE(MAX(n.updated_at), 0) FROM \
      (SELECT i.version, i.updated_at FROM invoice i WHERE i.organization_id = v.o \
      ORDER BY i.updated_at DESC, i.id DESC LIMIT 100) n) \
    WHEN 6 THEN (SELECT i.version || '' FROM invoice i WHERE i.organization_id = v.o AND i.id = v.i \
      AND i.deleted_at IS NULL) END AS stamp \
    FROM {pages} JOIN session s ON s.organization_id = v.o AND s.id = v.s \
    JOIN member m ON m.organization_id = s.organization_id AND m.id = s.member_id \
    JOIN organization o ON o.id = s.organization_id \
    WHERE s.ended_at IS NULL AND s.expires_at > $2 AND m.deleted_at IS NULL";
const PAGES_POSTGRES: &str = "jsonb_to_recordset($1::jsonb) AS v(n bigint, o uuid, s uuid, k smallint, i uuid)";
const PAGES_SQLITE: &str = "\
    (SELECT value ->> 'n' AS n, unhex(value ->> 'o') AS o, unhex(value ->> 's') AS s, value ->> 'k' AS k, \
    unhex(value ->> 'i') AS i FROM json_each($1)) AS v";

/// An open page, as `LOOK` takes it.
#[derive(Serialize)]
struct Row {
    n: u64,
    o: String,
    s: String,
    k: i16,
    i: String,
}

/// What an open page shows now, and what its session may do.
#[derive(FromQueryResult)]
struct Look {
    n: i64,
    role: Role,
    plan: Plan,
    stamp: Option<String>,
}

/// An open page, with the rights that it was opened with.
pub(super) struct OpenPage {
    organization_id: OrganizationId,
    member_id: MemberId,
    session_id: SessionId,
    rights: (Role, Plan),
    watched: Watched,
    /// As it was last seen.
    stamp: Option<String>,
    progress: watch::Sender<Progress>,
}

/// How often what a page shows has changed, and whether it is closed.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    changes: u64,
    closed: Option<Closed>,
}

impl OpenPage {
    /// Compares with what is there now; none says that the session lets in no more.
    fn note(&mut self, look: Option<Look>) {
        match look {
            None => self.close(Closed::Token),
            Some(look) if (look.role, look.plan) != self.rights => self.close(Closed::Access),
            Some(look) if look.stamp == self.stamp => {}
            Some(look) => {
                // What is seen first is what the page was opened with.
                let changed = std::mem::replace(&mut self.stamp, look.stamp).is_some();
                if changed {
                    self.progress.send_modify(|progress| progress.changes += 1);
                }
            }
        }
    }

    pub(super) fn close(&self, reason: Closed) {
        self.progress.send_modify(|progress| progress.closed = progress.closed.or(Some(reason)));
    }

    fn row(&self, number: u64) -> Row {
        let (k, id) = self.watched.named();
        Row { n: number, o: hex(self.organization_id), s: hex(self.session_id), k, i: hex(id) }
    }
}

fn hex<T>(id: Id<T>) -> String {
    id.0.simple().to_string()
}

/// An open page that waits for changes. It is counted until this is dropped.
pub struct Watch {
    hub: Hub,
    number: u64,
    progress: watch::Receiver<Progress>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.hub.live().state().pages.remove(&self.number);
    }
}

impl Watch {
    /// Completes when what the page shows has changed since it was opened, or since the last call; however often, that is one
    /// change.
    ///
    /// # Errors
    /// Why nothing follows: the session has ended, what it may do has changed, or the server stops.
    pub async fn changed(&mut self) -> Result<(), Closed> {
        let waited = self.progress.changed().await;
        match (waited, self.progress.borrow_and_update().closed) {
            (Ok(()), None) => Ok(()),
            (_, reason) => Err(reason.unwrap_or(Closed::Restart)),
        }
    }
}

impl Hub {
    /// Watches what a page of the settings shows, from now on, for as long as the session lets in and may do the same.
    ///
    /// # Errors
    /// As for reading it; `Conflict` with the reason `subscription_cap` where the session or the member has too many pages
    /// open, `Unavailable` where all together have.
    pub(crate) async fn watch(&self, cx: &Cx, watched: Watched) -> Result<Watch, Error> {
        cx.read(watched.action())?;
        let caller = cx.caller();
        let Some(session) = caller.session else { return Err(Error::bug("a page without a session")) };
        let (progress, receiver) = watch::channel(Progress::default());
        let page = OpenPage {
            organization_id: caller.organization_id,
            member_id: caller.member_id,
            session_id: session.id,
            rights: (caller.role, caller.plan),
            watched,
            stamp: None,
            progress,
        };
        let number = self.live().next.fetch_add(1, Ordering::Relaxed);
        let row = page.row(number);
        self.register_page(number, page)?;
        let watch = Watch { hub: self.clone(), number, progress: receiver };
        let Some(look) = self.look(&[row]).await?.remove(&number) else {
            return Err(Error::Unauthenticated("you are not signed in any more".into()));
        };
        if look.stamp.is_none() {
            return Err(Error::NotFound("record"));
        }
        if let Some(page) = self.live().state().pages.get_mut(&number) {
            page.note(Some(look));
        }
        Ok(watch)
    }

    fn register_page(&self, number: u64, page: OpenPage) -> Result<(), Error> {
        let mut state = self.live().state();
        let (mut of_session, mut of_member) = (0, 0);
        for other in state.pages.values().filter(|other| other.member_id == page.member_id) {
            of_member += 1;
            of_session += usize::from(other.session_id == page.session_id);
        }
        if of_session >= MAX_PER_SESSION || of_member >= MAX_PER_MEMBER {
            let message = format!(
                "{MAX_PER_SESSION} pages of a session, and {MAX_PER_MEMBER} of a member, are refreshed by themselves; close one first"
            );
            return Err(Error::conflict(Reason::SubscriptionCap, message));
        }
        if state.stopped || state.pages.len() >= MAX_PAGES {
            return Err(Error::Unavailable);
        }
        state.pages.insert(number, page);
        Ok(())
    }

    /// Signals what has changed to the pages that show it, and closes those whose session may not see it any more.
    pub(super) async fn read_pages(&self) -> Result<(), Error> {
        let rows: Vec<Row> = self.live().state().pages.iter().map(|(number, page)| page.row(*number)).collect();
        for rows in rows.chunks(CHUNK) {
            let mut looks = self.look(rows).await?;
            let mut state = self.live().state();
            for row in rows {
                if let Some(page) = state.pages.get_mut(&row.n) {
                    page.note(looks.remove(&row.n));
                }
            }
        }
        Ok(())
    }

    /// What these pages show now; none of a session that lets in no more.
    async fn look(&self, rows: &[Row]) -> Result<HashMap<u64, Look>, Error> {
        let database = self.database();
        let pages = if database.is_postgres() { PAGES_POSTGRES } else { PAGES_SQLITE };
        let json = serde_json::to_string(rows).map_err(|cause| Error::bug(cause.to_string()))?;
        let reader = database.reader();
        let sql = LOOK.replace("{pages}", pages);
        let values = [json.into(), self.now().into()];
        let statement = Statement::from_sql_and_values(reader.get_database_backend(), sql, values);
        let looks = Look::find_by_statement(statement).all(reader).await?;
        Ok(looks.into_iter().filter_map(|look| Some((u64::try_from(look.n).ok()?, look))).collect())
    }
}
