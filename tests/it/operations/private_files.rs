//! What lies on the disk is for its user alone, and a key is neither lost nor shown.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{Folder, endpoint, exists, keyless, refused, serve, workspace};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).permissions().mode() & 0o777
}

/// The database, its log, its lock and its key, whatever the umask.
#[tokio::test]
async fn every_file_is_private() {
    let folder = Folder::new();
    let token = workspace(&folder.url());
    let server = serve(&folder.url());
    endpoint(&server, &token);
    for ending in ["", "-wal", "-shm", ".lock", ".key"] {
        let path = folder.path(&format!("hours.db{ending}"));
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    let backup = folder.path("b.tar");
    super::printed(&folder.url(), &["backup", "--to", backup.to_str().unwrap()]);
    assert_eq!(mode(&backup), 0o600);
    server.terminate();
}

/// As ssh does: a key that others can read is refused, with the command that mends it.
#[tokio::test]
async fn a_key_that_others_can_read_is_refused() {
    let folder = Folder::new();
    serve(&folder.url()).terminate();
    let key = folder.path("hours.db.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let why = refused(keyless(&folder.url(), &["serve", "--listen", "127.0.0.1:0"]));
    assert!(why.contains("0644") && why.contains("chmod 600"), "{why}");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    serve(&folder.url()).terminate();
}

/// A database with sealed secrets does not get a new key, with which nothing of them could be opened.
#[tokio::test]
async fn a_missing_key_is_named_and_not_replaced() {
    let folder = Folder::new();
    let (url, key, aside) = (folder.url(), folder.path("hours.db.key"), folder.path("key"));
    let token = workspace(&url);
    serve(&url).terminate();
    // Nothing was sealed yet: the key may be made anew.
    std::fs::remove_file(&key).unwrap();
    let server = serve(&url);
    endpoint(&server, &token);
    server.terminate();
    std::fs::rename(&key, &aside).unwrap();
    let why = refused(keyless(&url, &["serve", "--listen", "127.0.0.1:0"]));
    assert!(why.contains("hours.db.key is missing") && why.contains("HOURSMITH_SECRET_KEY"), "{why}");
    assert!(!exists(&key), "no key was made");
    std::fs::rename(&aside, &key).unwrap();
    serve(&url).terminate();
}
