//! The sample configurations of `packaging/`, started as they are but for names, ports and passwords.

use std::io::{BufRead, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use tests::{Kind, PrivateDatabase};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::packaging::read;
use super::poolers::{Pooler, free_port, older, port_of};
use super::{Folder, keyless, workspace};
use crate::running::{Running, command, json as printed};

const NAME: &str = "hours.example";

/// A program that ends with the test.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Started {
    /// Starts it, and waits until it listens.
    fn new(command: &mut Command, port: u16, log: &Path) -> Started {
        let output = std::fs::File::create(log).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
        let mut started = Started(command.spawn().expect("it is installed: run `make test`"));
        let began = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let reported = || std::fs::read_to_string(log).unwrap();
            assert_eq!(started.0.try_wait().unwrap(), None, "{}", reported());
            assert!(began.elapsed() < Duration::from_secs(20), "it does not listen: {}", reported());
            std::thread::sleep(Duration::from_millis(10));
        }
        started
    }
}

/// A server behind a proxy with TLS, and everything that goes through it.
struct Behind {
    folder: Folder,
    server: Running,
    token: String,
    port: u16,
}

impl Behind {
    fn new() -> Behind {
        let folder = Folder::new();
        let token = workspace(&folder.url());
        let signed = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).unwrap();
        std::fs::write(folder.path("cert.pem"), signed.cert.pem()).unwrap();
        std::fs::write(folder.path("key.pem"), signed.signing_key.serialize_pem()).unwrap();
        let port = free_port();
        let flags = ["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--trusted-proxies", "127.0.0.1"];
        let public = format!("https://{NAME}:{port}");
        let command = keyless(&folder.url(), &[&flags[..], &["--public-url", &public]].concat());
        let server = Running::spawn(command, std::fs::File::create(folder.path("log")).unwrap().into());
        Behind { folder, server, token, port }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path(name).to_str().unwrap().to_owned()
    }

    fn curl(&self, path: &str, more: &[&str]) -> String {
        let (url, certificate) = (format!("https://{NAME}:{}{path}", self.port), self.path("cert.pem"));
        let resolve = format!("{NAME}:{}:127.0.0.1", self.port);
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "20", "--cacert", &certificate, "--resolve", &resolve, &url]).args(more);
        let output = curl.output().unwrap();
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Requests, with who has sent them; event streams, which come as they are sent; WebSockets.
    async fn works(self) {
        assert_eq!(self.curl("/readyz", &[]), "ready\n");
        let bearer = format!("Authorization: Bearer {}", self.token);
        // Nobody chooses the address that the server sees.
        self.curl("/api/v1/me", &["-H", &bearer, "-H", "X-Forwarded-For: 203.0.113.9"]);
        let document: Value = serde_json::from_str(&self.curl("/api/openapi.json", &[])).unwrap();
        assert_eq!(document["servers"][0]["url"], format!("https://{NAME}:{}/api/v1", self.port));
        self.stream_comes_at_once(&bearer);
        self.socket_is_passed_on().await;
        let log = std::fs::read_to_string(self.folder.path("log")).unwrap();
        let me = log.lines().find(|line| line.contains("\"route\":\"/me\"")).unwrap();
        assert_eq!(serde_json::from_str::<Value>(me).unwrap()["client"], "127.0.0.1");
    }

    fn stream_comes_at_once(&self, bearer: &str) {
        let (file, certificate) = (self.folder.path("stream"), self.path("cert.pem"));
        let (url, resolve) =
            (format!("https://{NAME}:{}/graphql", self.port), format!("{NAME}:{}:127.0.0.1", self.port));
        let query = json!({ "query": "subscription { events(types: [\"client.created\"]) { type } }" }).to_string();
        let mut curl = Command::new("curl");
        curl.args(["-sSN", "--max-time", "30", "--cacert", &certificate, "--resolve", &resolve, "-H", bearer]);
        curl.args(["-H", "Accept: text/event-stream", "-H", "Content-Type: application/json", "-d", &query, "-D"]);
        curl.arg(self.folder.path("head")).arg("-o").arg(&file).arg(&url);
        let _curl = Started(curl.stdout(Stdio::null()).spawn().unwrap());
        let wait = |what: &str, path: &Path, word: &str| {
            let began = Instant::now();
            while !std::fs::read_to_string(path).unwrap_or_default().contains(word) {
                assert!(began.elapsed() < Duration::from_secs(15), "{what}");
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        wait("no head of the stream", &self.folder.path("head"), "text/event-stream");
        self.server.send("POST", "/api/v1/clients", &self.token, &json!({ "name": "C" }));
        wait("the proxy gathers the stream", &file, "client.created");
    }

    async fn socket_is_passed_on(&self) {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.folder.path("cert.pem")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let stream = connector.connect(NAME.try_into().unwrap(), stream).await.unwrap();
        let mut request = format!("wss://{NAME}:{}/graphql", self.port).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
        let (mut socket, answer) = tokio_tungstenite::client_async(request, stream).await.expect("it is passed on");
        assert_eq!(answer.status(), 101);
        let payload = json!({ "authorization": format!("Bearer {}", self.token) });
        let init = json!({ "type": "connection_init", "payload": payload });
        socket.send(Message::text(init.to_string())).await.unwrap();
        let said = socket.next().await.unwrap().unwrap();
        assert_eq!(said.to_text().unwrap(), "{\"type\":\"connection_ack\"}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sample_for_nginx_works() {
    let behind = Behind::new();
    let sample = read("nginx.conf")
        .replace("127.0.0.1:8080", &behind.server.address)
        .replace("listen 443 ssl", &format!("listen 127.0.0.1:{} ssl", behind.port))
        .replace("/etc/ssl/hours.example.pem", &behind.path("cert.pem"))
        .replace("/etc/ssl/hours.example.key", &behind.path("key.pem"));
    let place = behind.folder.0.display();
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let paths = paths.map(|name| format!("{name}_temp_path {place}/{name};")).join("\n");
    let head = format!("pid {place}/pid;\nerror_log {place}/error.log;\ndaemon off;\nevents {{}}\n");
    let config = behind.folder.path("nginx.conf");
    std::fs::write(&config, format!("{head}http {{\naccess_log off;\n{paths}\n{sample}\n}}\n")).unwrap();
    let mut nginx = Command::new("nginx");
    // One process, which ends with the test.
    nginx.arg("-c").arg(&config).args(["-g", "master_process off;"]);
    let _nginx = Started::new(&mut nginx, behind.port, &behind.folder.path("nginx.log"));
    behind.works().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sample_for_caddy_works() {
    let behind = Behind::new();
    let (certificate, key) = (behind.path("cert.pem"), behind.path("key.pem"));
    let own = format!("{NAME}:{} {{\n\tbind 127.0.0.1\n\ttls {certificate} {key}\n", behind.port);
    let sample =
        read("Caddyfile").replace("127.0.0.1:8080", &behind.server.address).replace(&format!("{NAME} {{\n"), &own);
    assert!(sample.contains(&own), "{sample}");
    let config = behind.folder.path("Caddyfile");
    // Nothing outside of the test: no certificates from elsewhere, no port for administration.
    std::fs::write(&config, format!("{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{sample}")).unwrap();
    let mut caddy = Command::new("caddy");
    caddy.env("HOME", &behind.folder.0).env("XDG_DATA_HOME", &behind.folder.0).env("XDG_CONFIG_HOME", &behind.folder.0);
    caddy.args(["run", "--adapter", "caddyfile", "--config"]).arg(&config);
    let _caddy = Started::new(&mut caddy, behind.port, &behind.folder.path("caddy.log"));
    behind.works().await;
}

/// With passwords, as the sample has them; and a server that migrates and listens past it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sample_for_pgbouncer_works() {
    let database = PrivateDatabase::empty(Kind::Postgres).await;
    let (port, name, folder) = (free_port(), database.url.rsplit('/').next().unwrap(), Folder::new());
    let users = folder.path("userlist.txt");
    std::fs::write(&users, "\"hoursmith\" \"a secret\"\n").unwrap();
    let sample = read("pgbouncer.ini")
        .replace("port=5432", &format!("port={}", port_of(&database)))
        .replace("dbname=hoursmith", &format!("dbname={name}"))
        .replace("listen_port = 6432", &format!("listen_port = {port}\nunix_socket_dir ="))
        .replace("/etc/pgbouncer/userlist.txt", users.to_str().unwrap());
    let _pooler = Pooler::run(&older(), &sample, port, folder);
    let url = format!("postgres://hoursmith:a%20secret@127.0.0.1:{port}/hoursmith");
    let mut serve = command(&url, &["serve", "--listen", "127.0.0.1:0"]);
    serve.env("HOURSMITH_DATABASE_DIRECT_URL", &database.url);
    let server = Running::spawn(serve, Stdio::piped());
    // Commands go to the database itself, as migrations do.
    let token = super::workspace_of(&database.url, printed);
    assert_eq!(server.read("/api/v1/me", &token)["data"]["role"], "OWNER");
    let (code, log) = server.terminate();
    assert!(code == Some(0) && log.contains("over the direct URL"), "{log}");
}

/// Redis with the arguments of the compose file: replicas share their buckets through it.
#[test]
fn the_redis_of_the_compose_file_works() {
    let compose: Value = serde_yaml::from_str(&read("compose.yaml")).unwrap();
    let arguments = compose["services"]["redis"]["command"].as_array().unwrap();
    let arguments: Vec<&str> = arguments.iter().map(|argument| argument.as_str().unwrap()).collect();
    assert_eq!(arguments[0], "redis-server");
    let program = std::env::var("HOURSMITH_TEST_REDIS_SERVER").expect("tests need Redis: run `make test`");
    let (port, folder) = (free_port(), Folder::new());
    let mut redis = Command::new(program);
    redis.args(&arguments[1..]).args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"]).arg(&folder.0);
    let _redis = Started::new(&mut redis, port, &folder.path("redis.log"));
    let url = compose["services"]["hoursmith"]["environment"]["HOURSMITH_REDIS_URL"].as_str().unwrap();
    let url = url.replace("redis:6379", &format!("127.0.0.1:{port}"));
    let token = workspace(&folder.url());
    let server = keyless(&folder.url(), &["serve", "--listen", "127.0.0.1:0", "--redis-url", &url]);
    let server = Running::spawn(server, Stdio::piped());
    assert!(server.get("/api/v1/me", &token).starts_with("HTTP/1.1 200"));
    // The bucket of the token is there, where other replicas find it.
    let mut asked = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    asked.write_all(b"DBSIZE\r\n").unwrap();
    let mut answer = String::new();
    std::io::BufReader::new(asked).read_line(&mut answer).unwrap();
    assert!(answer.starts_with(':') && answer.trim() != ":0", "{answer}");
    let (code, log) = server.terminate();
    assert!(code == Some(0) && !log.contains("Redis does not answer"), "{log}");
}

/// The settings of the Debian package, as systemd reads them, start a server.
#[test]
fn the_settings_of_the_package_work() {
    let folder = Folder::new();
    let server = {
        let mut command = keyless(&folder.url(), &["serve"]);
        for line in read("hoursmith.env").lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (name, value) = line.split_once('=').unwrap();
            let value = value.replace("127.0.0.1:8080", "127.0.0.1:0");
            command.env(name, value.replace("/var/lib/hoursmith", folder.0.to_str().unwrap()));
        }
        Running::spawn(command, Stdio::piped())
    };
    assert!(super::exists(&folder.path("hoursmith.db")));
    assert_eq!(server.terminate().0, Some(0));
}

/// The manifests are what their own programs read: unknown words are refused. Their checkers come as packages of Python.
#[test]
fn the_manifests_are_accepted() {
    let checkers = std::env::var("HOURSMITH_TEST_MANIFESTS").expect("tests need the checkers: run `make test`");
    let python = Path::new(&checkers).join("bin/python");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/manifests/check.py");
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("packaging");
    let check = |kind: &str, file: &Path| Command::new(&python).arg(&script).arg(kind).arg(file).output().unwrap();
    for (kind, name, right, wrong) in [
        ("compose", "compose.yaml", "read_only:", "readonly:"),
        ("kubernetes", "kubernetes.yaml", "readOnlyRootFilesystem:", "readOnlyRoot:"),
    ] {
        let accepted = check(kind, &packaging.join(name));
        assert!(accepted.status.success(), "{}", String::from_utf8_lossy(&accepted.stderr));
        let (folder, text) = (Folder::new(), read(name));
        assert!(text.contains(right));
        let mut file = std::fs::File::create(folder.path(name)).unwrap();
        file.write_all(text.replacen(right, wrong, 1).as_bytes()).unwrap();
        assert!(!check(kind, &folder.path(name)).status.success(), "a misspelt {right} of {name} is accepted");
    }
}
