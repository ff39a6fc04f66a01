//! The HTTP client that the exporters use: the one of webhooks, without its rules for addresses, since the operator has
//! chosen the collector.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use hyper::{Request, Response};
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::runtime::Handle;

use crate::webhook::Forwarder;

/// The longest answer of a collector that is read, in bytes: it says how many spans it has refused.
const LONGEST: usize = 1024 * 1024;

/// A way to the collector. Cheap to clone.
#[derive(Clone)]
pub(super) struct Collector {
    client: Arc<Forwarder>,
    /// Requests run here, since the thread that sends spans has no runtime of its own.
    runtime: Handle,
    /// Whether the last request failed: said once, not with each batch.
    is_away: Arc<AtomicBool>,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Collector")
    }
}

impl Collector {
    /// Trusts the public authorities, and those of this PEM.
    ///
    /// # Errors
    /// What the certificate should be.
    pub(super) fn new(certificate: Option<&[u8]>) -> Result<Collector, String> {
        let roots = certificate.map(|pem| CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>());
        let roots = match roots.transpose() {
            Ok(None) => vec![],
            Ok(Some(roots)) if !roots.is_empty() => roots,
            _ => return Err("OTEL_EXPORTER_OTLP_CERTIFICATE must name a PEM file of certificates".into()),
        };
        let client = Arc::new(Forwarder::trusting(&roots).map_err(|e| e.to_string())?);
        let runtime = Handle::try_current().map_err(|e| e.to_string())?;
        Ok(Collector { client, runtime, is_away: Arc::default() })
    }

    /// Sends a request, and reports once when the collector is away and when it is back.
    pub(super) async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let answer = self.client.call(request.map(Vec::from), LONGEST).await;
        let answer = answer.map(|answer| answer.map(Bytes::from));
        let failed = match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answered {}", answer.status().as_u16())),
            Err(why) => Some(why.clone()),
        };
        let was_away = self.is_away.swap(failed.is_some(), Ordering::Relaxed);
        match failed {
            Some(why) if !was_away => {
                tracing::warn!(why, "the OTLP collector takes nothing; traces and metrics are lost")
            }
            None if was_away => tracing::info!("the OTLP collector is back"),
            _ => {}
        }
        answer
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let own = self.clone();
        Ok(self.runtime.spawn(async move { own.send(request).await }).await??)
    }
}
