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
    day_with(&live, Command::new(npm("tsx")).arg("day.ts").current_dir(&folder));
}

/// Checks types strictly. The runtimes of the generators do not pass stricter flags themselves.
fn typescript(folder: &Path, files: &[&str]) {
    let process = "declare const process: { env: Record<string, string | undefined> }\n";
    std::fs::write(folder.join("process.d.ts"), process).unwrap();
    let mut command = Command::new(npm("tsc"));
    command.args(["--strict", "--module", "preserve", "--target", "es2022", "--noEmit", "process.d.ts"]);
    run(command.args(["--lib", "es2022,dom,dom.iterable"]).args(files).current_dir(folder));
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

/// A folder with what docs/sdks.md takes for granted: the document, in a package of modules.
fn folder_of_sdks(name: &str) -> PathBuf {
    let folder = tests::database::folder().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(root().join("api/openapi.json"), folder.join("openapi.json")).unwrap();
    std::fs::write(folder.join("package.json"), r#"{"type": "module"}"#).unwrap();
    folder
}

fn page_of_sdks() -> String {
    std::fs::read_to_string(root().join("docs/sdks.md")).unwrap()
}

/// The block of a section of docs/sdks.md in a language.
pub(super) fn sample_of_sdks(section: &str, language: &str) -> String {
    let page = page_of_sdks();
    let (_, below) = page.split_once(&format!("\n## {section}\n")).unwrap();
    let (_, code) = below.split_once(&format!("```{language}\n")).unwrap();
    code.split("```").next().unwrap().to_owned()
}

/// Runs a generator with the arguments that docs/sdks.md shows, in the versions that it shows.
fn generate_as_shown(live: &Live, generator: &str, folder: &Path) {
    let page = page_of_sdks();
    let middle = format!(" {generator} ");
    let command = page.split('`').find(|code| code.starts_with("npx ") && code.contains(&middle)).unwrap();
    let (packages, arguments) = command.split_once(&middle).unwrap();
    let pinned = std::fs::read_to_string(root().join("tests/conformance/generators/package.json")).unwrap();
    let pinned: serde_json::Value = serde_json::from_str(&pinned).unwrap();
    for (name, version) in packages.split(" -p ").skip(1).map(|package| package.rsplit_once('@').unwrap()) {
        assert_eq!(pinned["dependencies"][name], version, "{command}");
    }
    let mut command = Command::new(npm(generator));
    run(command.args(arguments.split(' ')).env("HOURSMITH_URL", live.url()).current_dir(folder));
}

/// Runs a program that takes the server and the token from the environment.
pub(super) fn with_server(live: &Live, program: &mut Command) {
    run(program.env("HOURSMITH_URL", live.url()).env("HOURSMITH_API_TOKEN", &live.token));
}

/// The day and the sample of docs/sdks.md, with a client that was generated into the folder as it is shown.
fn run_typescript(live: &Live, folder: &Path, day: &str, sample: &str) {
    program(day, &folder.join("day.ts"));
    std::fs::write(folder.join("sample.ts"), sample).unwrap();
    typescript(folder, &["day.ts", "sample.ts"]);
    day_with(live, Command::new(npm("tsx")).arg("day.ts").current_dir(folder));
    with_server(live, Command::new(npm("tsx")).arg("sample.ts").current_dir(folder));
}

/// @hey-api/openapi-ts, of the 3.1 document.
#[tokio::test]
async fn hey_api() {
    let live = Live::start(Kind::Sqlite).await;
    let folder = folder_of_sdks("hey-api");
    generate_as_shown(&live, "openapi-ts", &folder);
    run_typescript(&live, &folder, "hey-api.ts", &sample_of_sdks("With @hey-api/openapi-ts", "ts"));
}

/// orval, of the 3.1 document; it needs the server's address when it generates.
#[tokio::test]
async fn orval() {
    let live = Live::start(Kind::Sqlite).await;
    let folder = folder_of_sdks("orval");
    std::fs::write(folder.join("orval.config.mjs"), sample_of_sdks("With orval", "js")).unwrap();
    generate_as_shown(&live, "orval", &folder);
    run_typescript(&live, &folder, "orval.ts", &sample_of_sdks("With orval", "ts"));
}

/// openapi-python-client, of the 3.1 document.
#[tokio::test]
async fn openapi_python_client() {
    let live = Live::start(Kind::Postgres).await;
    let folder = folder_of_sdks("openapi-python-client");
    let shown = sample_of_sdks("With openapi-python-client", "sh");
    let command = shown.lines().find(|line| line.contains(" generate ")).unwrap();
    let (generator, arguments) = command.split_once(' ').unwrap();
    run(Command::new(python(generator)).args(arguments.split(' ')).current_dir(&folder));
    let day = root().join("tests/conformance/generators/openapi_python_client.py");
    // What `pip install ./hoursmith-client` puts on the path of every program.
    let package = folder.join("hoursmith-client");
    day_with(&live, Command::new(python("python")).arg(day).arg(&package));
    let sample = sample_of_sdks("With openapi-python-client", "python");
    with_server(&live, Command::new(python("python")).args(["-c", &sample]).current_dir(&package));
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
