//! What is asked of each server: the same rows, by each server's own paths.

use crate::lab::Database;
use crate::load::Request;
use crate::rows::{self, HOME, Kind, LARGE, Size};
use crate::servers::Who;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Workload {
    /// The newest 50 entries of a workspace.
    List,
    /// One entry, another each time.
    Get,
    /// A new entry with a key, beside a bare transaction of the same rows.
    Create,
    /// The same, beside a bare insert of the entry's row alone.
    CreateOne,
    /// The list over GraphQL, with every field.
    GraphqlList,
    /// One entry over GraphQL, with every field.
    GraphqlGet,
    /// 20 clients, 5 projects of each, 5 entries of each.
    Nested,
    /// The list after half a million rows: page 10,000.
    DeepPage,
    /// A year by project.
    Report,
    /// A list of what has a rare word in its note.
    Search,
    /// The same with a word that is nowhere.
    SearchNothing,
    /// Nine lists and gets to each create, with 200 tokens of all workspaces.
    Mix,
}

/// What a request may cost, as multiples of the bare server's processor time.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// The server's.
    pub server: f64,
    /// The database's; none where it is within the server.
    pub database: Option<f64>,
}

impl Workload {
    /// What a request may cost at most; none where nothing was promised.
    pub fn bound(self, database: Database) -> Option<Bound> {
        use Workload::{Create, CreateOne, Get, GraphqlGet, GraphqlList, List, Nested};
        let (server, of_database) = match (database, self) {
            (Database::Postgres, List) => (1.8, Some(1.3)),
            (Database::Postgres, Get) => (2.2, Some(1.6)),
            (Database::Postgres, Create) => (2.0, Some(1.3)),
            (Database::Postgres, CreateOne) => (5.0, Some(3.0)),
            (Database::Postgres, GraphqlList) => (3.5, Some(1.3)),
            (Database::Postgres, GraphqlGet) => (3.5, Some(1.6)),
            (Database::Postgres, Nested) => (3.0, Some(1.5)),
            (Database::Sqlite, Get | List) => (2.5, None),
            (Database::Sqlite, Create) => (3.0, None),
            (Database::Sqlite, Nested) => (4.0, None),
            _ => return None,
        };
        Some(Bound { server, database: of_database })
    }

    /// All of them, in the order of the tables.
    pub const ALL: [Workload; 12] = [
        Workload::List,
        Workload::Get,
        Workload::Create,
        Workload::CreateOne,
        Workload::GraphqlList,
        Workload::GraphqlGet,
        Workload::Nested,
        Workload::DeepPage,
        Workload::Report,
        Workload::Search,
        Workload::SearchNothing,
        Workload::Mix,
    ];

