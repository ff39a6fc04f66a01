//! What a request would have cost that the rate limit has refused before it was read, so that its `Retry-After` is enough for
//! the whole of it.

use poem::Request;
use poem::http::header;
use service::Action;
use service::value::Json;

use super::route::OperationFacts;
use crate::http::request::{header_text, query_pairs, read_json};

/// The bytes of a short entry of a batch: fewer make no entry.
const LEAST_ENTRY: u32 = 80;

/// The price of a refused request, or a little more than that. `may_read` says that its body may be looked at: the burst
/// bucket has admitted it, so that there are not many of them.
pub(super) async fn of_refused(operation: &OperationFacts, request: &mut Request, may_read: bool) -> u32 {
    match operation.action {
        Some(Action::CreateTimeEntries) => {
            let length = header_text(request, header::CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
            let most = Action::CreateTimeEntries.most_points();
            let most = length.map_or(most, |length: u32| most.min(length / LEAST_ENTRY + 1));
            match may_read {
                true => read_json(request).await.map_or(most, |body| entries(&body).clamp(1, most)),
                false => most,
            }
        }
        Some(action) if action.most_points() > 1 => action.most_points(),
        _ => of_list(&query_pairs(request)),
    }
}

/// A search costs 2 more, a count 1 more.
fn of_list(query: &[(String, String)]) -> u32 {
    let has = |wanted: &str| query.iter().any(|(name, value)| name == wanted && !value.is_empty());
    1 + if has("search") { 2 } else { 0 } + u32::from(has("count"))
}

/// The entries of a batch.
fn entries(batch: &Json) -> u32 {
    let Json::Object(pairs) = batch else { return 1 };
    let sent = pairs.iter().find(|(key, _)| key == "timeEntries");
    match sent {
        Some((_, Json::List(entries))) => u32::try_from(entries.len()).unwrap_or(u32::MAX),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_and_counts_cost_more() {
        let pairs = |text: &[(&str, &str)]| -> Vec<_> {
            text.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(of_list(&pairs(&[("limit", "5"), ("search", "")])), 1);
        assert_eq!(of_list(&pairs(&[("search", "x"), ("count", "true")])), 4);
    }
}
