//! The file of a backup: a tar archive of a manifest and the parts that it lists.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use service::value::Timestamp;
use sha2::{Digest, Sha256};

use crate::cli::Failure;

/// The version of the format that this release writes, and the latest that it reads.
pub(super) const FORMAT: u32 = 1;
/// The name of the manifest, which comes first.
const MANIFEST: &str = "manifest.json";
/// The name of the database within.
pub(super) const DATABASE: &str = "hoursmith.db";
/// The name of its key within.
pub(super) const KEY: &str = "hoursmith.db.key";
/// A manifest or a key is never longer.
const SMALL: u64 = 1024 * 1024;

/// Which database a backup is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum DatabaseKind {
    /// Embedded: the archive holds it.
    Sqlite,
    /// A server: its own program dumps it, and the archive says what belongs to it.
    Postgresql,
}

/// What is in a backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    /// The version of the format.
    pub(super) format: u32,
    pub(super) database: DatabaseKind,
    /// The release that has made it.
    pub(super) release: String,
    pub(super) created_at: Timestamp,
    /// The migrations that the database has.
    pub(super) migrations: Vec<String>,
    /// The number of rows of each table; none of a PostgreSQL, which is dumped at another instant.
    pub(super) counts: BTreeMap<String, i64>,
    /// The fingerprints of the keys that the server used.
    pub(super) key_ids: Vec<String>,
    /// The fingerprints of the keys that open the secrets within, and how many each opens.
    pub(super) sealed_with: BTreeMap<String, i64>,
    /// The other files of the archive, in their order.
    pub(super) parts: Vec<ArchiveFile>,
}

/// A file of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ArchiveFile {
    pub(super) name: String,
    pub(super) bytes: u64,
    /// SHA-256 of its content, in hexadecimal.
    pub(super) sha256: String,
}

impl ArchiveFile {
    /// Describes what is read to its end.
    pub(super) fn describe(name: &str, content: &mut impl Read) -> io::Result<ArchiveFile> {
        let mut digest = Digesting { inner: io::sink(), digest: Sha256::new() };
        let bytes = io::copy(content, &mut digest)?;
        Ok(ArchiveFile { name: name.to_owned(), bytes, sha256: digest.hex() })
    }
}

/// Passes on what is written, and adds it up.
struct Digesting<W> {
    inner: W,
    digest: Sha256,
}

