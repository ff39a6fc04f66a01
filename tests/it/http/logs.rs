//! No log holds a secret, at any level.

use tests::{Kind, PrivateDatabase};

use crate::graphql::socket::Socket;
use crate::graphql::third_party_clients::owner_of;
use crate::running::Running;

/// A token in a path, in a header and in a message of a WebSocket: none is in the log, and no document either.
#[tokio::test]
async fn a_log_of_everything_holds_no_token() {
    let database = PrivateDatabase::empty(Kind::Sqlite).await;
    let log = std::env::temp_dir().join(format!("hoursmith-log-{}", std::process::id()));
    let server = Running::start_logged(&database.url, &["--rate-limit-scale", "1000", "--log", "trace"], &log);
    let token = owner_of(&database.url);
    let client = reqwest::Client::new();
    let url = format!("http://{}", server.address);
    client.get(format!("{url}/api/{token}")).send().await.unwrap();
    assert_eq!(client.get(format!("{url}/api/v1/me")).bearer_auth(&token).send().await.unwrap().status(), 200);
    let mut socket = Socket::ready(&server.address, &token).await;
    socket.subscribe("1", "query Remarkable { viewer { name } }").await;
    socket.next_message().await;
    drop(server);
    let written = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    let secret = &token["hsk_live_ABC".len()..];
    assert!(written.contains(&token[.."hsk_live_ABC".len()]), "the path is logged, with a mask");
    assert!(!written.contains(secret) && !written.contains("Remarkable"), "a secret or a document is in the log");
}
