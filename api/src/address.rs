//! Where a request comes from: the connection, or what a trusted proxy says of it.

use std::net::{IpAddr, Ipv4Addr};

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
            return Address(peer);
        }
        let headers = request.headers().get_all("x-forwarded-for");
        let mut chain: Vec<IpAddr> = headers
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map_while(|part| part.trim().parse().ok())
            .collect();
        while let Some(address) = chain.pop() {
            if !is_trusted(address) {
                return Address(address);
            }
        }
        Address(peer)
    }
}
