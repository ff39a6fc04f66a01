//! A bare server: poem and the plainest driver, with one statement for each answer. It does the least that can serve the
//! same rows in the same bytes: its token is a constant, and it has no limits, keys, permissions or errors.

mod answer;
mod postgres;
mod sql;
mod sqlite;

use std::sync::Arc;

use poem::http::{StatusCode, header};
use poem::web::{Data, Path, Query};
use poem::{Endpoint, EndpointExt, Request, Response, Result, Route, handler};
use serde::Deserialize;
use uuid::Uuid;

use answer::{Entry, Input};

/// What a page of entries begins after, and what it looks for.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Page {
    /// `createdAt` of the row before.
    pub at: Option<i64>,
    /// The id of the row before.
    pub id: Option<Uuid>,
    /// Part of a note.
    pub search: Option<String>,
}

/// A database that answers without ceremony.
trait Bare: Send + Sync + 'static {
    fn list(&self, workspace: Uuid, page: &Page) -> impl Future<Output = Vec<Entry>> + Send;
    fn get(&self, workspace: Uuid, id: Uuid) -> impl Future<Output = Entry> + Send;
    /// The entry alone.
    fn insert(&self, entry: &Entry) -> impl Future<Output = ()> + Send;
    /// The entry, its event and the answer of its key, in one transaction.
    fn create(&self, entry: &Entry, event: &str, reply: &str, key: &str) -> impl Future<Output = ()> + Send;
    /// Clients, their projects and the entries of these, by one statement a level.
    fn nested(&self, workspace: Uuid) -> impl Future<Output = Vec<answer::ClientNode>> + Send;
    /// Seconds, billable seconds and entries by project.
    fn report(&self, workspace: Uuid) -> impl Future<Output = Vec<answer::Sum>> + Send;
}

/// Serves until the process is ended.
///
/// # Errors
/// If the port or the database is not to be had.
pub async fn serve(url: &str, port: u16) -> std::io::Result<()> {
    if let Some(file) = url.strip_prefix("sqlite://") {
        let file = file.split('?').next().unwrap_or_default();
        run(port, routes(sqlite::Database::open(file).map_err(std::io::Error::other)?)).await
    } else {
        run(port, routes(postgres::Database::connect(url).await.map_err(std::io::Error::other)?)).await
    }
}

async fn run(port: u16, routes: impl Endpoint + 'static) -> std::io::Result<()> {
    poem::Server::new(poem::listener::TcpListener::bind(("127.0.0.1", port))).run(routes).await
}

fn routes<B: Bare>(database: B) -> impl Endpoint {
    Route::new()
        .at("/list/:workspace", poem::get(list::<B>::default()))
        .at("/get/:workspace/:id", poem::get(get::<B>::default()))
        .at("/one/:workspace", poem::post(one::<B>::default()))
        .at("/create/:workspace", poem::post(create::<B>::default()))
        .at("/report/:workspace", poem::get(report::<B>::default()))
        .at("/graphql/list/:workspace", poem::post(graphql_list::<B>::default()))
        .at("/graphql/get/:workspace/:id", poem::post(graphql_get::<B>::default()))
        .at("/graphql/nested/:workspace", poem::post(graphql_nested::<B>::default()))
        .data(Arc::new(database))
}

/// The static token.
fn admitted(request: &Request) -> Result<()> {
    let sent = request.headers().get(header::AUTHORIZATION).map(|value| value.as_bytes());
    if sent.is_some_and(|sent| sent.starts_with(b"Bearer ")) {
        Ok(())
    } else {
        Err(poem::Error::from_status(StatusCode::UNAUTHORIZED))
    }
}

fn json(bytes: Vec<u8>) -> Response {
    Response::builder().content_type("application/json").body(bytes)
}

#[handler]
async fn list<B: Bare>(
    request: &Request,
    db: Data<&Arc<B>>,
    Path(workspace): Path<Uuid>,
    Query(page): Query<Page>,
) -> Result<Response> {
    admitted(request)?;
    Ok(json(answer::list(db.list(workspace, &page).await)))
}

#[handler]
async fn get<B: Bare>(
    request: &Request,
    db: Data<&Arc<B>>,
    Path((workspace, id)): Path<(Uuid, Uuid)>,
) -> Result<Response> {
    admitted(request)?;
    Ok(json(answer::data(&db.get(workspace, id).await)))
}

#[handler]
async fn one<B: Bare>(
    request: &Request,
    db: Data<&Arc<B>>,
    Path(workspace): Path<Uuid>,
    body: Vec<u8>,
) -> Result<Response> {
    admitted(request)?;
    let entry = Input::parse(&body)?.entry(workspace);
    db.insert(&entry).await;
    Ok(json(answer::data(&entry)).set(StatusCode::CREATED))
}

#[handler]
async fn create<B: Bare>(
    request: &Request,
    db: Data<&Arc<B>>,
    Path(workspace): Path<Uuid>,
    body: Vec<u8>,
) -> Result<Response> {
    admitted(request)?;
    let key = request.header("idempotency-key").unwrap_or_default();
    let entry = Input::parse(&body)?.entry(workspace);
    let (event, reply) = (answer::event(&entry), answer::text(&entry));
    db.create(&entry, &event, &reply, key).await;
    Ok(json(answer::data(&entry)).set(StatusCode::CREATED))
}

#[handler]
async fn report<B: Bare>(request: &Request, db: Data<&Arc<B>>, Path(workspace): Path<Uuid>) -> Result<Response> {
    admitted(request)?;
    Ok(json(answer::report(&db.report(workspace).await)))
}

#[handler]
async fn graphql_list<B: Bare>(
    request: &Request,
    db: Data<&Arc<B>>,
    Path(workspace): Path<Uuid>,
    _body: Vec<u8>,
) -> Result<Response> {
    admitted(request)?;
    Ok(json(answer::graphql_list(db.list(workspace, &Page::default()).await)))
}

#[handler]
async fn graphql_get<B: Bare>(
    request: &Request,
    db: Data<&Arc<B>>,
    Path((workspace, id)): Path<(Uuid, Uuid)>,
    _body: Vec<u8>,
) -> Result<Response> {
    admitted(request)?;
    Ok(json(answer::graphql_get(&db.get(workspace, id).await)))
}

#[handler]
async fn graphql_nested<B: Bare>(
    request: &Request,
    db: Data<&Arc<B>>,
    Path(workspace): Path<Uuid>,
    _body: Vec<u8>,
) -> Result<Response> {
    admitted(request)?;
    Ok(json(answer::graphql_nested(&db.nested(workspace).await)))
}

/// A response with another status.
trait WithStatus {
    fn set(self, status: StatusCode) -> Self;
}

impl WithStatus for Response {
    fn set(mut self, status: StatusCode) -> Response {
        self.set_status(status);
        self
    }
}
