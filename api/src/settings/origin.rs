//! Whether a form was sent by a page of this server: by `Origin` and `Sec-Fetch-Site`, which no page can set.

use poem::http::{HeaderMap, HeaderName, header};

use super::site::Site;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a POST comes from elsewhere, or cannot show that it does not.
pub(super) fn is_foreign(site: &Site, headers: &HeaderMap) -> bool {
    let (Ok(origin), Ok(fetch_site)) = (only(headers, &header::ORIGIN), only(headers, &SEC_FETCH_SITE)) else {
        return true;
    };
    match (origin, fetch_site) {
        (_, Some(fetch_site)) if !matches!(fetch_site, "same-origin" | "none") => true,
        // A browser that hides where a page is says so; then the other header must vouch for it.
        (Some("null"), fetch_site) => fetch_site != Some("same-origin"),
        (Some(origin), _) => !site.is_own(origin),
        (None, fetch_site) => fetch_site != Some("same-origin"),
    }
}

/// Reports a form that the browser takes for one of this server's, and that comes from another address than the operator has
/// named: nobody could find out from the page alone.
pub(super) fn report(site: &Site, headers: &HeaderMap) {
    if let (Ok(Some(origin)), Ok(Some("same-origin")), Some(public_url)) =
        (only(headers, &header::ORIGIN), only(headers, &SEC_FETCH_SITE), site.public())
    {
        let origin: String = origin.chars().take(200).collect();
        tracing::warn!(
            origin,
            public_url,
            "a form of the settings pages was refused: HOURSMITH_PUBLIC_URL is another address"
        );
    }
}

/// The one value of a header; an error if there are several, or one that is no text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        _ => Err(()),
    }
}
