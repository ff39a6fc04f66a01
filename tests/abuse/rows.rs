//! The attacks: each a row of what was seen once, and other inputs of the same kind.

use futures_util::FutureExt;
use serde_json::json;
use tokio::time::Instant;

use crate::attacks::{Attack, documents, hold, repeat, requests, stream};
use crate::connections;
use crate::floods::{self, PING, PRIORITY, SETTINGS, WINDOW_UPDATE};
use crate::program::Target;
use crate::sockets;

macro_rules! attacks {
    ($($name:literal => |$target:ident, $until:ident| $run:expr;)*) => {
        /// All of them, in the order of the table.
        pub fn all() -> Vec<Attack> {
            vec![$(Attack { name: $name, run: |target: Target, $until: Instant| {
                async move { let $target = &target; $run.await; }.boxed()
            } }),*]
        }
    };
}

attacks! {
    "nobody" => |_target, until| tokio::time::sleep_until(until);
    "1 unknown keys" => |target, until| unknown_keys(target, until);
    "2 aliases of a long text" => |target, until| documents(target, 4, until, long_texts());
    "3 no window, 1,500 streams" => |target, until| floods::no_window(target, until);
    "4 reports in a document" => |target, until| documents(target, 4, until, reports());
    "4 reports over REST" => |target, until| requests(target, 30, until, |http, at| {
        http.get(format!("{at}/api/v1/reports/time?groupBy=project,day,member"))
    });
    "4 filters that match nothing" => |target, until| documents(target, 4, until, filters());
    "4 lists below lists" => |target, until| documents(target, 4, until, nested());
    "5 heads without an end" => |target, until| connections::half_heads(target, until);
    "5 long heads without an end" => |target, until| connections::long_heads(target, until);
    "5 bodies that never come" => |target, until| connections::missing_bodies(target, until);
    "6 replays" => |target, until| requests(target, 8, until, |http, at| {
        let key: String = format!("{:?}", Instant::now()).chars().filter(char::is_ascii_alphanumeric).collect();
        let post = http.post(format!("{at}/api/v1/webhook-deliveries/replay")).header("idempotency-key", key);
        post.header("content-type", "application/json").body("{\"filters\":{\"status\":[\"succeeded\"]}}")
    });
    "7 lists below a timer" => |target, until| sockets::timers(target, until);
    "8 subscribers of events" => |target, until| sockets::events(target, until);
    "9 WebSockets without a token" => |target, until| sockets::before_init(target, until);
    "9 WebSockets with a token" => |target, until| sockets::after_init(target, until);
    "10 unread answers" => |target, until| unread(target, until);
    "11 compression" => |target, until| requests(target, 8, until, |http, at| {
        http.get(format!("{at}/assets/graphiql.js")).header("accept-encoding", "br")
    });
    "12 the year 9999" => |target, until| requests(target, 8, until, |http, at| {
        http.get(format!("{at}/api/v1/reports/time?groupBy=month&timeZone=Asia/Kathmandu"))
    });
    "14 refused bodies" => |target, until| refused_bodies(target, until);
    "pings" => |target, until| floods::control(target, until, PING);
    "settings" => |target, until| floods::control(target, until, SETTINGS);
    "priorities" => |target, until| floods::control(target, until, PRIORITY);
    "window updates" => |target, until| floods::control(target, until, WINDOW_UPDATE);
    "empty data" => |target, until| floods::body(target, until, &[]);
    "data in crumbs" => |target, until| floods::body(target, until, b" ");
    "continuation" => |target, until| floods::head(target, until);
    "rapid reset" => |target, until| floods::resets(target, until);
    "chunks of a byte" => |target, until| chunks(target, until, "1\r\na\r\n");
    "extensions of chunks" => |target, until| chunks(target, until, "1;extension=0000000000000000000000000000\r\na\r\n");
    "empty lines" => |target, until| stream(target, 4, until, vec![], |_| b"\r\n".to_vec());
    "pipelined and unread" => |target, until| pipelined(target, until);
    "large writes" => |target, until| large_writes(target, until);
    "bad credentials" => |target, until| bad_credentials(target, until);
}

/// A body of 110,000 keys that nothing takes, from somebody who may not write.
async fn unknown_keys(target: &Target, until: Instant) {
    let keys: Vec<String> = (0..110_000).map(|i| format!("\"{i}\":0")).collect();
    let (body, reader) = (format!("{{{}}}", keys.join(",")), target.reader.clone());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let at = target.address.clone();
    repeat(4, until, move |_| {
        let post = http.post(format!("http://{at}/api/v1/time-entries")).bearer_auth(&reader).body(body.clone());
        let post = post.header("content-type", "application/json").header("idempotency-key", "k");
        async move {
            let _ = post.send().await;
        }
    })
    .await;
}

