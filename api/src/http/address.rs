//! The address that a request comes from: the connection's, or the one that a trusted proxy reports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use ipnet::IpNet;
use poem::Request;

/// The address that a request is counted against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub IpAddr);

impl Address {
    /// The connection's; behind a trusted proxy the right-most untrusted of `X-Forwarded-For`.
    pub fn of(request: &Request, trusted: &[IpNet]) -> Address {
        let peer = request.remote_addr().as_socket_addr().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |addr| addr.ip());
        let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address.to_canonical()));
        if !is_trusted(peer) {
            report_untrusted(request, peer);
            return Address(peer);
        }
        let headers = request.headers().get_all("x-forwarded-for");
        // Empty elements of a list are ignored (RFC 9110, section 5.6.1).
        let parts = headers.iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        let reported: Vec<&[u8]> = parts.filter(|part| !part.trim_ascii().is_empty()).collect();
        // From the right, as far as it can be read: any client may have written what is further left.
        let mut nearest = peer;
        for address in reported.iter().rev().map_while(|part| read(std::str::from_utf8(part).ok()?.trim())) {
            nearest = address;
            if !is_trusted(address) {
                break;
            }
        }
        Address(nearest)
    }
}

/// Whether the log has said that a forwarded address is ignored.
static REPORTED: AtomicBool = AtomicBool::new(false);

/// Reports, once in the life of the process, that an address was forwarded by somebody who is not trusted: where that is a proxy,
/// all clients behind it count as one.
fn report_untrusted(request: &Request, peer: IpAddr) {
    let is_news = !REPORTED.load(Ordering::Relaxed) && request.headers().contains_key("x-forwarded-for");
    if is_news && !REPORTED.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "X-Forwarded-For came from {peer}, which is not in HOURSMITH_TRUSTED_PROXIES: it is ignored, and all clients behind \
             that address count as one"
        );
    }
}

/// An address, with or without a port, and that of IPv6 with or without brackets.
fn read(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let with_port = || text.parse::<SocketAddr>().ok().map(|addr| addr.ip());
    text.parse().ok().or_else(with_port).or_else(bracketed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_most_untrusted_address_counts() {
        let trusted: Vec<IpNet> = vec!["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
        let of = |said: &str, trusted: &[IpNet]| {
            let request = Request::builder().header("x-forwarded-for", said).finish();
            Address::of(&request, trusted).0.to_string()
        };
        for (said, counted) in [
            ("9.9.9.9", "9.9.9.9"),
            ("1.1.1.1, 9.9.9.9, 10.0.0.7", "9.9.9.9"),
            ("garbage, 9.9.9.9", "9.9.9.9"),
            ("9.9.9.9, garbage", "127.0.0.1"),
            ("9.9.9.9:443", "9.9.9.9"),
            ("9.9.9.9,", "9.9.9.9"),
            ("1.1.1.1, , 9.9.9.9 , 10.0.0.7", "9.9.9.9"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("10.0.0.1, 10.0.0.7", "10.0.0.1"),
        ] {
            assert_eq!(of(said, &trusted), counted, "{said}");
            assert_eq!(of(said, &[]), "127.0.0.1", "nobody is trusted");
        }
        // A line that is no text is a stop like any other, not passed over.
        let unreadable = poem::http::HeaderValue::from_bytes(b"\xff").unwrap();
        let request = Request::builder().header("x-forwarded-for", "1.2.3.4").header("x-forwarded-for", unreadable);
        assert_eq!(Address::of(&request.finish(), &trusted).0.to_string(), "127.0.0.1");
    }
}
