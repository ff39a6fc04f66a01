//! The pages of the demo: accessibility, judged by axe-core in a real browser, and what they cost.

use std::path::Path;
use std::process::Command;

use tests::{Kind, PrivateDatabase};

use crate::running::{Running, json};

/// The Owner of the demo's largest workspace.
const OWNER: &str = "ada@hazelfinch.example";

/// Every page of ours, on a wide and on a narrow screen, light and dark, errors included: nothing serious is found.
#[tokio::test]
async fn no_page_has_a_serious_finding_of_axe() {
    let database = PrivateDatabase::empty(Kind::Sqlite).await;
    let mut server = Running::start(&database.url, &["--demo", "--rate-limit-scale", "10000", "--log", "warn"]);
    let shown = server.read_until("api-docs");
    let owner = shown.lines().find(|line| line.contains("agency, Owner (write)")).unwrap();
    let token = owner.split_whitespace().last().unwrap();
    let base = format!("http://{}", server.address);
    let workspaces = json(&database.url, &["workspace", "list"]);
    let agency = workspaces.as_array().unwrap().iter().find(|workspace| workspace["plan"] == "agency").unwrap();
    let id = agency["id"].as_str().unwrap();
    let link = || {
        let arguments = ["login-link", "--workspace", id, "--member", OWNER, "--public-url", &base];
        json(&database.url, &arguments)["url"].as_str().unwrap().to_owned()
    };
    let tools = std::env::var("HOURSMITH_TEST_NODE").expect("tests need their tools: run `make test`");
    let output =
        Command::new("node").arg(Path::new(&tools).join("axe.mjs")).args([&base, token, &link()]).output().unwrap();
    let reported = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{reported}");
    assert!(reported.matches("ok  ").count() >= 200, "{reported}");
    pages_are_cheap(&base, &link(), server.pid()).await;
}

/// Requests to each page whose processor time is measured.
const REQUESTS: u32 = 100;

/// Each settings page costs less than 5 ms of processor time, with a program that is not even optimized.
async fn pages_are_cheap(base: &str, link: &str, server: u32) {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let form = client.post(format!("{base}/settings/sign-in/link")).header("origin", base);
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let signed_in = form.body(format!("code={}", link.split("code=").nth(1).unwrap())).send().await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let get = async |path: &str| {
        let answer = client.get(format!("{base}{path}")).header("cookie", &cookie).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        answer.text().await.unwrap()
    };
    let record = async |list: &str| {
        let shown = get(list).await;
        let begins = format!("{list}/0");
        let found = shown.split("href=\"").find(|link| link.starts_with(&begins));
        found.and_then(|link| link.split('"').next()).unwrap_or_else(|| panic!("{list} has no record")).to_owned()
    };
    let (invoice, endpoint) = (record("/settings/invoices").await, record("/settings/webhooks").await);
    for path in [
        "/settings",
        "/settings/api",
        "/settings/members",
        "/settings/workspace",
        "/settings/invoices",
        &invoice,
        "/settings/webhooks",
        &endpoint,
        "/settings/webhooks/deliveries",
        "/settings/sessions",
    ] {
        let before = processor_ticks(server);
        for _ in 0..REQUESTS {
            get(path).await;
        }
        // A tick is 10 ms.
        let millis = f64::from(processor_ticks(server) - before) * 10.0 / f64::from(REQUESTS);
        assert!(millis < 5.0, "{path} costs {millis} ms");
    }
}

/// The processor time of a process so far, in ticks of the system.
fn processor_ticks(process: u32) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    [fields[11], fields[12]].iter().map(|ticks| ticks.parse::<u32>().unwrap()).sum()
}
