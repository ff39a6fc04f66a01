//! The clients that generators make of our documents, without a change by hand, do a day's work against a real server: a
//! client, a project, a task and a timer are made, a list is read page by page, a refusal is read field by field, and a
//! retry makes nothing twice. `make conformance` takes every language, `make test` the three that most people use.

use std::path::{Path, PathBuf};
use std::process::Command;

use tests::Kind;

use super::clients::day_with;
use super::{Live, root, run, tool};

fn python(program: &str) -> PathBuf {
    tool("HOURSMITH_TEST_GENERATORS").join("python/bin").join(program)
}

fn npm(program: &str) -> PathBuf {
    tool("HOURSMITH_TEST_GENERATORS").join("node/node_modules/.bin").join(program)
}

/// Whether all languages are wanted.
fn whole() -> bool {
    std::env::var("HOURSMITH_CONFORMANCE").is_ok_and(|form| form == "whole")
}

/// A copy of one of the programs that do the day.
fn program(name: &str, to: &Path) {
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::copy(root().join("tests/conformance/generators").join(name), to).unwrap();
}

/// openapi-generator's client for a language, of the 3.0 document.
fn generate(language: &str, properties: &str) -> PathBuf {
    let folder = tests::database::folder().join(format!("oag-{language}"));
    let mut command = Command::new(python("openapi-generator-cli"));
    command.args(["generate", "-g", language, "-i"]).arg(root().join("api/openapi-3.0.json")).arg("-o").arg(&folder);
    run(command.arg(format!("--additional-properties={properties}")));
    folder
}

async fn oag_python() {
    let live = Live::start(Kind::Sqlite).await;
    let client = generate("python", "hideGenerationTimestamp=true");
    let day = root().join("tests/conformance/generators/openapi_generator.py");
    day_with(&live, Command::new(python("python")).arg(day).arg(client));
}

async fn oag_typescript() {
    let live = Live::start(Kind::Postgres).await;
    let folder = tests::database::folder().join("oag-typescript");
    let client = generate("typescript-fetch", "importFileExtension=.js");
    program("openapi-generator.ts", &folder.join("day.ts"));
    std::fs::rename(client, folder.join("client")).unwrap();
    std::fs::write(folder.join("package.json"), r#"{"type": "module"}"#).unwrap();
    typescript(&folder, &["day.ts"]);
    day_with(&live, Command::new("node").arg(folder.join("out/day.js")));
}

/// Compiles strictly, for the Node of today. The runtimes of the generators do not pass stricter flags themselves.
fn typescript(folder: &Path, files: &[&str]) {
    let mut command = Command::new(npm("tsc"));
    command.args(["--strict", "--module", "nodenext", "--target", "es2022"]);
    command.args(["--lib", "es2022,dom,dom.iterable", "--outDir", "out"]).args(files).current_dir(folder);
    run(&mut command);
}

async fn oag_go() {
    let live = Live::start(Kind::Sqlite).await;
    let folder = tests::database::folder().join("oag-go-day");
    // Enums of Go are constants of the package, so they need the name of their type in front.
    let client = generate("go", "enumClassPrefix=true,withGoMod=false");
    program("openapi_generator.go", &folder.join("main.go"));
    std::fs::remove_dir_all(client.join("test")).unwrap();
    std::fs::rename(client, folder.join("client")).unwrap();
    std::fs::write(folder.join("go.mod"), "module hoursmith.test\n\ngo 1.23\n").unwrap();
    let cache = tool("HOURSMITH_TEST_GENERATORS").join("go-cache");
    let mut command = Command::new(python("go"));
    // Nothing is fetched: the client needs the standard library alone.
    run(command.args(["build", "-o", "day", "."]).current_dir(&folder).env("GOCACHE", cache).env("GOPROXY", "off"));
    day_with(&live, &mut Command::new(folder.join("day")));
}

#[tokio::test]
async fn openapi_generator_for_python() {
    oag_python().await;
}

#[tokio::test]
async fn openapi_generator_for_typescript() {
    oag_typescript().await;
}

#[tokio::test]
async fn openapi_generator_for_go() {
    oag_go().await;
}

/// The other languages of openapi-generator take toolchains of hundreds of megabytes, so they are for `make conformance`.
#[tokio::test]
async fn openapi_generator_for_other_languages() {
    if whole() {
        oag_java().await;
        oag_php().await;
        oag_ruby().await;
        oag_rust().await;
    }
}

async fn oag_rust() {
    let live = Live::start(Kind::Postgres).await;
    let (folder, target) =
        (tests::database::folder().join("oag-rust-day"), tool("HOURSMITH_TEST_GENERATORS").join("rust-target"));
    let client = generate("rust", "packageName=client,hideGenerationTimestamp=true,useSingleRequestParameter=true");
    for file in ["Cargo.toml", "Cargo.lock", "src/main.rs"] {
        program(&format!("rust/{file}"), &folder.join(file));
    }
    std::fs::rename(client, folder.join("client")).unwrap();
    let mut command = Command::new("cargo");
    run(command.args(["build", "--quiet", "--locked"]).current_dir(&folder).env("CARGO_TARGET_DIR", &target));
    day_with(&live, &mut Command::new(target.join("debug/day")));
}

async fn oag_java() {
    let live = Live::start(Kind::Postgres).await;
    let client = generate("java", "library=native,openApiNullable=false");
    let (classes, list) = (client.join("classes"), client.join("sources.txt"));
    let mut files: Vec<PathBuf> = java_files(&client.join("src/main/java"));
    files.push(root().join("tests/conformance/generators/Day.java"));
    let files: String = files.iter().map(|file| format!("{}\n", file.display())).collect();
    std::fs::write(&list, files).unwrap();
    // The generator carries the libraries that its clients need, but for the annotations of Java EE.
    let jar =
        run(Command::new(python("python")).args(["-c", "import openapi_generator_cli as g; print(g.__path__[0])"]));
    let path = format!("{}/openapi-generator.jar:/usr/share/java/geronimo-annotation-1.3-spec.jar", jar.trim());
    let mut command = Command::new("javac");
    run(command.args(["-nowarn", "-cp", &path, "-d"]).arg(&classes).arg(format!("@{}", list.display())));
    day_with(&live, Command::new("java").args(["-cp", &format!("{}:{path}", classes.display()), "Day"]));
}

fn java_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(java_files(&path)),
            false => found.push(path),
        }
    }
    found
}

