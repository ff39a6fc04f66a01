//! How much memory large answers may take in all while their clients read them. An answer that finds no space waits; the
//! unread answers of one address, or of one IPv6 network of 64 bits, cannot take all of it.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use poem::Response;
use service::network_of;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Bytes of all large answers that are being read.
const TOTAL: usize = 64 * 1024 * 1024;
/// Bytes of those that are read from one address, or from one IPv6 network of 64 bits.
const PER_ADDRESS: usize = TOTAL / 4;
/// Answers up to this size are not counted.
const SMALL: u64 = 64 * 1024;
/// Bytes that one permit stands for.
const UNIT: usize = 1024;
/// How long an answer waits for space.
const WAIT: Duration = Duration::from_secs(5);
/// Bytes of all answers that wait: they are in memory as much as those that are read.
const WAITING: usize = TOTAL / 2;

type Inner = BoxBody<Bytes, io::Error>;

/// The space for large answers.
pub(crate) struct AnswerMemory {
    all: Arc<Semaphore>,
    waiting: Semaphore,
    by_address: Mutex<HashMap<IpAddr, Weak<Semaphore>>>,
}

/// A client reads more slowly than events are made for it.
#[derive(Debug)]
pub(crate) struct TooSlowReader;

/// Space that an answer takes until this is dropped.
pub(crate) struct Space {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Default for AnswerMemory {
    fn default() -> AnswerMemory {
        let (all, waiting) = (Arc::new(Semaphore::new(TOTAL / UNIT)), Semaphore::new(WAITING / UNIT));
        AnswerMemory { all, waiting, by_address: Mutex::default() }
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
        let units = usize::try_from(size).unwrap_or(usize::MAX).div_ceil(UNIT).min(PER_ADDRESS / UNIT);
        let units = u32::try_from(units).ok()?;
        let own = self.of_address(network_of(address));
        let now = |space: &Arc<Semaphore>| space.clone().try_acquire_many_owned(units).ok();
        if let Some(own) = now(&own)
            && let Some(all) = now(&self.all)
        {
            return Some(Space { _own: own, _all: all });
        }
        let _waiting = self.waiting.try_acquire_many(units).ok()?;
        let both = async {
            let own = own.acquire_many_owned(units).await.ok()?;
            Some(Space { _own: own, _all: self.all.clone().acquire_many_owned(units).await.ok()? })
        };
        timeout(WAIT, both).await.ok()?
    }

    /// The space of an address, which is remembered while some of it is taken.
    fn of_address(&self, address: IpAddr) -> Arc<Semaphore> {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(space) = by_address.get(&address).and_then(Weak::upgrade) {
            return space;
        }
        by_address.retain(|_, space| space.strong_count() > 0);
        let space = Arc::new(Semaphore::new(PER_ADDRESS / UNIT));
        by_address.insert(address, Arc::downgrade(&space));
        space
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
