//! The REST surface: the operations of every noun, behind one pipeline.

mod answers;
mod csv;
pub mod errors_page;
mod extract;
mod nouns;
pub mod openapi;
mod pipeline;
mod price;
mod route;

use std::sync::{Arc, LazyLock};

use nouns::{OPERATIONS, Operations};
use poem::http::Method;
use poem::{Endpoint, EndpointExt, IntoEndpoint, Response};
use poem_openapi::OpenApiService;
use route::{Methods, Routes};

use crate::http::server::Server;

/// Where the REST surface is.
pub const BASE: &str = "/api/v1";

/// The paths and methods of all operations.
static ROUTES: LazyLock<Routes> = LazyLock::new(Routes::of::<Operations>);

/// Gives the methods that a path of the whole server takes, if it is a path of this surface.
pub(crate) fn allowed_methods() -> impl Fn(&str) -> Option<Vec<Method>> + Send + Sync {
    |path| path.strip_prefix(BASE).and_then(|path| ROUTES.find(path)).map(Methods::allowed)
}

/// The operations behind the pipeline, to be mounted under `/api/v1`.
pub(crate) fn endpoint(server: Arc<Server>) -> impl Endpoint<Output = Response> {
    let inner =
        OpenApiService::new(OPERATIONS, "Hoursmith", env!("CARGO_PKG_VERSION")).into_endpoint().map_to_response();
    pipeline::Pipeline { inner, routes: &ROUTES, server }
}

/// poem-openapi's document of the operations, before our passes.
fn document() -> String {
    OpenApiService::new(OPERATIONS, "Hoursmith", env!("CARGO_PKG_VERSION")).spec()
}
