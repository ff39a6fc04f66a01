//! The Hoursmith server: two surfaces over one set of operations, the documents and the pages. Status codes, headers and
//! bytes are decided here; what they mean, in `service`.

mod graphql;
mod http;
mod mcp;
mod pages;
pub mod permissions_page;
mod probes;
pub mod rest;
mod settings;
mod telemetry;

pub mod cli;

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use poem::http::Method;
use poem::{Endpoint, EndpointExt, Response, Route};
use rest::openapi;

pub use http::listener::{Limits, Listener};
pub use http::server::Server;

const TEXT: &str = "text/plain; charset=utf-8";

/// How to report a vulnerability (RFC 9116); see `SECURITY.md`.
const SECURITY_TXT: &str = include_str!("security.txt");

/// The routes that only the operator reaches, on an address of their own.
pub fn admin(app: service::App) -> impl Endpoint<Output = Response> {
    Route::new().at("/metrics", probes::Metrics(app)).map_to_response()
}

/// The transport and the door of `/mcp` with another handler, inside the same middleware: the protocol's conformance suite
/// calls tools that no product has.
pub fn mcp_with<H: rmcp::ServerHandler + Clone>(server: Server, handler: H) -> impl Endpoint<Output = Response> {
    let server = Arc::new(server);
    let mcp = mcp::Mcp::serving(handler, mcp::List::Default, server.clone(), Arc::default());
    let allowed_methods = Box::new(rest::allowed_methods());
    http::middleware::Middleware { inner: Route::new().at("/mcp", mcp).map_to_response(), allowed_methods, server }
}

/// The methods of a path outside of REST that takes more than reading.
fn allowed_elsewhere(path: &str) -> Option<Vec<Method>> {
    match path {
        "/graphql" => Some(graphql::METHODS.to_vec()),
        "/mcp" | "/mcp/x/all" | "/mcp/readonly" => Some(mcp::METHODS.to_vec()),
        _ => settings::allowed_methods(path),
    }
}

/// The documents of the REST surface of a server: all are made when somebody asks for the first of them, and each is given
/// away once, to the page that serves it.
fn openapi_of(
    public_url: Option<String>,
) -> impl Fn(&'static str, fn(&mut openapi::Documents) -> &mut String) -> pages::Static {
    let made = LazyLock::new(move || Mutex::new(openapi::Documents::new(public_url.as_deref())));
    let made = Arc::new(made);
    move |kind, which| {
        let made = made.clone();
        pages::Static::made(kind, move || {
            std::mem::take(which(&mut made.lock().unwrap_or_else(PoisonError::into_inner)))
        })
    }
}

/// The whole route tree inside the middleware.
pub fn server(mut server: Server) -> impl Endpoint<Output = Response> {
    let gateway = Arc::new(schema::Gateway::new(std::mem::take(&mut server.documents)));
    let server = Arc::new(server);
    let mcp = |list| mcp::Mcp::new(list, server.clone(), gateway.clone());
    let document = openapi_of(server.public_url.clone());
    let public_url = server.public_url.as_deref().map(|url| url.trim_end_matches('/'));
    let routes = Route::new()
        .nest(rest::BASE, rest::endpoint(server.clone()))
        .at("/api/openapi.json", document("application/json", |made| &mut made.json))
        .at("/api/openapi.yaml", document("application/yaml", |made| &mut made.yaml))
        .at("/api/openapi-3.0.json", document("application/json", |made| &mut made.json_3_0))
        .at("/graphql", graphql::Graphql::new(server.clone(), gateway.clone()))
        .at("/graphql/schema.graphql", pages::Static::made(TEXT, schema::published_sdl))
        .at("/mcp", mcp(mcp::List::Default))
        .at("/mcp/x/all", mcp(mcp::List::All))
        .at("/mcp/readonly", mcp(mcp::List::ReadOnly))
        .at("/mcp/*", mcp::Nowhere(server.clone()))
        .at("/", pages::Home::new(server.app.clone(), public_url))
        .at("/api-docs", pages::Static::api_docs())
        .at("/api-docs/", pages::Static::api_docs())
        .at("/graphiql", pages::Static::graphiql())
        .at("/graphiql/", pages::Static::graphiql())
        .nest(settings::BASE, settings::Settings { server: server.clone() })
        .at("/favicon.ico", pages::Static::icon())
        .nest("/docs", pages::Docs::new(public_url))
        .nest("/assets", pages::Assets::default())
        .at("/llms.txt", pages::Static::made(TEXT, || pages::LLMS.into()))
        .at("/.well-known/security.txt", pages::Static::made(TEXT, || SECURITY_TXT.into()))
        .at("/healthz", probes::Healthz)
        .at("/readyz", probes::Readyz { app: server.app.clone(), migrations: migration::names() });
    let of_rest = rest::allowed_methods();
    let allowed_methods = Box::new(move |path: &str| of_rest(path).or_else(|| allowed_elsewhere(path)));
    http::middleware::Middleware { inner: routes.map_to_response(), allowed_methods, server }
}
