//! The guides at `/docs`: every link leads somewhere, every error is explained, and every program in them runs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use poem::http::Method;
use serde_json::{Value, json};
use tests::{Fixtures, Kind, PrivateDatabase, World, on_both};

use crate::running::{Running, json as made};

/// A page, and what its links and anchors are.
struct Page {
    links: BTreeSet<String>,
    anchors: BTreeSet<String>,
}

/// The values of an attribute in a page.
fn attributes(html: &str, name: &str) -> BTreeSet<String> {
    let begin = format!(" {name}=\"");
    let values = html.split(&begin).skip(1).filter_map(|rest| rest.split('"').next());
    values.map(|value| value.replace("&amp;", "&")).collect()
}

/// What a path answers to somebody without a token.
async fn page(world: &World, path: &str) -> Page {
    let answer = world.call(Method::GET, path).send().await;
    assert_eq!(answer.status.as_u16(), 200, "{path}");
    let is_html = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    let html = if is_html { answer.text() } else { String::new() };
    Page { links: attributes(&html, "href"), anchors: attributes(&html, "id") }
}

#[tokio::test]
async fn every_link_of_every_page_leads_somewhere_on_the_server() {
    let world = World::on(Kind::Sqlite).await;
    let mut pages = BTreeMap::new();
    let mut waiting = vec!["/".to_owned(), "/docs".to_owned()];
    while let Some(path) = waiting.pop() {
        if pages.contains_key(&path) {
            continue;
        }
        // The settings pages ask for a sign-in.
        let read = if path.starts_with("/settings") { continue } else { page(&world, &path).await };
        let paths = read.links.iter().filter(|link| link.starts_with('/'));
        waiting.extend(paths.filter_map(|link| link.split('#').next()).map(str::to_owned));
        pages.insert(path, read);
    }
    assert!(pages.len() > 25, "the walk found too little: {:?}", pages.keys());
    for (path, page) in &pages {
        for link in &page.links {
            let Some((target, anchor)) = link.split_once('#').filter(|_| !link.contains("://")) else { continue };
            let target = if target.is_empty() { path } else { target };
            // The reference is made by script.
            if target != "/api-docs" {
                assert!(pages[target].anchors.contains(anchor), "{path}: {link}");
            }
        }
    }
    for guide in ["start", "authentication", "lists", "errors", "retrying", "limits", "webhooks", "graphql", "mcp"] {
        assert!(pages.contains_key(&format!("/docs/{guide}")), "{guide}");
    }
    for screen in ["dashboard", "timesheet", "project", "invoice", "team", "activity", "search", "timer"] {
        assert!(pages.contains_key(&format!("/docs/graphql-screens/{screen}.graphql")), "{screen}");
    }
    for internal in ["architecture", "files", "adding-an-operation", "decisions/README"] {
        world.call(Method::GET, &format!("/docs/{internal}")).send().await.error(404, "not_found");
    }
    let found = world.call(Method::GET, "/docs/search.json").send().await.json();
    let settings = found.as_array().unwrap().iter().find(|entry| entry["url"] == "/docs/operating#settings").unwrap();
    assert!(settings["text"].as_str().unwrap().contains("HOURSMITH_CORS_ORIGINS"), "a section is searched to its end");
    for entry in found.as_array().unwrap() {
        let (path, anchor) =
            entry["url"].as_str().unwrap().split_once('#').unwrap_or((entry["url"].as_str().unwrap(), ""));
        assert!(anchor.is_empty() || pages[path].anchors.contains(anchor), "{entry}");
    }
}

