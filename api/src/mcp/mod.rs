//! MCP (Model Context Protocol): the operations for assistants, over streamable HTTP without sessions. A surface
//! like the others, through the same door: the token, plan, limits, keys and rules are those of REST.

mod arguments;
mod call;
mod confirm;
mod handler;
mod names;
mod price;
mod prompts;
mod read;
mod reply;
mod request;
mod schemas;
mod tools;

use std::sync::Arc;

use http_body_util::BodyExt;
use poem::http::{Method, StatusCode};
use poem::{Endpoint, IntoResponse, Request, Response, Result};
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use schema::Gateway;
use service::value::Json;
use service::{Error, Feature, OPERATION_TIMEOUT};

use crate::http::admission;
use crate::http::budget::RateState;
use crate::http::middleware::caught;
use crate::http::rejection::{HttpRejection, Rejection};
use crate::http::request::{MAX_BODY, read_body, request_id};
use crate::http::server::Server;
use handler::Handler;
use request::McpRequest;

pub(crate) use tools::List;

/// The methods of its paths.
pub(crate) const METHODS: [Method; 2] = [Method::POST, Method::OPTIONS];

/// One of the three lists of tools, served at a path of its own; or, for the protocol's conformance suite,
/// another handler behind the same door.
pub(crate) struct Mcp<H = Handler> {
    list: List,
    server: Arc<Server>,
    gateway: Arc<Gateway>,
    service: StreamableHttpService<H, NeverSessionManager>,
}

/// The paths below `/mcp` that are none of a list: refused as any unknown path, with the headers that a good token is sent.
pub(crate) struct Nowhere(pub(crate) Arc<Server>);

impl Endpoint for Nowhere {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let rate =
            admission::admit_rejected(&self.0, &request).await.map_or_else(RateState::default, RateState::AtDoor);
        let mut response = HttpRejection::NoSuchPath.response(&request_id(&request));
        rate.add_headers(response.headers_mut());
        Ok(response)
    }
}

impl Mcp {
    /// The endpoint of a list. The gateway serves the tool `query`.
    pub(crate) fn new(list: List, server: Arc<Server>, gateway: Arc<Gateway>) -> Mcp {
        let handler = Handler { list, runs_documents: !gateway.is_closed() };
        Mcp::serving(handler, list, server, gateway)
    }
}

impl<H: ServerHandler + Clone> Mcp<H> {
    /// The endpoint of a handler.
    pub(crate) fn serving(handler: H, list: List, server: Arc<Server>, gateway: Arc<Gateway>) -> Mcp<H> {
        let service = StreamableHttpService::new(move || Ok(handler.clone()), Arc::default(), config(&server));
        Mcp { list, server, gateway, service }
    }

    /// Hands an admitted request to the protocol's library, which calls the handler with the session beside it.
    async fn run(&self, request: &mut Request, session: &Arc<McpRequest>) -> Result<Response, Rejection> {
        let message = read_message(request).await?;
        let mut inner = poem::http::Request::builder().method(Method::POST).uri(request.uri().clone());
        if let Some(headers) = inner.headers_mut() {
            *headers = request.headers().clone();
        }
        let mut inner = inner.body(message).map_err(|_| Error::BadRequest("the request cannot be read".into()))?;
        inner.extensions_mut().insert(session.clone());
        // A handler that reports its progress answers as a stream, whose end is part of the answer.
        let handled = tokio::time::timeout(OPERATION_TIMEOUT, async {
            let (head, body) = self.service.handle(inner).await.into_parts();
            (head, body.collect().await.map(|body| body.to_bytes()).unwrap_or_default())
        });
        let (head, bytes) = handled.await.map_err(|_| Error::TooSlow)?;
        let mut response = Response::builder().status(head.status).body(bytes.clone());
        *response.headers_mut() = head.headers;
        match refused_in_plain_text(&response) {
            false => Ok(response),
            true => Err(refusal(response.status(), &bytes)),
        }
    }

    async fn enter(&self, request: &mut Request, id: &str, rate: &mut RateState) -> Result<Response, Rejection> {
        if *request.method() != Method::POST {
            if let Some(budget) = admission::admit_rejected(&self.server, request).await {
                *rate = RateState::AtDoor(budget);
            }
            return Err(HttpRejection::MethodNotAllowed(METHODS.to_vec()).into());
        }
        let admission = admission::admit(&self.server, request, Feature::ApiAccess).await?;
        *rate = RateState::AtDoor(admission.budget);
        let price = async |may_read| price::of_refused(&self.gateway, request, may_read).await;
        let admitted = admission.priced(price).await.pass?;
        let session = Arc::new(McpRequest::new(admitted, id, self.list, self.gateway.clone()));
        let response = self.run(request, &session).await;
        if let Some(cx) = session.entered() {
            *rate = RateState::Inside(cx);
        }
        response
    }
}

impl<H: ServerHandler + Clone> Endpoint for Mcp<H> {
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

/// An origin with its port, which the library takes for any port where it is left out.
fn with_port(origin: &str) -> String {
    let parsed = origin.parse::<poem::http::Uri>().ok();
    let port = parsed.as_ref().filter(|uri| uri.port().is_none()).and_then(|uri| match uri.scheme_str() {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    });
    port.map_or_else(|| origin.to_owned(), |port| format!("{}:{port}", origin.trim_end_matches('/')))
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
            .with_allowed_origins(server.cors_origins.iter().map(|origin| with_port(origin)))
            .enforce_origin_validation();
    };
    let own = public.as_ref().map(|url| {
        let scheme = url.scheme_str().unwrap_or("https");
        url.port_u16().map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}"))
    });
    config
        .with_allowed_hosts([host, "localhost", "127.0.0.1", "::1"])
        .with_allowed_origins(own.iter().chain(&server.cors_origins).map(|origin| with_port(origin)))
        .enforce_origin_validation()
}

/// Reads one message. What the library would take and REST would not is refused here: a key that occurs twice, which two
/// readers understand in two ways, and nesting that costs stack.
async fn read_message(request: &mut Request) -> Result<String, Rejection> {
    let bytes = read_body(request).await?;
    let text = String::from_utf8(bytes).map_err(|_| Error::BadRequest("the body is not UTF-8".into()))?;
    let message = Json::parse(text.as_bytes()).map_err(|why| Error::BadRequest(why.to_string().into()))?;
    match message {
        Json::Object(_) => Ok(text),
        Json::List(_) => Err(Error::BadRequest("batches are not served: send each message by itself".into()).into()),
        other => Err(Error::BadRequest(format!("a message is a JSON object, not {}", other.kind()).into()).into()),
    }
}

/// Whether the library has refused a request before it was a message, which it does in plain text.
fn refused_in_plain_text(response: &Response) -> bool {
    let speaks = response
        .content_type()
        .is_some_and(|kind| kind.starts_with("application/json") || kind.starts_with("text/event-stream"));
    !response.status().is_success() && !speaks
}

/// A refusal of the library, in the envelope. 415 is also what the library says to JSON that is no message.
fn refusal(status: StatusCode, text: &[u8]) -> Rejection {
    let text = String::from_utf8_lossy(text).into_owned();
    match status {
        status if status.is_server_error() => Error::bug(format!("the protocol's library failed: {text}")).into(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE if text.starts_with("fail to deserialize") => {
            Error::BadRequest("the body is no message of the protocol (JSON-RPC 2.0)".into()).into()
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => HttpRejection::NotJson.into(),
        status => HttpRejection::Protocol(status, text).into(),
    }
}
