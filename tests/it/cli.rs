//! The command line, tested as a program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::{Kind, PrivateDatabase};

use crate::running::{Running, command, failure, json, run, signal};

async fn empty(kind: Kind) -> PrivateDatabase {
    PrivateDatabase::empty(kind).await
}

macro_rules! on_both_empty {
    ($(#[doc = $doc:literal])* async fn $name:ident($database:ident) $body:block) => {
        $(#[doc = $doc])*
        mod $name {
            use super::*;

            async fn promise($database: PrivateDatabase) $body

            #[tokio::test]
            async fn on_sqlite() {
                promise(empty(Kind::Sqlite).await).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                promise(empty(Kind::Postgres).await).await;
            }
        }
    };
}

on_both_empty! {
    /// From nothing to a token that works, beside a running server, and back to one that does not.
    async fn an_operator_creates_a_workspace(database) {
        let url = &database.url;
        let steps = json(url, &["migrate", "--status"]);
        assert!(steps[0]["name"].as_str().unwrap().starts_with("m0001_") && steps[0]["applied"] == false);
        assert_eq!(json(url, &["migrate"])[0]["applied"], true);

        let made = json(url, &["workspace", "create", "--name", "Acme", "--plan", "studio", "--owner-email", "a@acme.example", "--owner-name", "Ann"]);
        assert_eq!((&made["plan"], &made["defaultCurrency"]), (&"studio".into(), &"USD".into()));
        let id = made["id"].as_str().unwrap();
        let server = Running::start(url, &[]);
        let member = json(url, &["member", "add", "--workspace", id, "--email", "b@acme.example", "--name", "Bo", "--role", "manager"]);
        assert_eq!((&member["role"], member["userId"].is_string()), (&"MANAGER".into(), true));
        let minted = json(url, &["token", "create", "--workspace", id, "--member", "b@acme.example", "--name", "ci", "--scope", "write"]);
        let (token, prefix) = (minted["token"].as_str().unwrap(), minted["prefix"].as_str().unwrap());
        assert!(token.starts_with(&format!("hsk_live_{prefix}_")), "{token}");

        let me = server.get("/api/v1/me", token);
        assert!(me.starts_with("HTTP/1.1 200") && me.contains("\"role\":\"MANAGER\""), "{me}");
        json(url, &["member", "set-role", "--workspace", id, "--email", "b@acme.example", "--role", "MEMBER"]);
        assert!(server.get("/api/v1/me", token).contains("\"role\":\"MEMBER\""));
        json(url, &["workspace", "set-plan", "--workspace", id, "--plan", "free"]);
        assert!(server.get("/api/v1/me", token).starts_with("HTTP/1.1 402"));
        json(url, &["workspace", "set-plan", "--workspace", id, "--plan", "agency"]);
        assert_eq!(json(url, &["workspace", "list"])[0]["plan"], "agency");
        assert_eq!(json(url, &["token", "list", "--workspace", id])[0]["prefix"], prefix);
        assert!(json(url, &["token", "revoke", "--prefix", prefix])["revokedAt"].is_string());
        assert!(server.get("/api/v1/me", token).starts_with("HTTP/1.1 401"));

        let last = run(url, &["member", "remove", "--workspace", id, "--email", "a@acme.example"]);
        assert!(failure(&last).contains("last Owner"));
        let (code, reported) = server.terminate();
        assert_eq!(code, Some(0), "{reported}");
        assert!(!reported.contains(token), "a token is in the log");
    }
}

on_both_empty! {
    /// The billing side, command by command; each prints the invoice as GET gives it.
    async fn an_operator_bills_a_client(database) {
        let url = &database.url;
        let workspace = json(url, &["workspace", "create", "--name", "Acme", "--plan", "studio", "--owner-email", "a@acme.example", "--owner-name", "Ann"]);
        let id = workspace["id"].as_str().unwrap();
        let minted = json(url, &["token", "create", "--workspace", id, "--member", "a@acme.example", "--name", "ci", "--scope", "write"]);
        let token = minted["token"].as_str().unwrap();
        let server = Running::start(url, &[]);
        let made = server.send("POST", "/api/v1/clients", token, &serde_json::json!({ "name": "C" }));
        let client = made["data"]["id"].as_str().unwrap().to_owned();
        let create = ["invoice", "create", "--workspace", id, "--client", &client, "--from", "2026-06-01", "--to", "2026-06-30"];
        assert!(failure(&run(url, &create)).contains("C has no billable time"));
        let spent = |amount: &str| serde_json::json!({ "clientId": client, "description": "Ticket", "amount": amount, "expenseDate": "2026-06-11" });
        server.send("POST", "/api/v1/expenses", token, &spent("100"));
        let draft = json(url, &[&create[..], &["--discount", "10", "--tax-rate", "7.7"]].concat());
        assert_eq!((&draft["number"], &draft["total"], &draft["status"]), (&"INV-1".into(), &"96.93".into(), &"DRAFT".into()));
        let invoice = draft["id"].as_str().unwrap();
        let step = |words: &[&str]| json(url, &[&["invoice"], words, &["--invoice", invoice]].concat());
        assert_eq!(step(&["send"])["status"], "SENT");
        assert_eq!(step(&["fail-payment", "--reason", "declined"])["paymentStatus"], "unpaid");
        assert_eq!(step(&["pay", "--amount", "6.93"])["paymentStatus"], "partially_paid");
        let paid = step(&["pay"]);
        assert_eq!((&paid["status"], &paid["amountPaid"]), (&"PAID".into(), &"96.93".into()));
        assert!(failure(&run(url, &["invoice", "cancel", "--invoice", invoice])).contains("PAID"));
        assert_eq!(step(&["refund"])["paymentStatus"], "refunded");
        let read: Value = server.read(&format!("/api/v1/invoices/{invoice}"), token);
        assert_eq!(read["data"]["lines"], draft["lines"]);

        server.send("POST", "/api/v1/expenses", token, &spent("5"));
        let second = json(url, &create);
        let output = run(url, &["invoice", "cancel", "--invoice", second["id"].as_str().unwrap()]);
        let words = String::from_utf8(output.stdout).unwrap();
        assert!(words.contains("INV-2  CANCELLED (unpaid)  5.00 USD  C\n  1.00 x 5.00 = 5.00  Ticket"), "{words}");
        assert!(failure(&run(url, &["invoice", "send", "--invoice", "01890a5d-ac96-774b-bcce-b302099a8057"])).contains("no such invoice"));
        assert!(failure(&run(url, &["invoice", "pay", "--invoice", invoice, "--amount", "1"])).contains("PAID"));
        server.terminate();
    }
}

on_both_empty! {
    /// SIGTERM lets what runs finish, then the program ends with 0.
    async fn sigterm_drains(database) {
        let server = Running::start(&database.url, &[]);
        // A request that is half sent when the signal comes.
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n").unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert!(server.get("/healthz", "none").contains("ok"));
        signal(&server.child, "TERM");
        let refused = Instant::now();
        while TcpStream::connect(&server.address).is_ok() {
            assert!(refused.elapsed() < Duration::from_secs(10), "still accepts");
            std::thread::yield_now();
        }
        stream.write_all(b"Connection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        drop(stream);
        let (code, reported) = server.terminate();
        assert_eq!(code, Some(0), "{reported}");
    }
}

on_both_empty! {
    /// An error is one line, and nothing is created.
    async fn a_failed_start_prints_one_line(database) {
        let url = &database.url;
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let reported = failure(&run(url, &["serve", "--listen", &address]));
        assert!(reported.contains(&address) && reported.contains("HOURSMITH_LISTEN"), "{reported}");
        assert!(failure(&run(url, &["serve", "--listen", "nonsense"])).contains("nonsense"));
        for wrong in ["mysql://x", "nonsense", "sqlite::memory:", "sqlite://", "sqlite://x?mode=memory"] {
            assert!(failure(&run(wrong, &["serve", "--listen", "127.0.0.1:0"])).contains("HOURSMITH_DATABASE_URL"), "{wrong}");
        }
        let bad_key = command(url, &["serve", "--listen", "127.0.0.1:0", "--secret-key", "short"]).output().unwrap();
        assert!(failure(&bad_key).contains("32 bytes"));
        // Nothing of all that was written.
        assert_eq!(json(url, &["migrate", "--status"])[0]["applied"], false);

        json(url, &["migrate"]);
        use sea_orm::ConnectionTrait;
        let sql = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_later', 0)";
        database.connect().await.execute_unprepared(sql).await.unwrap();
        let reported = failure(&run(url, &["serve", "--listen", "127.0.0.1:0"]));
        assert!(reported.contains("newer") && reported.contains("m9999_later"), "{reported}");
    }
}

#[tokio::test]
async fn postgres_needs_its_key_and_its_server() {
    let database = empty(Kind::Postgres).await;
    let output =
        command(&database.url, &["serve", "--listen", "127.0.0.1:0"]).env_remove("HOURSMITH_SECRET_KEY").output();
    assert!(failure(&output.unwrap()).contains("HOURSMITH_SECRET_KEY"));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("postgres://hoursmith:secret-word@{free}/x");
    let reported = failure(&run(&nobody, &["serve", "--listen", "127.0.0.1:0"]));
    assert!(reported.contains("cannot be reached") && !reported.contains("secret-word"), "{reported}");
}

#[tokio::test]
async fn a_database_file_has_one_server_and_a_crash_releases_it() {
    let database = empty(Kind::Sqlite).await;
    let first = Running::start(&database.url, &[]);
    let second = run(&database.url, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(failure(&second).contains("another hoursmith"));
    signal(&first.child, "KILL");
    drop(first);
    Running::start(&database.url, &[]).terminate();
}

#[tokio::test]
async fn the_embedded_key_is_created_once_and_private() {
    use std::os::unix::fs::PermissionsExt;
    let database = empty(Kind::Sqlite).await;
    let file =
        PathBuf::from(database.url.trim_start_matches("sqlite://").split('?').next().unwrap().to_owned() + ".key");
    let start = || {
        let mut command = command(&database.url, &["serve", "--listen", "127.0.0.1:0"]);
        let mut child =
            command.env_remove("HOURSMITH_SECRET_KEY").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut String::new()).unwrap();
        signal(&child, "TERM");
        assert!(child.wait().unwrap().success());
        std::fs::read_to_string(&file).unwrap()
    };
    let made = start();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(start(), made);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_reported() {
    let url = "sqlite:///proc/nowhere/x.db?mode=rwc";
    let why = failure(&run(url, &["serve", "--listen", "127.0.0.1:0"]));
    assert!(why.contains("the folder /proc/nowhere does not exist"), "{why}");
}

#[tokio::test]
async fn json_logs_hold_no_secrets() {
    let database = empty(Kind::Sqlite).await;
    let server = Running::start(&database.url, &["--log-format", "json"]);
    let token = "hsk_live_000000000000_SecretSecretSecretSecretSecretSe";
    server.get("/api/v1/clients?search=private-matter", token);
    let (_, reported) = server.terminate();
    let lines: Vec<Value> =
        reported.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect();
    let answered = lines.iter().find(|line| line["message"] == "answered").expect("each request has a line");
    assert_eq!((&answered["status"], &answered["span"]["path"]), (&401.into(), &"/api/v1/clients".into()));
    assert_eq!(answered["span"]["id"].as_str().map(str::len), Some(36));
    assert!(!reported.contains("SecretSecret") && !reported.contains("private-matter"), "{reported}");
}

#[tokio::test]
async fn documents_are_printed_without_a_server() {
    let print = |arguments: &[&str]| {
        let output = run("sqlite:///nowhere/at/all.db", arguments);
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let document: Value = serde_json::from_str(&print(&["openapi"])).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], "/api/v1");
    let called: Value = serde_json::from_str(&print(&["openapi", "--public-url", "https://hours.example/"])).unwrap();
    assert_eq!(called["servers"][0]["url"], "https://hours.example/api/v1");
    let old: Value = serde_json::from_str(&print(&["openapi", "--v3-0"])).unwrap();
    assert_eq!(old["openapi"], "3.0.3");
    assert!(print(&["openapi", "--yaml"]).contains("openapi: 3.1.0"));
    assert!(print(&["sdl"]).contains("type Query {"));
}

on_both_empty! {
    /// The demo is made through the door: three plans, a year of time, a token a role, a line to paste.
    async fn the_demo_creates_a_year_of_data(database) {
        let mut server = Running::start(&database.url, &["--demo"]);
        let shown = server.read_until("api-docs");
        let tokens = shown.lines().filter(|line| line.contains(" hsk_live_") && !line.contains("curl")).count();
        assert_eq!(tokens, 7, "{shown}");
        let line = shown.lines().find(|line| line.trim().starts_with("curl ")).unwrap();
        let pasted = Command::new("sh").args(["-c", line]).output().unwrap();
        let clients: Value = serde_json::from_slice(&pasted.stdout).expect("the line works when pasted");
        assert_eq!(clients["data"].as_array().unwrap().len(), 3);
        let count = async |sql: &str| database.number(sql).await;
        assert!(count("SELECT count(*) AS n FROM client").await >= 25);
        assert!(count("SELECT count(*) AS n FROM project").await >= 80);
        let entries = count("SELECT count(*) AS n FROM time_entry WHERE duration_seconds IS NOT NULL").await;
        assert!(entries >= 5000);
        assert_eq!(count("SELECT count(*) AS n FROM time_entry WHERE duration_seconds IS NULL").await, 1, "a timer runs");
        assert_eq!(count("SELECT count(*) AS n FROM webhook_endpoint").await, 1);
        assert!(count("SELECT count(DISTINCT start_date) AS n FROM project").await > 50);
        assert!(count("SELECT count(*) AS n FROM client WHERE billing_city IS NOT NULL").await >= 25);
        assert_eq!(count("SELECT count(*) AS n FROM event WHERE kind = 'time_entry.created'").await, entries);
        assert_eq!(count("SELECT count(DISTINCT plan) AS n FROM organization").await, 3);
        assert!(count("SELECT count(DISTINCT entry_date) AS n FROM time_entry").await > 300);
        assert!(count("SELECT count(*) AS n FROM task").await >= 250);
        assert!(count("SELECT count(*) AS n FROM expense").await >= 200);
        assert_eq!(count("SELECT count(*) AS n FROM invoice").await, 60);
        assert_eq!(count("SELECT count(DISTINCT status) AS n FROM invoice").await, 4);
        assert_eq!(count("SELECT count(DISTINCT payment_status) AS n FROM invoice").await, 4);
        assert_eq!(count("SELECT count(DISTINCT kind) AS n FROM event").await, 8);
        let owner = shown.lines().find(|line| line.contains("agency, Owner (write)")).unwrap();
        let months = server.read("/api/v1/reports/invoices?groupBy=month", owner.split_whitespace().last().unwrap());
        let months = months["data"]["rows"].as_array().unwrap().len();
        assert!((11..=13).contains(&months), "invoices of a year: {months} months");
        // The settings pages are a click away.
        let begin = format!("http://{}/settings/sign-in/link?code=", server.address);
        let link = shown.lines().map(str::trim).find(|line| line.starts_with(&begin)).unwrap();
        let page = Command::new("curl").args(["-sS", link]).output().unwrap();
        assert!(String::from_utf8_lossy(&page.stdout).contains("Ada Hazel"), "{link}");
        server.terminate();
        // A second start makes nothing more, and says how to get a token.
        let mut second = Running::start(&database.url, &["--demo"]);
        let shown = second.read_until("hoursmith token create");
        let line = shown.lines().last().unwrap().trim().trim_start_matches("hoursmith ").to_owned();
        assert!(json(&database.url, &line.split(' ').collect::<Vec<_>>())["token"].is_string(), "{line}");
        second.terminate();
        assert_eq!(count("SELECT count(*) AS n FROM time_entry").await, entries + 1);
    }
}

on_both_empty! {
    /// A demo that was interrupted is not served as if it were whole, and what is not a demo is served as it is.
    async fn half_a_demo_is_refused(database) {
        let url = &database.url;
        let create = ["--plan", "agency", "--owner-email", "a@acme.example", "--owner-name", "A"];
        json(url, &[&["workspace", "create", "--name", "Hazel & Finch"][..], &create].concat());
        let why = failure(&run(url, &["serve", "--demo", "--listen", "127.0.0.1:0"]));
        assert!(why.contains("interrupted") && why.contains("delete the database"), "{why}");
        for name in ["Acme", "Beta"] {
            json(url, &[&["workspace", "create", "--name", name][..], &create].concat());
        }
        Running::start(url, &["--demo"]).terminate();
    }
}
