//! The examples of the document are real: a server accepts every body, and returns the records and errors shown.

use std::collections::BTreeMap;

use poem::http::Method;
use serde_json::{Value, json};
use service::value::{Json, Plan, Role};
use tests::{Answer, Fixtures, Workspace, on_both};

use super::{answered_record, document, operations};

/// A caller who may use this path: webhooks are for those who administer the workspace.
fn who<'a>(fixtures: &'a Fixtures, path: &str) -> &'a str {
    let administers = ["/webhook", "/events"].iter().any(|start| path.starts_with(start));
    if administers { &fixtures.home.admin } else { &fixtures.home.manager }
}

/// The ids of the examples, and the ids that the server has in their place.
#[derive(Default)]
struct Ids(BTreeMap<String, String>);

impl Ids {
    fn learn(&mut self, shown: &Value, real: &Value) {
        self.0.insert(shown.as_str().unwrap().to_owned(), real.as_str().unwrap().to_owned());
    }

    fn real(&self, body: &Value) -> Value {
        let text = self.0.iter().fold(body.to_string(), |text, (shown, real)| text.replace(shown, real));
        serde_json::from_str(&text).unwrap()
    }

    fn shown(&self, body: &Value) -> Value {
        let text = self.0.iter().fold(body.to_string(), |text, (shown, real)| text.replace(real, shown));
        serde_json::from_str(&text).unwrap()
    }

    /// Whether the server has everything that this body names.
    fn knows_every_id(&self, body: &Value) -> bool {
        match body {
            Value::Object(map) => map.values().all(|value| self.knows_every_id(value)),
            Value::Array(items) => items.iter().all(|item| self.knows_every_id(item)),
            Value::String(text) => !(text.len() == 36 && text.matches('-').count() == 4) || self.0.contains_key(text),
            _ => true,
        }
    }
}

on_both! {
    /// Every body that the document shows is taken; the first of a noun gives the record that the document shows.
    async fn the_server_accepts_and_returns_the_documented_examples(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let document = document();
        let example = |record: &str| document["components"]["schemas"][record]["examples"][0].clone();
        let me = world.get(&fixtures.home.manager, "/api/v1/me").await.data(200);
        let mut ids = Ids::default();
        for field in ["orgId", "userId"] {
            ids.learn(&example("Me")[field], &me[field]);
        }
        let send = async |method: &str, path: &str, body: Value| {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let call = world.call(method, &format!("/api/v1{path}")).token(who(&fixtures, path));
            call.key(&world.new_key()).json(body).send().await
        };
        let mut waiting: Vec<_> = operations(&document)
            .into_iter()
            .filter(|(_, _, operation)| operation.get("requestBody").is_some())
            .collect();
        // What is changed is made before.
        waiting.sort_by_key(|(_, method, _)| method != "post");
        let mut compared = 0;
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut still = Vec::new();
            for (path, method, operation) in waiting {
                let examples = &operation["requestBody"]["content"]["application/json"]["examples"];
                let bodies: Vec<Value> = examples.as_object().unwrap().values().map(|e| e["value"].clone()).collect();
                let record = answered_record(&document, &operation).unwrap_or_default();
                let shown = example(&record);
                let place = if operation["operationId"] == "stopTimer" {
                    let running = world.get(&fixtures.home.manager, "/api/v1/time-entries/running").await.data(200);
                    running["id"].as_str().map(|id| path.replace("{id}", id))
                } else if operation["operationId"] == "stopRunningTimer" {
                    // A timer of its own, as soon as no other runs.
                    let running = world.get(&fixtures.home.manager, "/api/v1/time-entries/running").await.data(200);
                    let project = example("Project")["id"].clone();
                    match ids.0.get(project.as_str().unwrap()).filter(|_| running.is_null()) {
                        Some(project) => {
                            send("post", "/time-entries/start", json!({ "projectId": project })).await.data(201);
                            Some(path.clone())
                        }
                        None => None,
                    }
                } else if operation["operationId"] == "testWebhookEndpoint" {
                    let endpoint = example("WebhookEndpoint")["id"].clone();
                    ids.0.get(endpoint.as_str().unwrap()).map(|id| path.replace("{id}", id))
                } else {
                    let known = shown["id"].as_str().and_then(|id| ids.0.get(id));
                    if path.contains('{') { known.map(|id| path.replace("{id}", id)) } else { Some(path.clone()) }
                };
                let Some(place) = place.filter(|_| bodies.iter().all(|body| ids.knows_every_id(body))) else {
                    still.push((path, method, operation));
                    continue;
                };
                let makes = method == "post" && document["paths"].get(format!("{path}/{{id}}")).is_some();
                let mut answers = Vec::new();
                for body in &bodies {
                    let answer = send(&method, &place, ids.real(body)).await;
                    assert!(answer.status.is_success(), "{method} {path} {body}: {}", answer.text());
                    answers.push(answer);
                }
                if makes {
                    // The first that is listed by name is what the record shows.
                    let whole = answers.iter().map(|answer| answer.data(201)).map(|mut data| {
                        // Secrets are made by chance.
                        for field in ["secret", "standardSecret", "secretPrefix"].iter().filter(|field| shown.get(**field).is_some()) {
                            assert!(data[*field].is_string());
                            data[*field] = shown[*field].clone();
                        }
                        data
                    });
                    let whole = whole.into_iter().find(|data| {
                        let mut ids = Ids(ids.0.clone());
                        ids.learn(&shown["id"], &data["id"]);
                        ids.shown(data) == shown
                    });
                    let whole = whole.unwrap_or_else(|| panic!("no body of {path} gives {shown}, but {}", answers[0].text()));
                    ids.learn(&shown["id"], &whole["id"]);
                    compared += 1;
                } else if let ("patch", [answer]) = (method.as_str(), answers.as_slice()) {
                    // What a change answers, apart from versions and times.
                    let content = &operation["responses"]["200"]["content"]["application/json"];
                    let (shown, real) = (&content["example"]["data"], ids.shown(&answer.data(200)));
                    for (field, shown) in shown.as_object().unwrap() {
                        let varies = field == "id" || field == "version" || field.ends_with("At");
                        assert!(varies || real[field] == *shown, "{path} {field}: {} is not {shown}", real[field]);
                    }
                    compared += 1;
                }
            }
            waiting = still;
            assert!(waiting.len() < before, "bodies name what nothing makes: {waiting:?}");
        }
        assert!(compared >= 9, "{compared}");
    }
}

