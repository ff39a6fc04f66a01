//! What is packed with the program fits it: settings and commands exist, files are well-formed, samples work.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::Folder;
use crate::running::command;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("packaging").join(name)
}

pub(super) fn read(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap_or_else(|e| panic!("packaging/{name}: {e}"))
}

fn yaml(name: &str) -> Vec<Value> {
    let parts = read(name);
    let parts = parts.split("\n---\n");
    parts.map(|part| serde_yaml::from_str(part).unwrap_or_else(|e| panic!("packaging/{name}: {e}"))).collect()
}

/// Every setting that a text names.
fn settings_in(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_uppercase() || c == '_'));
    words.filter(|word| word.starts_with("HOURSMITH_")).map(str::to_owned).collect()
}

#[test]
fn every_setting_in_the_packages_exists() {
    let output = command("sqlite://unused.db", &["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let all = [
        "hoursmith.env",
        "compose.yaml",
        "kubernetes.yaml",
        "Containerfile",
        "image",
        "nginx.conf",
        "Caddyfile",
        "pgbouncer.ini",
    ];
    for name in all {
        let named = settings_in(&read(name));
        assert!(!named.is_empty(), "{name}");
        for setting in named {
            assert!(help.contains(&setting), "packaging/{name} names {setting}, which `serve --help` does not know");
        }
    }
}

#[test]
fn the_manifests_are_whole() {
    let compose = &yaml("compose.yaml")[0];
    for service in ["hoursmith", "postgres", "pgbouncer", "redis"] {
        assert!(compose["services"][service]["image"].is_string(), "{service}");
    }
    assert_eq!(compose["services"]["hoursmith"]["healthcheck"]["test"][2], "health");
    let kubernetes = yaml("kubernetes.yaml");
    let container = &kubernetes[0]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(
        (&container["readinessProbe"]["httpGet"]["path"], &container["args"][0]),
        (&"/readyz".into(), &"serve".into())
    );
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    let alerts = &yaml("alerts.yaml")[0]["groups"][0]["rules"];
    for rule in alerts.as_array().unwrap() {
        let action = &rule["annotations"]["action"];
        assert!(rule["alert"].is_string() && rule["expr"].is_string() && action.is_string(), "{rule}");
    }
    let dashboard: Value = serde_json::from_str(&read("grafana.json")).unwrap();
    assert!(dashboard["panels"].as_array().unwrap().len() > 10);
}

/// What the Debian package takes is there, or is made by `make dist` beforehand.
#[test]
fn the_debian_package_takes_what_exists() {
    let manifest = std::fs::read_to_string(file("../api/Cargo.toml")).unwrap();
    let assets = manifest.split("assets = [\n").nth(1).unwrap().split("\n]").next().unwrap();
    let script = read("dist");
    for asset in assets.lines() {
        let path = asset.split('"').nth(1).unwrap();
        let name = path.rsplit('/').next().unwrap();
        let is_made = path.starts_with("target/release") || path.starts_with("../target/dist/stage");
        let made = is_made && (script.contains(name) || script.contains("completions/hoursmith.$shell"));
        assert!(made || file("..").join("api").join(path).exists(), "{path}");
    }
}

/// The unit names a command that exists, and systemd accepts it.
#[test]
fn the_unit_is_accepted() {
    let unit = read("hoursmith.service");
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/hoursmith ")).unwrap();
    assert!(command("sqlite://unused.db", &[start, "--help"]).output().unwrap().status.success());
    for line in unit.lines().filter(|line| !line.starts_with(['#', '[']) && !line.is_empty()) {
        assert!(line.contains('='), "{line}");
    }
    let folder = Folder::new();
    let program = folder.path("hoursmith");
    std::os::unix::fs::symlink(tests::program("debug"), &program).unwrap();
    let adapted = folder.path("hoursmith.service");
    std::fs::write(&adapted, unit.replace("/usr/bin/hoursmith", program.to_str().unwrap())).unwrap();
    let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&adapted).output();
    let output = output.expect("systemd is installed: run `make test`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The image is well-formed, and a program starts in its root file system as its user. `packaging/try` starts the real one.
#[test]
fn an_image_is_made_without_a_container_engine() {
    let folder = Folder::new();
    let (image, root) = (folder.path("image"), folder.path("root"));
    // Any program will do, and a small one is packed sooner.
    let made = Command::new(file("image")).arg("/bin/echo").arg(&image).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let json = |path: &Path| serde_json::from_slice::<Value>(&std::fs::read(path).unwrap()).unwrap();
    let blob = |described: &Value| image.join("blobs").join(described["digest"].as_str().unwrap().replace(':', "/"));
    assert_eq!(json(&image.join("oci-layout"))["imageLayoutVersion"], "1.0.0");
    let manifest = json(&blob(&json(&image.join("index.json"))["manifests"][0]));
    let config = json(&blob(&manifest["config"]));
    assert_eq!((&config["config"]["User"], &config["config"]["Cmd"][0]), (&"65532:65532".into(), &"serve".into()));
    std::fs::create_dir_all(&root).unwrap();
    let layer = blob(&manifest["layers"][0]);
    let unpacked = Command::new("tar").arg("-xzpf").arg(layer).arg("-C").arg(&root).output().unwrap();
    // Only root may own files for others and change the root of a process.
    let is_root = std::fs::read_to_string("/proc/self/status").unwrap().contains("Uid:\t0\t0");
    if !is_root {
        eprintln!("skipped: only root can start the program of an image");
        return;
    }
    assert!(unpacked.status.success(), "{}", String::from_utf8_lossy(&unpacked.stderr));
    let started = Command::new("chroot")
        .arg("--userspec=65532:65532")
        .arg(&root)
        .args(["/usr/local/bin/hoursmith", "it runs"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&started.stdout), "it runs\n", "{}", String::from_utf8_lossy(&started.stderr));
}
