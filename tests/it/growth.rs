//! Work grows no faster than the input, of every operation on every surface: each is sent inputs of several shapes, and eight
//! times as much of each.

use std::time::Duration;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use poem::http::Method;
use serde_json::{Value, json};
use service::value::Plan;
use tests::{Call, Kind, Workspace, World};

use crate::mcp;
use crate::settings::coded;

/// Bytes of the smaller input, and how many times larger the other one is: as large as a quadratic step needs to be seen.
const SMALL: usize = 32 * 1024;
const TIMES: u32 = 8;
/// What one input may cost more for each byte than the smaller one did, and what it may cost in any case.
const SLACK: f64 = 2.5;
const FLOOR: Duration = Duration::from_millis(60);

/// An id that nothing has.
const NOBODY: &str = "01900000-0000-7000-8000-000000000000";

/// A shape of an input: gives a value of so many bytes, made of what an operation takes.
type Shape = (&'static str, fn(&[String], usize) -> String);

fn object(pairs: impl Iterator<Item = (String, String)>) -> String {
    let pairs: Vec<_> = pairs.map(|(key, value)| format!("\"{key}\":{value}")).collect();
    format!("{{{}}}", pairs.join(","))
}

fn array(item: &str, bytes: usize) -> String {
    format!("[{}]", vec![item; bytes / (item.len() + 1) + 1].join(","))
}

/// Every field that is taken, with this value.
fn in_each(fields: &[String], bytes: usize, value: impl Fn(usize) -> String) -> String {
    let each = bytes / fields.len().max(1);
    object(fields.iter().map(|field| (field.clone(), value(each))))
}

/// A number that looks random, and is the same in each run.
fn scattered(i: usize) -> usize {
    i.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 33
}

fn shapes() -> Vec<Shape> {
    vec![
        ("unknown keys", |_, bytes| object((0..bytes / 12).map(|i| (format!("k{:08}", scattered(i)), "0".into())))),
        ("keys with a common beginning", |fields, bytes| {
            let first = fields.first().cloned().unwrap_or_default();
            object((0..bytes / (first.len() + 8)).map(|i| (format!("{first}{i}"), "0".into())))
        }),
        ("long texts", |fields, bytes| in_each(fields, bytes, |each| format!("\"{}\"", "é<&\\\" ".repeat(each / 8)))),
        ("long numbers", |fields, bytes| in_each(fields, bytes, |each| "7".repeat(each.max(1)))),
        ("lists of ids", |fields, bytes| in_each(fields, bytes, |each| array(&format!("\"{NOBODY}\""), each))),
        ("lists of objects", |fields, bytes| in_each(fields, bytes, |each| array("{\"a\":{},\"name\":[]}", each))),
    ]
}

/// The processor time that this thread has used.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

async fn cost(request: Call) -> Duration {
    let before = processor_time();
    let answer = request.send().await;
    let took = processor_time() - before;
    assert!(answer.status.as_u16() < 500, "{}", answer.text());
    took
}

/// Whatever is measured once may have been disturbed: the least of a few counts.
async fn least(request: &impl Fn() -> Call, bound: Duration) -> Duration {
    let mut least = cost(request()).await;
    for _ in 0..3 {
        if least <= bound {
            break;
        }
        least = least.min(cost(request()).await);
    }
    least
}

/// Compares the costs of a request of two sizes. Returns what is wrong.
async fn compared(name: &str, request: impl Fn(usize) -> Call) -> Option<String> {
    let small = cost(request(SMALL)).await.min(cost(request(SMALL)).await);
    let bound = (small * TIMES).mul_f64(SLACK) + FLOOR;
    let large = least(&|| request(SMALL * TIMES as usize), bound).await;
    (large > bound).then(|| format!("{name}: {small:?}, and {large:?} for {TIMES} times as much"))
}

/// Runs on one thread, whose processor time is that of the requests alone.
fn on_one_thread(test: impl AsyncFnOnce(&World, &Workspace) -> Vec<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let wrong = runtime.block_on(async {
        let world = World::on(Kind::Sqlite).await;
        let workspace = Workspace::new(&world, "grows", Plan::Agency).await;
        test(&world, &workspace).await
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn raw(call: Call, body: String) -> Call {
    call.header("content-type", "application/json").body(body)
}

/// What an operation of the document takes: the parameters of its query, and the fields of its body if it has one.
fn taken(document: &Value, operation: &Value) -> (Vec<String>, Option<Vec<String>>) {
    let texts = |values: Option<&Vec<Value>>| -> Vec<String> {
        let parameters = values.into_iter().flatten().filter(|parameter| parameter["in"] == "query");
        parameters.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned)).collect()
    };
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let named = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next());
    let schema = named.map_or(schema, |name| &document["components"]["schemas"][name]);
    let fields = schema["properties"].as_object().map(|fields| fields.keys().cloned().collect());
    (texts(operation["parameters"].as_array()), fields)
}

/// Of REST: every operation that takes a body or a query.
#[test]
fn work_of_rest_grows_with_its_input() {
    on_one_thread(async |world, workspace| {
        let document: Value = serde_json::from_str(include_str!("../../api/openapi.json")).unwrap();
        let (mut wrong, mut tried) = (vec![], 0);
        for (path, methods) in document["paths"].as_object().unwrap() {
            let path = path.replace("{id}", NOBODY).replace("{userId}", NOBODY);
            let path = if path.starts_with("/api/") { path } else { format!("/api/v1{path}") };
            for (method, operation) in methods.as_object().unwrap() {
                let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
                let (parameters, fields) = taken(&document, operation);
                let name = operation["operationId"].as_str().unwrap_or_default();
                let call = |path: &str| {
                    let call = world.call(method.clone(), path).token(&workspace.owner);
                    if method == Method::GET { call } else { call.key(&world.new_key()) }
                };
                if let Some(fields) = fields {
                    for (shape, of_size) in shapes() {
                        let request = |bytes| raw(call(&path), of_size(&fields, bytes));
                        wrong.extend(compared(&format!("{name}, {shape}"), request).await);
                        tried += 1;
                    }
                }
                if !parameters.is_empty() {
                    let unknown =
                        |bytes: usize| (0..bytes / 8).map(|i| format!("p{i}=0")).collect::<Vec<_>>().join("&");
                    let repeated = |bytes: usize| {
                        let each = bytes / parameters.len() / 40;
                        let pairs =
                            parameters.iter().flat_map(|name| (0..each).map(move |_| format!("{name}={NOBODY}")));
                        pairs.collect::<Vec<_>>().join("&")
                    };
                    let long = |bytes: usize| {
                        let each = bytes / parameters.len() / 3;
                        let pairs = parameters.iter().map(|name| format!("{name}={}", "%C3%A9".repeat(each / 2)));
                        pairs.collect::<Vec<_>>().join("&")
                    };
                    // A target is bounded to less than a body.
                    let request = |query: String| call(&format!("{path}?{query}"));
                    wrong.extend(
                        compared(&format!("{name}, unknown parameters"), |bytes| request(unknown(bytes / 8))).await,
                    );
                    wrong.extend(
                        compared(&format!("{name}, repeated parameters"), |bytes| request(repeated(bytes / 8))).await,
                    );
                    wrong.extend(compared(&format!("{name}, long parameters"), |bytes| request(long(bytes / 8))).await);
                    tried += 3;
                }
            }
        }
        assert!(tried > 150, "{tried} inputs");
        wrong
    });
}

/// Of GraphQL: every argument of every field of the root types, as a variable.
#[test]
fn work_of_graphql_grows_with_its_input() {
    on_one_thread(async |world, workspace| {
        let sdl = parse_schema(include_str!("../../schema/schema.graphql")).unwrap();
        let (mut wrong, mut tried) = (vec![], 0);
        for definition in sdl.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let kind = match definition.node.name.node.as_str() {
                "Query" => "query",
                "Mutation" => "mutation",
                _ => continue,
            };
            let TypeKind::Object(root) = definition.node.kind else { continue };
            for field in root.fields {
                let name = field.node.name.node.to_string();
                let arguments = field.node.arguments.iter().map(|argument| &argument.node);
                let arguments: Vec<_> =
                    arguments.map(|at| (at.name.node.to_string(), at.ty.node.to_string())).collect();
                let Some((first, _)) = arguments.first() else { continue };
                let declared: Vec<_> = arguments.iter().map(|(name, ty)| format!("${name}: {ty}")).collect();
                let given: Vec<_> = arguments.iter().map(|(name, _)| format!("{name}: ${name}")).collect();
                let query =
                    format!("{kind}({}) {{ {name}({}) {{ __typename }} }}", declared.join(", "), given.join(", "));
                let fields = [first.clone(), "name".to_owned(), "id".to_owned(), "note".to_owned()];
                for (shape, of_size) in shapes() {
                    // In one argument as an object, and as the variables themselves.
                    let request = |bytes| {
                        let input = of_size(&fields, bytes);
                        let body = format!("{{\"query\":{},\"variables\":{{\"{first}\":{input}}}}}", json!(query));
                        raw(world.call(Method::POST, "/graphql").token(&workspace.owner), body)
                    };
                    wrong.extend(compared(&format!("{name}, {shape}"), request).await);
                    tried += 1;
                }
            }
        }
        assert!(tried > 200, "{tried} inputs");
        // Documents are bounded to 64 KiB: of as much as that.
        for (shape, item) in [
            ("aliases", "a{i}: viewer { name } "),
            ("arguments", "viewer { name @skip(if: false) a{i}: name(b{i}: 1) } "),
            ("fragments", "...F{i} "),
            ("texts", "\"\"\"a{i} \\u{e9}\"\"\" "),
            ("braces", "viewer { "),
        ] {
            let request = |bytes: usize| {
                let items: String = (0..bytes / 4 / item.len()).map(|i| item.replace("{i}", &i.to_string())).collect();
                raw(
                    world.call(Method::POST, "/graphql").token(&workspace.owner),
                    json!({ "query": format!("{{ {items} }}") }).to_string(),
                )
            };
            wrong.extend(compared(&format!("a document of {shape}"), request).await);
        }
        wrong
    });
}

