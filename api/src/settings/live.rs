//! Pages that are refreshed by themselves: a stream of events says when what a page shows has changed, and the script then
//! loads the page again, by the rules of every page. The stream holds nothing but that, and ends with the rights of its session.

use std::io;

use futures_util::stream;
use poem::http::Method;
use poem::{Body, Response};
use service::live::{Watch, Watched};
use service::value::WebhookEndpointId;

use super::visit::Visit;
use crate::http::events::{COMMENT, HEARTBEAT, events};
use crate::http::rejection::Rejection;

/// What a stream reports on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LivePage {
    Endpoints,
    Endpoint,
    Deliveries,
    Delivery,
    Invoices,
    Invoice,
}

/// The stream of a page. It is opened by the same rules as the page, and counts in the bounds on open pages until it ends.
pub(super) async fn stream(visit: &Visit<'_>, part: LivePage) -> Result<Response, Rejection> {
    let watched = match part {
        LivePage::Endpoints => Watched::Endpoints,
        LivePage::Endpoint => Watched::Endpoint(visit.id()?),
        LivePage::Deliveries => match visit.facts.parameter("endpointId").parse::<WebhookEndpointId>() {
            Ok(endpoint) => Watched::Endpoint(endpoint),
            Err(_) => Watched::Deliveries,
        },
        LivePage::Delivery => Watched::Delivery(visit.id()?),
        LivePage::Invoices => Watched::Invoices,
        LivePage::Invoice => Watched::Invoice(visit.id()?),
    };
    let watch = visit.facts.server.app.watch(&visit.cx, watched).await?;
    if visit.facts.method == Method::HEAD {
        return Ok(events(Body::empty()));
    }
    Ok(events(Body::from_bytes_stream(stream::unfold(watch, next))))
}

/// The next part of the body: an event without content, or a comment after some time without one.
async fn next(mut watch: Watch) -> Option<(io::Result<&'static [u8]>, Watch)> {
    let part = tokio::select! {
        changed = watch.changed() => changed.ok().map(|()| &b"data:\n\n"[..])?,
        () = tokio::time::sleep(HEARTBEAT) => COMMENT,
    };
    Some((Ok(part), watch))
}
