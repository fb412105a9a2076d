//! The journal: one file of checked entries, whose sum is the [`Ledger`]. It is compacted while it runs.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::fault::{Fault, storage};
use crate::ledger::{Entry, Ledger};
use crate::locked::locked;
use crate::synced::sync_folder;

/// Length and checksum before each entry.
const PREFIX: usize = 8;

/// The journal and what it says; all changes go through it.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    fsync: bool,
    compact_above: u64,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    size: u64,
    /// Size after the last compaction.
    compacted_size: u64,
    /// What is in the file is not certain: nothing more is written until the next start has read it.
    uncertain: bool,
    ledger: Ledger,
}

impl Journal {
    /// Reads the journal of a folder, or begins one. A torn tail is cut: a process that died left it there. Anything
    /// else that cannot be read is an error, for what it says would be lost.
    pub(crate) fn open(folder: &Path, fsync: bool, compact_above: u64) -> io::Result<Self> {
        let path = folder.join("journal");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut ledger = Ledger::default();
        let mut size = 0;
        loop {
            match parse(&bytes[size..]) {
                Parsed::Entry(entry, length) => {
                    ledger.apply(entry);
                    size += length;
                }
                Parsed::Unknown(error) => return Err(unreadable(&path, size, &error)),
                Parsed::Torn if goes_on(&bytes[size..]) => {
                    return Err(unreadable(
                        &path,
                        size,
                        "there are whole entries behind a broken one",
                    ));
                }
                Parsed::Torn => break,
            }
        }
        let is_new = bytes.is_empty();
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)?;
        if size < bytes.len() {
            tracing::warn!(
                kept = size,
                cut = bytes.len() - size,
                "torn tail of the journal cut"
            );
            file.set_len(size as u64)?;
        }
        if fsync && is_new {
            sync_folder(folder)?;
        }
        let inner = Inner {
            file,
            size: size as u64,
            compacted_size: 0,
            uncertain: false,
            ledger,
        };
        Ok(Self {
            path,
            fsync,
            compact_above,
            inner: Mutex::new(inner),
        })
    }

    /// Looks at the ledger.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&locked(&self.inner).ledger)
    }

    /// Writes entries, all or none, and applies them.
    pub(crate) fn write(&self, entries: Vec<Entry>) -> Result<(), Fault> {
        self.decide(|_| Ok((entries, ())))
    }

    /// Decides on entries by looking at the ledger, and writes them before anybody else can change it.
    pub(crate) fn decide<T>(
        &self,
        choose: impl FnOnce(&Ledger) -> Result<(Vec<Entry>, T), Fault>,
    ) -> Result<T, Fault> {
        let mut inner = locked(&self.inner);
        let (entries, answer) = choose(&inner.ledger)?;
        inner
            .append(&entries, self.fsync)
            .map_err(|e| storage("writing the journal", &e))?;
        for entry in entries {
            inner.ledger.apply(entry);
        }
        if inner.size > self.compact_above.max(inner.compacted_size.saturating_mul(4))
            && let Err(error) = inner.compact(&self.path)
        {
            // The long journal says the same.
            tracing::warn!(%error, "journal not compacted");
            inner.compacted_size = inner.size;
        }
        Ok(answer)
    }

    /// Bytes of the file.
    #[cfg(test)]
    fn size(&self) -> u64 {
        locked(&self.inner).size
    }
}

impl Inner {
    fn append(&mut self, entries: &[Entry], fsync: bool) -> io::Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(256);
        for entry in entries {
            encode(entry, &mut bytes)?;
        }
        if self.uncertain {
            return Err(io::Error::other(
                "a write failed before: only a restart can tell what is stored",
            ));
        }
        if let Err(error) = self.file.write_all_at(&bytes, self.size) {
            self.uncertain = self.file.set_len(self.size).is_err();
            return Err(error);
        }
        if fsync && let Err(error) = self.file.sync_data() {
            // The system may have dropped what it could not write, and say yes to the next sync.
            self.uncertain = true;
            return Err(error);
        }
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn compact(&mut self, path: &Path) -> io::Result<()> {
        let draft = path.with_extension("draft");
        let compacted = self.write_draft(&draft).and_then(|written| {
            fs::rename(&draft, path)?;
            Ok(written)
        });
        let (file, size) = compacted.inspect_err(|_| drop(fs::remove_file(&draft)))?;
        tracing::debug!(before = self.size, after = size, "journal compacted");
        self.file = file;
        self.size = size;
        self.compacted_size = size;
        // Until the folder is on the disk the machine may come back with the old journal, which says less.
        let folder = path.parent().unwrap_or(Path::new("."));
        sync_folder(folder).inspect_err(|_| self.uncertain = true)
    }

    /// Writes what the ledger says to a file of its own, which is on the disk afterwards.
    fn write_draft(&self, draft: &Path) -> io::Result<(File, u64)> {
        let mut out = BufWriter::new(
            OpenOptions::new()
                .create(true)
                .truncate(true)
                .read(true)
                .write(true)
                .open(draft)?,
        );
        let mut size = 0;
        let mut bytes = Vec::new();
        for entry in self.ledger.entries() {
            bytes.clear();
            encode(&entry, &mut bytes)?;
            out.write_all(&bytes)?;
            size += bytes.len() as u64;
        }
        let file = out.into_inner()?;
        // The old journal is replaced by it: it must be on the disk first, whatever the setting.
        file.sync_data()?;
        Ok((file, size))
    }
}

