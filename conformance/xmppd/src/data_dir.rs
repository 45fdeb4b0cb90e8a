//! The data folder: made for its owner alone, locked while it is being set up, and files in it that
//! appear whole or not at all.
//!
//! Knows nothing of what the files mean.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Name of the file that is locked while the folder's contents are being set up.
const LOCK: &str = "setup.lock";

/// A data folder.
#[derive(Clone, Debug)]
pub struct DataDir {
    path: PathBuf,
}

impl DataDir {
    /// The folder at `path`; made with mode 0700 when missing, left as it is when there.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn create(path: &Path) -> io::Result<Self> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        // A file of that name is found out here.
        fs::read_dir(path)?;
        Ok(Self { path: path.to_owned() })
    }

    /// The path of `name` inside the folder.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Locks the file `name`, made when missing, for as long as the result is held; `None` when another process holds it.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn try_lock(&self, name: &str) -> io::Result<Option<File>> {
        let file = self.lock_file(name)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn lock_file(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(self.join(name))
    }

    /// Waits until no other process sets this folder up and keeps others out until the guard is dropped.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn lock(&self) -> io::Result<Setup> {
        let file = self.lock_file(LOCK)?;
        file.lock()?;
        Ok(Setup { dir: self.clone(), _lock: file })
    }
}

/// The right to make files in a data folder, one process at a time; given back on drop and by the end of the
/// process.
#[derive(Debug)]
pub struct Setup {
    dir: DataDir,
    _lock: File,
}

impl Setup {
    /// Makes an empty file readable by its owner alone, unless there is a file of that name.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn create_private(&self, name: &str) -> io::Result<()> {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.dir.join(name)) {
            Ok(file) => file.sync_all().and_then(|()| self.sync_names()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes the file `name` with these contents and permissions. It appears whole or, after a
    /// crash, not at all; a file that exists is never replaced.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when there is one, or what the operating system says.
    pub fn publish(&self, name: &str, mode: u32, contents: &[u8]) -> io::Result<()> {
        let unfinished = self.dir.join(&format!("{name}.unfinished"));
        // Left by a crash: the lock says that nobody is writing it.
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&unfinished)?;
        let published = file
            .write_all(contents)
            .and_then(|()| file.sync_all())
            // A link, unlike a renaming, fails when the name is taken.
            .and_then(|()| fs::hard_link(&unfinished, self.dir.join(name)));
        let removed = fs::remove_file(&unfinished);
        published.and(removed)?;
        self.sync_names()
    }

    /// Makes the names of new files survive a power loss.
    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.dir.path)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_folder_is_its_owners_and_an_existing_one_stays_as_it_is() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("deep/er/data");
        DataDir::create(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
        DataDir::create(&path).unwrap();
        assert_eq!(mode(&path), 0o750);
    }

    #[test]
    fn a_file_in_the_folders_place_is_an_error() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("data");
        fs::write(&path, "").unwrap();
        assert_eq!(DataDir::create(&path).unwrap_err().kind(), io::ErrorKind::NotADirectory);
    }

    #[test]
    fn a_published_file_is_never_replaced() {
        let outer = tempfile::tempdir().unwrap();
        let dir = DataDir::create(outer.path()).unwrap();
        let setup = dir.lock().unwrap();
        setup.publish("key", 0o600, b"first").unwrap();
        assert_eq!(mode(&dir.join("key")), 0o600);
        let refused = setup.publish("key", 0o600, b"second").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(dir.join("key")).unwrap(), b"first");
        assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 2, "the key and the lock");
    }

    #[test]
    fn what_a_crash_left_unfinished_is_no_obstacle() {
        let outer = tempfile::tempdir().unwrap();
        let dir = DataDir::create(outer.path()).unwrap();
        fs::write(dir.join("key.unfinished"), "half").unwrap();
        dir.lock().unwrap().publish("key", 0o600, b"whole").unwrap();
        assert_eq!(fs::read(dir.join("key")).unwrap(), b"whole");
    }

    #[test]
    fn the_lock_keeps_others_out_until_it_is_dropped() {
        let outer = tempfile::tempdir().unwrap();
        let dir = DataDir::create(outer.path()).unwrap();
        let held = dir.lock().unwrap();
        assert_eq!(mode(&dir.join(LOCK)), 0o600);
        let second = File::open(dir.join(LOCK)).unwrap();
        assert!(second.try_lock().is_err());
        drop(held);
        second.try_lock().unwrap();
    }

    #[test]
    fn a_lock_that_another_holds_is_told_at_once() {
        let outer = tempfile::tempdir().unwrap();
        let dir = DataDir::create(outer.path()).unwrap();
        let held = dir.try_lock("serve.lock").unwrap().unwrap();
        assert!(dir.try_lock("serve.lock").unwrap().is_none());
        drop(held);
        assert!(dir.try_lock("serve.lock").unwrap().is_some());
    }
}
