//! Ends a connection whose client sends frames of HTTP/2 that ask for nothing, or a head in thousands of pieces: each costs
//! the server some microseconds, and without a bound one connection takes a core.

use std::time::Duration;

use tokio::time::Instant;

/// What a client of HTTP/2 sends first (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The head of a frame: length, kind, flags, stream.
const HEAD: usize = 9;
const DATA: u8 = 0;
const RST_STREAM: u8 = 3;
/// Bytes from which on a frame of data is worth its costs.
const WORTHWHILE: usize = 256;

/// Frames that a connection may send without asking for anything.
const CREDIT: u64 = 1_000;
/// Frames that are added to its credit: for each second, for each answer, and for each `BYTES_PER_FRAME` bytes that it has
/// taken.
const PER_SECOND: u64 = 10;
const PER_ANSWER: u64 = 16;
const BYTES_PER_FRAME: u64 = 1_024;
/// What a reset counts: its request was begun in vain.
const RESET: u64 = 4;
/// Reads that the head of a request over HTTP/1.1 may arrive in.
const READS_OF_HEAD: u32 = 1_024;

/// Says to a client of HTTP/2 why its connection ends: GOAWAY with ENHANCE_YOUR_CALM.
pub(super) const GOAWAY: &[u8] = &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0xb];

/// What a connection has been given so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    /// Answers that were handed over completely.
    pub(super) answers: u64,
    /// Bytes that the socket has taken.
    pub(super) bytes: u64,
    /// Whether a head has begun that is not complete, and no request is open.
    pub(super) in_head: bool,
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP/1.1 or an earlier version, or something else.
    Http1,
    /// HTTP/2.
    Http2,
}

/// Reads along with a connection.
pub(super) struct Flood {
    position: Position,
    credit: u64,
    given: Given,
    /// Until when the credit of passing time is given.
    since: Instant,
    reads_of_head: u32,
}

/// Where in the protocol the next byte is.
enum Position {
    /// In the preface, after so many bytes of it.
    Preface(usize),
    /// In another protocol.
    Http1,
    /// In the head of a frame, of which these bytes have come.
    Head([u8; HEAD], usize),
    /// In a frame, which has so many bytes left.
    Payload(usize),
}

impl Flood {
    pub(super) fn new() -> Flood {
        let (since, given) = (Instant::now(), Given::default());
        Flood { position: Position::Preface(0), credit: CREDIT, given, since, reads_of_head: 0 }
    }

    /// What the connection speaks, once it has sent enough to know.
    pub(super) fn protocol(&self) -> Option<Protocol> {
        match self.position {
            Position::Preface(_) => None,
            Position::Http1 => Some(Protocol::Http1),
            Position::Head(..) | Position::Payload(_) => Some(Protocol::Http2),
        }
    }

    /// Whether the connection speaks HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        matches!(self.position, Position::Head(..) | Position::Payload(_))
    }

    /// Takes in what has been read. False: it is too much.
    pub(super) fn allows(&mut self, mut bytes: &[u8], given: Given) -> bool {
        // The head of another request begins.
        if given.answers != self.given.answers {
            self.reads_of_head = 0;
        }
        self.earn(given);
        if let Position::Preface(seen) = self.position {
            let part = bytes.len().min(PREFACE.len() - seen);
            self.position = match PREFACE[seen..seen + part] == bytes[..part] {
                false => Position::Http1,
                true if seen + part == PREFACE.len() => Position::Head([0; HEAD], 0),
                true => Position::Preface(seen + part),
            };
            if self.is_http2() {
                bytes = &bytes[part..];
            }
        }
        if !self.is_http2() {
            self.reads_of_head = if given.in_head { self.reads_of_head + 1 } else { 0 };
            return self.reads_of_head <= READS_OF_HEAD;
        }
        while !bytes.is_empty() {
            match &mut self.position {
                Position::Head(head, filled) => {
                    let part = bytes.len().min(HEAD - *filled);
                    head[*filled..*filled + part].copy_from_slice(&bytes[..part]);
                    *filled += part;
                    bytes = &bytes[part..];
                    if *filled == HEAD {
                        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
                        let cost = cost(head[3], length);
                        self.position =
                            if length == 0 { Position::Head([0; HEAD], 0) } else { Position::Payload(length) };
                        match self.credit.checked_sub(cost) {
                            Some(left) => self.credit = left,
                            None => return false,
                        }
                    }
                }
                Position::Payload(left) => {
                    let part = bytes.len().min(*left);
                    bytes = &bytes[part..];
                    *left -= part;
                    if *left == 0 {
                        self.position = Position::Head([0; HEAD], 0);
                    }
                }
                Position::Preface(_) | Position::Http1 => return true,
            }
        }
        true
    }

    /// Adds what was given and what time has passed.
    fn earn(&mut self, given: Given) {
        let seconds = self.since.elapsed().as_secs();
        self.since += Duration::from_secs(seconds);
        let frames = given.bytes / BYTES_PER_FRAME - self.given.bytes / BYTES_PER_FRAME;
        let earned = seconds * PER_SECOND + (given.answers - self.given.answers) * PER_ANSWER + frames;
        self.credit = CREDIT.min(self.credit + earned);
        self.given = given;
    }
}

