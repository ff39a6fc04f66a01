//! What a connection does at the moment, and when it is to be closed: the deadlines of heads, of answers that nobody
//! reads, and of idle connections.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Limits;
use super::flood::Given;
use crate::http::space::Space;

/// Bytes that a client must take within the write timeout, or the connection is closed.
const LEAST_PROGRESS: usize = 16 * 1024;
/// How long a stopping server waits for a connection on which no request is open.
const STOP_GRACE: Duration = Duration::from_millis(500);

/// Why a connection is closed by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// The head of a request was not complete in time.
    Head,
    /// An answer was not read in time.
    Unread,
    /// No request was open for too long.
    Idle,
    /// The server stops and no request is open.
    Stop,
    /// The client sends too much that asks for nothing.
    Flood,
}

impl Cut {
    /// The label of the metric.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Cut::Head => "head",
            Cut::Unread => "unread",
            Cut::Idle => "idle",
            Cut::Stop => "stop",
            Cut::Flood => "flood",
        }
    }
}

/// The activity of one connection, shared by its socket, its requests and its watchdog.
pub(super) struct Activity(Mutex<State>);

struct State {
    /// One slot for each open request; free slots are used again.
    exchanges: Vec<Option<Phase>>,
    open: usize,
    /// A request has been read completely on this connection, over HTTP/2.
    is_http2: bool,
    /// When the first byte came of a head that is not complete yet.
    head_since: Option<Instant>,
    /// When the connection was accepted, or the last request ended.
    idle_since: Instant,
    /// Since when the client has taken less than `LEAST_PROGRESS` while the socket is full, and how much it has taken.
    blocked: Option<(Instant, usize)>,
    /// Bytes were written and not flushed yet.
    unflushed: bool,
    stopping_since: Option<Instant>,
    /// The client still sends a body that nobody will read.
    has_unread_body: bool,
    /// Answers that were handed over completely, and bytes that the socket has taken.
    given: Given,
    /// The client has sent too much that asks for nothing.
    is_flooded: bool,
    /// The connection has become another one, such as a WebSocket, or has ended.
    is_handed_over: bool,
    /// A request asks to make the connection another one.
    wants_upgrade: bool,
    /// What the head takes of the space that connections share; its request has it until it was answered.
    head_spaces: Vec<Space>,
    /// Requests that were begun.
    requests: u64,
}

/// What an open request waits for.
#[derive(Clone, Copy)]
enum Phase {
    /// Its handler, or the next part of its answer. Both have deadlines of their own.
    Server,
    /// The client, which is to read the answer, since this instant.
    Client(Instant),
}

