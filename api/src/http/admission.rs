//! Admission of a request: its token, plan and budget, which the service checks.

use poem::Request;
use poem::http::header;
use service::{Action, Admission, Error, Feature};

use super::address::Address;
use super::server::Server;

/// Checks the token that a request carries, the plan of its workspace for this feature, and charges the token's budget.
///
/// # Errors
/// `Unauthenticated`, or `RateLimited` for an address that has sent too many bad credentials.
pub(crate) async fn admit(server: &Server, request: &Request, feature: Feature) -> Result<Admission, Error> {
    let address = Address::of(request, &server.trusted_proxies);
    server.app.admit_to(feature, authorization(request), address.0).await
}

/// The `Authorization` header. Of several none counts, since a proxy before this server may have looked at another one:
/// together they are no valid credential.
pub(crate) fn authorization(request: &Request) -> Option<&str> {
    let mut sent = request.headers().get_all(header::AUTHORIZATION).iter();
    match (sent.next(), sent.next()) {
        (None, _) => None,
        // The samples of the documentation have a character in them that is no ASCII.
        (Some(one), None) => Some(std::str::from_utf8(one.as_bytes()).unwrap_or("unreadable")),
        _ => Some("more than one `Authorization` header"),
    }
}

/// Lets a request in to an action, whose first statement confirms the caller where it can.
///
/// # Errors
/// As `admit`.
pub(crate) async fn admit_action(server: &Server, request: &Request, action: Action) -> Result<Admission, Error> {
    let address = Address::of(request, &server.trusted_proxies);
    server.app.admit_action(action, authorization(request), address.0).await
}

/// Lets in a request that confirms its caller by itself, before anything of its answer is sent.
///
/// # Errors
/// As `admit`.
pub(crate) async fn admit_unconfirmed(server: &Server, request: &Request) -> Result<Admission, Error> {
    let address = Address::of(request, &server.trusted_proxies);
    server.app.admit_unconfirmed(authorization(request), address.0).await
}

/// Admits a request that is rejected whatever its token is. A good token pays for it as for any request, and its
/// rate headers are returned; without a good token there are none.
pub(crate) async fn admit_rejected(server: &Server, request: &Request) -> Option<service::Budget> {
    if !request.headers().contains_key(header::AUTHORIZATION) {
        return None;
    }
    admit(server, request, Feature::ApiAccess).await.ok().map(|admission| admission.budget)
}