fn encode(entry: &Entry, bytes: &mut Vec<u8>) -> io::Result<()> {
    let start = bytes.len();
    bytes.extend([0; PREFIX]);
    serde_json::to_writer(&mut *bytes, entry)?;
    let body = &bytes[start + PREFIX..];
    let length = u32::try_from(body.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let crc = crc32c::crc32c(body);
    bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
    bytes[start + 4..start + PREFIX].copy_from_slice(&crc.to_le_bytes());
    Ok(())
}

/// What stands at the beginning of some bytes.
enum Parsed {
    /// An entry and its whole length.
    Entry(Entry, usize),
    /// Written as it stands there, but not by this version.
    Unknown(String),
    /// No whole entry.
    Torn,
}

fn parse(bytes: &[u8]) -> Parsed {
    let Some(body) = whole_body(bytes) else {
        return Parsed::Torn;
    };
    match serde_json::from_slice(body) {
        Ok(entry) => Parsed::Entry(entry, PREFIX + body.len()),
        Err(error) => Parsed::Unknown(error.to_string()),
    }
}

/// The body of the entry that the bytes begin with, if its checksum holds.
fn whole_body(bytes: &[u8]) -> Option<&[u8]> {
    let length = u32::from_le_bytes(*bytes.first_chunk()?) as usize;
    let crc = u32::from_le_bytes(*bytes.get(4..PREFIX)?.first_chunk()?);
    let body = bytes.get(PREFIX..PREFIX.checked_add(length)?)?;
    // Zeros, which a crash may leave behind, would be an empty body whose checksum holds.
    (body.first() == Some(&b'{') && crc32c::crc32c(body) == crc).then_some(body)
}

/// Whether a whole entry stands anywhere behind a broken one.
fn goes_on(bytes: &[u8]) -> bool {
    (1..bytes.len()).any(|at| whole_body(&bytes[at..]).is_some())
}

fn unreadable(path: &Path, at: usize, why: &str) -> io::Error {
    let text = format!(
        "{} cannot be read from byte {at} on: {why}; put it right or start with another folder",
        path.display()
    );
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Committed;

    fn offset(offset: i64) -> Entry {
        let committed = Committed {
            offset,
            leader_epoch: 0,
            metadata: "here".into(),
            at_ms: 1,
        };
        Entry::Offsets {
            group: "g".into(),
            offsets: vec![(("orders".into(), 0), committed)],
        }
    }

    fn committed(journal: &Journal) -> i64 {
        journal.read(|l| l.groups["g"][&("orders".to_owned(), 0)].offset)
    }

    #[test]
    fn a_torn_entry_is_cut_and_those_before_it_hold() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), false, 1 << 20).unwrap();
        journal.write(vec![offset(1)]).unwrap();
        let whole = journal.size();
        journal.write(vec![offset(2)]).unwrap();
        let path = folder.path().join("journal");
        for cut in whole..journal.size() {
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..cut as usize]).unwrap();
            let reopened = Journal::open(folder.path(), false, 1 << 20).unwrap();
            assert_eq!((committed(&reopened), reopened.size()), (1, whole));
            reopened.write(vec![offset(2)]).unwrap();
        }
    }

    fn start_error(folder: &Path) -> String {
        Journal::open(folder, false, 1 << 20).unwrap_err().to_string()
    }

    #[test]
    fn a_broken_entry_with_whole_ones_behind_it_is_an_error_and_nothing_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), false, 1 << 20).unwrap();
        let positions: Vec<u64> = (0..3)
            .map(|n| {
                let begin = journal.size();
                journal.write(vec![offset(n)]).unwrap();
                begin
            })
            .collect();
        let path = folder.path().join("journal");
        let whole = fs::read(&path).unwrap();
        // Its length, its checksum, its body.
        for at in [0, 5, PREFIX + 3] {
            let mut bytes = whole.clone();
            bytes[positions[1] as usize + at] ^= 1;
            fs::write(&path, &bytes).unwrap();
            let error = start_error(folder.path());
            assert!(error.contains(&format!("byte {}", positions[1])), "{error}");
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
    }

    #[test]
    fn an_entry_of_another_version_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let body = br#"{"Novelty":{}}"#;
        let mut bytes = (body.len() as u32).to_le_bytes().to_vec();
        bytes.extend(crc32c::crc32c(body).to_le_bytes());
        bytes.extend(body);
        fs::write(folder.path().join("journal"), &bytes).unwrap();
        assert!(start_error(folder.path()).contains("Novelty"));
    }

    #[test]
    fn zeros_at_the_end_are_a_torn_tail() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), false, 1 << 20).unwrap();
        journal.write(vec![offset(1)]).unwrap();
        let path = folder.path().join("journal");
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend([0; 4096]);
        fs::write(&path, &bytes).unwrap();
        let reopened = Journal::open(folder.path(), false, 1 << 20).unwrap();
        assert_eq!((committed(&reopened), reopened.size()), (1, journal.size()));
    }

    #[test]
    fn a_journal_that_only_repeats_itself_stays_small_and_says_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), false, 10_000).unwrap();
        for n in 0..5_000 {
            journal.write(vec![offset(n)]).unwrap();
        }
        assert!(journal.size() < 20_000, "{}", journal.size());
        let reopened = Journal::open(folder.path(), false, 10_000).unwrap();
        assert_eq!(committed(&reopened), 4_999);
        assert!(journal.read(|a| reopened.read(|b| a == b)));
    }
}
