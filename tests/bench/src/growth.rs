//! What a request costs as something grows: the same requests beside the same bare server, before and after.

use serde::{Deserialize, Serialize};

use crate::cpu::Cores;
use crate::lab::Ground;
use crate::load::Request;
use crate::rounds::{CONNECTIONS, Effort, Side, Spread, measure, spread};
use crate::rows::{self, HOME, Kind, LARGE, Size};
use crate::servers::{Programs, Server, Who};
use crate::subscribers;
use crate::workloads::{Sender, Workload};

/// One line of the table.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Growth {
    /// What grows.
    pub what: String,
    /// From what to what.
    pub range: String,
    /// Server and database at the greater end as multiples of the lesser.
    pub server: Spread,
    /// The database's.
    pub database: Spread,
    /// What either may be at most.
    pub bound: Option<f64>,
}

/// Lists, deep pages, nested levels, tokens and workspaces.
const STEADY: Option<f64> = Some(1.3);
/// A search without a match, beside a page of the list.
const SEARCH: Option<f64> = Some(20.0);

/// The laboratory's parts.
pub struct Lab<'a> {
    /// The programs.
    pub programs: &'a Programs,
    /// The cores.
    pub cores: Cores,
    /// Rounds of each comparison.
    pub effort: Effort,
}

/// The cost of some requests at one end: as a multiple of a get of the bare server in the same rounds, so that ends that
/// are not measured together can be compared.
struct End {
    server: Vec<f64>,
    database: Vec<f64>,
}

impl Lab<'_> {
    fn end(
        &self,
        ground: &Ground,
        bare: &Server,
        ours: &Server,
        requests: Vec<Request>,
        connections: u32,
    ) -> Result<End, String> {
        let yardstick = Workload::Get.requests(Who::Bare, ground.size, "");
        let sides = [Side { server: bare, requests: yardstick }, Side { server: ours, requests }];
        let effort = Effort { connections, ..self.effort };
        let samples = measure(&self.programs.folder, self.cores, ground.process, &sides, effort)?;
        let of = |figure: fn(&crate::rounds::Sample) -> f64| {
            let (ours, bare) = (&samples[&Who::Ours], &samples[&Who::Bare]);
            ours.iter().zip(bare).map(|(ours, bare)| figure(ours) / figure(bare)).collect()
        };
        Ok(End { server: of(|sample| sample.server), database: of(|sample| sample.database) })
    }

    /// Everything that grows within two databases of PostgreSQL, the small one and the large one.
    ///
    /// # Errors
    /// If something cannot be measured.
    pub async fn run(&self, small: &Ground, large: &Ground, deep: &str) -> Result<Vec<Growth>, String> {
        let servers = |ground: &Ground| {
            Ok::<_, String>((self.programs.bare(&ground.url)?, self.programs.ours(&ground.url, "warn")?))
        };
        let (few, many) = (servers(small)?, servers(large)?);
        let at = |ground: &Ground, (bare, ours): &(Server, Server), requests: Vec<Request>, connections: u32| {
            self.end(ground, bare, ours, requests, connections)
        };
        let home = |workload: Workload, size: Size| workload.requests(Who::Ours, size, deep);
        let mut all = Vec::new();

        for (what, workload) in [
            ("entries, list", Workload::List),
            ("entries, get", Workload::Get),
            ("entries, nested levels", Workload::Nested),
            ("entries, list over GraphQL", Workload::GraphqlList),
        ] {
            let from = at(small, &few, home(workload, small.size), CONNECTIONS)?;
            let to = at(large, &many, home(workload, large.size), CONNECTIONS)?;
            all.push(growth(what, "10⁴ to 10⁶", STEADY, &from, &to));
        }
        let sender = |workspace| Sender { who: Who::Ours, workspace, member: 1 };
        let first = at(large, &many, vec![sender(LARGE).list("")], CONNECTIONS)?;
        let last = at(large, &many, vec![sender(LARGE).list(deep)], CONNECTIONS)?;
        all.push(growth("depth of a page", "page 1 to 10,000", STEADY, &first, &last));

        let below = "query Below { projects(first: 5) { nodes { id timeEntries(first: 5) { nodes { id } } } } }";
        let from = at(large, &many, vec![sender(HOME).graphql("", below, "")], CONNECTIONS)?;
        let to = at(large, &many, vec![sender(LARGE).graphql("", below, "")], CONNECTIONS)?;
        let range = format!("{} to {}", large.size.each / 100, large.size.large / rows::BUSY_PROJECTS);
        all.push(growth("entries of a parent, nested", &range, STEADY, &from, &to));

        let nothing = at(large, &many, vec![sender(LARGE).list("search=xylophone")], CONNECTIONS)?;
        all.push(growth("a search without a match, beside a page of the list", "", SEARCH, &first, &nothing));

        let get = || home(Workload::Get, large.size);
        let from = at(large, &many, get(), CONNECTIONS)?;
        all.push(growth("connections, get", "16 to 1,000", None, &from, &at(large, &many, get(), 1000)?));
        let idle = subscribers::open(many.1.port, large.size, 1000).await?;
        all.push(growth(
            "idle subscribers beside a get",
            "0 to 1,000",
            None,
            &from,
            &at(large, &many, get(), CONNECTIONS)?,
        ));
        drop(idle);

        large.execute(&more_workspaces_and_tokens()).await?;
        let spread_out = (0..2000).map(|i| one_of_many_tokens(i, large.size)).collect();
        let to = at(large, &many, spread_out, CONNECTIONS)?;
        all.push(growth("tokens and workspaces, get", "200 to 100,200 and 20 to 1,020", STEADY, &from, &to));

        let create = || home(Workload::Create, large.size);
        let from = at(large, &many, create(), CONNECTIONS)?;
        large.execute(&endpoints()).await?;
        all.push(growth(
            "webhook endpoints, create",
            "0 to 1,000",
            None,
            &from,
            &at(large, &many, create(), CONNECTIONS)?,
        ));
        Ok(all)
    }
}

