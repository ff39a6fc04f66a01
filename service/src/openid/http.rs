//! The way to the provider: requests that are bounded in time and in bytes, follow no redirect, and go to the issuer or, over
//! TLS, to the servers that it names.

use futures_util::future::BoxFuture;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use url::{Host, Url};

use crate::webhook::Forwarder;

/// The longest answer that is read, in bytes.
const LONGEST: usize = 256 * 1024;

/// The way to the provider, and to nobody else.
pub(super) struct Http {
    pub(super) issuer: Url,
    pub(super) forwarder: Forwarder,
}

/// Why the provider gave no answer.
#[derive(Debug)]
pub(super) struct AskError(String);

impl std::fmt::Display for AskError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AskError {}

impl Http {
    /// Whether a URL that the provider names may be asked: over TLS, or where the issuer itself is.
    pub(super) fn may_be_asked(&self, url: &Url) -> bool {
        url.scheme() == "https" || url.origin() == self.issuer.origin()
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, AskError> {
        let url = Url::parse(&request.uri().to_string()).map_err(|e| AskError(e.to_string()))?;
        if !self.may_be_asked(&url) {
            let origin = url.origin().ascii_serialization();
            return Err(AskError(format!("it names {origin}, which does not begin with https://")));
        }
        self.forwarder.call(request, LONGEST).await.map_err(AskError)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = AskError;
    type Future = BoxFuture<'c, Result<HttpResponse, AskError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

/// Whether a URL is safe from listeners: over TLS, or on this machine.
pub(super) fn is_safe(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}
