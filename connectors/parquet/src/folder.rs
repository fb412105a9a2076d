//! Files in a folder of this machine: each written whole beside its place and moved there, under one lock.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::StoreError;
use crate::hour::{FILE, Hour, TABLE};
use crate::owner::{OWNER, Owner};

/// Held while a file is read and written again. Its name begins with `_`, which readers of data sets skip.
const LOCK: &str = "_lock";
/// Where a file is written before it is moved into place: one name, so that a killed writer leaves at most one.
const TEMPORARY: &str = "_tmp";
/// How long to wait for another process to let go of the lock.
const PATIENCE: Duration = Duration::from_secs(10);

/// A root folder. It is made when it is claimed and never again: one that has vanished meanwhile (a volume that is not
/// mounted) is waited for, because what lies there is not to be lost sight of.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    owner: Owner,
}

/// The right to write. Ends with the process, too, however that ends.
struct Lock(File);

impl Lock {
    /// Whether others who want the lock still meet this one: not so once the file at its path is another.
    fn is_at(&self, path: &Path) -> io::Result<bool> {
        let (ours, there) = (self.0.metadata()?, fs::metadata(path)?);
        Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino()))
    }
}

impl Folder {
    pub(crate) fn new(root: PathBuf, owner: Owner) -> Self {
        Self { root, owner }
    }

    pub(crate) fn describe(&self, path: &str) -> String {
        self.root.join(path).display().to_string()
    }

    pub(crate) fn read(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        match fs::read(self.root.join(path)) {
            Ok(content) => Ok(Some(content.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read", path, &error)),
        }
    }

    /// Puts what `decide` makes of the present content in its place, or leaves it. Nobody else writes meanwhile.
    /// Returns the bytes written.
    pub(crate) fn update(
        &self,
        path: &str,
        decide: &dyn Fn(Option<Bytes>) -> Result<Option<Vec<u8>>, StoreError>,
    ) -> Result<Option<u64>, StoreError> {
        self.check_owner()?;
        let lock = self.lock(PATIENCE)?;
        // The folder may have been another while we waited.
        self.check_owner()?;
        let Some(content) = decide(self.read(path)?)? else {
            return Ok(None);
        };
        self.replace(path, &content, &lock)
            .map_err(|error| self.failed("write", path, &error))?;
        Ok(Some(content.len() as u64))
    }

    /// Makes the folder when it is missing, and the job its owner unless it is another's.
    pub(crate) fn claim(&self) -> Result<(), StoreError> {
        create_folders(&self.root)
            .and_then(|grown| grown.iter().try_for_each(|parent| sync_folder(parent)))
            .map_err(|error| self.failed("make", "", &error))?;
        let lock = self.lock(PATIENCE)?;
        match self.owner.claim(&self.describe(OWNER), self.read(OWNER)?)? {
            None => Ok(()),
            Some(note) => self
                .replace(OWNER, &note, &lock)
                .map_err(|error| self.failed("write", OWNER, &error)),
        }
    }

    fn check_owner(&self) -> Result<(), StoreError> {
        let path = self.describe(OWNER);
        match self.read(OWNER)? {
            Some(note) => self.owner.check(&path, &note),
            None => Err(StoreError::Unavailable {
                path,
                action: "find",
                reason: "the folder is not the one that was opened: not mounted, or emptied".into(),
            }),
        }
    }

    /// Removes what a killed writer left.
    pub(crate) fn clean(&self) -> Result<(), StoreError> {
        let _lock = self.lock(PATIENCE)?;
        match fs::remove_file(self.root.join(TEMPORARY)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(self.failed("remove", TEMPORARY, &error))
            }
            _ => Ok(()),
        }
    }

    /// The hours that have a file, in order.
    pub(crate) fn hours(&self) -> Result<Vec<Hour>, StoreError> {
        let mut hours = Vec::new();
        for date in self.names(TABLE)? {
            let date = format!("{TABLE}/{date}");
            for hour in self.names(&date)? {
                let path = format!("{date}/{hour}/{FILE}");
                if let Some(hour) = Hour::from_path(&path)
                    && self.root.join(&path).is_file()
                {
                    hours.push(hour);
                }
            }
        }
        hours.sort_unstable();
        Ok(hours)
    }

    fn names(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let list = || -> io::Result<Vec<String>> {
            fs::read_dir(self.root.join(folder))?
                .filter_map(|entry| {
                    entry
                        .map(|entry| entry.file_name().into_string().ok())
                        .transpose()
                })
                .collect()
        };
        match list() {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Ok(Vec::new())
            }
            Err(error) => Err(self.failed("list", folder, &error)),
            Ok(names) => Ok(names),
        }
    }