/// Of MCP: every tool of the whole set.
#[test]
fn work_of_mcp_grows_with_its_input() {
    on_one_thread(async |world, workspace| {
        let token = &workspace.owner;
        let (mut wrong, mut tried) = (vec![], 0);
        for path in ["/mcp", "/mcp/x/all"] {
            let tools = mcp::result(world, token, path, "tools/list", json!({})).await["tools"].clone();
            for tool in tools.as_array().unwrap() {
                let name = tool["name"].as_str().unwrap();
                let properties = tool["inputSchema"]["properties"].as_object().cloned().unwrap_or_default();
                let fields: Vec<_> = properties.keys().filter(|field| *field != "idempotencyKey").cloned().collect();
                if fields.is_empty()
                    || (path == "/mcp" && tried > 0 && name.contains('_') && name != "create_time_entries")
                {
                    continue;
                }
                for (shape, of_size) in shapes() {
                    let request = |bytes| {
                        let mut arguments = of_size(&fields, bytes);
                        arguments.insert_str(1, &format!("\"idempotencyKey\":\"{}\",", world.new_key()));
                        let meta = mcp::meta();
                        let params = format!("{{\"name\":\"{name}\",\"_meta\":{meta},\"arguments\":{arguments}}}");
                        let body =
                            format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{params}}}");
                        let call = world.call(Method::POST, path).token(token);
                        let call =
                            call.header("accept", "application/json, text/event-stream").header("host", "localhost");
                        let call = call.header("mcp-protocol-version", mcp::VERSION);
                        raw(call.header("mcp-method", "tools/call").header("mcp-name", name), body)
                    };
                    wrong.extend(compared(&format!("{name}, {shape}"), request).await);
                    tried += 1;
                }
            }
        }
        assert!(tried > 150, "{tried} inputs");
        wrong
    });
}

