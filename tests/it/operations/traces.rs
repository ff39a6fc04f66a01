//! Traces and metrics over OTLP, by OpenTelemetry's own variables, as a collector gets them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use poem::http::HeaderMap;
use poem::listener::TcpAcceptor;
use poem::{Endpoint, Request, Response};
use prost::Message;
use serde_json::json;
use tests::{Kind, PrivateDatabase, Receiver};

use super::{Folder, refused, workspace_of};
use crate::running::{Running, command, json as printed};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "1122334455667788";

/// A collector on loopback, which remembers what it is sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Export>>>);

/// What was sent to a collector: the path, the headers and the body.
type Export = (String, HeaderMap, Vec<u8>);

impl Endpoint for Collector {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let body = request.take_body().into_vec().await.unwrap();
        let (path, headers) = (request.uri().path().to_owned(), request.headers().clone());
        self.0.lock().unwrap().push((path, headers, body));
        Ok(Response::builder().content_type("application/x-protobuf").body(()))
    }
}

impl Collector {
    /// Listens, and says where.
    async fn start() -> (Collector, String) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (own, acceptor) = (Collector::default(), TcpAcceptor::from_std(listener).unwrap());
        tokio::spawn(poem::Server::new_with_acceptor(acceptor).run(own.clone()));
        (own, url)
    }

    fn received(&self, path: &str) -> Vec<(HeaderMap, Vec<u8>)> {
        let all = self.0.lock().unwrap();
        let of_path = all.iter().filter(|(sent_to, ..)| sent_to == path);
        of_path.map(|(_, headers, body)| (headers.clone(), body.clone())).collect()
    }

    /// Every span, and what was said of the process.
    fn spans(&self) -> (Vec<Span>, HashMap<String, String>) {
        let (mut spans, mut process) = (vec![], HashMap::new());
        for (headers, body) in self.received("/v1/traces") {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            assert_eq!(headers["api-key"], "of the collector");
            for group in ExportTraceServiceRequest::decode(&body[..]).unwrap().resource_spans {
                process = texts(&group.resource.unwrap().attributes);
                spans.extend(group.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
        (spans, process)
    }

    fn metrics(&self) -> Vec<String> {
        let bodies = self.received("/v1/metrics");
        let bodies = bodies.iter().map(|(_, body)| ExportMetricsServiceRequest::decode(&body[..]).unwrap());
        let groups = bodies.flat_map(|body| body.resource_metrics).flat_map(|group| group.scope_metrics);
        groups.flat_map(|scope| scope.metrics).map(|metric| metric.name).collect()
    }
}

fn texts(attributes: &[KeyValue]) -> HashMap<String, String> {
    let text = |one: &KeyValue| match one.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes.iter().map(|one| (one.key.clone(), text(one))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn serve(url: &str, variables: &[(&str, &str)], log: std::process::Stdio) -> Running {
    let flags = ["serve", "--listen", "127.0.0.1:0", "--webhook-allow", "127.0.0.0/8", "--rate-limit-scale", "1000"];
    let mut command = command(url, &flags);
    command.envs(variables.iter().copied());
    Running::spawn(command, log)
}

/// Requests and statements have spans below the caller's own, without a word of what was asked; so have webhooks; and what is
/// left is sent before the server ends.
async fn a_trace_goes_through_the_server(kind: Kind) {
    let database = PrivateDatabase::new(kind).await;
    let url = &database.url;
    let token = workspace_of(url, printed);
    let (collector, at) = Collector::start().await;
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", at.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=of%20the%20collector"),
        ("OTEL_SERVICE_NAME", "books"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=trial"),
        // Nothing is sent of itself before the end.
        ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "600000"),
    ];
    let server = serve(url, &variables, std::process::Stdio::piped());
    let base = format!("http://{}", server.address);
    let receiver = Receiver::answering(200).await;
    let endpoint = json!({ "url": receiver.url, "events": ["client.created"] });
    server.send("POST", "/api/v1/webhook-endpoints", &token, &endpoint);
    let client = reqwest::Client::new();
    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    let get =
        |path: &str| client.get(format!("{base}{path}")).bearer_auth(&token).header("traceparent", &traceparent).send();
    for path in ["/readyz", "/api/v1/clients?search=private-matter", "/api/v1/nowhere"] {
        get(path).await.unwrap();
    }
    let body = json!({ "name": "Private Matter" }).to_string();
    let create = client.post(format!("{base}/api/v1/clients")).bearer_auth(&token).header("idempotency-key", "k");
    let create = create.header("traceparent", &traceparent).header("content-type", "application/json").body(body);
    assert_eq!(create.send().await.unwrap().status(), 201);
    let delivered = receiver.wait_for(1).await;
    let onwards = delivered[0].header("traceparent").to_owned();
    assert_eq!(server.terminate().0, Some(0));

    let (spans, process) = collector.spans();
    assert_eq!((process["service.name"].as_str(), process["deployment.environment.name"].as_str()), ("books", "trial"));
    assert_eq!(process["service.version"], env!("CARGO_PKG_VERSION"));
    let of_trace: Vec<&Span> = spans.iter().filter(|span| hex(&span.trace_id) == TRACE).collect();
    let requests: Vec<&&Span> = of_trace.iter().filter(|span| span.kind == i32::from(SpanKind::Server as u8)).collect();
    let names: Vec<&str> = requests.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["GET /api/v1/clients", "GET", "POST /api/v1/clients"], "probes have none");
    for request in &requests {
        assert_eq!(hex(&request.parent_span_id), CALLER);
        assert!(request.end_time_unix_nano >= request.start_time_unix_nano);
    }
    let list = texts(&requests[0].attributes);
    assert_eq!((list["http.response.status_code"].as_str(), list["http.route"].as_str()), ("200", "/api/v1/clients"));
    assert_eq!(list["hoursmith.token"], token.split('_').nth(2).unwrap());
    assert_eq!(texts(&requests[1].attributes)["error.type"], "not_found");
    let system = if kind == Kind::Sqlite { "sqlite" } else { "postgresql" };
    // On PostgreSQL the new rows go together, in one statement with parts.
    let written = if kind == Kind::Sqlite { "INSERT" } else { "WITH" };
    for (request, verb) in [(requests[0], "SELECT"), (requests[2], written)] {
        let below: Vec<_> = of_trace.iter().filter(|span| span.parent_span_id == request.span_id).collect();
        assert!(
            below.iter().any(|span| span.name == verb),
            "{:?}",
            below.iter().map(|span| &span.name).collect::<Vec<_>>()
        );
        for statement in below.iter().filter(|span| span.name != "POST webhook") {
            assert_eq!(texts(&statement.attributes)["db.system.name"], system);
        }
    }
    let attempt = of_trace.iter().find(|span| span.name == "POST webhook").expect("the attempt belongs to the trace");
    assert_eq!(attempt.parent_span_id, requests[2].span_id);
    assert_eq!(onwards, format!("00-{TRACE}-{}-01", hex(&attempt.span_id)));
    let everything = format!("{spans:?}").to_lowercase();
    for never in ["private", " from ", "client_id", token.split('_').nth(3).unwrap(), "bearer", "/hook"] {
        assert!(!everything.contains(&never.to_lowercase()), "{never} is in a span");
    }
    let metrics = collector.metrics();
    for name in
        ["hoursmith_http_requests_total", "hoursmith_http_request_seconds", "hoursmith_database_connections_max"]
    {
        assert!(metrics.iter().any(|sent| sent == name), "{name}: {metrics:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_through_the_server_on_sqlite() {
    a_trace_goes_through_the_server(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_through_the_server_on_postgres() {
    a_trace_goes_through_the_server(Kind::Postgres).await;
}

/// What the sampler or the caller leaves out has no spans; the trace goes on all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_sampled_is_not_sent() {
    let folder = Folder::new();
    let url = folder.url();
    let token = workspace_of(&url, printed);
    let (collector, at) = Collector::start().await;
    let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=of%20the%20collector");
    let client = reqwest::Client::new();
    for (variables, flags) in [
        (&[("OTEL_TRACES_SAMPLER", "always_off")][..], "01"),
        (&[("OTEL_TRACES_SAMPLER", "parentbased_always_on")], "00"),
        (&[("OTEL_TRACES_EXPORTER", "none")], "01"),
    ] {
        let own = [("OTEL_EXPORTER_OTLP_ENDPOINT", at.as_str()), headers, ("OTEL_METRICS_EXPORTER", "none")];
        let server = serve(&url, &[&own[..], variables].concat(), std::process::Stdio::piped());
        let get = client.get(format!("http://{}/api/v1/clients", server.address)).bearer_auth(&token);
        let get = get.header("traceparent", format!("00-{TRACE}-{CALLER}-{flags}"));
        assert_eq!(get.send().await.unwrap().status(), 200);
        assert_eq!(server.terminate().0, Some(0));
    }
    assert_eq!(collector.0.lock().unwrap().len(), 0);
}

/// A collector that takes connections and never answers: no request waits for it, and neither does the end for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_hangs_delays_nobody() {
    let folder = Folder::new();
    let (url, log) = (folder.url(), folder.path("log"));
    let token = workspace_of(&url, printed);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("http://{}", silent.local_addr().unwrap());
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", at.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "10"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "16"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16"),
    ];
    let mut server = serve(&url, &variables, std::fs::File::create(&log).unwrap().into());
    let client = reqwest::Client::new();
    let mut longest = Duration::ZERO;
    for _ in 0..200 {
        let began = Instant::now();
        let get = client.get(format!("http://{}/api/v1/clients", server.address)).bearer_auth(&token);
        assert_eq!(get.send().await.unwrap().status(), 200);
        longest = longest.max(began.elapsed());
    }
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    let began = Instant::now();
    assert_eq!(server.stop(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.contains("the last traces were not sent"), "{log}");
}

/// One that refuses is reported once, not with each batch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_is_reported_once() {
    let folder = Folder::new();
    let (url, log) = (folder.url(), folder.path("log"));
    let token = workspace_of(&url, printed);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let at = format!("http://{nobody}");
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", at.as_str()), ("OTEL_METRIC_EXPORT_INTERVAL", "20")];
    let mut server = serve(&url, &variables, std::fs::File::create(&log).unwrap().into());
    let said = || std::fs::read_to_string(&log).unwrap().matches("the OTLP collector takes nothing").count();
    let began = Instant::now();
    while said() == 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "no line");
        assert_eq!(server.read("/api/v1/me", &token)["data"]["role"], "OWNER");
    }
    for _ in 0..20 {
        server.read("/api/v1/me", &token);
    }
    assert_eq!(server.stop(), Some(0));
    assert_eq!(said(), 1);
}

/// What this server cannot do is refused at start, in one line that says what it can.
#[tokio::test]
async fn variables_that_could_never_work_are_refused() {
    let folder = Folder::new();
    let at = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    for (variables, named) in [
        (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1:4317")][..], "such as http://127.0.0.1:4318"),
        (&[at, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], "must be http/protobuf"),
        (&[at, ("OTEL_TRACES_SAMPLER", "sometimes")], "OTEL_TRACES_SAMPLER must be one of"),
    ] {
        let mut command = command(&folder.url(), &["serve", "--listen", "127.0.0.1:0"]);
        command.envs(variables.iter().copied());
        let why = refused(command);
        assert!(why.contains(named), "{why}");
    }
    assert!(!super::exists(&folder.path("hours.db")), "nothing was made");
}
