//! One segment file: raw record batches, one after the other, as they arrived.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};

use super::batch::BatchHeader;
use super::index::{self, CheckpointView, Index};
use crate::locked::locked;
use crate::lost::set_aside;
use crate::producer_state::{Aborted, Producers};

/// Batches up to this size are copied, so that one system call writes them.
const COPY_BELOW: usize = 64 << 10;
/// Bytes of a header that the broker fills in; the checksum does not cover them.
const PATCHED: usize = 16;

/// A segment; only the last one of a log is written to.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Offset of the first record it may hold; the file's name.
    pub(crate) base: i64,
    /// Offset after its last record.
    pub(crate) end: i64,
    /// Bytes of whole batches in it.
    pub(crate) size: u64,
    /// Largest timestamp in it, -1 when there is none.
    pub(crate) max_timestamp: i64,
    pub(crate) index: Index,
    /// Wall clock when its first batch was written, if that is known.
    pub(crate) born_ms: Option<i64>,
    /// Bytes covered by the checkpoint file.
    pub(crate) checkpointed: u64,
    file: Arc<SegmentFile>,
    /// Held open while the segment is written to.
    active: Option<Arc<File>>,
}

/// The file of a segment. All who have it open at a time share one descriptor.
#[derive(Debug)]
pub(crate) struct SegmentFile {
    path: PathBuf,
    opened: Mutex<Weak<File>>,
}

impl SegmentFile {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            opened: Mutex::default(),
        }
    }

    /// The file for reading.
    pub(crate) fn open(&self) -> io::Result<Arc<File>> {
        let mut opened = locked(&self.opened);
        if let Some(file) = opened.upgrade() {
            return Ok(file);
        }
        let file = Arc::new(File::open(&self.path)?);
        *opened = Arc::downgrade(&file);
        Ok(file)
    }
}

impl Segment {
    /// A new, empty segment file.
    pub(crate) fn create(folder: &Path, base: i64) -> io::Result<Self> {
        let mut segment = Self::closed(folder, base);
        let _ = fs::remove_file(segment.index_path());
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(segment.path())?;
        segment.write_to(file);
        Ok(segment)
    }

    fn write_to(&mut self, file: File) {
        let file = Arc::new(file);
        *locked(&self.file.opened) = Arc::downgrade(&file);
        self.active = Some(file);
    }

    /// A segment of which only the name is known.
    pub(crate) fn closed(folder: &Path, base: i64) -> Self {
        Self {
            base,
            end: base,
            size: 0,
            max_timestamp: -1,
            index: Index::default(),
            born_ms: None,
            checkpointed: 0,
            file: Arc::new(SegmentFile::new(folder.join(format!("{base:020}.log")))),
            active: None,
        }
    }

    /// The file for reading.
    pub(crate) fn open(&self) -> io::Result<Arc<File>> {
        self.file.open()
    }

    /// The file, to be opened when it is needed.
    pub(crate) fn file(&self) -> Arc<SegmentFile> {
        Arc::clone(&self.file)
    }

    /// Opens the file for writing and cuts what stands behind the last whole batch.
    pub(crate) fn activate(&mut self) -> io::Result<()> {
        let file = OpenOptions::new().read(true).write(true).open(self.path())?;
        if file.metadata()?.len() != self.size {
            file.set_len(self.size)?;
        }
        self.write_to(file);
        Ok(())
    }

    /// Writes a batch at the end; after an error the segment is as before.
    pub(crate) fn append(&mut self, batch: &[u8], header: &BatchHeader, now_ms: i64) -> io::Result<()> {
        let file = self.active.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let written = write_patched(file, self.size, batch, header.base_offset);
        if let Err(error) = written {
            // What was half written would stand in the way of the next batch after a crash.
            let _ = file.set_len(self.size);
            return Err(error);
        }
        self.note(header);
        self.born_ms.get_or_insert(now_ms);
        Ok(())
    }

    /// Takes a batch that stands in the file into account.
    pub(crate) fn note(&mut self, header: &BatchHeader) {
        self.index.note(header.base_offset, self.size, self.max_timestamp);
        self.size += header.size as u64;
        self.end = header.last_offset() + 1;
        self.max_timestamp = self.max_timestamp.max(header.max_timestamp);
    }

    /// Writes the checkpoint file.
    pub(crate) fn checkpoint(
        &mut self,
        producers: &Producers,
        aborted: &[Aborted],
        fsync: bool,
    ) -> io::Result<()> {
        if let (true, Some(file)) = (fsync, &self.active) {
            file.sync_data()?;
        }
        let (size, end, max_timestamp) = (self.size, self.end, self.max_timestamp);
        let of_this = &aborted[aborted.partition_point(|a| a.last_offset < self.base)..];
        let view = CheckpointView {
            size,
            end,
            max_timestamp,
            producers,
            aborted: of_this,
        };
        index::write(&self.index_path(), &view, &self.index, fsync)?;
        self.checkpointed = size;
        Ok(())
    }

    /// No more is written to it.
    pub(crate) fn close(&mut self) {
        self.active = None;
    }

    /// Deletes the files; a reader that has them open goes on.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let _ = fs::remove_file(self.index_path());
        fs::remove_file(self.path())
    }

    /// Puts the file aside: it holds records that do not continue the log.
    pub(crate) fn set_aside(&self) -> io::Result<()> {
        let _ = fs::remove_file(self.index_path());
        set_aside(self.path()).map(drop)
    }

    pub(crate) fn index_path(&self) -> PathBuf {
        self.path().with_extension("index")
    }

    pub(crate) fn path(&self) -> &Path {
        &self.file.path
    }
}

/// Base offsets of the segment files in a folder, ascending.
pub(crate) fn bases(folder: &Path) -> io::Result<Vec<i64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "log") {
            found.extend(
                path.file_stem()
                    .and_then(|s| s.to_str())
                    .and_then(|s| s.parse::<i64>().ok()),
            );
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn write_patched(file: &File, position: u64, batch: &[u8], base_offset: i64) -> io::Result<()> {
    let mut head = [0; PATCHED];
    head.copy_from_slice(&batch[..PATCHED]);
    head[..8].copy_from_slice(&base_offset.to_be_bytes());
    head[12..].copy_from_slice(&0_i32.to_be_bytes()); // leader epoch: there is one leader only
    if batch.len() <= COPY_BELOW {
        let mut whole = Vec::with_capacity(batch.len());
        whole.extend(head);
        whole.extend(&batch[PATCHED..]);
        return file.write_all_at(&whole, position);
    }
    // The head last: a batch without it has length 0 and is cut at the next start.
    file.write_all_at(&batch[PATCHED..], position + PATCHED as u64)?;
    file.write_all_at(&head, position)
}