/// The keys of `data` in a text, or those of its first item, in their order.
fn first_keys(text: &str, pointer: &str) -> Vec<String> {
    let mut json = Json::parse(text.as_bytes()).unwrap();
    let steps = pointer.split('/').skip(1).chain(["data"]).map(|step| step.replace("~1", "/"));
    for step in steps {
        let Json::Object(pairs) = json else { panic!("no object above {step}") };
        json = pairs.into_iter().find(|(key, _)| *key == step).map(|(_, value)| value).unwrap();
    }
    if let Json::List(items) = json {
        json = items.into_iter().next().unwrap_or(Json::Null);
    }
    let Json::Object(pairs) = json else { return vec![] };
    pairs.into_iter().map(|(key, _)| key).collect()
}

on_both! {
    /// What is only read has the fields that its example has.
    async fn read_only_records_match_their_examples(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let client = fixtures.home.client(&world, "C").await;
        fixtures.home.expense(&world, &client, "1.00").await;
        fixtures.home.invoice(&world, &client).await;
        let hook = json!({ "url": "https://example.com/webhooks", "events": ["client.created"] });
        world.post(&fixtures.home.owner, "/api/v1/webhook-endpoints", hook).await.data(201);
        fixtures.home.client(&world, "D").await;
        let document = document();
        let text = api::rest::openapi::Documents::new(None).json;
        let mut looked = 0;
        for (path, method, operation) in operations(&document) {
            let Some(record) = answered_record(&document, &operation).filter(|_| method == "get" && path.matches('{').count() < 2) else {
                continue;
            };
            let shown = &document["components"]["schemas"][&record]["examples"][0];
            let mut place = format!("/api/v1{path}");
            if path == "/reports/time" {
                place += "?groupBy=project,day";
            }
            if let Some((list, rest)) = place.clone().split_once("/{") {
                let rows = world.get(who(&fixtures, &path), list).await.data(200);
                let Some(id) = rows[0]["id"].as_str() else { continue };
                place = format!("{list}/{id}{}", rest.split_once('}').unwrap().1);
            }
            let answer = world.get(who(&fixtures, &path), &place).await;
            let data = answer.data(200);
            let example = format!("/paths/{}/get/responses/200/content/application~1json/example", path.replace('/', "~1"));
            let (sent, written) = (first_keys(&answer.text(), ""), first_keys(&text, &example));
            assert!(sent == written || sent.is_empty(), "{path} sends {sent:?} and shows {written:?}");
            let records = data.as_array().cloned().unwrap_or_else(|| vec![data]);
            for real in records.iter().filter(|real| real.is_object()) {
                // A secret is in the answer that made it, and in no other.
                let fields = shown.as_object().unwrap().keys().filter(|field| !["secret", "standardSecret"].contains(&field.as_str()));
                assert!(real.as_object().unwrap().keys().eq(fields), "{path}: {real}");
                looked += 1;
            }
        }
        assert!(looked >= 10, "{looked}");
    }
}

