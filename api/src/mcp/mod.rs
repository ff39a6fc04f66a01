//! MCP (Model Context Protocol): the operations for assistants, over streamable HTTP without sessions. A third surface
//! through the same door: the token, plan, limits, keys and rules are those of REST.

mod arguments;
mod call;
mod confirm;
mod handler;
mod names;
mod prompts;
mod read;
mod reply;
mod schemas;
mod session;
mod tools;

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use poem::http::Method;
use poem::{Endpoint, IntoResponse, Request, Response, Result};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use schema::Gateway;
use service::{Error, Feature};

use crate::http::admission;
use crate::http::budget::RateState;
use crate::http::middleware::caught;
use crate::http::rejection::{HttpRejection, Rejection};
use crate::http::request::{MAX_BODY, read_body, request_id};
use crate::http::server::Server;
use handler::Handler;
use session::Session;

pub(crate) use tools::List;

/// How long a request may take in all.
const TIMEOUT: Duration = Duration::from_secs(15);

/// One of the three lists of tools, served at a path of its own.
pub(crate) struct Mcp {
    list: List,
    server: Arc<Server>,
    gateway: Arc<Gateway>,
    service: StreamableHttpService<Handler, NeverSessionManager>,
}

impl Mcp {
    /// The endpoint of a list. The gateway serves the tool `query`.
    pub(crate) fn new(list: List, server: Arc<Server>, gateway: Arc<Gateway>) -> Mcp {
        let config = config(&server);
        let service = StreamableHttpService::new(|| Ok(Handler), Arc::default(), config);
        Mcp { list, server, gateway, service }
    }

    /// Hands an admitted request to the protocol's library, which calls the handler with the session beside it.
    async fn run(&self, request: &mut Request, session: &Arc<Session>) -> Result<Response, Rejection> {
        let bytes = read_body(request).await?;
        let mut inner = poem::http::Request::builder().method(Method::POST).uri(request.uri().clone());
        if let Some(headers) = inner.headers_mut() {
            *headers = request.headers().clone();
        }
        let mut inner = inner
            .body(String::from_utf8(bytes).map_err(|_| Error::BadRequest("the body is not UTF-8".into()))?)
            .map_err(|_| Error::BadRequest("the request cannot be read".into()))?;
        inner.extensions_mut().insert(session.clone());
        let handled = tokio::time::timeout(TIMEOUT, self.service.handle(inner)).await;
        let (head, body) = handled.map_err(|_| Error::TooSlow)?.into_parts();
        let bytes = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let mut response = Response::builder().status(head.status).body(bytes);
        *response.headers_mut() = head.headers;
        Ok(response)
    }

    async fn enter(&self, request: &mut Request, id: &str, rate: &mut RateState) -> Result<Response, Rejection> {
        if *request.method() != Method::POST {
            return Err(HttpRejection::MethodNotAllowed(vec![Method::POST, Method::OPTIONS]).into());
        }
        let admission = admission::admit(&self.server, request, Feature::ApiAccess).await?;
        *rate = RateState::AtDoor(admission.budget);
        let admitted = admission.pass?;
        let session = Arc::new(Session::new(admitted, id, self.list, self.gateway.clone()));
        let response = self.run(request, &session).await;
        if let Some(cx) = session.entered() {
            *rate = RateState::Inside(cx);
        }
        response
    }
}

impl Endpoint for Mcp {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let id = request_id(&request);
        let mut rate = RateState::default();
        let answer = caught(self.enter(&mut request, &id, &mut rate)).await;
        let mut response = match answer.unwrap_or_else(|fault| Err(fault.into())) {
            Ok(response) => response,
            Err(rejection) => rejection.response(&id),
        };
        rate.add_headers(response.headers_mut());
        Ok(response.into_response())
    }
}

/// Stateless, JSON answers; `Host` and `Origin` are checked where the server knows its public URL.
fn config(server: &Server) -> StreamableHttpServerConfig {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(MAX_BODY);
    let public = server.public_url.as_deref().and_then(|url| url.parse::<poem::http::Uri>().ok());
    let Some(host) = public.as_ref().and_then(|url| url.host()) else {
        // The token protects the server; without a public URL nothing says which names are its own.
        return config
            .disable_allowed_hosts()
            .with_allowed_origins(server.cors_origins.clone())
            .enforce_origin_validation();
    };
    let own = public.as_ref().map(|url| {
        let scheme = url.scheme_str().unwrap_or("https");
        url.port_u16().map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}"))
    });
    config
        .with_allowed_hosts([host, "localhost", "127.0.0.1", "::1"])
        .with_allowed_origins(own.into_iter().chain(server.cors_origins.iter().cloned()))
        .enforce_origin_validation()
}
