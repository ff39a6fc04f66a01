//! Every route below `/settings`, with the methods that it takes.

use poem::http::Method;
use service::value::Id;

use super::invoices::steps::Step;
use super::live::LivePage;

/// A page, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Home,
    Tokens,
    NewToken,
    RevokeToken,
    Members,
    NewMember,
    MemberRole,
    RemoveMember,
    Workspace,
    Invoices,
    NewInvoice,
    MakeInvoice,
    Invoice,
    PrintInvoice,
    InvoiceStep(Step),
    Endpoints,
    NewEndpoint,
    Endpoint,
    SwitchEndpoint,
    RotateSecret,
    TestEndpoint,
    DeleteEndpoint,
    Deliveries,
    Delivery,
    ReplayDelivery,
    ReplayDeliveries,
    Live(LivePage),
    Sessions,
    EndSession,
    EndAllSessions,
    StartPasskey,
    AddPasskey,
    RemovePasskey,
    SignOut,
    SignIn,
    Link,
    PasskeyChallenge,
    PasskeySignIn,
    Oidc,
    OidcCallback,
}

/// What a path takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    /// The path below `/settings`; `{id}` stands for the id of a record.
    pattern: &'static str,
    pub(super) page: Page,
    gets: bool,
    posts: bool,
    /// Whether it is there for people who are not signed in.
    pub(super) open: bool,
}

/// A route, and the ids in the path that led to it.
pub(super) struct RouteMatch {
    pub(super) route: Route,
    pub(super) ids: Vec<Id>,
}

/// A page that is read.
const fn read(pattern: &'static str, page: Page) -> Route {
    Route { pattern, page, gets: true, posts: false, open: false }
}

/// A page with a form of its own.
const fn form(pattern: &'static str, page: Page) -> Route {
    Route { pattern, page, gets: true, posts: true, open: false }
}

/// A form that stands on another page.
const fn button(pattern: &'static str, page: Page) -> Route {
    Route { pattern, page, gets: false, posts: true, open: false }
}

/// For people who are not signed in.
const fn open(route: Route) -> Route {
    Route { open: true, ..route }
}

const ROUTES: &[Route] = &[
    read("", Page::Home),
    read("api", Page::Tokens),
    form("api/new", Page::NewToken),
    form("api/{id}/revoke", Page::RevokeToken),
    read("members", Page::Members),
    form("members/new", Page::NewMember),
    form("members/{id}/role", Page::MemberRole),
    form("members/{id}/remove", Page::RemoveMember),
    form("workspace", Page::Workspace),
    read("invoices", Page::Invoices),
    form("invoices/new", Page::NewInvoice),
    button("invoices/make", Page::MakeInvoice),
    read("invoices/live", Page::Live(LivePage::Invoices)),
    read("invoices/{id}", Page::Invoice),
    read("invoices/{id}/live", Page::Live(LivePage::Invoice)),
    read("invoices/{id}/print", Page::PrintInvoice),
    form("invoices/{id}/send", Page::InvoiceStep(Step::Send)),
    form("invoices/{id}/pay", Page::InvoiceStep(Step::Pay)),
    form("invoices/{id}/payment-failed", Page::InvoiceStep(Step::PaymentFailed)),
    form("invoices/{id}/refund", Page::InvoiceStep(Step::Refund)),
    form("invoices/{id}/cancel", Page::InvoiceStep(Step::Cancel)),
    read("webhooks", Page::Endpoints),
    read("webhooks/live", Page::Live(LivePage::Endpoints)),
    form("webhooks/new", Page::NewEndpoint),
    read("webhooks/deliveries", Page::Deliveries),
    read("webhooks/deliveries/live", Page::Live(LivePage::Deliveries)),
    form("webhooks/deliveries/replay", Page::ReplayDeliveries),
    read("webhooks/deliveries/{id}", Page::Delivery),
    read("webhooks/deliveries/{id}/live", Page::Live(LivePage::Delivery)),
    button("webhooks/deliveries/{id}/replay", Page::ReplayDelivery),
    form("webhooks/{id}", Page::Endpoint),
    read("webhooks/{id}/live", Page::Live(LivePage::Endpoint)),
    button("webhooks/{id}/switch", Page::SwitchEndpoint),
    form("webhooks/{id}/rotate", Page::RotateSecret),
    button("webhooks/{id}/test", Page::TestEndpoint),
    form("webhooks/{id}/delete", Page::DeleteEndpoint),
    read("sessions", Page::Sessions),
    form("sessions/end-all", Page::EndAllSessions),
    form("sessions/{id}/end", Page::EndSession),
    button("sessions/passkeys/start", Page::StartPasskey),
    button("sessions/passkeys/add", Page::AddPasskey),
    form("sessions/passkeys/{id}/remove", Page::RemovePasskey),
    button("sign-out", Page::SignOut),
    open(read("sign-in", Page::SignIn)),
    open(form("sign-in/link", Page::Link)),
    open(button("sign-in/passkey/start", Page::PasskeyChallenge)),
    open(button("sign-in/passkey", Page::PasskeySignIn)),
    open(read("sign-in/oidc", Page::Oidc)),
    open(form("sign-in/oidc/callback", Page::OidcCallback)),
];

/// The route of a path below `/settings`.
pub(super) fn find(path: &str) -> Option<RouteMatch> {
    ROUTES.iter().find_map(|route| Some(RouteMatch { ids: ids(route.pattern, path)?, route: *route }))
}

/// The ids in a path that fits a pattern.
fn ids(pattern: &str, path: &str) -> Option<Vec<Id>> {
    let (mut expected, mut sent) = (pattern.split('/'), path.split('/'));
    let mut ids = Vec::new();
    loop {
        match (expected.next(), sent.next()) {
            (None, None) => return Some(ids),
            (Some("{id}"), Some(text)) => ids.push(text.parse().ok()?),
            (Some(own), Some(text)) if own == text => {}
            _ => return None,
        }
    }
}

impl Route {
    /// Whether it takes a method.
    pub(super) fn takes(&self, method: &Method) -> bool {
        (self.gets && matches!(*method, Method::GET | Method::HEAD)) || (self.posts && *method == Method::POST)
    }

    /// The methods for `Allow`.
    pub(super) fn allowed(&self) -> Vec<Method> {
        let all = [Method::GET, Method::HEAD, Method::POST];
        all.into_iter().filter(|method| self.takes(method)).chain([Method::OPTIONS]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_found_by_their_path() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let found = |path: &str| find(path).map(|found| (found.route.page, found.ids.len()));
        assert_eq!(found(""), Some((Page::Home, 0)));
        assert_eq!(found(&format!("sessions/{id}/end")), Some((Page::EndSession, 1)));
        for path in ["sessions/x/end", "sessions/", "/", "sessions/end-all/", "Sessions", "api//revoke"] {
            assert_eq!(found(path), None, "{path}");
        }
    }
}