async fn oag_php() {
    let live = Live::start(Kind::Sqlite).await;
    let client = generate("php", "hideGenerationTimestamp=true");
    let day = root().join("tests/conformance/generators/openapi_generator.php");
    day_with(&live, Command::new("php").arg(day).arg(client));
}

async fn oag_ruby() {
    let live = Live::start(Kind::Sqlite).await;
    let client = generate("ruby", "hideGenerationTimestamp=true");
    let day = root().join("tests/conformance/generators/openapi_generator.rb");
    day_with(&live, Command::new("ruby").arg(day).arg(client));
}

/// @hey-api/openapi-ts, of the 3.1 document.
#[tokio::test]
async fn hey_api() {
    let live = Live::start(Kind::Sqlite).await;
    let folder = tests::database::folder().join("hey-api");
    program("hey-api.ts", &folder.join("day.ts"));
    let input = root().join("api/openapi.json");
    let settings =
        format!("export default {{ input: {input:?}, output: {{ path: './client', importFileExtension: '.js' }} }}");
    std::fs::write(folder.join("settings.mjs"), settings).unwrap();
    std::fs::write(folder.join("package.json"), r#"{"type": "module"}"#).unwrap();
    let mut command = Command::new(npm("openapi-ts"));
    run(command.args(["--file", "settings.mjs", "--no-log-file"]).current_dir(&folder));
    // The sample of docs/sdks.md too; modules are named by their files here.
    let sample = sample_of_sdks("ts").replace("'./hoursmith/", "'./client/").replace(".gen'", ".gen.js'");
    let process = "declare const process: { env: Record<string, string | undefined> }\n";
    std::fs::write(folder.join("sample.ts"), process.to_owned() + &sample).unwrap();
    typescript(&folder, &["day.ts", "sample.ts"]);
    day_with(&live, Command::new("node").arg(folder.join("out/day.js")));
    with_server(&live, Command::new("node").arg(folder.join("out/sample.js")));
}

/// The last sample of docs/sdks.md in a language.
fn sample_of_sdks(language: &str) -> String {
    let page = std::fs::read_to_string(root().join("docs/sdks.md")).unwrap();
    let code = page.split(&format!("```{language}\n")).last().unwrap();
    code.split("```").next().unwrap().to_owned()
}

/// Runs a program that takes the server and the token from the environment.
fn with_server(live: &Live, program: &mut Command) {
    run(program.env("HOURSMITH_URL", live.url()).env("HOURSMITH_API_TOKEN", &live.token));
}

/// orval, of the 3.1 document; it needs the server's address when it generates.
#[tokio::test]
async fn orval() {
    let live = Live::start(Kind::Sqlite).await;
    let folder = tests::database::folder().join("orval");
    program("orval.ts", &folder.join("day.ts"));
    let input = root().join("api/openapi.json");
    let base = format!("{}/api/v1", live.url());
    let settings = format!(
        "export default {{ day: {{ input: {input:?}, output: {{ target: './client.ts', client: 'fetch', mode: 'single', \
         baseUrl: {base:?} }} }} }}"
    );
    std::fs::write(folder.join("settings.mjs"), settings).unwrap();
    std::fs::write(folder.join("package.json"), r#"{"type": "module"}"#).unwrap();
    run(Command::new(npm("orval")).args(["--config", "settings.mjs"]).current_dir(&folder));
    typescript(&folder, &["day.ts"]);
    day_with(&live, Command::new("node").arg(folder.join("out/day.js")));
}

/// openapi-python-client, of the 3.1 document.
#[tokio::test]
async fn openapi_python_client() {
    let live = Live::start(Kind::Postgres).await;
    let folder = tests::database::folder().join("openapi-python-client");
    std::fs::create_dir_all(&folder).unwrap();
    let mut command = Command::new(python("openapi-python-client"));
    command.args(["generate", "--meta", "none", "--path"]).arg(root().join("api/openapi.json"));
    run(command.arg("--output-path").arg(folder.join("client")));
    let day = root().join("tests/conformance/generators/openapi_python_client.py");
    day_with(&live, Command::new(python("python")).arg(day).arg(&folder));
    let sample = sample_of_sdks("python").replace("hoursmith_client", "client");
    with_server(&live, Command::new(python("python")).args(["-c", &sample]).current_dir(&folder));
}

/// Redocly's strictest set of recommended rules finds nothing in either document.
#[test]
fn redocly_finds_nothing_in_both_documents() {
    for document in ["openapi.json", "openapi-3.0.json"] {
        let mut command = Command::new(npm("redocly"));
        command.args(["lint", "--extends", "recommended-strict"]).arg(root().join("api").join(document));
        run(command.env("REDOCLY_TELEMETRY", "off").current_dir(tests::database::folder()));
    }
}