on_both! {
    /// `docUrl` leads from an error to its reason, or else to its code, on the page of errors.
    async fn errors_lead_to_their_explanation(world: World) {
        let anchors = page(&world, "/docs/errors").await.anchors;
        for (code, _) in service::Code::ALL {
            assert!(anchors.contains(code.as_str()), "{code:?}");
        }
        for reason in service::Reason::ALL {
            assert!(anchors.contains(reason.as_str()), "{reason}");
        }
        assert!(anchors.contains("unavailable"));
        let fixtures = Fixtures::new(&world).await;
        let owner = &fixtures.home.owner;
        let client = fixtures.home.client(&world, "Globex").await;
        fixtures.home.project(&world, "Website").await;
        let path = format!("/api/v1/clients/{client}");
        let stale = world.call(Method::PATCH, &path).token(owner).header("if-match", "\"9\"");
        let busy = world.get(owner, "/api/v1/projects").await.data(200)[0]["clientId"].as_str().unwrap().to_owned();
        for (answer, anchor) in [
            (world.call(Method::GET, "/nowhere").send().await, "not_found"),
            (world.call(Method::PUT, "/docs").send().await, "bad_request"),
            (world.call(Method::GET, "/api/v1/me").send().await, "unauthenticated"),
            (world.get(owner, "/api/v1/clients?cursor=x").await, "bad_request"),
            (world.get(&fixtures.home.member, "/api/v1/clients").await, "forbidden_scope"),
            (world.post(owner, "/api/v1/clients", json!({})).await, "validation_error"),
            (stale.json(json!({ "name": "Initech" })).send().await, "stale"),
            (world.delete(owner, &format!("/api/v1/clients/{busy}")).await, "active_projects"),
        ] {
            assert_eq!(answer.json()["error"]["docUrl"], format!("/docs/errors#{anchor}"), "{}", answer.text());
        }
    }
}

#[tokio::test]
async fn errors_lead_to_the_public_url_of_the_server() {
    let database = PrivateDatabase::empty(Kind::Sqlite).await;
    let server = Running::start(&database.url, &["--public-url", "https://time.example.com/"]);
    let error = &server.read("/api/v1/me", "none")["error"];
    assert_eq!(error["docUrl"], "https://time.example.com/docs/errors#unauthenticated", "{error}");
    // The answer to a sample that was sent as it is shown says so.
    for shown in ["hsk_live_…", "YOUR_SECRET_TOKEN", "$HOURSMITH_API_TOKEN"] {
        let error = &server.read("/api/v1/me", shown)["error"];
        assert!(error["message"].as_str().unwrap().contains("placeholder"), "{shown}: {error}");
    }
    let mut guide = String::new();
    for path in ["/docs/mcp", "/docs/mcp.md", "/"] {
        let read = Command::new("curl").args(["-sS", &format!("http://{}{path}", server.address)]).output().unwrap();
        guide.push_str(&String::from_utf8(read.stdout).unwrap());
    }
    assert!(guide.matches("https://time.example.com/mcp").count() >= 8 && !guide.contains("YOUR-SERVER"));
    assert!(guide.contains("https://time.example.com</span>/api/v1/me"));
}

#[tokio::test]
async fn guides_are_served_like_the_other_pages() {
    let world = World::on(Kind::Sqlite).await;
    for path in ["/docs", "/docs/", "/docs/errors", "/docs/errors/", "/docs/search.json"] {
        let get = || world.call(Method::GET, path);
        let coded = get().header("accept-encoding", "br").send().await;
        assert_eq!((coded.status.as_u16(), coded.header("content-encoding")), (200, Some("br")), "{path}");
        assert!(coded.header("content-security-policy").unwrap().contains("script-src 'self'"), "{path}");
        let tag = coded.header("etag").unwrap().to_owned();
        let again = get().header("accept-encoding", "br").header("if-none-match", &tag).send().await;
        assert_eq!(again.status.as_u16(), 304, "{path}");
        assert_eq!(world.call(Method::HEAD, path).send().await.status.as_u16(), 200, "{path}");
    }
    // No script in the text of a page, which the policy would stop.
    let html = world.call(Method::GET, "/docs/webhooks").send().await.text();
    assert_eq!(html.matches("<script").count(), 1);
    assert!(!html.contains(" style=\"") && !html.contains(" onclick="));
}

