//! `/healthz` and `/readyz`: for those who watch the process. No detail for anyone.

use poem::http::{Method, StatusCode};
use poem::{Endpoint, IntoResponse, Request, Response, Result};
use service::App;

use crate::frame::request_id;
use crate::rest::error::Refusal;

/// Alive.
pub struct Healthz;

/// The database answers and is migrated.
pub struct Readyz {
    pub(crate) app: App,
    pub(crate) last_migration: String,
}

impl Endpoint for Healthz {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        Ok(looking(&request).unwrap_or_else(|| "ok\n".into_response()))
    }
}

impl Endpoint for Readyz {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if let Some(refused) = looking(&request) {
            return Ok(refused);
        }
        Ok(if self.app.is_ready(&self.last_migration).await {
            "ready\n".into_response()
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
        })
    }
}

/// The refusal of a method that does more than look.
pub(crate) fn looking(request: &Request) -> Option<Response> {
    let allowed = vec![Method::GET, Method::HEAD, Method::OPTIONS];
    let looks = matches!(*request.method(), Method::GET | Method::HEAD);
    (!looks).then(|| Refusal::MethodNotAllowed(allowed).response(&request_id(request)))
}
