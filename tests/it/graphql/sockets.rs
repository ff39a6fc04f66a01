//! A mutation over a WebSocket finishes, whether its client reads or not, and even while the server stops.

use std::time::Duration;

use serde_json::json;
use tests::{Kind, PrivateDatabase};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep};

use super::socket::{Socket, served};

const CREATE: &str = "mutation { createClient(input: { name: \"Globex\" }) { client { name } } }";

/// Waits until this number, which is stored, is one.
async fn wait_for_one(database: &PrivateDatabase, sql: &str) {
    let until = Instant::now() + Duration::from_secs(20);
    while database.number(sql).await != 1 {
        assert!(Instant::now() < until, "{sql}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Bytes that the other side of a connection has sent and this side has not read, according to the kernel.
fn unread_bytes(stream: &TcpStream) -> u64 {
    let (here, there) = (stream.local_addr().unwrap().port(), stream.peer_addr().unwrap().port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let row = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .find(|row| row[1].ends_with(&format!(":{there:04X}")) && row[2].ends_with(&format!(":{here:04X}")));
    u64::from_str_radix(row.unwrap()[4].split(':').next().unwrap(), 16).unwrap()
}

/// A client that reads nothing is sent no more data; the mutation that it has begun finishes all the same, and
/// with it the transaction that other requests wait for.
async fn a_mutation_finishes_when_nobody_reads(kind: Kind) {
    let (database, server, token) = served(kind).await;
    // With a small receive buffer.
    let stream = TcpSocket::new_v4().unwrap();
    stream.set_recv_buffer_size(4096).unwrap();
    let stream = stream.connect(server.address.parse().unwrap()).await.unwrap();
    let mut socket = Socket::ready_over(stream, &server.address, &token).await;
    let obstacle = database.obstacle().await;
    socket.subscribe("m", CREATE).await;
    for i in 0..20 {
        socket.subscribe(&format!("q{i}"), include_str!("introspection.graphql")).await;
    }
    let (mut looks, mut last) = (0, 0);
    while looks < 5 {
        sleep(Duration::from_millis(50)).await;
        let now = unread_bytes(socket.0.get_ref());
        looks = if now > 0 && now == last { looks + 1 } else { 0 };
        last = now;
    }
    obstacle.rollback().await.unwrap();
    wait_for_one(&database, "SELECT COUNT(*) AS n FROM client").await;
}

#[tokio::test]
async fn a_mutation_finishes_when_nobody_reads_on_sqlite() {
    a_mutation_finishes_when_nobody_reads(Kind::Sqlite).await;
}

#[tokio::test]
async fn a_mutation_finishes_when_nobody_reads_on_postgres() {
    a_mutation_finishes_when_nobody_reads(Kind::Postgres).await;
}

/// SIGTERM ends subscriptions without `complete`; a running mutation finishes and is answered before the connection closes.
/// On PostgreSQL, which shows who waits for a lock.
#[tokio::test]
async fn sigterm_lets_a_mutation_finish() {
    let (database, server, token) = served(Kind::Postgres).await;
    let address = server.address.clone();
    let mut socket = Socket::ready(&address, &token).await;
    let obstacle = database.obstacle().await;
    socket.subscribe("s", "subscription { timerChanged { timeEntry { id } } }").await;
    socket.subscribe("m", CREATE).await;
    let waiting = "SELECT COUNT(*) AS n FROM pg_locks WHERE NOT granted AND relation = 'client'::regclass";
    wait_for_one(&database, waiting).await;
    let stopped = tokio::task::spawn_blocking(move || server.terminate());
    while TcpStream::connect(&address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    obstacle.rollback().await.unwrap();
    let reported = socket.next_message().await;
    assert_eq!(
        (&reported["id"], &reported["payload"]["data"]["createClient"]["client"]["name"]),
        (&json!("m"), &json!("Globex")),
        "{reported}"
    );
    assert_eq!(socket.next_message().await, json!({ "id": "m", "type": "complete" }));
    assert_eq!(socket.closed().await, 1012);
    let (code, reported) = stopped.await.unwrap();
    assert_eq!(code, Some(0), "{reported}");
    assert_eq!(database.number("SELECT COUNT(*) AS n FROM client").await, 1);
}