#[tokio::test]
async fn guides_are_there_as_text_for_programs() {
    let world = World::on(Kind::Sqlite).await;
    let list = world.call(Method::GET, "/llms.txt").send().await.text();
    let paths: Vec<_> = list.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(paths.len() >= 18, "{list}");
    for path in &paths {
        let answer = world.call(Method::GET, path).send().await;
        assert_eq!(answer.header("content-type"), Some("text/markdown; charset=utf-8"), "{path}");
        let text = answer.text();
        assert!(text.starts_with("# ") && !text.contains("\n## For developers"), "{path}");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let leads = link.is_empty() || link.contains("://") || paths.contains(&&*format!("/docs/{link}"));
            if !leads {
                assert_eq!(
                    world.call(Method::GET, &format!("/docs/{link}")).send().await.status,
                    200,
                    "{path}: {link}"
                );
            }
        }
    }
}

/// What is copied from a text or from a page without script goes to the server that it was read from.
#[tokio::test]
async fn samples_name_the_server_that_they_were_read_from() {
    let world = World::on(Kind::Sqlite).await;
    let read = async |path: &str, host: &str| world.call(Method::GET, path).header("host", host).send().await;
    for (host, address) in [("127.0.0.1:8977", "http://127.0.0.1:8977"), ("hours.example", "https://hours.example")] {
        for path in ["/docs/start.md", "/docs/start"] {
            assert!(read(path, host).await.text().contains(&format!("HOURSMITH_URL={address}\n")), "{path}");
        }
        assert!(read("/docs/mcp.md", host).await.text().contains(&format!("hoursmith {address}/mcp")));
        assert!(read("/", host).await.text().contains(&format!(">{address}</span>/api/v1/me")));
    }
    let (one, other) = (read("/docs/start.md", "a.example").await, read("/docs/start.md", "b.example").await);
    assert!(one.header("etag").is_some() && one.header("etag") != other.header("etag"));
    let odd = read("/docs/mcp.md", "a\"><b").await;
    assert!(!odd.text().contains("a\"><b"), "{}", odd.text());
}

/// A person who has mistyped an address is led on; a program gets the envelope, and a hint where the base is missing.
#[tokio::test]
async fn an_address_that_does_not_exist_leads_on() {
    let world = World::on(Kind::Sqlite).await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for path in ["/nope", "/docs/webhook", "/clients", "/assets/x.js"] {
        let answer = world.call(Method::GET, path).header("accept", browser).send().await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (404, Some("text/html; charset=utf-8")));
        assert!(answer.header("content-security-policy").unwrap().contains("script-src 'self'"), "{path}");
        let html = answer.text();
        for link in ["/docs", "/api-docs", "/graphiql", "/settings", "/"] {
            assert!(html.contains(&format!("<a href=\"{link}\">")), "{path}: {link}");
        }
        world.call(Method::GET, path).header("accept", "*/*").send().await.error(404, "not_found");
    }
    for path in ["/api/v1/nope", "/mcp/nope", "/graphql/nope"] {
        world.call(Method::GET, path).header("accept", browser).send().await.error(404, "not_found");
    }
    let hint = world.call(Method::GET, "/clients").send().await.error(404, "not_found");
    assert!(hint["message"].as_str().unwrap().contains("/api/v1"), "{hint}");
    let none = world.call(Method::GET, "/clientele").send().await.error(404, "not_found");
    assert!(!none["message"].as_str().unwrap().contains("/api/v1"), "{none}");
}

on_both! {
    /// The home page says how to begin as long as there is no workspace.
    async fn an_empty_server_says_how_to_begin(world: World) {
        let home = async || world.call(Method::GET, "/").send().await.text();
        assert!(home().await.contains("hoursmith workspace create"));
        Fixtures::new(&world).await;
        let used = home().await;
        assert!(!used.contains("workspace create") && used.contains("/api/v1/me"), "{used}");
    }
}

/// The blocks of a guide in one language.
pub(crate) fn blocks(guide: &str, language: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/{guide}.md"));
    let text = std::fs::read_to_string(path).unwrap();
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect()
}

