//! The line that each request has in the log: who asked for what, from where, what became of it, and what it cost.

use std::net::IpAddr;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use hyper::body::{Body as _, Bytes};
use poem::http::{Method, header};
use poem::{Body, Request, Response};
use service::observed::{Noted, Observed};
use service::{Span, SpanAttribute};

use super::budget::REPLAYED;
use super::request::header_text;

/// What is known outside of the work for a request.
pub(super) struct Line<'a> {
    pub(super) id: &'a str,
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    /// The prefix of the token that was sent, whether it was good or not.
    pub(super) token: Option<&'a str>,
    pub(super) address: IpAddr,
    /// The bytes of the answer's body, as it is sent; none of a stream.
    pub(super) bytes: Option<u64>,
    pub(super) took: Duration,
}

impl Line<'_> {
    /// Writes it. Probes come every few seconds, so theirs is written only when it is asked for.
    pub(super) fn write(&self, response: &Response, observed: &Observed) {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let (status, ms, client) = (response.status().as_u16(), millis(self.took), self.address);
        if is_probe(self.path) {
            tracing::debug!(status, ms, %client, "answered");
            return;
        }
        let Noted { workspace, route, operation, code, reason, trace } = observed.noted();
        let (statements, database) = observed.database();
        let replayed = response.headers().contains_key(REPLAYED).then_some(true);
        tracing::info!(
            status,
            ms,
            code = code.as_deref(),
            reason = reason.as_deref(),
            route = route.as_deref(),
            operation = operation.as_deref(),
            workspace = workspace.map(tracing::field::display),
            token = self.token,
            %client,
            bytes = self.bytes,
            statements,
            database_ms = millis(database),
            replayed,
            trace = trace.as_ref().map(|trace| trace.trace_id()),
            "answered"
        );
    }

    /// Ends the span of the request, which says the same.
    pub(super) fn end_span(&self, span: &Span, response: &Response, observed: &Observed) {
        let Noted { workspace, route, operation, code, reason, .. } = observed.noted();
        let status = response.status();
        // Paths without a template are few: what is unknown does not become a name.
        let known = route.map(|route| format!("/api/v1{route}")).or_else(|| {
            let place = ["/graphql", "/mcp"].into_iter().find(|place| self.path == *place)?;
            Some(place.to_owned())
        });
        let name = known.as_ref().map(|route| format!("{} {route}", self.method));
        let text = |key: &'static str, value: Option<String>| value.map(|value| SpanAttribute::new(key, value));
        let attributes = [
            text("http.request.method", Some(self.method.to_string())),
            text("http.route", known),
            Some(SpanAttribute::new("http.response.status_code", i64::from(status.as_u16()))),
            text("client.address", Some(self.address.to_string())),
            text("hoursmith.request.id", Some(self.id.to_owned())),
            text("hoursmith.operation", operation),
            text("hoursmith.workspace", workspace.map(|id| id.to_string())),
            text("hoursmith.token", self.token.map(str::to_owned)),
            text("error.type", code),
            text("hoursmith.reason", reason),
        ];
        span.end(name, attributes.into_iter().flatten().collect(), status.is_server_error());
    }
}

/// Whether somebody only looks if the server is there.
pub(super) fn is_probe(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

/// The prefix of the token that a request brings, if it looks like one of ours: it leads to the token and opens nothing.
pub(super) fn prefix_of_token(request: &Request) -> Option<&str> {
    let sent = header_text(request, header::AUTHORIZATION.as_str())?;
    let (_, token) = sent.split_once(' ')?;
    let mut parts = token.trim().split('_');
    let (scheme, _, prefix, secret) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let looks_right = scheme == "hsk" && prefix.len() == 12 && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (looks_right && !secret.is_empty() && parts.next().is_none()).then_some(prefix)
}

/// The length of an answer's body, if it is known.
pub(super) fn size_of(response: &mut Response) -> Option<u64> {
    let body: BoxBody<Bytes, std::io::Error> = response.take_body().into();
    let bytes = body.size_hint().exact();
    response.set_body(Body::from(body));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_prefix_of_a_token_is_shown() {
        let prefix = |sent: &str| {
            let request = Request::builder().header("authorization", sent).finish();
            prefix_of_token(&request).map(str::to_owned)
        };
        assert_eq!(prefix("Bearer hsk_live_ABCdef123456_secretsecret").as_deref(), Some("ABCdef123456"));
        for other in [
            "Bearer hsk_live_ABCdef123456",
            "Bearer x",
            "Basic aGk=",
            "hsk_live_ABCdef123456_s",
            "Bearer hsk_live_secretsecretsecret_x",
        ] {
            assert_eq!(prefix(other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn the_size_of_an_answer_is_known_and_its_body_stays() {
        let mut response = Response::builder().body("twelve bytes");
        assert_eq!(size_of(&mut response), Some(12));
        assert_eq!(response.into_body().into_string().await.unwrap(), "twelve bytes");
    }
}