/// What a frame counts. A frame of headers counts until its answer gives more than that back; so do those that belong to no
/// request.
fn cost(kind: u8, length: usize) -> u64 {
    match kind {
        DATA if length >= WORTHWHILE => 0,
        RST_STREAM => RESET,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: u8 = 1;
    const PING: u8 = 6;

    fn frame(kind: u8, length: u8) -> Vec<u8> {
        [&[0, 0, length, kind, 0, 0, 0, 0, 1][..], &vec![7; usize::from(length)]].concat()
    }

    fn given(answers: u64, bytes: u64) -> Given {
        Given { answers, bytes, in_head: false }
    }

    /// How many of these frames are taken before it is too much, at most 5,000; each is followed by what was given.
    fn taken(mut each: impl FnMut(u64) -> (Vec<u8>, Given)) -> u64 {
        let mut flood = Flood::new();
        assert!(flood.allows(PREFACE, Given::default()));
        (0..5_000)
            .take_while(|i| {
                let (bytes, given) = each(*i);
                flood.allows(&bytes, given)
            })
            .count() as u64
    }

    #[tokio::test(start_paused = true)]
    async fn frames_that_ask_for_nothing_are_bounded() {
        assert_eq!(taken(|_| (frame(PING, 8), Given::default())), CREDIT);
        assert_eq!(taken(|_| (frame(DATA, 1), Given::default())), CREDIT);
        assert_eq!(taken(|_| (frame(RST_STREAM, 4), Given::default())), CREDIT / RESET);
        let request = || [frame(HEADERS, 30), frame(PING, 8), frame(PING, 8)].concat();
        assert_eq!(taken(|i| (request(), given(i, 0))), 5_000, "of a client that is answered");
        assert_eq!(taken(|i| (frame(8, 4), given(0, i * 4_096))), 5_000, "of a client that reads");
    }

    #[tokio::test(start_paused = true)]
    async fn frames_are_found_however_they_arrive() {
        let mut flood = Flood::new();
        let stream = [PREFACE.to_vec(), frame(PING, 8).repeat(usize::try_from(CREDIT).unwrap() + 1)].concat();
        let parts = stream.chunks(7).take_while(|part| flood.allows(part, Given::default())).count();
        assert!(flood.is_http2() && parts >= stream.len() / 7 - 2, "{parts}");
        tokio::time::advance(Duration::from_secs(2)).await;
        let mut later = Flood::new();
        assert!(later.allows(b"GET / HTTP/1.1", Given::default()) && !later.is_http2());
    }

    #[tokio::test(start_paused = true)]
    async fn time_gives_some_back() {
        let mut flood = Flood::new();
        assert!(flood.allows(&[PREFACE.to_vec(), frame(PING, 8).repeat(1_000)].concat(), Given::default()));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(flood.allows(&frame(PING, 8).repeat(10), Given::default()));
        assert!(!flood.allows(&frame(PING, 8), Given::default()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_arrives_in_few_pieces() {
        let mut flood = Flood::new();
        let in_head = Given { in_head: true, ..Given::default() };
        let pieces = (0..5_000).take_while(|_| flood.allows(b"a", in_head)).count();
        assert_eq!(pieces, 1_024);
        assert!(flood.allows(b"a", Given::default()), "a body is another matter");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_takes_any_number_of_requests_one_after_the_other() {
        let mut flood = Flood::new();
        let requests = (0..5_000).take_while(|answers| {
            let given = Given { answers: *answers, bytes: 0, in_head: true };
            flood.allows(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", given)
        });
        assert_eq!(requests.count(), 5_000);
    }
}
