//! The unit that addresses are counted by.

use std::net::{IpAddr, Ipv6Addr};

/// The address that limits per address count: an IPv6 address counts as its network of 64 bits, which one customer has as a
/// whole; an IPv4 address that is written as IPv6 counts as IPv4.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}