/// Of a form of the settings pages, and of a target: what comes before any operation.
#[test]
fn work_before_an_operation_grows_with_its_input() {
    on_one_thread(async |world, workspace| {
        let mut wrong = vec![];
        let long = |bytes: usize| "a/%C3%A9;b=c&".repeat(bytes / 8 / 13);
        for path in ["/api/v1/", "/settings/", "/docs/", "/mcp/", "/assets/", "/"] {
            let request = |bytes| world.call(Method::GET, &format!("{path}{}", long(bytes))).token(&workspace.owner);
            wrong.extend(compared(path, request).await);
        }
        for header in
            ["if-none-match", "accept", "accept-encoding", "cookie", "x-forwarded-for", "idempotency-key", "origin"]
        {
            let request = |bytes: usize| {
                let call = world.call(Method::GET, "/api/v1/clients").token(&workspace.owner);
                call.header(header, &"\"a\", gzip;q=0.5, b=c; ".repeat(bytes / 8 / 22))
            };
            wrong.extend(compared(header, request).await);
        }
        let request = |bytes: usize| {
            let form =
                (0..bytes / 8 / 10).map(|i| format!("{}={i}", coded(&format!("k{i}é")))).collect::<Vec<_>>().join("&");
            let call = world.call(Method::POST, "/settings/sign-in/link").header("host", "127.0.0.1:8080");
            let call = call.header("origin", "http://127.0.0.1:8080").header("sec-fetch-site", "same-origin");
            call.header("content-type", "application/x-www-form-urlencoded").body(form)
        };
        wrong.extend(compared("a form", request).await);
        wrong
    });
}
