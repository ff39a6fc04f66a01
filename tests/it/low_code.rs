//! The requests of `docs/low-code.md`, read off the page and sent to a real server, and the fields that the page names.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tests::{Kind, PrivateDatabase};

use crate::running::{Running, json as made};
use crate::workflow::block;

/// A server with a workspace, and what its Owner's tools send.
struct Site {
    server: Running,
    token: String,
    page: String,
    workspace: String,
    /// Kept as long as the server.
    database: PrivateDatabase,
}

/// An answer.
struct Answer {
    status: u16,
    /// The head, in lower case.
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}", self.body))
    }

    fn data(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.json()["data"].clone()
    }

    /// The lines of a CSV table, each as cells by column.
    fn table(&self) -> Vec<Value> {
        assert!(self.status == 200 && self.head.contains("content-type: text/csv"), "{}", self.body);
        let mut lines = self.body.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let columns = lines.next().unwrap();
        lines
            .map(|cells| {
                columns.iter().zip(cells).map(|(column, cell)| ((*column).to_owned(), Value::from(cell))).collect()
            })
            .collect()
    }
}

impl Site {
    async fn new() -> Site {
        let database = PrivateDatabase::empty(Kind::Sqlite).await;
        let url = &database.url;
        let owner = ["--owner-email", "o@w.example", "--owner-name", "Olga"];
        let workspace = made(url, &[&["workspace", "create", "--name", "W", "--plan", "agency"], &owner[..]].concat());
        let workspace = workspace["id"].as_str().unwrap().to_owned();
        let member = ["--member", "o@w.example", "--name", "t", "--scope", "write"];
        let token = made(url, &[&["token", "create", "--workspace", &workspace], &member[..]].concat());
        let token = token["token"].as_str().unwrap().to_owned();
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/low-code.md");
        let page = std::fs::read_to_string(page).unwrap();
        Site { server: Running::start(url, &[]), token, page, workspace, database }
    }

    fn ask(&self, method: &str, path: &str, key: Option<&str>, body: Option<&Value>) -> Answer {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-i", "-g", "-X", method, &format!("http://{}/api/v1{path}", self.server.address)]);
        curl.args(["-H", &format!("Authorization: Bearer {}", self.token)]);
        if let Some(key) = key {
            curl.args(["-H", &format!("Idempotency-Key: {key}")]);
        }
        if let Some(body) = body {
            curl.args(["-H", "Content-Type: application/json", "-d", &body.to_string()]);
        }
        let output = curl.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer = String::from_utf8(output.stdout).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None, None)
    }

    fn make(&self, path: &str, body: &Value) -> Value {
        let key: String = format!("{path}{body}").chars().filter(char::is_ascii_alphanumeric).take(200).collect();
        self.ask("POST", path, Some(&key), Some(body)).data(201)
    }

    /// The path that the page shows from this beginning on, up to the end of its code; without the base.
    fn shown(&self, begin: &str) -> String {
        let at = self.page.find(begin).unwrap_or_else(|| panic!("the page does not show {begin}"));
        let rest = &self.page[at..];
        let path = rest.split(['`', '\n']).next().unwrap();
        path.trim_start_matches("GET ").trim_start_matches("https://YOUR-SERVER/api/v1").to_owned()
    }

    /// The path of a panel of Grafana's, for the year 2026.
    fn panel(&self, begin: &str) -> String {
        let path = self.shown(begin).replace("${__from:date:YYYY-MM-DD}", "2026-01-01");
        let path = path.replace("${__to:date:YYYY-MM-DD}", "2026-12-31");
        let path = path
            .replace("entryDateFrom=…", "entryDateFrom=2026-01-01")
            .replace("entryDateTo=…", "entryDateTo=2026-12-31");
        format!("/reports{path}")
    }
}

/// Two clients in two currencies, a project of the same name for each, and time on them on one day.
fn two_websites(site: &Site) -> Vec<String> {
    let projects = [("Globex", "USD"), ("Initech Ltd", "GBP")].map(|(name, currency)| {
        let client = json!({ "name": name, "currency": currency, "defaultRate": "100.00", "externalId": name });
        let client = site.make("/clients", &client)["id"].clone();
        let project = site.make("/projects", &json!({ "clientId": client, "name": "Website", "externalId": name }));
        let project = project["id"].as_str().unwrap().to_owned();
        for (hours, day) in [(1, 10), (2, 11)] {
            let entry =
                json!({ "projectId": project, "durationSeconds": hours * 3600, "entryDate": format!("2026-06-{day}") });
            let key = format!("{name}-{day}").replace(' ', "");
            site.ask("POST", "/time-entries", Some(&key), Some(&entry)).data(201);
        }
        project
    });
    projects.into()
}

