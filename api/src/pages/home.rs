//! The home page, which says how to begin while the server has no workspace.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use poem::{Endpoint, Request, Response, Result};
use service::{App, Operator, organization};

use super::Static;

/// How long the page waits for the database before it is shown as for a server in use.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The page that links to the others.
pub struct Home {
    app: App,
    page: Static,
    empty: Static,
    /// Whether there has been a workspace: from then on the database is not asked again.
    has_workspace: AtomicBool,
}

impl Home {
    /// The page of a server, which it calls by its public URL, or else as each request does.
    pub fn new(app: App, public_url: Option<&str>) -> Home {
        let [page, empty] =
            [&super::HOME, &super::HOME_EMPTY].map(|file| Static::naming(super::HTML, file, public_url));
        Home { app, page, empty, has_workspace: AtomicBool::new(false) }
    }

    /// Whether the database answers that it has no workspace.
    async fn is_empty(&self) -> bool {
        if self.has_workspace.load(Ordering::Relaxed) {
            return false;
        }
        let operator = Operator::of(&self.app);
        let Ok(Ok(workspaces)) = tokio::time::timeout(LONGEST_WAIT, organization::list(&operator)).await else {
            return false;
        };
        self.has_workspace.store(!workspaces.is_empty(), Ordering::Relaxed);
        workspaces.is_empty()
    }
}

impl Endpoint for Home {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if self.is_empty().await { self.empty.call(request).await } else { self.page.call(request).await }
    }
}
