//! Foreign tools for MCP: the official conformance suite, and the clients that people have, against real servers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use poem::EndpointExt;
use poem::http::{HeaderValue, header};
use serde_json::{Value, json};
use tests::{Fixtures, Kind, World, program};

use super::protocol_fixture::ProtocolFixture;
use super::{Live, root, run, tool};

/// What the suite asks of any server, whatever its tools are: our own passes it too.
const OF_ANY_SERVER: [(&str, &[&str]); 2] = [
    (
        "2026-07-28",
        &[
            "tools-list",
            "resources-list",
            "prompts-list",
            "caching",
            "dns-rebinding-protection",
            "http-header-validation",
            "sep-2164-resource-not-found",
            "server-sse-multiple-streams",
            "input-required-result-unsupported-methods",
        ],
    ),
    (
        "2025-11-25",
        &["server-initialize", "ping", "tools-list", "resources-list", "prompts-list", "dns-rebinding-protection"],
    ),
];

/// What a server without sessions cannot do by the older protocol: send the client a request of its own and hear the
/// answer. The current protocol has `input_required` in its place (docs/decisions/0036).
const NEED_A_SESSION: [&str; 4] =
    ["tools-call-sampling", "tools-call-elicitation", "elicitation-sep1034-defaults", "elicitation-sep1330-enums"];

/// Scenarios of a revision that the suite runs without counting them.
const NOT_SCORED: [&str; 5] = ["tasks-", "json-schema-", "http-", "server-session-lifecycle", "server-sse-polling"];

fn mcp_tools() -> PathBuf {
    tool("HOURSMITH_TEST_MCP")
}

fn node() -> Command {
    Command::new(mcp_tools().join("bin/node"))
}

/// The suite's verdicts: for each scenario how many checks passed, and what did not.
fn verdicts_on(url: &str, revision: &str) -> BTreeMap<String, (usize, Vec<String>)> {
    // Each server has a folder of its own, since the tests run side by side.
    let port: String = url.chars().filter(char::is_ascii_digit).collect();
    let folder = tests::database::folder().join(format!("suite-{revision}-{port}"));
    let package = mcp_tools().join("node/node_modules/@modelcontextprotocol/conformance/dist/index.js");
    let mut command = node();
    command.arg(package).args(["server", "--url", url, "--requirements", revision, "--output-dir"]).arg(&folder);
    // It fails where a scenario does; which ones may is decided by the caller.
    let output = command.output().unwrap();
    let mut verdicts = BTreeMap::new();
    for entry in
        std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
    {
        let folder = entry.unwrap().path();
        let checks: Value = serde_json::from_slice(&std::fs::read(folder.join("checks.json")).unwrap()).unwrap();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        // `server-<scenario>-2026-11-30T14-36-28-653Z`
        let scenario = name.strip_prefix("server-").unwrap();
        let scenario = scenario[..scenario.len() - "-2026-11-30T14-36-28-653Z".len()].to_owned();
        let checks = checks.as_array().unwrap();
        let of = |status: &str| checks.iter().filter(|check| check["status"] == status).collect::<Vec<_>>();
        let failed = of("FAILURE").iter().map(|check| format!("{}: {}", check["id"], check["errorMessage"])).collect();
        verdicts.insert(scenario, (of("SUCCESS").len(), failed));
    }
    verdicts
}

/// Serves an endpoint on a port of this machine, with a token in every request: the suite has none.
async fn serve(
    world: &World,
    endpoint: impl poem::Endpoint<Output = poem::Response> + 'static,
    socket: std::net::TcpListener,
) {
    let fixtures = Fixtures::new(world).await;
    let bearer = HeaderValue::from_str(&format!("Bearer {}", fixtures.home.owner)).unwrap();
    let endpoint = endpoint.before(move |mut request| {
        request.headers_mut().insert(header::AUTHORIZATION, bearer.clone());
        std::future::ready(Ok(request))
    });
    let listener = api::Listener::counted(world.app.clone(), api::Limits::default());
    tokio::spawn(listener.serve(socket, endpoint.map_to_response(), std::future::pending()));
}

fn port() -> (std::net::TcpListener, String) {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    (socket, url)
}

fn settings(world: &World, url: &str) -> api::Server {
    let mut server = api::Server::new(world.app.clone());
    server.public_url = Some(url.to_owned());
    server
}

