//! `/healthz` and `/readyz`: for those who watch the process. No detail for anyone.

use poem::http::StatusCode;
use poem::{Endpoint, IntoResponse, Request, Response, Result};
use service::App;

use crate::middleware::refused_unless_looking;

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
        Ok(refused_unless_looking(&request).unwrap_or_else(|| "ok\n".into_response()))
    }
}

impl Endpoint for Readyz {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if let Some(refused) = refused_unless_looking(&request) {
            return Ok(refused);
        }
        Ok(if self.app.is_ready(&self.last_migration).await {
            "ready\n".into_response()
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
        })
    }
}
