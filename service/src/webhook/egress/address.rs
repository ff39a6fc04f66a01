//! The egress policy: which URLs, and which addresses behind their names, webhooks may be sent to. It is checked when an
//! endpoint is saved and again at each connection, since a name may resolve to other addresses by then.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use ipnet::IpNet;
use tokio::sync::Semaphore;
use url::{Host, Url};

/// The time-out of a DNS look-up when an endpoint is saved.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(3);

/// Resolves host names.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// All present addresses of a name.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver. A look-up cannot be interrupted and occupies a thread even after its caller has given up, so the
/// number of concurrent look-ups is bounded.
#[derive(Debug)]
pub(crate) struct SystemResolver(Arc<Semaphore>);

impl SystemResolver {
    /// A resolver of at most this many concurrent look-ups.
    pub(crate) fn new(concurrent: usize) -> SystemResolver {
        SystemResolver(Arc::new(Semaphore::new(concurrent)))
    }
}

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let (name, permits) = (name.to_owned(), self.0.clone());
        Box::pin(async move {
            let permit = permits.acquire_owned().await.map_err(io::Error::other)?;
            let look_up = move || {
                let _permit = permit;
                Ok((name.as_str(), 0).to_socket_addrs()?.map(|address| address.ip()).collect())
            };
            tokio::task::spawn_blocking(look_up).await.map_err(io::Error::other)?
        })
    }
}

/// Which destinations may be reached.
#[derive(Clone, Debug)]
pub(crate) struct EgressPolicy {
    /// Networks that may be reached although they are private, over http too and on any port.
    pub(crate) allow: Arc<[IpNet]>,
    /// Networks that may not be reached although they are public. They take precedence over `allow`.
    pub(crate) deny: Arc<[IpNet]>,
    pub(crate) resolver: Arc<dyn Resolve>,
}

/// The destination of a URL that passed every check that needs no look-up.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
    pub(crate) secure: bool,
    /// The rule that the URL breaks, which is excused only if all its addresses lie in the operator's allowed networks.
    excused: Option<&'static str>,
}

/// Why a URL is refused, as text for a person.
pub(crate) type Reason = &'static str;

const HOW: Reason = "must be an absolute URL such as https://example.com/webhooks";
const NOT_ALLOWED: Reason = "leads to an address that webhooks may not reach: private, local or reserved; for development see \
                             /docs/webhooks#develop";
const DENIED: Reason = "leads to a network that the operator of this server has excluded";

impl EgressPolicy {
    /// Checks a URL without a look-up: HTTPS, ports 443 and 1024 to 65535, no user information, no name of a private
    /// network, and no literal address that may not be reached, in any spelling.
    pub(crate) fn destination(&self, text: &str) -> Result<Destination, Reason> {
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err("must not contain spaces, control characters or backslashes");
        }
        // The parser accepts a missing or a third slash; this check does not.
        let (scheme, rest) = text.split_once("://").ok_or(HOW)?;
        let url = Url::parse(text).map_err(|_| HOW)?;
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err("must begin with https://"),
        };
        if !url.scheme().eq_ignore_ascii_case(scheme) || rest.starts_with('/') {
            return Err(HOW);
        }
        // This includes the empty user of `https://@host`.
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if !url.username().is_empty() || url.password().is_some() || authority.contains('@') {
            return Err("must not hold a user name or password");
        }
        let host = match url.host() {
            Some(Host::Domain(name)) => Host::Domain(name.to_owned()),
            Some(Host::Ipv4(address)) => Host::Ipv4(address),
            Some(Host::Ipv6(address)) => Host::Ipv6(address),
            None => return Err("must name a host"),
        };
        let port = url.port_or_known_default().unwrap_or(443);
        let excused = if !secure {
            Some("must begin with https://; for development see /docs/webhooks#develop")
        } else if port != 443 && port < 1024 {
            Some("must use port 443 or one from 1024 to 65535")
        } else if matches!(&host, Host::Domain(name) if is_local(name)) {
            Some("must not name a host of a private network; for development see /docs/webhooks#develop")
        } else {
            None
        };
        let destination = Destination { host, port, secure, excused };
        if let (Some(broken), true) = (excused, self.allow.is_empty()) {
            return Err(broken);
        }
        match destination.literal() {
            Some(address) => self.admit(&destination, &[address]).map(|()| destination),
            None => Ok(destination),
        }
    }

    /// Checks that all of these addresses may be reached for this destination.
    pub(crate) fn admit(&self, destination: &Destination, addresses: &[IpAddr]) -> Result<(), Reason> {
        if addresses.iter().any(|address| self.denies(*address)) {
            return Err(DENIED);
        }
        let allowed = |address: &IpAddr| self.allow.iter().any(|net| net.contains(address));
        match destination.excused {
            Some(broken) if addresses.is_empty() || !addresses.iter().all(allowed) => Err(broken),
            None if !addresses.iter().all(|address| is_public(*address) || allowed(address)) => Err(NOT_ALLOWED),
            _ => Ok(()),
        }
    }

    /// Whether the operator's deny list holds an address, or the IPv4 address that it embeds.
    fn denies(&self, address: IpAddr) -> bool {
        let spellings = [Some(address), embedded_v4(address).map(IpAddr::V4)];
        spellings.into_iter().flatten().any(|address| self.deny.iter().any(|net| net.contains(&address)))
    }

    /// Checks a URL and the present addresses of its name. A name that does not resolve is accepted here and checked at
    /// connect.
    pub(crate) async fn check_now(&self, text: &str) -> Result<(), Reason> {
        let destination = self.destination(text)?;
        let Host::Domain(name) = &destination.host else { return Ok(()) };
        let addresses = match tokio::time::timeout(LOOK_UP_TIMEOUT, self.resolver.resolve(name)).await {
            Ok(Ok(addresses)) => addresses,
            _ => vec![],
        };
        self.admit(&destination, &addresses)
    }
}

impl Destination {
    /// The literal address in the URL, if its host is one.
    pub(crate) fn literal(&self) -> Option<IpAddr> {
        match self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped (RFC 4291) or translated by NAT64 (RFC 6052).
fn embedded_v4(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = address else { return None };
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low))),
        _ => v6.to_ipv4_mapped(),
    }
}

/// Whether a name belongs to this machine or to a private network.
fn is_local(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let below = |suffix: &str| name.ends_with(suffix);
    !name.contains('.') || below(".localhost") || below(".local") || below(".internal")
}

/// Whether an address belongs to the public internet: it is neither private nor reserved by the registries of
/// special-purpose addresses (RFC 6890 and its updates).
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    let special = matches!(
        (a, b, c, d),
        // This network, private, loopback, link-local with the metadata of clouds.
        (0 | 10 | 127, ..) | (172, 16..=31, ..) | (192, 168, ..) | (169, 254, ..)
        // Carrier-grade NAT, which one cloud also uses for its metadata.
        | (100, 64..=127, ..)
        // Protocol assignments, documentation, 6to4 relays, benchmarks.
        | (192, 0, 0 | 2, _) | (192, 88, 99, _) | (198, 18 | 19, ..) | (198, 51, 100, _) | (203, 0, 113, _)
        // The host agent of a cloud, at a public address.
        | (168, 63, 129, 16)
        // Multicast, reserved, broadcast.
        | (224..=255, ..)
    );
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    match segments {
        // NAT64 (RFC 6052): decided by the embedded IPv4 address.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            is_public_v4(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low)))
        }
        // Protocol assignments with Teredo, documentation, 6to4.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Global unicast. Everything else (mapped, unique-local, link-local, multicast, …) is not public.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}