/// Somebody with nothing but the address of a server and a token follows the guides from top to bottom.
#[tokio::test]
async fn the_programs_of_the_guides_run_as_they_are_shown() {
    let database = PrivateDatabase::empty(Kind::Sqlite).await;
    let url = &database.url;
    let owner = ["--owner-email", "o@w.example", "--owner-name", "O"];
    let workspace = made(url, &[&["workspace", "create", "--name", "W", "--plan", "agency"], &owner[..]].concat());
    let id = workspace["id"].as_str().unwrap();
    let token = made(
        url,
        &["token", "create", "--workspace", id, "--member", "o@w.example", "--name", "t", "--scope", "write"],
    );
    let documents = tests::database::folder().join("documents.json");
    std::fs::write(&documents, blocks("graphql", "json").pop().unwrap()).unwrap();
    let server = Running::start(url, &["--documents", documents.to_str().unwrap()]);
    let run = |program: &str, arguments: &[&str], code: &str| -> String {
        let output = Command::new(program)
            .args(arguments)
            .arg(code)
            .env("HOURSMITH_URL", format!("http://{}", server.address))
            .env("HOURSMITH_API_TOKEN", token["token"].as_str().unwrap())
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{code}\n{printed}{}", String::from_utf8_lossy(&output.stderr));
        assert!(!printed.contains("\"error\""), "{code}\n{printed}");
        printed
    };
    let start = blocks("start", "bash");
    assert_eq!(start.len(), 7);
    let printed = run("bash", &["-euo", "pipefail", "-c"], &start.join("\necho\n"));
    let report = printed.lines().find(|line| line.starts_with("{\"data\":{\"rows\"")).unwrap();
    let report: Value = serde_json::from_str(report).unwrap();
    assert!(report["data"]["total"]["seconds"].as_i64().unwrap() >= 9_000, "{report}");
    assert!(printed.lines().last().unwrap().contains("\"note\":\"Call\""), "{printed}");
    for guide in ["authentication", "lists", "graphql", "mcp"] {
        for block in blocks(guide, "bash") {
            let printed = run("bash", &["-euo", "pipefail", "-c"], &block);
            assert!(!printed.contains("\"errors\"") && !printed.contains("\"isError\":true"), "{block}\n{printed}");
        }
    }
    let module = ["--input-type=module", "-e"];
    let summed: Value = serde_json::from_str(&run("node", &module, &blocks("lists", "javascript")[0])).unwrap();
    assert!(summed["seconds"].as_i64().unwrap() >= 9_000, "{summed}");
    let logged: Value = serde_json::from_str(&run("node", &module, &blocks("graphql", "javascript")[0])).unwrap();
    assert_eq!(logged, json!({ "projects": 1, "logged": 5400 }));
    let tools = std::env::var("HOURSMITH_TEST_PYTHON").expect("tests need their tools: run `make test`");
    let python = Path::new(&tools).join("python");
    // The reader of events goes on until it is ended; the client of the first guide is among what it prints.
    let mut reader = Command::new(&python)
        .args(["-u", "-c", &blocks("webhooks", "python")[1]])
        .env("HOURSMITH_URL", format!("http://{}", server.address))
        .env("HOURSMITH_API_TOKEN", token["token"].as_str().unwrap())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(reader.stdout.take().unwrap()).lines();
    let found = lines.map_while(Result::ok).find(|line| line.contains("\"client.created\""));
    reader.kill().and_then(|()| reader.wait()).unwrap();
    assert!(found.is_some_and(|event| event.contains("Globex")));
    let retry = blocks("retrying", "python")[0].clone()
        + "\nimport os\nanswers = [post(os.environ['HOURSMITH_URL'] + '/api/v1/clients', \
           os.environ['HOURSMITH_API_TOKEN'], {'name': 'Retried'}, key).json()['data']['id'] for _ in range(2)]\n\
           print(answers[0] == answers[1])\n";
    assert_eq!(run(python.to_str().unwrap(), &["-c"], &retry).trim(), "True");
}