on_both! {
    /// The events that the document shows look like those that are sent.
    async fn events_match_their_examples(world: World) {
        let fixtures = Fixtures::new(&world).await;
        fixtures.home.client(&world, "Globex").await;
        fixtures.home.task(&world, "Wireframes").await;
        let document = document();
        let mut compared = 0;
        for kind in service::value::EventType::ALL {
            let post = &document["webhooks"][kind.as_str()]["post"];
            let schema = post["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str().unwrap();
            let shown = &document.pointer(schema.trim_start_matches('#')).unwrap()["examples"][0];
            assert_eq!(shown["type"], kind.as_str());
            assert!(shown["created"].as_i64().unwrap() > 1_700_000_000 && shown["id"].as_str().unwrap().len() == 36);
            let sent = world.get(&fixtures.home.owner, &format!("/api/v1/events?type={kind}")).await.data(200);
            for sent in sent.as_array().unwrap() {
                assert!(keys(sent).eq(keys(shown)) && keys(&sent["data"]).eq(keys(&shown["data"])), "{sent} {shown}");
                let record = keys(&sent["data"]).next().unwrap();
                assert!(keys(&sent["data"][record]).eq(keys(&shown["data"][record])), "{sent} {shown}");
                compared += 1;
            }
        }
        assert!(compared >= 2, "{compared}");
    }
}

fn keys(record: &Value) -> impl Iterator<Item = &String> {
    record.as_object().unwrap().keys()
}

/// The refusal is one of those that the document shows under this name.
#[track_caller]
fn assert_shown(answer: &Answer, name: &str) {
    let mut reported = answer.json()["error"].clone();
    assert_eq!(reported["requestId"].as_str(), answer.header("x-request-id"));
    let response = &document()["components"]["responses"][name];
    let examples = response["content"]["application/json"]["examples"].as_object().unwrap().clone();
    let known = examples.values().any(|example| {
        let shown = &example["value"]["error"];
        reported["requestId"] = shown["requestId"].clone();
        *shown == reported
    });
    assert!(known, "{name} is shown otherwise than it is reported: {reported}");
    for (header, described) in response["headers"].as_object().unwrap() {
        let always = described.get("$ref").is_some();
        assert!(!always || answer.header(&header.to_lowercase()).is_some(), "{name} came without {header}");
    }
}

on_both! {
    /// The server returns the errors that the document and `docs/errors.md` show, word by word.
    async fn errors_match_their_documented_examples(world: World) {
        let fixtures = Fixtures::new(&world).await;
        let home = &fixtures.home;
        let raw = |kind: &str, body: &[u8]| {
            let call = world.call(Method::POST, "/api/v1/clients").token(&home.owner).key(&world.new_key());
            call.header("content-type", kind).body(body.to_vec())
        };
        assert_shown(&raw("application/json", b"{\"name\": }").send().await, "BadRequest");
        assert_shown(&raw("application/json", b"{\"name\": 1, \"name\": 2}").send().await, "BadRequest");
        assert_shown(&raw("application/json", &vec![b' '; 1024 * 1024 + 1]).send().await, "TooLarge");
        assert_shown(&raw("text/plain", b"{}").send().await, "NotJson");
        assert_shown(&raw("application/json", b"{\"defaultRate\": \"1,50\", \"color\": \"red\"}").send().await, "ValidationError");
        assert_shown(&world.get(&home.owner, "/api/v1/clients?cursor=x").await, "BadCursor");
        assert_shown(&world.call(Method::GET, "/api/v1/me").send().await, "Unauthenticated");
        let free = Workspace::new(&world, "free", Plan::Free).await;
        assert_shown(&world.get(&free.owner, "/api/v1/me").await, "ForbiddenPlan");
        assert_shown(&world.get(&home.member, "/api/v1/clients").await, "ForbiddenScope");
        let reader = home.reader(&world, Role::Manager).await;
        assert_shown(&world.post(&reader, "/api/v1/clients", json!({ "name": "C" })).await, "ForbiddenScope");
        assert_shown(&world.get(&home.owner, "/api/v1/clients/019eb5d4-1c00-7b3e-9c54-2f0f6f1a7c01").await, "NotFound");

        let project = home.project(&world, "P").await;
        let path = format!("/api/v1/projects/{project}");
        for name in ["two", "three", "four"] {
            world.patch(&home.owner, &path, json!({ "name": name })).await.data(200);
        }
        let stale = world.call(Method::PATCH, &path).token(&home.owner).header("if-match", "\"3\"");
        assert_shown(&stale.json(json!({ "name": "five" })).send().await, "Stale");
        let once = |name: &str| {
            let call = world.call(Method::POST, "/api/v1/clients").token(&home.owner).key("once");
            call.json(json!({ "name": name }))
        };
        once("one").send().await.data(201);
        assert_shown(&once("other").send().await, "Conflict");
        let client = world.get(&home.owner, &path).await.data(200)["clientId"].clone();
        let entry = home.entry(&world, &home.owner, &project).await;
        home.invoice(&world, client.as_str().unwrap()).await;
        let path = format!("/api/v1/time-entries/{}", entry["id"].as_str().unwrap());
        assert_shown(&world.patch(&home.owner, &path, json!({ "note": "n" })).await, "Conflict");
    }
}
