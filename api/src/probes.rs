//! `/healthz`, `/readyz` and `/metrics`: for whatever monitors the process. The first two are public and give no detail;
//! the last is on the operator's own address only.

use poem::http::{HeaderValue, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response, Result};
use service::App;

use crate::http::middleware::REQUEST_ID;
use crate::http::rejection::reject_unless_read;

/// Answers while the process is alive.
pub struct Healthz;

/// Answers whether the database can be reached and its migrations fit this release.
pub struct Readyz {
    pub(crate) app: App,
    pub(crate) migrations: Vec<String>,
}

impl Endpoint for Healthz {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        Ok(reject_unless_read(&request).unwrap_or_else(|| "ok\n".into_response()))
    }
}

impl Endpoint for Readyz {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if let Some(refused) = reject_unless_read(&request) {
            return Ok(refused);
        }
        Ok(if self.app.is_ready(&self.migrations).await {
            "ready\n".into_response()
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
        })
    }
}

/// Every metric of the process, in the text format of Prometheus.
pub struct Metrics(pub App);

impl Endpoint for Metrics {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let mut response = match reject_unless_read(&request) {
            Some(refused) => refused,
            None => self.measured().await,
        };
        // The address of the operator has no middleware, which gives an id to every other answer.
        if let Ok(id) = HeaderValue::from_str(&self.0.new_request_id()) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        Ok(response)
    }
}

impl Metrics {
    async fn measured(&self) -> Response {
        match self.0.metrics().await {
            Ok(text) => {
                let kind = (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
                Response::builder().header(kind.0, kind.1).body(text)
            }
            Err(refused) => {
                refused.log();
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
        }
    }
}