/// A hundred times the notes of a client, for each of 200 projects.
fn long_texts() -> String {
    let aliases: String = (0..99).map(|i| format!("a{i}: notes ")).collect();
    format!("{{ projects(first: 200) {{ nodes {{ client {{ {aliases} }} }} }} }}")
}

/// As many reports as a document may have, each with rows.
fn reports() -> String {
    let report = |i: usize| {
        format!(
            "a{i}: timeReport(groupBy: [PROJECT, DAY, MEMBER], filter: {{ durationSecondsMin: {i} }}) {{ \
             rows {{ seconds keys {{ day project {{ name }} }} }} total {{ seconds }} }} "
        )
    };
    format!("{{ {} }}", (0..29).map(report).collect::<String>())
}

/// A hundred lists for two points, each of which reads every entry.
fn filters() -> String {
    let list = |i: usize| {
        format!(
            "a{i}: timeEntries(first: 1, filter: {{ durationSecondsMin: {}, hasTask: true }}) {{ nodes {{ id }} }} ",
            85_000 + i
        )
    };
    format!("{{ {} }}", (0..100).map(list).collect::<String>())
}

/// Sixty lists, each sorted anew, below each of 200 projects.
fn nested() -> String {
    let list = |i: usize| {
        format!(
            "a{i}: timeEntries(first: 1, sort: DURATION_SECONDS_DESC, filter: {{ durationSecondsMin: {i} }}) {{ nodes {{ id }} }} "
        )
    };
    format!("{{ projects(first: 200) {{ nodes {{ {} }} }} }}", (0..60).map(list).collect::<String>())
}

/// Sixty connections that ask for answers of 4 MiB and read none of them.
async fn unread(target: &Target, until: Instant) {
    let query = "{projects(first:60){nodes{client{a0:notes a1:notes a2:notes} description}}}";
    let body = json!({ "query": query }).to_string();
    hold(target, 60, until, |place| {
        let token = &target.tokens[place % target.tokens.len()];
        format!(
            "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    })
    .await;
}

/// Bodies of half a MiB that are refused before they are read.
async fn refused_bodies(target: &Target, until: Instant) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let (at, body) = (target.address.clone(), "x".repeat(500_000));
    repeat(8, until, move |place| {
        let path = ["api/v1/clients", "nowhere", "graphql", "healthz"][place % 4];
        let post = http.post(format!("http://{at}/{path}")).body(body.clone());
        async move {
            let _ = post.send().await;
        }
    })
    .await;
}

/// A body over HTTP/1.1 in these chunks, without an end.
async fn chunks(target: &Target, until: Instant, chunk: &str) {
    let opening = "POST /api/v1/clients HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let batch = chunk.repeat(500).into_bytes();
    stream(target, 4, until, opening.into(), move |_| batch.clone()).await;
}

/// Requests one after another whose answers nobody reads.
async fn pipelined(target: &Target, until: Instant) {
    let asked = "GET /api/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(500);
    hold(target, 40, until, |_| asked.clone().into_bytes()).await;
}

/// Batches of a hundred entries with long notes, as many as the limits allow.
async fn large_writes(target: &Target, until: Instant) {
    let entry = json!({
        "projectId": target.project, "durationSeconds": 60, "entryDate": "2026-06-11", "note": "n".repeat(9_900),
    });
    let body = json!({ "timeEntries": vec![entry; 100] }).to_string();
    requests(target, 12, until, move |http, at| {
        let key: String = format!("{:?}", Instant::now()).chars().filter(char::is_ascii_alphanumeric).collect();
        let post = http.post(format!("{at}/api/v1/time-entries/batch")).header("idempotency-key", key);
        post.header("content-type", "application/json").body(body.clone())
    })
    .await;
}

/// Tokens that do not exist.
async fn bad_credentials(target: &Target, until: Instant) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let at = target.address.clone();
    repeat(8, until, move |place| {
        let token = format!("hsk_live_{place:012}_{}", "a".repeat(32));
        let get = http.get(format!("http://{at}/api/v1/me")).bearer_auth(token);
        async move {
            let _ = get.send().await;
        }
    })
    .await;
}
