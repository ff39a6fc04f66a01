//! The head of a request until it is whole. The HTTP library has buffers of its own for each connection; they are made when
//! there is a request for them, so that a connection that waits, or sends half a head, costs little more than what it sent.

use std::net::IpAddr;

use crate::http::space::{Space, Spaces};

/// The longest head; a longer one is answered 431.
pub(super) const MAX_HEAD: usize = 64 * 1024;
/// Bytes of a head that every connection may have. What is longer takes space that all connections share, until its request
/// was answered.
const FREE: usize = 4 * 1024;
/// Bytes of the first buffer, which grows as the head does.
const FIRST: usize = 512;
/// Bytes of all heads beyond those that are free, and of those from one address, or from one IPv6 network of 64 bits.
const TOTAL: usize = 16 * 1024 * 1024;
const PER_ADDRESS: usize = TOTAL / 4;
/// Header fields that the HTTP library takes.
const MAX_FIELDS: usize = 100;

/// The space for heads of one listener.
pub(super) fn space_for_heads() -> Spaces {
    Spaces::new(TOTAL, PER_ADDRESS)
}

/// What has come of a head.
#[derive(Default)]
pub(super) struct Head {
    bytes: Vec<u8>,
    /// Bytes in which the end was looked for, and that were checked.
    scanned: usize,
    checked: usize,
    spaces: Vec<Space>,
}

/// There is no space for a longer head at the moment.
#[derive(Debug)]
pub(super) struct NoSpace;

impl Head {
    /// Adds what has come; an address has its share of the space only.
    pub(super) fn add(&mut self, part: &[u8], spaces: &Spaces, address: Option<IpAddr>) -> Result<(), NoSpace> {
        let wanted = self.bytes.len() + part.len();
        if wanted > self.bytes.capacity() {
            let capacity = wanted.next_power_of_two().max(FIRST);
            let more = capacity.saturating_sub(self.bytes.capacity().max(FREE));
            if more > 0 {
                self.spaces.push(spaces.try_take(more, address).ok_or(NoSpace)?);
            }
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(part);
        Ok(())
    }

    /// Whether the HTTP library is to have it: it is whole, or it will never be a head that is served, which the library then
    /// says. Takes time in proportion to what has come, however it came.
    pub(super) fn is_ready(&mut self) -> bool {
        if self.scanned == 0 {
            self.skip_empty_lines();
        }
        let from = self.scanned.saturating_sub(2);
        let tail = &self.bytes[from..];
        let is_whole = tail.windows(2).any(|pair| pair == b"\n\n") || tail.windows(3).any(|three| three == b"\n\r\n");
        self.scanned = self.bytes.len();
        is_whole || self.bytes.len() >= MAX_HEAD || self.is_malformed()
    }

    /// Whether it begins as a greeting of TLS does: a handshake of its version 1.0 or later (RFC 8446, section 5.1).
    pub(super) fn is_tls(&self) -> bool {
        self.bytes.starts_with(&[22, 3])
    }

    /// Whether what has come breaks a rule already. Looked at each time that it has doubled.
    fn is_malformed(&mut self) -> bool {
        if self.bytes.len() < self.checked.saturating_mul(2) {
            return false;
        }
        self.checked = self.bytes.len();
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        httparse::Request::new(&mut fields).parse(&self.bytes).is_err()
    }

    /// Lines without anything before a request count for nothing (RFC 9112, section 2.2).
    fn skip_empty_lines(&mut self) {
        let mut empty = 0;
        loop {
            match &self.bytes[empty..] {
                [b'\r', b'\n', ..] => empty += 2,
                [b'\n', ..] => empty += 1,
                _ => break,
            }
        }
        self.bytes.drain(..empty);
    }

    /// The bytes and their space, which belong to the request now.
    pub(super) fn take(&mut self) -> (Vec<u8>, Vec<Space>) {
        let Head { bytes, spaces, .. } = std::mem::take(self);
        (bytes, spaces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a head is ready after each of its parts.
    fn ready(parts: &[&str]) -> Vec<bool> {
        let (mut head, spaces) = (Head::default(), space_for_heads());
        let mut add = |part: &&str| {
            head.add(part.as_bytes(), &spaces, None).unwrap();
            head.is_ready()
        };
        parts.iter().map(&mut add).collect()
    }

    #[test]
    fn a_head_is_ready_when_it_is_whole_however_it_arrives() {
        assert_eq!(ready(&["GET / HTTP/1.1\r\nHost: x\r\n\r\n"]), [true]);
        assert_eq!(ready(&["GET / HTTP/1.1\r\nHost: x\r", "\n\r", "\n"]), [false, false, true]);
        assert_eq!(ready(&["G", "ET / HTTP/1.1\n", "\n"]), [false, false, true]);
        assert_eq!(ready(&["\r\n\r\n\n", "GET / HTTP/1.1\r\n"]), [false, false]);
    }

    #[test]
    fn what_is_no_head_is_not_waited_for() {
        assert_eq!(ready(&["\u{16}\u{3}\u{1}"]), [true]);
        assert_eq!(ready(&["GET /\r\n"]), [true]);
        let many: String = (0..200).map(|i| format!("a{i}: b\r\n")).collect();
        assert_eq!(ready(&["GET / HTTP/1.1\r\n", &many]), [false, true]);
        let long = "a".repeat(MAX_HEAD - 32);
        assert_eq!(ready(&["GET / HTTP/1.1\r\na: ", &long, &long[..40]]), [false, false, true]);
    }

    #[test]
    fn a_greeting_of_tls_is_known() {
        let begun = |bytes: &[u8]| {
            let mut head = Head::default();
            head.add(bytes, &space_for_heads(), None).unwrap();
            head.is_tls()
        };
        assert!(begun(&[22, 3, 1, 2, 0, 1]) && !begun(b"GET / HTTP/1.1\r\n") && !begun(&[22]));
    }

    #[test]
    fn long_heads_share_their_space() {
        let (one, other): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let (spaces, part) = (space_for_heads(), vec![b'a'; MAX_HEAD / 2]);
        let mut heads = vec![];
        let taken = loop {
            let mut head = Head::default();
            if head.add(&part, &spaces, Some(one)).is_err() {
                break heads.len();
            }
            heads.push(head);
        };
        assert!((140..150).contains(&taken), "{taken}");
        assert!(Head::default().add(&part[..FREE], &spaces, Some(one)).is_ok(), "short ones need none");
        assert!(Head::default().add(&part, &spaces, Some(other)).is_ok(), "another address has its own share");
        heads.clear();
        assert!(Head::default().add(&part, &spaces, Some(one)).is_ok(), "it is given back");
    }
}