/// The official suite finds nothing wrong with the transport and the door, in either revision. The report is committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_suite_passes_the_transport() {
    let world = World::on(Kind::Sqlite).await;
    let (socket, url) = port();
    let mut wrong = Vec::new();
    serve(&world, api::mcp_with(settings(&world, &url), ProtocolFixture::new("3f1c")), socket).await;
    for (revision, _) in OF_ANY_SERVER {
        let url = format!("{url}/mcp");
        let verdicts = tokio::task::spawn_blocking(move || verdicts_on(&url, revision)).await.unwrap();
        let scored = |name: &&str| !NOT_SCORED.iter().any(|part| name.starts_with(part));
        let mut report = format!("# {revision}: scenarios that count, by @modelcontextprotocol/conformance\n");
        for (scenario, (passed, failed)) in verdicts.iter().filter(|(name, _)| scored(&name.as_str())) {
            let needs_a_session = NEED_A_SESSION.contains(&scenario.as_str());
            if failed.is_empty() == needs_a_session {
                wrong.push(format!("{revision} {scenario}: {failed:?}"));
            }
            let verdict = if needs_a_session { "needs a session" } else { "passed" };
            report += &format!("{scenario}: {passed} checks, {verdict}\n");
        }
        let file = root().join(format!("tests/conformance/mcp/report-{revision}.txt"));
        let committed = std::fs::read_to_string(&file).unwrap_or_default();
        let made = root().join(format!("target/report-{revision}.txt"));
        std::fs::write(&made, &report).unwrap();
        if report != committed {
            wrong.push(format!("copy {} to {}: {report}", made.display(), file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What it asks of any server holds for ours with its own tools.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_suite_passes_the_product_where_it_can() {
    let world = World::on(Kind::Sqlite).await;
    let (socket, url) = port();
    serve(&world, api::server(settings(&world, &url)), socket).await;
    for (revision, scenarios) in OF_ANY_SERVER {
        let url = format!("{url}/mcp");
        let verdicts = tokio::task::spawn_blocking(move || verdicts_on(&url, revision)).await.unwrap();
        for scenario in scenarios {
            let (_, failed) = &verdicts[*scenario];
            assert!(failed.is_empty(), "{revision} {scenario}: {failed:?}");
        }
    }
}

/// What a client's day prints.
fn assert_day(printed: &str) {
    let last: Value =
        serde_json::from_str(printed.lines().last().unwrap_or_default()).unwrap_or_else(|e| panic!("{e}: {printed}"));
    assert!(
        last["tools"].as_u64().unwrap() > 10 && last["project"].as_str().unwrap().starts_with("Website"),
        "{printed}"
    );
}

/// Runs a client's day over a way: over HTTP, or by starting `hoursmith mcp`.
fn day(live: &Live, mut client: Command, way: &str) {
    client.env("HOURSMITH_URL", live.url()).env("HOURSMITH_API_TOKEN", &live.token).arg(way);
    match way {
        "stdio" => client.arg(program("debug")).arg("mcp"),
        _ => client.arg(format!("{}/mcp", live.url())).arg(&live.token),
    };
    assert_day(&run(&mut client));
}

/// The official clients in TypeScript, the older and the current one, over both transports.
#[tokio::test]
async fn the_official_typescript_clients_do_the_day() {
    let live = Live::start(Kind::Sqlite).await;
    for client in ["sdk1.mjs", "client2.mjs"] {
        for way in ["http", "stdio"] {
            let mut command = node();
            command.arg(mcp_tools().join("node").join(client));
            day(&live, command, way);
        }
    }
}

/// The clients in Python: the official one in the current protocol and with the older handshake, and fastmcp.
#[tokio::test]
async fn the_python_clients_do_the_day() {
    let live = Live::start(Kind::Postgres).await;
    for (client, ways) in [("mcp2.py", &["http", "legacy", "stdio"][..]), ("fastmcp4.py", &["http", "stdio"])] {
        for way in ways {
            let mut command = Command::new(mcp_tools().join("python/bin/python"));
            command.arg(root().join("tests/conformance/mcp").join(client));
            day(&live, command, way);
        }
    }
}

/// The inspector's command line lists, calls, shows a refusal, and retries; over HTTP and by a program.
#[tokio::test]
async fn the_inspector_does_the_day() {
    let live = Live::start(Kind::Sqlite).await;
    let inspector =
        mcp_tools().join("node/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js");
    let inspect = |arguments: &[&str]| {
        let mut command = node();
        command.env("MCP_CATALOG_PATH", tests::database::folder().join("catalog.json"));
        command.arg(&inspector).args(["--cli", &format!("{}/mcp", live.url()), "--transport", "http"]);
        command.args(["--header", &format!("Authorization: Bearer {}", live.token)]).args(arguments);
        let output = command.output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut values = serde_json::Deserializer::from_str(&printed).into_iter::<Value>();
        let why = || format!("{printed}{}", String::from_utf8_lossy(&output.stderr));
        values.next().unwrap_or_else(|| panic!("{}", why())).unwrap_or_else(|e| panic!("{e}: {}", why()))
    };
    let listed = inspect(&["--method", "tools/list", "--strict"]);
    assert!(listed["tools"].as_array().unwrap().len() > 10, "{listed}");
    let call = ["--method", "tools/call", "--tool-name", "create_client", "--tool-arg"];
    let made = inspect(&[&call[..], &["name=Inspected", "idempotencyKey=inspect-1"]].concat());
    let again = inspect(&[&call[..], &["name=Inspected", "idempotencyKey=inspect-1"]].concat());
    let read = |result: &Value| serde_json::from_str::<Value>(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!((&read(&again)["id"], &read(&again)["replayed"]), (&read(&made)["id"], &json!(true)));
    let refused = inspect(&[&call[..], &["idempotencyKey=inspect-2"]].concat());
    assert_eq!((&refused["isError"], &read(&refused)["fields"]["name"]), (&json!(true), &json!("required")));
    let prompts = inspect(&["--method", "prompts/list"]);
    assert_eq!(prompts["prompts"].as_array().unwrap().len(), 3, "{prompts}");

    let mut command = node();
    let program = program("debug");
    command.env("MCP_CATALOG_PATH", tests::database::folder().join("catalog.json")).arg(&inspector).arg("--cli");
    command
        .args(["--method", "tools/call", "--tool-name", "get_me"])
        .args(["-e", &format!("HOURSMITH_URL={}", live.url())]);
    command.args(["-e", &format!("HOURSMITH_API_TOKEN={}", live.token), "--"]).arg(Path::new(&program)).arg("mcp");
    assert!(run(&mut command).contains("MANAGER"));
}