fn growth(what: &str, range: &str, bound: Option<f64>, from: &End, to: &End) -> Growth {
    let of = |from: &[f64], to: &[f64]| spread(to.iter().zip(from).map(|(to, from)| to / from));
    let (what, range) = (what.to_owned(), range.to_owned());
    Growth { what, range, server: of(&from.server, &to.server), database: of(&from.database, &to.database), bound }
}

/// A thousand workspaces, and 100,000 tokens of the Owner of the home workspace.
fn more_workspaces_and_tokens() -> String {
    let now = crate::seed::NOW;
    format!(
        "INSERT INTO organization (id, name, plan, default_currency, invoice_prefix, next_invoice_number, version, \
         created_at, updated_at) SELECT make_id(1, 1000 + i, 0), 'More', 30, 'EUR', 'INV', 1, 1, {now}, {now} \
         FROM generate_series(1, 1000) n(i); \
         INSERT INTO token (id, organization_id, member_id, name, prefix, hash, scope, created_at) \
         SELECT make_id(4, {HOME}, 1000 + i), make_id(1, {HOME}, 0), make_id(3, {HOME}, 1), 'more', \
         'more' || lpad(i::text, 8, '0'), sha256(('hsk_live_more' || lpad(i::text, 8, '0') || '_' || \
         repeat('m', 32))::bytea), 20, {now} FROM generate_series(1, 100000) n(i); ANALYZE token, organization"
    )
}

/// A get with one of these tokens.
fn one_of_many_tokens(i: u64, size: Size) -> Request {
    let token = format!("hsk_live_more{:08}_{}", 1 + i * 47 % 100_000, "m".repeat(32));
    let id = rows::id(Kind::Entry, HOME, 1 + i * 7919 % size.each);
    Request { method: "GET", path: format!("/api/v1/time-entries/{id}"), token, body: None, keyed: false }
}

/// A thousand endpoints of the home workspace, for another type of event.
fn endpoints() -> String {
    let now = crate::seed::NOW;
    format!(
        "INSERT INTO webhook_endpoint (id, organization_id, url, events, enabled, status, secret, secret_prefix, version, \
         created_at, updated_at) SELECT make_id(9, {HOME}, i), make_id(1, {HOME}, 0), 'https://example.com/' || i, \
         '[\"invoice.paid\"]', TRUE, 10, '\\x00', 'whsec_', 1, {now}, {now} FROM generate_series(1, 1000) n(i); \
         ANALYZE webhook_endpoint"
    )
}
