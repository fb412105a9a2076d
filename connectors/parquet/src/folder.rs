//! Files in a folder of this machine: each written whole beside its place and moved there, under one lock.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::StoreError;
use crate::hour::{FILE, Hour, TABLE};

/// Held while a file is read and written again. Its name begins with `_`, which readers of data sets skip.
const LOCK: &str = "_lock";
/// Where a file is written before it is moved into place: one name, so that a killed writer leaves at most one.
const TEMPORARY: &str = "_tmp";
/// How long to wait for another process to let go of the lock.
const PATIENCE: Duration = Duration::from_secs(10);

/// A root folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

/// The right to write. Ends with the process, too, however that ends.
struct Lock(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl Folder {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
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
        let _lock = self.lock(PATIENCE)?;
        let Some(content) = decide(self.read(path)?)? else {
            return Ok(None);
        };
        self.replace(path, &content)
            .map_err(|error| self.failed("write", path, &error))?;
        Ok(Some(content.len() as u64))
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
        let open = || -> io::Result<File> {
            create_folders(&self.root)?
                .iter()
                .try_for_each(|parent| sync_folder(parent))?;
            OpenOptions::new()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(&path)
        };
        let mut file = open().map_err(|error| self.failed("write", LOCK, &error))?;
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => break,
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
        }
        // A note for whoever has to wait. On a full disk it cannot be written, and that is no fault either.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "pid {}", std::process::id()));
        Ok(Lock(file))
    }

    /// After this the content is on the disk, under its name; before, the old content is.
    fn replace(&self, path: &str, content: &[u8]) -> io::Result<()> {
        let place = self.root.join(path);
        let folder = place.parent().unwrap_or(&self.root);
        let grown = create_folders(folder)?;
        let temporary = self.root.join(TEMPORARY);
        let written = write_through(&temporary, content).and_then(|()| fs::rename(&temporary, &place));
        if written.is_err() {
            // On a full disk the space is worth having back; the error to report is the first one.
            let _ = fs::remove_file(&temporary);
        }
        written?;
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