    fn lock(&self, patience: Duration) -> Result<Lock, StoreError> {
        let path = self.root.join(LOCK);
        let open = || {
            let mut options = OpenOptions::new();
            options.create(true).truncate(false).read(true).write(true);
            options
                .open(&path)
                .map_err(|error| self.failed("write", LOCK, &error))
        };
        let mut file = open()?;
        let deadline = Instant::now() + patience;
        let mut lock = loop {
            match file.try_lock() {
                Ok(()) => {
                    let lock = Lock(file);
                    if lock.is_at(&path).unwrap_or(false) {
                        break lock;
                    }
                    // It was taken away while we waited: others meet at the one that is there now.
                    file = open()?;
                }
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(5))
                }
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    // Only for the message; an unreadable note is no fault.
                    let _ = file.read_to_string(&mut holder);
                    return Err(StoreError::Locked {
                        path: self.describe(LOCK),
                        holder: holder.trim().to_owned(),
                    });
                }
                Err(TryLockError::Error(error)) => return Err(self.failed("lock", LOCK, &error)),
            }
        };
        // A note for whoever has to wait. On a full disk it cannot be written, and that is no fault either.
        let note = &mut lock.0;
        let _ = note
            .set_len(0)
            .and_then(|()| note.rewind())
            .and_then(|()| writeln!(note, "pid {}", std::process::id()));
        Ok(lock)
    }

    /// After this the content is on the disk, under its name; before, the old content is.
    fn replace(&self, path: &str, content: &[u8], lock: &Lock) -> io::Result<()> {
        let place = self.root.join(path);
        let folder = place.parent().unwrap_or(&self.root);
        let temporary = self.root.join(TEMPORARY);
        // The temporary file comes first: where the root has vanished it fails, and nothing is made anew.
        let written = write_through(&temporary, content).and_then(|()| {
            let grown = create_folders(folder)?;
            // A process that was frozen may find that another has written meanwhile under a lock of its own.
            if !lock.is_at(&self.root.join(LOCK))? {
                return Err(io::Error::other(format!("{LOCK} was replaced meanwhile")));
            }
            fs::rename(&temporary, &place)?;
            Ok(grown)
        });
        if written.is_err() {
            // On a full disk the space is worth having back; the error to report is the first one.
            let _ = fs::remove_file(&temporary);
        }
        let grown = written?;
        // New folders last: with a journal the first of these has written the others as well.
        sync_folder(folder)?;
        grown.iter().try_for_each(|parent| sync_folder(parent))
    }

    fn failed(&self, action: &'static str, path: &str, error: &io::Error) -> StoreError {
        StoreError::Unavailable {
            path: self.describe(path),
            action,
            reason: error.to_string(),
        }
    }
}

fn write_through(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Creates a folder and those above it; returns the folders in which something was created, for [`sync_folder`].
fn create_folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let missing: Vec<_> = folder
        .ancestors()
        .take_while(|ancestor| !ancestor.is_dir())
        .collect();
    fs::create_dir_all(folder)?;
    Ok(missing
        .into_iter()
        .filter_map(|created| created.parent().map(Path::to_owned))
        .collect())
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_whose_lock_was_taken_away_does_not_write_over_its_successors_work() {
        let root = tempfile::tempdir().unwrap();
        let owner = Owner::new("root", "job").unwrap();
        let folder = Folder::new(root.path().to_owned(), owner);
        folder.claim().unwrap();
        let place = root.path().join("place");
        let frozen = folder.update("place", &|_| {
            // What happens while a process is frozen: somebody deletes its lock, and another writes.
            fs::remove_file(root.path().join(LOCK)).unwrap();
            folder.update("place", &|_| Ok(Some(b"new".to_vec()))).unwrap();
            Ok(Some(b"old".to_vec()))
        });
        let error = frozen.unwrap_err().to_string();
        assert!(error.contains("_lock was replaced"), "{error}");
        assert_eq!(fs::read(place).unwrap(), b"new");
    }
}
