//! The answers of the bare servers, written from plain structs straight to the bytes that the product sends.

use chrono::{DateTime, Datelike, NaiveDate, Timelike};
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::rows::{self, Kind};

/// An instant of the years that there are, in its 24 characters.
fn instant<S: Serializer>(millis: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    let at = DateTime::from_timestamp_millis(*millis).unwrap_or_default().naive_utc();
    let mut text = *b"0000-00-00T00:00:00.000Z";
    for (place, mut number) in [
        (0..4, at.year().unsigned_abs()),
        (5..7, at.month()),
        (8..10, at.day()),
        (11..13, at.hour()),
        (14..16, at.minute()),
        (17..19, at.second()),
        (20..23, at.nanosecond() / 1_000_000),
    ] {
        for digit in text[place].iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
    }
    serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default())
}

#[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
fn instant_or_null<S: Serializer>(millis: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match millis {
        Some(millis) => instant(millis, serializer),
        None => serializer.serialize_none(),
    }
}

fn day<S: Serializer>(day: &NaiveDate, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(day)
}

/// A time entry.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) id: Uuid,
    pub(super) org_id: Uuid,
    pub(super) external_id: Option<String>,
    pub(super) user_id: Uuid,
    pub(super) project_id: Uuid,
    pub(super) task_id: Option<Uuid>,
    pub(super) invoice_id: Option<Uuid>,
    pub(super) duration_seconds: Option<i32>,
    pub(super) billable: bool,
    pub(super) note: Option<String>,
    #[serde(serialize_with = "day")]
    pub(super) entry_date: NaiveDate,
    #[serde(serialize_with = "instant_or_null")]
    pub(super) started_at: Option<i64>,
    #[serde(serialize_with = "instant_or_null")]
    pub(super) stopped_at: Option<i64>,
    pub(super) version: i32,
    #[serde(serialize_with = "instant")]
    pub(super) created_at: i64,
    #[serde(serialize_with = "instant")]
    pub(super) updated_at: i64,
    #[serde(serialize_with = "instant_or_null")]
    pub(super) deleted_at: Option<i64>,
}

/// The body of a new entry.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Input {
    project_id: Uuid,
    duration_seconds: i32,
    entry_date: NaiveDate,
    note: String,
}

impl Input {
    pub(super) fn parse(body: &[u8]) -> poem::Result<Input> {
        serde_json::from_slice(body).map_err(poem::error::BadRequest)
    }

    pub(super) fn entry(self, workspace: Uuid) -> Entry {
        let now = now();
        let number = workspace.as_u64_pair().0 >> 16 & 0xffff;
        Entry {
            id: later(now),
            org_id: workspace,
            external_id: None,
            user_id: rows::id(Kind::User, u16::try_from(number).unwrap_or(0), 1),
            project_id: self.project_id,
            task_id: None,
            invoice_id: None,
            duration_seconds: Some(self.duration_seconds),
            billable: true,
            note: Some(self.note),
            entry_date: self.entry_date,
            started_at: None,
            stopped_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
            deleted_at: None,
        }
    }
}

/// Milliseconds since 1970.
pub(super) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(0)
}

/// A new id that sorts after all before it.
pub(super) fn later(now: i64) -> Uuid {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let high = (now.cast_unsigned() << 16) | 0x7000;
    Uuid::from_u64_pair(high, 0x8000_0000_0000_0000 | u64::from(std::process::id()) << 32 | number)
}

#[derive(Serialize)]
struct Data<T> {
    data: T,
}

fn bytes<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

pub(super) fn data<T: Serialize>(data: &T) -> Vec<u8> {
    bytes(&Data { data })
}

/// A record as it is stored for a key.
pub(super) fn text(entry: &Entry) -> String {
    serde_json::to_string(entry).unwrap_or_default()
}

/// The event of a new entry.
pub(super) fn event(entry: &Entry) -> String {
    format!(
        r#"{{"id":"{}","type":"time_entry.created","created":{},"orgId":"{}","livemode":true,"data":{{"timeEntry":{}}}}}"#,
        later(entry.created_at),
        entry.created_at / 1000,
        entry.org_id,
        text(entry)
    )
}

