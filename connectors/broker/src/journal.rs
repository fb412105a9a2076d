//! The journal: one file of checked entries, whose sum is the [`Ledger`]. It is compacted while it runs.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::fault::{Fault, storage};
use crate::ledger::{Entry, Ledger};
use crate::locked::locked;

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
    ledger: Ledger,
}

impl Journal {
    /// Reads the journal of a folder, or begins one. A torn last entry is cut.
    pub(crate) fn open(folder: &Path, fsync: bool, compact_above: u64) -> io::Result<Self> {
        let path = folder.join("journal");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut ledger = Ledger::default();
        let mut size = 0;
        while let Some((entry, length)) = parse(&bytes[size..]) {
            ledger.apply(entry);
            size += length;
        }
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
        let inner = Inner {
            file,
            size: size as u64,
            compacted_size: 0,
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
        let mut written = self.file.write_all_at(&bytes, self.size);
        if fsync && written.is_ok() {
            written = self.file.sync_data();
        }
        if let Err(error) = written {
            let _ = self.file.set_len(self.size);
            return Err(error);
        }
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn compact(&mut self, path: &Path) -> io::Result<()> {
        let draft = path.with_extension("draft");
        let mut out = BufWriter::new(
            OpenOptions::new()
                .create(true)
                .truncate(true)
                .read(true)
                .write(true)
                .open(&draft)?,
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
        fs::rename(&draft, path)?;
        tracing::debug!(before = self.size, after = size, "journal compacted");
        self.file = file;
        self.size = size;
        self.compacted_size = size;
        Ok(())
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

/// The first entry and its whole length; `None` when it is torn.
fn parse(bytes: &[u8]) -> Option<(Entry, usize)> {
    let length = u32::from_le_bytes(*bytes.first_chunk()?) as usize;
    let crc = u32::from_le_bytes(*bytes.get(4..PREFIX)?.first_chunk()?);
    let body = bytes.get(PREFIX..PREFIX.checked_add(length)?)?;
    if crc32c::crc32c(body) != crc {
        return None;
    }
    Some((serde_json::from_slice(body).ok()?, PREFIX + length))
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
