//! How much memory large answers may take in all while their clients read them. An answer that finds no space waits; the
//! unread answers of one address, or of one IPv6 network of 64 bits, cannot take all of it.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use poem::Response;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::space::{Space, Spaces, UNIT, units};

/// Bytes of all large answers that are being read.
const TOTAL: usize = 64 * 1024 * 1024;
/// Bytes of those that are read from one address, or from one IPv6 network of 64 bits.
const PER_ADDRESS: usize = TOTAL / 4;
/// Answers up to this size are not counted.
const SMALL: u64 = 64 * 1024;
/// How long an answer waits for space.
const WAIT: Duration = Duration::from_secs(5);
/// Bytes of all answers that wait: they are in memory as much as those that are read.
const WAITING: usize = TOTAL / 2;

type Inner = BoxBody<Bytes, io::Error>;

/// The space for large answers.
pub(crate) struct AnswerMemory {
    spaces: Spaces,
    waiting: Semaphore,
}

/// A client reads more slowly than events are made for it.
#[derive(Debug)]
pub(crate) struct TooSlowReader;

impl Default for AnswerMemory {
    fn default() -> AnswerMemory {
        AnswerMemory { spaces: Spaces::new(TOTAL, PER_ADDRESS), waiting: Semaphore::new(WAITING / UNIT) }
    }
}

impl AnswerMemory {
    /// Finds space for an answer, which has it until it was read. `None` if there is none in time, or if too much waits for
    /// some already; the answer is dropped then.
    pub(crate) async fn hold(&self, mut response: Response, address: IpAddr) -> Option<Response> {
        let body: Inner = response.take_body().into();
        let size = body.size_hint().exact().filter(|size| *size > SMALL);
        let body = match size {
            None => body,
            Some(size) => {
                let space = self.space(size, address).await?;
                BoxBody::new(Held { inner: body, _space: space })
            }
        };
        response.set_body(poem::Body::from(body));
        Some(response)
    }

    /// Finds space for one event of a subscription, which has it until it was sent; small ones take none. `Err` if there is
    /// none in time, or if too much waits for some already: its reader is too slow.
    pub(crate) async fn hold_event(&self, bytes: usize, address: IpAddr) -> Result<Option<Space>, TooSlowReader> {
        match u64::try_from(bytes).ok().filter(|size| *size > SMALL) {
            None => Ok(None),
            Some(size) => self.space(size, address).await.map(Some).ok_or(TooSlowReader),
        }
    }

    async fn space(&self, size: u64, address: IpAddr) -> Option<Space> {
        let bytes = usize::try_from(size).unwrap_or(usize::MAX).min(PER_ADDRESS);
        if let Some(space) = self.spaces.try_take(bytes, Some(address)) {
            return Some(space);
        }
        let _waiting = self.waiting.try_acquire_many(units(bytes)).ok()?;
        timeout(WAIT, self.spaces.take(bytes, Some(address))).await.ok()?
    }
}

/// A body with the space that it takes.
struct Held {
    inner: Inner,
    _space: Space,
}

impl Body for Held {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(bytes: usize) -> Response {
        Response::builder().body(vec![7_u8; bytes])
    }

    #[tokio::test(start_paused = true)]
    async fn unread_answers_of_one_address_leave_space_for_others() {
        let memory = AnswerMemory::default();
        let (one, other): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let half = PER_ADDRESS / 2;
        let first = memory.hold(answer(half), one).await;
        let second = memory.hold(answer(half), one).await;
        assert!(first.is_some() && second.is_some());
        assert!(memory.hold(answer(half), one).await.is_none(), "it has waited");
        assert!(memory.hold(answer(half), other).await.is_some());
        assert!(memory.hold(answer(1000), one).await.is_some(), "small ones are not counted");
        drop(first);
        assert!(memory.hold(answer(half), one).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn the_addresses_of_one_ipv6_network_share_their_space() {
        let memory = AnswerMemory::default();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let taken = memory.hold(answer(PER_ADDRESS), address("2001:db8::1")).await;
        assert!(taken.is_some());
        assert!(memory.hold(answer(PER_ADDRESS), address("2001:db8::2")).await.is_none());
        assert!(memory.hold(answer(PER_ADDRESS), address("2001:db8:0:1::2")).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_is_bounded_too() {
        let memory = AnswerMemory::default();
        let one: IpAddr = [192, 0, 2, 1].into();
        let read = memory.hold(answer(PER_ADDRESS), one).await;
        assert!(read.is_some());
        let began = tokio::time::Instant::now();
        let waiting = (0..WAITING / PER_ADDRESS + 1).map(|_| memory.hold(answer(PER_ADDRESS), one));
        let mut given_up: Vec<_> = futures_util::future::join_all(waiting.map(|held| async {
            assert!(held.await.is_none());
            began.elapsed()
        }))
        .await;
        given_up.sort();
        assert_eq!(given_up[0], Duration::ZERO, "what finds too many waiting is refused at once");
        assert!(given_up[1..].iter().all(|waited| *waited >= WAIT), "{given_up:?}");
    }
}
