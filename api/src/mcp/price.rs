//! What a call would have cost that the rate limit has refused before it was read, so that its `Retry-After` is enough for the
//! whole of it.

use async_graphql::Variables;
use poem::Request;
use schema::{Gateway, Sent};
use serde_json::Value;
use service::Action;

use super::read::QUERY_POINTS;
use crate::http::request::read_body;

/// A call that finds its records by their names first.
const WITH_NAMES: u32 = 5;

/// The price of a refused message, or a little more than that. `may_read` says that it may be looked at: the burst bucket has
/// admitted it, so that there are not many of them.
pub(super) async fn of_refused(gateway: &Gateway, request: &mut Request, may_read: bool) -> u32 {
    let most = QUERY_POINTS.max(Action::CreateTimeEntries.most_points());
    if !may_read {
        return most;
    }
    let Ok(bytes) = read_body(request).await else { return 1 };
    let message: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    of_message(gateway, &message).min(most)
}

fn of_message(gateway: &Gateway, message: &Value) -> u32 {
    let call = &message["params"];
    let arguments = &call["arguments"];
    match call["name"].as_str().filter(|_| message["method"] == "tools/call") {
        None => 1,
        Some("query") => {
            let query = arguments["query"].as_str().unwrap_or_default().to_owned();
            let variables = Variables::from_json(arguments["variables"].clone());
            let prepared = gateway.prepare(Sent { query, variables, ..Sent::default() });
            prepared.map_or(1, |prepared| prepared.points())
        }
        Some("time_report") => Action::GetTimeReport.most_points() + WITH_NAMES,
        Some("create_time_entries") => {
            let entries = arguments["timeEntries"].as_array().map_or(1, Vec::len);
            u32::try_from(entries).unwrap_or(u32::MAX).saturating_add(WITH_NAMES)
        }
        Some(_) => WITH_NAMES,
    }
}