#[tokio::test]
async fn n8n_reads_a_whole_list_and_logs_time_once() {
    let site = Site::new().await;
    let project = two_websites(&site).swap_remove(0);
    // The first request has an empty cursor, and the last page none.
    let list = site.shown("https://YOUR-SERVER/api/v1/time-entries?limit=200").replace("limit=200", "limit=3");
    let (mut cursor, mut read, mut requests) = (String::new(), 0, 0);
    loop {
        let answer = site.get(&format!("{list}&cursor={cursor}"));
        read += answer.data(200).as_array().unwrap().len();
        requests += 1;
        let Some(next) = answer.json()["pagination"]["nextCursor"].as_str().map(str::to_owned) else { break };
        assert!(answer.head.contains("link: <") && answer.head.contains("rel=\"next\""), "{}", answer.head);
        cursor = next;
    }
    assert_eq!((read, requests), (4, 2));

    let mut body: Value =
        serde_json::from_str(site.page.split("```json\n").nth(1).unwrap().split("\n```").next().unwrap()).unwrap();
    body["projectId"] = project.clone().into();
    let key = site.shown("{{ $execution.id }}-log").replace("{{ $execution.id }}", "500");
    let key = key.replace("{{ $runIndex }}", "0").replace("{{ $itemIndex }}", "0");
    let log = || site.ask("POST", "/time-entries", Some(&key), Some(&body));
    let first = log().data(201);
    assert_eq!(first["durationSeconds"], 5400);
    let again = log();
    assert!(again.head.contains("idempotent-replayed: true") && again.data(201)["id"] == first["id"], "{}", again.head);
    // What the page warns of: another node with the same key.
    let other = json!({ "clientId": site.get("/clients?limit=1").data(200)[0]["id"], "name": "Another" });
    let refused = site.ask("POST", "/projects", Some(&key), Some(&other));
    assert_eq!((refused.status, &refused.json()["error"]["reason"]), (409, &json!("idempotency_mismatch")));
}