impl<W> Digesting<W> {
    fn hex(self) -> String {
        self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Writes an archive whose parts are read from here, in the manifest's order, and makes it last.
pub(super) fn write(file: File, manifest: &Manifest, contents: Vec<Box<dyn Read + '_>>) -> io::Result<()> {
    let mut archive = tar::Builder::new(file);
    let time = u64::try_from(manifest.created_at.millis() / 1000).unwrap_or_default();
    let mut append = |name: &str, bytes: u64, content: &mut dyn Read| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_mtime(time);
        archive.append_data(&mut header, name, content)
    };
    let text = serde_json::to_vec_pretty(manifest)?;
    append(MANIFEST, text.len() as u64, &mut text.as_slice())?;
    for (part, mut content) in manifest.parts.iter().zip(contents) {
        append(&part.name, part.bytes, &mut content)?;
    }
    archive.into_inner()?.sync_all()
}

/// Reads an archive to its end and compares every part with the manifest. Gives the text of the key, if there is one; the
/// database goes where `into` says.
pub(super) fn read(path: &Path, into: Option<&mut File>) -> Result<(Manifest, Option<String>), Failure> {
    let shown = path.display();
    let broken = |what: &str| Failure(format!("{shown} is no whole backup of Hoursmith: {what}; nothing was changed"));
    let file = File::open(path).map_err(|cause| format!("cannot read {shown}: {cause}"))?;
    let mut archive = tar::Archive::new(BufReader::new(file));
    let mut entries = archive.entries().map_err(|cause| broken(&cause.to_string()))?;
    let mut first = match entries.next() {
        Some(Ok(entry)) if name_of(&entry) == MANIFEST => entry,
        _ => return Err(broken("it does not begin with a manifest")),
    };
    let mut text = String::new();
    first.by_ref().take(SMALL).read_to_string(&mut text).map_err(|cause| broken(&cause.to_string()))?;
    let version: Version = serde_json::from_str(&text).map_err(|cause| broken(&cause.to_string()))?;
    if version.format > FORMAT {
        return Err(Failure(format!(
            "{shown} has the format {} of release {}, and this release reads up to {FORMAT}; restore it with that release, or \
             a later one",
            version.format, version.release
        )));
    }
    let manifest: Manifest = serde_json::from_str(&text).map_err(|cause| broken(&cause.to_string()))?;
    let mut key = None;
    let mut into: Option<&mut dyn Write> = into.map(|file| file as &mut dyn Write);
    for part in &manifest.parts {
        let mut entry = match entries.next() {
            Some(Ok(entry)) if name_of(&entry) == part.name => entry,
            Some(Err(cause)) => return Err(broken(&cause.to_string())),
            _ => return Err(broken(&format!("{} is missing", part.name))),
        };
        let mut small = Vec::new();
        let mut nowhere = io::sink();
        let target: &mut dyn Write = match (part.name.as_str(), &mut into) {
            (KEY, _) if part.bytes <= SMALL => &mut small,
            (DATABASE, Some(file)) => *file,
            _ => &mut nowhere,
        };
        let mut digest = Digesting { inner: target, digest: Sha256::new() };
        let bytes = io::copy(&mut entry, &mut digest).map_err(|cause| broken(&cause.to_string()))?;
        let read = ArchiveFile { name: part.name.clone(), bytes, sha256: digest.hex() };
        if read != *part {
            return Err(broken(&format!("{} differs from its checksum in the manifest", part.name)));
        }
        if part.name == KEY {
            key = Some(String::from_utf8(small).map_err(|_| broken("its key is not text"))?);
        }
    }
    if entries.next().is_some() {
        return Err(broken("there is more in it than its manifest lists"));
    }
    Ok((manifest, key))
}

/// What every version of the manifest says.
#[derive(Deserialize)]
struct Version {
    format: u32,
    #[serde(default)]
    release: String,
}

fn name_of<R: Read>(entry: &tar::Entry<'_, R>) -> String {
    String::from_utf8_lossy(&entry.path_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(path: &Path) -> Manifest {
        let (database, key) = (vec![7_u8; 100_000], "a key");
        let parts = vec![
            ArchiveFile::describe(DATABASE, &mut database.as_slice()).unwrap(),
            ArchiveFile::describe(KEY, &mut key.as_bytes()).unwrap(),
        ];
        let manifest = Manifest {
            format: FORMAT,
            database: DatabaseKind::Sqlite,
            release: "0.1.0".into(),
            created_at: Timestamp::from_millis(1_700_000_000_000),
            migrations: vec!["m0001_tables".into()],
            counts: BTreeMap::from([("client".into(), 3)]),
            key_ids: vec![],
            sealed_with: BTreeMap::new(),
            parts,
        };
        let file = File::create(path).unwrap();
        write(file, &manifest, vec![Box::new(database.as_slice()), Box::new(key.as_bytes())]).unwrap();
        manifest
    }

    fn temporary(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("hoursmith-archive-{name}-{}", std::process::id()))
    }

    #[test]
    fn what_was_written_is_read() {
        let (path, copy) = (temporary("whole"), temporary("copy"));
        let manifest = sample(&path);
        let (read_manifest, key) =
            read(&path, Some(&mut File::create(&copy).unwrap())).unwrap_or_else(|Failure(why)| panic!("{why}"));
        assert_eq!((read_manifest.parts, key.as_deref()), (manifest.parts, Some("a key")));
        assert_eq!(std::fs::read(&copy).unwrap(), vec![7_u8; 100_000]);
        std::fs::remove_file(path).unwrap();
        std::fs::remove_file(copy).unwrap();
    }

    /// Whatever byte is changed and wherever the file ends, it is noticed or of no consequence.
    #[test]
    fn damage_is_noticed() {
        let path = temporary("damaged");
        let manifest = sample(&path);
        let whole = std::fs::read(&path).unwrap();
        for cut in [0, 1, 511, 512, 1_000, 2_000, 50_000, whole.len() - 1_600] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(read(&path, None).is_err(), "cut at {cut}");
        }
        for at in (0..whole.len() - 1_024).step_by(4_001) {
            let mut other = whole.clone();
            other[at] ^= 0x20;
            std::fs::write(&path, &other).unwrap();
            let same = read(&path, None)
                .is_ok_and(|(read, key)| read.parts == manifest.parts && key.as_deref() == Some("a key"));
            let padding = whole[at] == 0;
            assert!(!same || padding, "byte {at}");
        }
        std::fs::remove_file(path).unwrap();
    }
}