/// A page of 50. Its cursor has the length of the product's.
pub(super) fn list(mut entries: Vec<Entry>) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Pagination {
        next_cursor: Option<&'static str>,
        limit: u8,
    }
    #[derive(Serialize)]
    struct List {
        data: Vec<Entry>,
        pagination: Pagination,
    }
    let more = entries.len() > 50;
    entries.truncate(50);
    let next_cursor = more.then_some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    bytes(&List { data: entries, pagination: Pagination { next_cursor, limit: 50 } })
}

#[derive(Serialize)]
struct Nodes<T> {
    nodes: T,
}

/// The same over GraphQL.
pub(super) fn graphql_list(mut entries: Vec<Entry>) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct PageInfo {
        has_next_page: bool,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Connection {
        nodes: Vec<Entry>,
        page_info: PageInfo,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        time_entries: Connection,
    }
    let page_info = PageInfo { has_next_page: entries.len() > 50 };
    entries.truncate(50);
    data(&Answer { time_entries: Connection { nodes: entries, page_info } })
}

/// One over GraphQL.
pub(super) fn graphql_get(entry: &Entry) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer<'a> {
        time_entry: &'a Entry,
    }
    data(&Answer { time_entry: entry })
}

/// A client with its projects.
#[derive(Debug, Serialize)]
pub(super) struct ClientNode {
    pub(super) id: Uuid,
    pub(super) name: String,
    #[serde(serialize_with = "nodes")]
    pub(super) projects: Vec<ProjectNode>,
}

/// A project with its entries.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProjectNode {
    #[serde(skip)]
    pub(super) client_id: Uuid,
    pub(super) id: Uuid,
    pub(super) name: String,
    #[serde(serialize_with = "nodes")]
    pub(super) time_entries: Vec<EntryNode>,
}

/// An entry of a project.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryNode {
    #[serde(skip)]
    pub(super) project_id: Uuid,
    pub(super) id: Uuid,
    pub(super) duration_seconds: Option<i32>,
    pub(super) note: Option<String>,
    #[serde(serialize_with = "day")]
    pub(super) entry_date: NaiveDate,
}

fn nodes<T: Serialize, S: Serializer>(all: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    Nodes { nodes: all }.serialize(serializer)
}

/// Puts each child below its parent, five at most; `children` lie together by parent.
pub(super) fn below<P, C>(
    parents: &mut [P],
    children: Vec<C>,
    is_of: impl Fn(&C, &P) -> bool,
    of: impl Fn(&mut P) -> &mut Vec<C>,
) {
    let mut parents = parents.iter_mut();
    let Some(mut parent) = parents.next() else { return };
    for child in children {
        while !is_of(&child, parent) {
            match parents.next() {
                Some(next) => parent = next,
                None => return,
            }
        }
        if of(parent).len() < 5 {
            of(parent).push(child);
        }
    }
}

/// The tree over GraphQL.
pub(super) fn graphql_nested(clients: &[ClientNode]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Answer<'a> {
        clients: Nodes<&'a [ClientNode]>,
    }
    data(&Answer { clients: Nodes { nodes: clients } })
}

/// The sums of a project.
#[derive(Debug)]
pub(super) struct Sum {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) seconds: i64,
    pub(super) billable: i64,
    pub(super) entries: i64,
    pub(super) currency: String,
    pub(super) rate: i64,
}

/// The report by project.
pub(super) fn report(sums: &[Sum]) -> Vec<u8> {
    let earned = |sum: &Sum| (sum.billable * sum.rate + 1800) / 3600;
    let money = |units: i64| format!("{}.{:02}", units / 10_000, units % 10_000 / 100);
    let rows: Vec<_> = sums
        .iter()
        .map(|sum| {
            let keys = serde_json::json!({ "project": { "id": sum.id, "name": sum.name } });
            let amounts = serde_json::json!([{ "currency": sum.currency, "amount": money(earned(sum)) }]);
            serde_json::json!({ "keys": keys, "seconds": sum.seconds, "billableSeconds": sum.billable,
                "entries": sum.entries, "amounts": amounts })
        })
        .collect();
    let total = |of: fn(&Sum) -> i64| sums.iter().map(of).sum::<i64>();
    let amount = money((sums.iter().map(|sum| sum.billable * sum.rate).sum::<i64>() + 1800) / 3600);
    data(&serde_json::json!({ "rows": rows, "total": { "seconds": total(|sum| sum.seconds),
        "billableSeconds": total(|sum| sum.billable), "entries": total(|sum| sum.entries),
        "amounts": [{ "currency": "EUR", "amount": amount }] } }))
}
