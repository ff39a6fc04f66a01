//! Files that belong to nobody else: how they are made, moved and checked.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;

use super::Failure;

/// The bits of a mode that give the group and others any right.
const OTHERS: u32 = 0o077;

/// From now on every file that this process makes is for its user alone: the database with its companions, backups, keys.
pub(super) fn make_private() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// A path with more at its end.
pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// A new file for its user alone; what was left there by a run that was killed is replaced.
pub(super) fn create(path: &Path) -> Result<File, Failure> {
    remove(path)?;
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
    Ok(file.map_err(|cause| not_written(path, &cause))?)
}

/// Why a file cannot be made: of the folder where it is at fault, since the name of the file may be one of ours.
pub(super) fn not_written(path: &Path, cause: &std::io::Error) -> String {
    let folder = folder_of(path);
    let shown = folder.display();
    match cause.kind() {
        ErrorKind::NotFound if !folder.exists() => format!("the folder {shown} does not exist"),
        ErrorKind::PermissionDenied => {
            format!("this user may not write to the folder {shown}: run the command as the user of the server")
        }
        ErrorKind::StorageFull => format!("the disk of the folder {shown} is full"),
        _ => format!("cannot write {}: {cause}", path.display()),
    }
}

/// The folder of a file.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes a file if it is there.
pub(super) fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => {
            Err(format!("cannot remove {}: {cause}", path.display()).into())
        }
        _ => Ok(()),
    }
}

/// Makes the names in the folder of a file last.
pub(super) fn sync_folder(path: &Path) -> Result<(), Failure> {
    Ok(File::open(folder_of(path))?.sync_all()?)
}

/// The mode of a file, if others than its user have any right to it.
pub(super) fn open_to_others(path: &Path) -> Option<u32> {
    let mode = fs::metadata(path).ok()?.mode() & 0o777;
    (mode & OTHERS != 0).then_some(mode)
}

/// Refuses a secret that others can read, as ssh does.
pub(super) fn refuse_open_secret(path: &Path) -> Result<(), Failure> {
    let Some(mode) = open_to_others(path) else { return Ok(()) };
    let shown = path.display();
    Err(format!(
        "{shown} holds a secret key and has the mode {mode:04o}, so that others can read it: run `chmod 600 {shown}`"
    )
    .into())
}

/// Files that are removed when this is dropped: what a failed command has begun.
pub(super) struct Temporary(pub(super) Vec<PathBuf>);

impl Drop for Temporary {
    fn drop(&mut self) {
        for path in &self.0 {
            // It is gone already where everything went well.
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_is_private_and_replaces_what_was_left() {
        let path = std::env::temp_dir().join(format!("hoursmith-private-{}", std::process::id()));
        fs::write(&path, "left").unwrap();
        drop(create(&path).unwrap());
        assert_eq!((open_to_others(&path), fs::metadata(&path).unwrap().len()), (None, 0));
        assert!(refuse_open_secret(&path).is_ok());
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
        let Err(Failure(why)) = refuse_open_secret(&path) else { panic!("it is open to others") };
        assert!(why.contains("0640") && why.contains("chmod 600"), "{why}");
        drop(Temporary(vec![path.clone()]));
        assert!(!path.exists());
        let Err(Failure(why)) = create(&path.join("below/it")) else { panic!("there is no such folder") };
        assert!(why.contains("does not exist") && !why.contains("below/it"), "{why}");
    }
}