impl Activity {
    pub(super) fn new() -> Arc<Activity> {
        Arc::new(Activity(Mutex::new(State {
            exchanges: Vec::new(),
            open: 0,
            is_http2: false,
            head_since: None,
            idle_since: Instant::now(),
            blocked: None,
            unflushed: false,
            stopping_since: None,
            has_unread_body: false,
            given: Given::default(),
            is_flooded: false,
            is_handed_over: false,
            wants_upgrade: false,
            head_spaces: Vec::new(),
            requests: 0,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request has been read up to the end of its head. It is open until the result is dropped.
    pub(super) fn begin(self: &Arc<Activity>, is_http2: bool) -> Exchange {
        let mut state = self.lock();
        state.open += 1;
        state.requests += 1;
        let spaces = std::mem::take(&mut state.head_spaces);
        state.is_http2 = is_http2;
        state.head_since = None;
        let index = state.exchanges.iter().position(Option::is_none).unwrap_or_else(|| {
            state.exchanges.push(None);
            state.exchanges.len() - 1
        });
        state.exchanges[index] = Some(Phase::Server);
        drop(state);
        Exchange { activity: self.clone(), index, _spaces: spaces }
    }

    /// The next request has this space, which its head takes.
    pub(super) fn occupy(&self, spaces: Vec<Space>) {
        self.lock().head_spaces = spaces;
    }

    /// How many requests were begun.
    pub(super) fn requests(&self) -> u64 {
        self.lock().requests
    }

    /// A request asks to make the connection another one.
    pub(super) fn want_upgrade(&self) {
        self.lock().wants_upgrade = true;
    }

    /// Whether one has asked since this was last looked at.
    pub(super) fn takes_upgrade(&self) -> bool {
        std::mem::take(&mut self.lock().wants_upgrade)
    }

    /// Whether nothing goes on: no request is open, all answers were handed over, and the connection stays open.
    pub(super) fn is_quiet(&self) -> bool {
        let state = self.lock();
        let is_ending = state.has_unread_body || state.is_handed_over || state.stopping_since.is_some();
        state.open == 0 && !state.unflushed && state.blocked.is_none() && !is_ending
    }

    /// How long no request has been open.
    pub(super) fn quiet_for(&self) -> Duration {
        self.lock().idle_since.elapsed()
    }

    /// The client has sent something. Returns what it was given so far.
    pub(super) fn received(&self) -> Given {
        let mut state = self.lock();
        // Over HTTP/2 other frames than heads arrive as well; once a request has come, only idleness counts.
        if state.open == 0 && !state.is_http2 && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
        }
        let in_head = state.open == 0 && state.head_since.is_some() && !state.is_handed_over;
        Given { in_head, ..state.given }
    }

    /// The client has sent too much that asks for nothing.
    pub(super) fn flood(&self) {
        self.lock().is_flooded = true;
    }

    /// Whether it has.
    pub(super) fn is_flooded(&self) -> bool {
        self.lock().is_flooded
    }

    /// The connection has become another one, or has ended.
    pub(super) fn hand_over(&self) {
        self.lock().is_handed_over = true;
    }

    /// Whether the socket takes nothing at the moment, so that a part of something may have been sent.
    pub(super) fn is_blocked(&self) -> bool {
        self.lock().blocked.is_some()
    }

    /// The client has taken so many bytes.
    pub(super) fn sent(&self, bytes: usize) {
        let mut state = self.lock();
        state.unflushed = true;
        state.given.bytes += bytes as u64;
        state.blocked = match state.blocked {
            Some((since, taken)) if taken + bytes < LEAST_PROGRESS => Some((since, taken + bytes)),
            _ => None,
        };
    }

    /// The socket takes nothing at the moment.
    pub(super) fn blocked(&self) {
        self.lock().blocked.get_or_insert_with(|| (Instant::now(), 0));
    }

    /// Everything was handed to the socket.
    pub(super) fn flushed(&self) {
        let mut state = self.lock();
        (state.blocked, state.unflushed) = (None, false);
    }

    /// The server stops.
    pub(super) fn stop(&self) {
        self.lock().stopping_since.get_or_insert_with(Instant::now);
    }

    /// The client still sends a body that nobody will read.
    pub(super) fn leave_body_unread(&self) {
        self.lock().has_unread_body = true;
    }

    /// Whether it does.
    pub(super) fn has_unread_body(&self) -> bool {
        self.lock().has_unread_body
    }

    /// Whether a head has begun and no request is open: what is written then comes from the HTTP library itself.
    pub(super) fn is_in_head(&self) -> bool {
        let state = self.lock();
        state.open == 0 && state.head_since.is_some()
    }

    /// The next deadline as things are now, and why the connection is closed then.
    pub(super) fn deadline(&self, limits: &Limits, is_crowded: bool) -> Option<(Instant, Cut)> {
        let state = self.lock();
        let waiting = state.exchanges.iter().flatten().filter_map(|phase| match phase {
            Phase::Server => None,
            Phase::Client(since) => Some(*since),
        });
        let unread = waiting.chain(state.blocked.map(|(since, _)| since)).min();
        let unread = unread.map(|since| (since + limits.write_timeout, Cut::Unread));
        let is_idle = state.open == 0 && !state.unflushed;
        let idle_timeout = if is_crowded { limits.idle_timeout.min(limits.head_timeout) } else { limits.idle_timeout };
        let others = [
            state.head_since.map(|since| (since + limits.head_timeout, Cut::Head)),
            Some((state.idle_since + idle_timeout, Cut::Idle)).filter(|_| state.head_since.is_none()),
            state.stopping_since.map(|since| (since.max(state.idle_since) + STOP_GRACE, Cut::Stop)),
        ];
        others.into_iter().flatten().filter(|_| is_idle).chain(unread).min_by_key(|(at, _)| *at)
    }
}

/// A request that is open: from the end of its head until its answer was handed over completely.
pub(super) struct Exchange {
    activity: Arc<Activity>,
    index: usize,
    _spaces: Vec<Space>,
}

impl Exchange {
    /// A part of the answer is ready: the client is to read it.
    pub(super) fn waits_for_client(&self) {
        self.set(Phase::Client(Instant::now()));
    }

    /// The next part of the answer is not there yet.
    pub(super) fn waits_for_server(&self) {
        self.set(Phase::Server);
    }

    /// The answer was handed over completely.
    pub(super) fn complete(&self) {
        self.activity.lock().given.answers += 1;
    }

    fn set(&self, phase: Phase) {
        if let Some(slot) = self.activity.lock().exchanges.get_mut(self.index) {
            *slot = Some(phase);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut state = self.activity.lock();
        state.open -= 1;
        state.idle_since = Instant::now();
        if let Some(slot) = state.exchanges.get_mut(self.index) {
            *slot = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> Limits {
        Limits { head_timeout: 10 * SECOND, idle_timeout: 75 * SECOND, write_timeout: 30 * SECOND, ..Limits::default() }
    }

    /// Seconds from now until the deadline, and its reason.
    fn due(activity: &Activity) -> Option<(u64, Cut)> {
        let due = activity.deadline(&limits(), false);
        due.map(|(at, cut)| (at.saturating_duration_since(Instant::now()).as_secs(), cut))
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_its_deadline_whatever_drips() {
        let activity = Activity::new();
        assert_eq!(due(&activity), Some((75, Cut::Idle)));
        activity.received();
        tokio::time::advance(4 * SECOND).await;
        activity.received();
        assert_eq!(due(&activity), Some((6, Cut::Head)));
        let exchange = activity.begin(false);
        assert_eq!(due(&activity), None, "a handler has a deadline of its own");
        drop(exchange);
        assert_eq!(due(&activity), Some((75, Cut::Idle)));
    }

    #[tokio::test(start_paused = true)]
    async fn over_http_2_frames_between_requests_do_not_keep_a_connection() {
        let activity = Activity::new();
        drop(activity.begin(true));
        tokio::time::advance(70 * SECOND).await;
        activity.received();
        activity.sent(17);
        activity.flushed();
        assert_eq!(due(&activity), Some((5, Cut::Idle)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_given_up_when_the_client_takes_too_little() {
        let activity = Activity::new();
        let exchange = activity.begin(false);
        activity.blocked();
        tokio::time::advance(20 * SECOND).await;
        activity.sent(1000);
        activity.blocked();
        assert_eq!(due(&activity), Some((10, Cut::Unread)));
        activity.sent(LEAST_PROGRESS);
        assert_eq!(due(&activity), None);
        exchange.waits_for_client();
        assert_eq!(due(&activity), Some((30, Cut::Unread)));
        exchange.waits_for_server();
        assert_eq!(due(&activity), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_waits_for_open_requests_only() {
        let activity = Activity::new();
        let exchange = activity.begin(false);
        activity.stop();
        assert_eq!(due(&activity), None);
        drop(exchange);
        assert_eq!(due(&activity).map(|(_, cut)| cut), Some(Cut::Stop));
    }
}