    /// Those of the quick check.
    pub fn quick(database: Database) -> &'static [Workload] {
        use Workload::{Create, Get, GraphqlGet, GraphqlList, List, Nested};
        match database {
            Database::Postgres => &[List, Get, Create, GraphqlList, GraphqlGet, Nested],
            Database::Sqlite => &[List, Get, Create, Nested],
        }
    }

    /// A short name, in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Workload::List => "list",
            Workload::Get => "get",
            Workload::Create => "create",
            Workload::CreateOne => "create-one",
            Workload::GraphqlList => "graphql-list",
            Workload::GraphqlGet => "graphql-get",
            Workload::Nested => "nested",
            Workload::DeepPage => "deep-page",
            Workload::Report => "report",
            Workload::Search => "search",
            Workload::SearchNothing => "search-nothing",
            Workload::Mix => "mix",
        }
    }

    /// What it is, in tables.
    pub fn title(self) -> &'static str {
        match self {
            Workload::List => "list of 50, REST",
            Workload::Get => "get, REST",
            Workload::Create => "create with key, REST, beside a transaction of the same rows",
            Workload::CreateOne => "create with key, REST, beside an insert of one row",
            Workload::GraphqlList => "list of 50, GraphQL",
            Workload::GraphqlGet => "get, GraphQL",
            Workload::Nested => "clients(20) × projects(5) × timeEntries(5), GraphQL",
            Workload::DeepPage => "list of 50 after 500,000 rows, REST",
            Workload::Report => "time report over a year, REST",
            Workload::Search => "search, one in a thousand matches, REST",
            Workload::SearchNothing => "search without a match, REST",
            Workload::Mix => "nine reads to a create, 200 tokens, REST",
        }
    }

    /// Whether the peer has it.
    pub fn has_peer(self) -> bool {
        matches!(self, Workload::List | Workload::Get | Workload::Create | Workload::Nested | Workload::Mix)
    }

    /// What is sent to a server. `deep` is where the deep page begins in the product.
    pub fn requests(self, who: Who, size: Size, deep: &str) -> Vec<Request> {
        let home = Sender { who, workspace: HOME, member: 1 };
        let large = Sender { who, workspace: LARGE, member: 1 };
        match self {
            Workload::List => vec![home.list("")],
            Workload::Get => numbers(size.each).map(|number| home.get(number)).collect(),
            Workload::Create => vec![home.create("create")],
            Workload::CreateOne => vec![home.create("one")],
            Workload::GraphqlList => vec![home.graphql("list", GRAPHQL_LIST, "")],
            Workload::GraphqlGet => numbers(size.each)
                .map(|number| {
                    let id = rows::id(Kind::Entry, HOME, number).to_string();
                    home.graphql(&format!("get/{{}}/{id}"), GRAPHQL_GET, &format!(r#""id":"{id}""#))
                })
                .collect(),
            Workload::Nested => vec![home.graphql("nested", NESTED, "")],
            Workload::DeepPage => {
                let number = size.deep() + 1;
                let id = rows::id(Kind::Entry, LARGE, number);
                let step = 365 * 86_400_000 / i64::try_from(size.large).unwrap_or(1);
                let at = crate::seed::NOW - 365 * 86_400_000 + step * i64::try_from(number).unwrap_or(0);
                let bare = format!("at={at}&id={id}");
                vec![large.list(if who == Who::Ours { deep } else { &bare })]
            }
            Workload::Report => vec![home.report()],
            Workload::Search => vec![large.list("search=zebra")],
            Workload::SearchNothing => vec![large.list("search=xylophone")],
            Workload::Mix => mix(who, size),
        }
    }
}

/// Numbers of a thousand rows, all over a workspace.
fn numbers(all: u64) -> impl Iterator<Item = u64> {
    (0..1000).map(move |i| 1 + (i * 7919) % all)
}

/// In ten requests, the fifth is a create; lists and gets take turns otherwise.
fn mix(who: Who, size: Size) -> Vec<Request> {
    let members = u64::from(size.members());
    (0..1000_u64)
        .map(|i| {
            let token = i * 37 % u64::from(rows::TOKENS);
            let workspace = u16::try_from(token / members).unwrap_or(0).min(size.workspaces - 1);
            let member = u32::try_from(1 + token % members).unwrap_or(1);
            let sender = Sender { who, workspace, member };
            match i % 10 {
                5 => sender.create("create"),
                j if j % 2 == 0 => sender.list(""),
                _ => sender.get(1 + i * 7919 % size.entries(workspace)),
            }
        })
        .collect()
}

const GRAPHQL_LIST: &str = "query List { timeEntries(first: 50) { nodes { id orgId externalId userId projectId taskId \
    invoiceId durationSeconds billable note entryDate startedAt stoppedAt version createdAt updatedAt deletedAt } \
    pageInfo { hasNextPage } } }";
const GRAPHQL_GET: &str = "query Get($id: ID!) { timeEntry(id: $id) { id orgId externalId userId projectId taskId \
    invoiceId durationSeconds billable note entryDate startedAt stoppedAt version createdAt updatedAt deletedAt } }";
const NESTED: &str = "query Nested { clients(first: 20) { nodes { id name projects(first: 5) { nodes { id name \
    timeEntries(first: 5) { nodes { id durationSeconds note entryDate } } } } } } }";

/// Who asks whom.
pub struct Sender {
    /// The server that is asked.
    pub who: Who,
    /// The workspace of the token.
    pub workspace: u16,
    /// The member of the token.
    pub member: u32,
}

impl Sender {
    fn request(&self, method: &'static str, ours: String, others: String, body: Option<String>) -> Request {
        let path = if self.who == Who::Ours { ours } else { others };
        Request { method, path, token: rows::token(self.workspace, self.member), body, keyed: false }
    }

    fn organization(&self) -> uuid::Uuid {
        rows::organization(self.workspace)
    }

    /// The list, with a query.
    pub fn list(&self, query: &str) -> Request {
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        let ours = format!("/api/v1/time-entries{query}");
        self.request("GET", ours, format!("/list/{}{query}", self.organization()), None)
    }

    fn get(&self, number: u64) -> Request {
        let id = rows::id(Kind::Entry, self.workspace, number);
        let ours = format!("/api/v1/time-entries/{id}");
        self.request("GET", ours, format!("/get/{}/{id}", self.organization()), None)
    }

    fn report(&self) -> Request {
        let ours = "/api/v1/reports/time?groupBy=project&entryDateFrom=2025-06-12&entryDateTo=2026-06-11".to_owned();
        self.request("GET", ours, format!("/report/{}", self.organization()), None)
    }

    fn create(&self, how: &str) -> Request {
        let project = rows::id(Kind::Project, self.workspace, 7);
        let body = format!(
            r#"{{"projectId":"{project}","durationSeconds":3600,"entryDate":"2026-06-11","note":"An hour of work on it"}}"#
        );
        let others = format!("/{how}/{}", self.organization());
        Request { keyed: true, ..self.request("POST", "/api/v1/time-entries".to_owned(), others, Some(body)) }
    }

    /// A document. `{}` in the path stands for the workspace, which otherwise comes last.
    pub fn graphql(&self, path: &str, query: &str, variables: &str) -> Request {
        let body = format!(r#"{{"query":"{query}","variables":{{{variables}}}}}"#);
        let organization = self.organization().to_string();
        let others = match path.contains("{}") {
            true => format!("/graphql/{}", path.replace("{}", &organization)),
            false => format!("/graphql/{path}/{organization}"),
        };
        self.request("POST", "/graphql".to_owned(), others, Some(body))
    }
}
