//! Malformed HTTP is refused in the envelope, as `docs/errors.md` says.

use std::io::{Read, Write};
use std::net::TcpStream;

use tests::Kind;

use super::Live;

/// The first line of the answer to these bytes, and what follows the head.
fn exchange(address: &str, bytes: &[u8]) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    // The server may refuse before it has read all.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

#[tokio::test]
async fn malformed_http_is_refused_in_the_envelope() {
    let live = Live::start(Kind::Sqlite).await;
    let address = &live.server.address;
    let (status, body) = exchange(address, b"GET /api/v1/me\x01 NONSENSE\r\n\r\n");
    refused((&status, &body), "HTTP/1.1 400 Bad Request");
    let long = format!("GET /api/v1/clients?search={} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(70_000));
    let (status, body) = exchange(address, long.as_bytes());
    refused((&status, &body), "HTTP/1.1 431 Request Header Fields Too Large");
    let many: String = (0..200).map(|i| format!("x-{i}: y\r\n")).collect();
    let (status, body) = exchange(address, format!("GET /api/v1/me HTTP/1.1\r\nHost: x\r\n{many}\r\n").as_bytes());
    refused((&status, &body), "HTTP/1.1 431 Request Header Fields Too Large");
}

/// The answer has this first line, and the error of the contract in its body.
fn refused((status, body): (&str, &str), expected: &str) {
    assert_eq!(status, expected);
    let json: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(json["error"]["code"], "bad_request", "{body}");
    assert!(json["error"]["requestId"].is_string(), "{body}");
}