#[tokio::test]
async fn zapier_subscribes_again_finds_and_logs() {
    let site = Site::new().await;
    let project = two_websites(&site).swap_remove(0);
    let me = site.get(&site.shown("GET /me")).data(200);
    assert_eq!((&me["orgName"], &me["name"]), (&json!("W"), &json!("Olga")));
    let polled = site.get(&site.shown("GET /time-entries?limit=50")).data(200);
    let created: Vec<_> = polled.as_array().unwrap().iter().map(|entry| entry["createdAt"].as_str().unwrap()).collect();
    assert!(created.len() == 4 && created.is_sorted_by(|one, next| one >= next), "newest first: {created:?}");
    let ids: BTreeSet<_> = polled.as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 4);

    let subscription = json!({ "url": "https://hooks.example.com/1", "events": ["client.created"] });
    assert!(site.page.contains(r#"{"url": bundle.targetUrl, "events": ["client.created"]}"#));
    let subscribe =
        |key: &str| site.ask("POST", "/webhook-endpoints", Some(key), Some(&subscription)).data(201)["id"].clone();
    let endpoint = |id: &Value| format!("/webhook-endpoints/{}", id.as_str().unwrap());
    let first = subscribe("first");
    assert_eq!(site.ask("DELETE", &endpoint(&first), None, None).status, 204);
    // What the page warns of: an old key repeats the old answer.
    assert_eq!((subscribe("first"), site.get(&endpoint(&first)).status), (first, 404));
    assert_eq!(site.get(&endpoint(&subscribe("second"))).data(200)["enabled"], true);

    let samples = site.get(&site.shown("GET /events?type=client.created")).data(200);
    assert!(samples.as_array().unwrap().len() == 2 && samples[0]["data"]["client"]["name"].is_string(), "{samples}");
    let dropdown = site.get(&format!("{}&limit=1", site.shown("GET /projects?status=ACTIVE"))).json();
    assert!(dropdown["data"][0]["name"] == "Website" && dropdown["pagination"]["nextCursor"].is_string(), "{dropdown}");
    for find in [site.shown("GET /clients?externalId=").replace('…', "Globex"), "/clients?search=globex".into()] {
        let found = site.get(&find).data(200);
        assert!(found.as_array().unwrap().len() == 1 && found[0]["name"] == "Globex", "{find}: {found}");
    }

    // The program for *Code by Zapier*, as its step runs it.
    let code = block(&site.page, "js").replace("https://YOUR-SERVER", &format!("http://{}", site.server.address));
    let step = |duration: &str| {
        let input = json!({ "token": site.token, "eventId": duration, "projectId": project, "duration": duration, "day": "2026-06-12" });
        let program =
            format!("(async (inputData) => {{ {code} }})({input}).then((made) => console.log(JSON.stringify(made)))");
        let output = Command::new("node").args(["-e", &program]).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let (done, printed) = step("1h30m");
    assert!(done && serde_json::from_str::<Value>(&printed).unwrap()["durationSeconds"] == 5400, "{printed}");
    let (done, printed) = step("");
    assert!(!done && printed.contains("duration"), "an error fails the step: {printed}");
}

#[tokio::test]
async fn make_attaches_with_a_key_and_detaches() {
    let site = Site::new().await;
    two_websites(&site);
    let body = json!({ "url": "https://hook.example.com/make", "events": ["time_entry.created"] });
    assert!(site.page.contains(r#"{"url": "{{webhook.url}}", "events": ["time_entry.created"]}"#));
    let without = site.ask("POST", "/webhook-endpoints", None, Some(&body));
    assert!(without.status == 422 && without.body.contains("Idempotency-Key"), "{}", without.body);
    let id = site.ask("POST", "/webhook-endpoints", Some("make-1"), Some(&body)).data(201)["id"].clone();
    let path = format!("/webhook-endpoints/{}", id.as_str().unwrap());
    assert_eq!(site.ask("DELETE", &path, None, None).status, 204);
    // The pagination of a custom app.
    let first = site.get("/time-entries?limit=3").json();
    let next = first["pagination"]["nextCursor"].as_str().unwrap();
    let last = site.get(&format!("/time-entries?limit=3&cursor={next}")).json();
    assert_eq!((last["data"].as_array().unwrap().len(), &last["pagination"]["nextCursor"]), (1, &Value::Null));
}

#[tokio::test]
async fn home_assistant_shows_the_hours_of_a_day_and_stops_the_timer() {
    let site = Site::new().await;
    let project = two_websites(&site).swap_remove(0);
    let today =
        site.shown("https://YOUR-SERVER/api/v1/reports/time?groupBy=day").replace("{{ now().date() }}", "2026-06-12");
    assert!(today.contains("timeZone=Europe/Helsinki"), "{today}");
    assert_eq!(site.get(&today).data(200)["total"]["seconds"], 0);
    // Late in the evening of the 11th in UTC, which is the 12th in Helsinki.
    let late = json!({ "projectId": project, "startedAt": "2026-06-11T22:00:00Z", "duration": "30m" });
    site.ask("POST", "/time-entries", Some("late"), Some(&late)).data(201);
    assert_eq!(site.get(&today).data(200)["total"]["seconds"], 1800);

    let running = site.shown("https://YOUR-SERVER/api/v1/time-entries/running");
    assert_eq!(site.get(&running).data(200), Value::Null);
    site.ask("POST", "/time-entries/start", Some("go"), Some(&json!({ "projectId": project }))).data(201);
    assert!(site.get(&running).data(200).is_object());
    let stop = site.shown("https://YOUR-SERVER/api/v1/time-entries/running/stop");
    assert!(site.ask("POST", &stop, Some("stop-1781164800.1"), None).data(200)["durationSeconds"].is_number());
    assert_eq!(site.get(&running).data(200), Value::Null);
}

#[tokio::test]
async fn grafana_draws_one_point_per_day_and_never_adds_currencies() {
    let site = Site::new().await;
    two_websites(&site);
    let per_day = site.get(&site.panel("/time?groupBy=day&amountShown=HIDE_AMOUNT")).table();
    let points: Vec<_> =
        per_day.iter().map(|line| (line["day"].as_str().unwrap(), line["seconds"].as_str().unwrap())).collect();
    assert_eq!(points, [("2026-06-10", "7200"), ("2026-06-11", "14400")]);

    let revenue = site.get(&site.panel("/time?groupBy=client,month")).table();
    let line =
        |of: &Value| ["client", "month", "currency", "amount"].map(|column| of[column].as_str().unwrap().to_owned());
    let lines: Vec<_> = revenue.iter().map(line).collect();
    assert_eq!(lines, [["Globex", "2026-06", "USD", "300.00"], ["Initech Ltd", "2026-06", "GBP", "300.00"]]);

    // Two projects have one name; their ids distinguish them.
    let path = site.panel("/time?groupBy=client,month").replace("client,month", "project");
    let named = site.get(&format!("{path}&ids=true")).table();
    let ids: BTreeSet<_> = named.iter().map(|line| line["projectId"].as_str().unwrap()).collect();
    assert!(named.iter().all(|line| line["project"] == "Website") && ids.len() == 2, "{named:?}");

    // Drafts are not outstanding, and what is sent is.
    let client = site.get("/clients?search=globex").data(200)[0]["id"].as_str().unwrap().to_owned();
    let url = &site.database.url;
    let days = ["--from", "2026-06-01", "--to", "2026-06-30"];
    let invoice =
        made(url, &[&["invoice", "create", "--workspace", &site.workspace, "--client", &client], &days[..]].concat());
    let open =
        || site.get(&site.panel("/invoices?groupBy=client")).table()[0]["outstanding"].as_str().unwrap().to_owned();
    assert_eq!(open(), "0.00");
    made(url, &["invoice", "send", "--invoice", invoice["id"].as_str().unwrap()]);
    assert_eq!(open(), "300.00");

    let list = site.get(&site.shown("https://YOUR-SERVER/api/v1/time-entries?limit=200")).json();
    assert!(list["data"].is_array() && list["pagination"].get("nextCursor").is_some(), "{list}");
}
