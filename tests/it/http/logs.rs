//! No log holds a secret, at any level.

use reqwest::Client;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use tests::{Kind, PrivateDatabase, Receiver};

use crate::graphql::socket::Socket;
use crate::graphql::third_party_clients::owner_of;
use crate::mcp;
use crate::running::{Running, json as run};
use crate::settings::coded;

/// What stands in requests and settings, and may stand in no log.
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn add(&mut self, what: &'static str, secret: &str) {
        assert!(secret.len() >= 8, "{what}: {secret}");
        self.0.push((what, secret.to_owned()));
    }

    /// The part of a token, or of a webhook's key, that is secret.
    fn add_token(&mut self, what: &'static str, token: &str) {
        let part = token.rsplit('_').next().unwrap();
        self.add(what, part);
    }
}

/// Every surface is used while everything is logged: REST, GraphQL by POST, as events and over a WebSocket, MCP, the settings
/// pages and a webhook; tokens in the wrong places, errors, settings with passwords. None of the secrets is in the log.
async fn a_log_of_everything_holds_no_secret(kind: Kind) {
    let database = PrivateDatabase::empty(kind).await;
    let mut secrets = Secrets(vec![]);
    let receiver = Receiver::answering(500).await;
    let mut url = database.url.clone();
    if kind == Kind::Postgres {
        url = url.replacen("hoursmith@", "hoursmith:databasepassword@", 1);
        secrets.add("the password of the database", "databasepassword");
    }
    let redis = std::env::var("HOURSMITH_TEST_REDIS").unwrap().replacen("//", "//:redispassword@", 1);
    secrets.add("the password of Redis", "redispassword");
    secrets.add("the secret key", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");
    let log = tests::database::folder().join(format!("everything-{kind:?}.log"));
    let settings =
        ["--rate-limit-scale", "1000", "--log", "trace", "--webhook-allow", "127.0.0.0/8", "--redis-url", &redis];
    let server = Running::start_logged(&url, &settings, &log);
    let (token, at) = (owner_of(&url), format!("http://{}", server.address));
    secrets.add_token("the token", &token);
    let client = Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
    let get = |path: &str| client.get(format!("{at}{path}"));
    let post = |path: &str, body: Value| {
        let post = client.post(format!("{at}{path}")).bearer_auth(&token).body(body.to_string());
        post.header("content-type", "application/json")
    };

    // A token where it belongs, and where people put it by mistake.
    assert_eq!(get("/api/v1/me").bearer_auth(&token).send().await.unwrap().status(), 200);
    get(&format!("/api/{token}")).send().await.unwrap();
    get(&format!("/api/v1/clients/{token}?token={token}")).bearer_auth(&token).send().await.unwrap();
    get(&format!("/api/v1/clients?search={token}")).bearer_auth(&token).send().await.unwrap();
    get("/api/v1/me").header("x-api-key", &token).send().await.unwrap();
    get("/api/v1/me").header("authorization", &token).send().await.unwrap();
    get("/api/v1/me").bearer_auth(format!("{token}x")).send().await.unwrap();
    get(&format!("/graphql?query={{viewer{{name}}}}&access_token={token}")).send().await.unwrap();
    get(&format!("/mcp/{token}")).send().await.unwrap();
    let unreadable = client.post(format!("{at}/api/v1/clients")).bearer_auth(&token).body(format!("{{\"{token}"));
    unreadable.header("content-type", "application/json").send().await.unwrap();

    // Bodies, queries and documents.
    for marker in ["Bodymarker", "Querymarker", "Documentmarker", "Toolmarker", "Formmarker", "Urlmarker"] {
        secrets.add("what a request holds", marker);
    }
    post("/api/v1/clients", json!({ "name": "Bodymarker" })).header("idempotency-key", "a").send().await.unwrap();
    post("/api/v1/clients", json!({ "name": "Bodymarker", "Bodymarker": 1 })).send().await.unwrap();
    get("/api/v1/clients?search=Querymarker").bearer_auth(&token).send().await.unwrap();
    get("/api/v1/clients?Querymarker=1").bearer_auth(&token).send().await.unwrap();
    for query in [
        "query Named { clients(search: \"Documentmarker\") { nodes { id } } }",
        "{ Documentmarker }",
        "{ Documentmarker",
    ] {
        post("/graphql", json!({ "query": query })).send().await.unwrap();
    }
    let events = post("/graphql", json!({ "query": "subscription { events { id } }" }));
    let mut events = events.header("accept", "text/event-stream").send().await.unwrap();
    let mut socket = Socket::ready(&server.address, &token).await;
    socket.subscribe("1", "{ clients(search: \"Documentmarker\") { nodes { id } } }").await;
    socket.next_message().await;
    for (tool, arguments) in [
        ("find", json!({ "text": "Toolmarker" })),
        ("create_client", json!({ "name": "Toolmarker", "idempotencyKey": "b" })),
        ("nothing", json!({ "Toolmarker": "Toolmarker" })),
    ] {
        let params = json!({ "name": tool, "arguments": arguments, "_meta": mcp::meta() });
        let call = post("/mcp", json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }));
        let call = call.header("accept", "application/json, text/event-stream");
        let call = call.header("mcp-protocol-version", mcp::VERSION).header("mcp-method", "tools/call");
        call.header("mcp-name", tool).send().await.unwrap();
    }

    // A webhook, whose address is a secret too, and which fails.
    let body = json!({ "url": format!("{}?key=Urlmarker", receiver.url), "events": ["client.created"] });
    let made = post("/api/v1/webhook-endpoints", body).header("idempotency-key", "c").send().await.unwrap();
    let made: Value = serde_json::from_slice(&made.bytes().await.unwrap()).unwrap();
    secrets.add_token("the secret of a webhook", made["data"]["secret"].as_str().unwrap_or_else(|| panic!("{made}")));
    let rotate = format!("/api/v1/webhook-endpoints/{}/rotate-secret", made["data"]["id"].as_str().unwrap());
    let rotated = post(&rotate, json!({})).header("idempotency-key", "d").send().await.unwrap();
    let rotated: Value = serde_json::from_slice(&rotated.bytes().await.unwrap()).unwrap();
    secrets.add_token("the next secret", rotated["data"]["secret"].as_str().unwrap_or_else(|| panic!("{rotated}")));
    post("/api/v1/clients", json!({ "name": "Bodymarker" })).header("idempotency-key", "e").send().await.unwrap();
    let sent = receiver.wait_for(1).await;
    for header in ["hoursmith-signature", "webhook-signature"] {
        secrets.add("a signature", sent[0].header(header).rsplit(['=', ',']).find(|part| part.len() > 8).unwrap());
    }
    assert!(events.chunk().await.unwrap().is_some());

    // Signing in, a page with a token, and a link that does not hold.
    let workspace = run(&url, &["workspace", "list"])[0]["id"].as_str().unwrap().to_owned();
    let link = run(&url, &["login-link", "--workspace", &workspace, "--member", "o@x.example"]);
    let code = link["url"].as_str().unwrap().rsplit(['=', '/', '#']).next().unwrap().to_owned();
    secrets.add("a login link", &code);
    let form = |path: &str, body: String| {
        let form = client.post(format!("{at}{path}")).header("origin", &at).body(body);
        form.header("content-type", "application/x-www-form-urlencoded")
    };
    get(&format!("/settings/sign-in/link?code={code}")).send().await.unwrap();
    let signed_in = form("/settings/sign-in/link", format!("code={}&key=k", coded(&code))).send().await.unwrap();
    assert_eq!(signed_in.status(), 303);
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    secrets.add("a session", cookie.split_once('=').unwrap().1);
    assert_eq!(get("/settings/api").header("cookie", &cookie).send().await.unwrap().status(), 200);
    let minted =
        form("/settings/api/new", "key=m&name=Formmarker&scope=write&expiresAt=30".into()).header("cookie", &cookie);
    let minted = String::from_utf8(minted.send().await.unwrap().bytes().await.unwrap().to_vec()).unwrap();
    let minted = minted.split_once("hsk_live_").unwrap_or_else(|| panic!("{minted}")).1;
    secrets.add_token(
        "a token of the settings pages",
        minted.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).next().unwrap(),
    );

    let answer = get("/api/v1/me").bearer_auth(&token).header("x-request-id", "the-last-one").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    drop((socket, server));
    let written = std::fs::read_to_string(&log).unwrap();
    assert!(written.contains("the-last-one") && written.contains("TRACE"), "everything is logged");
    assert!(written.contains(&token[.."hsk_live_ABC".len()]), "a path is logged, with a mask");
    for (what, secret) in &secrets.0 {
        let line = written.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{what} ({secret}) is in the log");
    }
    std::fs::remove_file(&log).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_of_everything_holds_no_secret_on_sqlite() {
    a_log_of_everything_holds_no_secret(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_of_everything_holds_no_secret_on_postgres() {
    a_log_of_everything_holds_no_secret(Kind::Postgres).await;
}
