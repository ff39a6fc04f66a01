//! Fills a migrated database by SQL, the same on both: a few statements that make many rows each.

pub mod postgres;
pub mod sqlite;

use crate::rows::{BUSY_PROJECTS, CLIENTS, LARGE, PROJECTS, Size};

/// When everything was made: entries end here, a year after they began.
pub const NOW: i64 = 1_781_164_800_000;
const YEAR: i64 = 365 * 86_400_000;

/// Numbers `first` to `last` as `n(i)`.
fn numbers(first: u64, last: u64) -> String {
    format!("WITH RECURSIVE n(i) AS (SELECT CAST({first} AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < {last})")
}

/// The statements that fill a workspace with what its entries hang on. `make_id(kind, workspace, number)`, `folded(text)`
/// and `day(number)` are functions that each database is given.
fn people_and_projects(workspace: u16, size: Size) -> Vec<String> {
    let w = workspace;
    let members = size.members();
    let projects = CLIENTS * PROJECTS;
    let named = "version, created_at, updated_at";
    let one = format!("1, {NOW} - 1000 * i, {NOW} - 1000 * i");
    vec![
        format!(
            "INSERT INTO organization (id, name, plan, default_currency, invoice_prefix, next_invoice_number, {named}) \
             SELECT make_id(1, {w}, 0), 'Workspace {w}', 30, 'EUR', 'INV', 1, 1, {NOW}, {NOW}"
        ),
        format!(
            "{} INSERT INTO user_account (id, email, email_key, created_at) SELECT make_id(2, {w}, i), \
             'p' || i || '@w{w}.example', 'p' || i || '@w{w}.example', {NOW} FROM n",
            numbers(1, members.into())
        ),
        format!(
            "{} INSERT INTO member (id, organization_id, user_id, role, name, email, search_key, {named}) \
             SELECT make_id(3, {w}, i), make_id(1, {w}, 0), make_id(2, {w}, i), CASE WHEN i = 1 THEN 10 ELSE 20 END, \
             'Person ' || i, 'p' || i || '@w{w}.example', 'person ' || i, {one} FROM n",
            numbers(1, members.into())
        ),
        format!(
            "{} INSERT INTO client (id, organization_id, name, name_key, search_key, email, currency, default_rate, \
             require_po_number, {named}) SELECT make_id(5, {w}, i), make_id(1, {w}, 0), 'Client ' || i, 'client ' || i, \
             'client ' || i, 'hello@client' || i || '.example', 'EUR', 1500000, FALSE, {one} FROM n",
            numbers(1, CLIENTS)
        ),
        format!(
            "{} INSERT INTO project (id, organization_id, client_id, name, name_key, search_key, status, rate_type, \
             hourly_rate, {named}) SELECT make_id(6, {w}, i), make_id(1, {w}, 0), make_id(5, {w}, 1 + i % {CLIENTS}), \
             'Project ' || i, 'project ' || i, 'project ' || i, 10, 10, 1500000, {one} FROM n",
            numbers(1, projects)
        ),
    ]
}

/// One statement for all entries of a workspace, oldest first, spread over a year and evenly over its projects; in the large
/// one over a few, so that each has very many.
fn entries(workspace: u16, size: Size) -> String {
    let w = workspace;
    let all = size.entries(workspace);
    let step = YEAR / i64::try_from(all).unwrap_or(1);
    let members = size.members();
    let projects = if workspace == LARGE { BUSY_PROJECTS } else { CLIENTS * PROJECTS };
    format!(
        "{} INSERT INTO time_entry (id, organization_id, user_id, project_id, duration_seconds, billable, note, \
         search_key, entry_date, started_at, stopped_at, version, created_at, updated_at) \
         SELECT make_id(7, {w}, i), make_id(1, {w}, 0), make_id(2, {w}, 1 + i % {members}), \
         make_id(6, {w}, 1 + i % {projects}), 900 + 60 * (i % 60), i % 4 <> 0, note(i), lower(note(i)), \
         day(i * 365 / {all}), CASE WHEN i % 2 = 0 THEN {NOW} - {YEAR} + {step} * i END, \
         CASE WHEN i % 2 = 0 THEN {NOW} - {YEAR} + {step} * i + 1000 * (900 + 60 * (i % 60)) END, \
         1, {NOW} - {YEAR} + {step} * i, {NOW} - {YEAR} + {step} * i FROM n",
        numbers(1, all)
    )
}

/// A token of each member.
fn token_rows(workspace: u16, size: Size) -> impl Iterator<Item = (u32, String, Vec<u8>)> {
    (1..=size.members()).map(move |member| {
        let hash = crate::rows::hash(&crate::rows::token(workspace, member));
        (member, crate::rows::prefix(workspace, member), hash)
    })
}
