//! The samples of the reference run as they are shown: each operation as a `curl` command with the examples of the
//! document, sent to a fresh demo.

use std::process::Command;

use serde_json::Value;
use tests::{Kind, PrivateDatabase};

use super::{document, operations, run};
use crate::running::Running;

/// The commands of one operation, as pages render them: what must be sent, with its example, and each body shown.
fn commands(url: &str, token: &str, path: &str, method: &str, operation: &Value) -> Vec<(bool, String)> {
    let mut target = format!("{url}/api/v1{path}");
    let mut query = Vec::new();
    let mut headers = vec![format!("Authorization: Bearer {token}")];
    for parameter in operation["parameters"].as_array().unwrap() {
        let example = match &parameter["example"] {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            list => list.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect::<Vec<_>>().join(","),
        };
        let name = parameter["name"].as_str().unwrap();
        match parameter["in"].as_str().unwrap() {
            "path" => target = target.replace(&format!("{{{name}}}"), &example),
            "query" => query.push(format!("{name}={example}")),
            _ => headers.push(format!("{name}: {example}")),
        }
    }
    if !query.is_empty() {
        target = format!("{target}?{}", query.join("&"));
    }
    let examples = operation["requestBody"]["content"]["application/json"]["examples"].as_object();
    let bodies: Vec<Option<&Value>> = match examples {
        Some(examples) => examples.values().map(|example| Some(&example["value"])).collect(),
        None => vec![None],
    };
    let one = |(i, body): (usize, Option<&Value>)| {
        let mut command = format!("curl -sS --request {} '{target}'", method.to_uppercase());
        for header in &headers {
            // Another body is another request, which takes a key of its own.
            let again = if header.starts_with("Idempotency-Key") && i > 0 { format!("-{i}") } else { String::new() };
            command += &format!(" --header '{header}{again}'");
        }
        if let Some(body) = body {
            command += &format!(
                " --header 'Content-Type: application/json' --data '{}'",
                body.to_string().replace('\'', "'\\''")
            );
        }
        // What names a record of the story finds it only where the story was lived through.
        let names_a_record = path.contains('{') || body.is_some_and(|body| body.to_string().contains("019eb5d4-"));
        (names_a_record, command + " --output /dev/null --write-out '%{http_code}'")
    };
    bodies.into_iter().enumerate().map(one).collect()
}

/// 2xx, or where a sample names a record of the example, the refusal that the operation documents.
#[tokio::test]
async fn every_sample_runs_as_shown() {
    let database = PrivateDatabase::empty(Kind::Sqlite).await;
    let mut server = Running::start(&database.url, &["--demo", "--rate-limit-scale", "1000"]);
    let shown = server.read_until("Try:");
    let token = shown.lines().find_map(|line| line.trim().strip_prefix("agency, Owner (write)")).unwrap().trim();
    let url = format!("http://{}", server.address);
    let mut succeeded = 0;
    for (path, method, operation) in operations(&document()) {
        for (names_a_record, command) in commands(&url, token, &path, &method, &operation) {
            let status = run(Command::new("bash").args(["-c", &command]));
            if status.starts_with('2') {
                succeeded += 1;
                continue;
            }
            // A fresh demo has no timer that could be stopped.
            assert!(names_a_record || status == "409", "{status}: {command}");
            assert!(
                matches!(&*status, "404" | "409" | "422") && operation["responses"].get(&status).is_some(),
                "{status}: {command}"
            );
        }
    }
    assert!(succeeded >= 20, "{succeeded}");
}
