//! The sparse index of a segment and its checkpoint file: what a start must know without reading the segment.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::producer_state::{Aborted, Producers};

/// An entry is made after at least that many bytes.
pub(crate) const INTERVAL_BYTES: u64 = 32 << 10;
const MAGIC: &[u8; 4] = b"WIX1";
const ENTRY_BYTES: usize = 20;
const PREFIX_BYTES: usize = 12;

/// A batch boundary inside a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Base offset of the batch that begins here.
    pub(crate) offset: i64,
    pub(crate) position: u32,
    /// Largest timestamp of all batches of the segment before this one.
    pub(crate) max_timestamp_before: i64,
}

/// The sparse index: sorted by offset and by position.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    entries: Vec<Entry>,
}

impl Index {
    /// Notes a batch, if the last entry is far enough behind it.
    pub(crate) fn note(&mut self, offset: i64, position: u64, max_timestamp_before: i64) {
        let due = self
            .entries
            .last()
            .is_none_or(|e| position >= u64::from(e.position) + INTERVAL_BYTES);
        if let (true, Ok(position)) = (due, u32::try_from(position)) {
            self.entries.push(Entry {
                offset,
                position,
                max_timestamp_before,
            });
        }
    }

    /// Position of the last entry at or before the offset.
    pub(crate) fn before_offset(&self, offset: i64) -> u64 {
        self.before(|e| e.offset <= offset)
    }

    /// Position of the last entry at or before the position.
    pub(crate) fn before_position(&self, position: u64) -> u64 {
        self.before(|e| u64::from(e.position) <= position)
    }

    /// Position of the last entry before which every record is older than the timestamp.
    pub(crate) fn before_timestamp(&self, timestamp: i64) -> u64 {
        self.before(|e| e.max_timestamp_before < timestamp)
    }

    fn before(&self, holds: impl Fn(&Entry) -> bool) -> u64 {
        let count = self.entries.partition_point(holds);
        count
            .checked_sub(1)
            .map_or(0, |last| u64::from(self.entries[last].position))
    }
}

/// A segment as it was when its checkpoint was written.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// Bytes of the segment that are covered.
    pub(crate) size: u64,
    /// Offset after the last covered record.
    pub(crate) end: i64,
    pub(crate) max_timestamp: i64,
    /// Producers after the last covered record.
    pub(crate) producers: Producers,
    /// Transactions rolled back by a marker in the covered part.
    pub(crate) aborted: Vec<Aborted>,
    #[serde(skip)]
    pub(crate) index: Index,
}

/// What is written, borrowed; the fields of [`Checkpoint`].
#[derive(Serialize)]
pub(crate) struct CheckpointView<'a> {
    pub(crate) size: u64,
    pub(crate) end: i64,
    pub(crate) max_timestamp: i64,
    pub(crate) producers: &'a Producers,
    pub(crate) aborted: &'a [Aborted],
}

/// Writes the file whole, then puts it in place.
pub(crate) fn write(path: &Path, view: &CheckpointView<'_>, index: &Index, fsync: bool) -> io::Result<()> {
    let head = serde_json::to_vec(view)?;
    let mut bytes = Vec::with_capacity(PREFIX_BYTES + head.len() + index.entries.len() * ENTRY_BYTES);
    bytes.extend(MAGIC);
    bytes.extend([0; 4]);
    bytes.extend((head.len() as u32).to_le_bytes());
    bytes.extend(head);
    for entry in &index.entries {
        bytes.extend(entry.offset.to_le_bytes());
        bytes.extend(entry.position.to_le_bytes());
        bytes.extend(entry.max_timestamp_before.to_le_bytes());
    }
    let crc = crc32c::crc32c(&bytes[8..]);
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    let draft = path.with_extension("index-draft");
    let mut file = File::create(&draft)?;
    file.write_all(&bytes)?;
    if fsync {
        file.sync_data()?;
    }
    // The folder is not synced: a machine that comes back with the old file starts more slowly, that is all.
    fs::rename(draft, path)
}

/// Reads the file; `None` when it is missing, torn or does not fit a segment of that size.
pub(crate) fn read(path: &Path, segment_bytes: u64) -> Option<Checkpoint> {
    let bytes = fs::read(path).ok()?;
    if bytes.get(..4)? != MAGIC || crc32c::crc32c(bytes.get(8..)?).to_le_bytes() != *bytes.get(4..8)? {
        return None;
    }
    let head_bytes = u32::from_le_bytes(*bytes.get(8..PREFIX_BYTES)?.first_chunk()?) as usize;
    let head = bytes.get(PREFIX_BYTES..PREFIX_BYTES.checked_add(head_bytes)?)?;
    let mut checkpoint: Checkpoint = serde_json::from_slice(head).ok()?;
    checkpoint.index.entries = bytes[PREFIX_BYTES + head_bytes..]
        .chunks_exact(ENTRY_BYTES)
        .map(|entry| {
            let (offset, rest) = entry.split_first_chunk().expect("an entry has 20 bytes");
            let (position, rest) = rest.split_first_chunk().expect("an entry has 20 bytes");
            let (timestamp, _) = rest.split_first_chunk().expect("an entry has 20 bytes");
            Entry {
                offset: i64::from_le_bytes(*offset),
                position: u32::from_le_bytes(*position),
                max_timestamp_before: i64::from_le_bytes(*timestamp),
            }
        })
        .collect();
    (checkpoint.size <= segment_bytes).then_some(checkpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Index {
        let mut index = Index::default();
        for n in 0..10 {
            index.note(n * 100, n as u64 * INTERVAL_BYTES, n * 1_000 - 1);
        }
        index
    }

    #[test]
    fn a_lookup_finds_the_last_boundary_that_is_not_beyond() {
        let index = sample();
        assert_eq!(index.before_offset(0), 0);
        assert_eq!(index.before_offset(399), 3 * INTERVAL_BYTES);
        assert_eq!(index.before_position(5 * INTERVAL_BYTES + 1), 5 * INTERVAL_BYTES);
        assert_eq!(index.before_timestamp(4_000), 4 * INTERVAL_BYTES);
    }

    #[test]
    fn a_checkpoint_reads_back_and_a_torn_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.index");
        let producers = Producers::default();
        let view = CheckpointView {
            size: 9,
            end: 5,
            max_timestamp: 7,
            producers: &producers,
            aborted: &[],
        };
        write(&path, &view, &sample(), false).unwrap();
        let read_back = read(&path, 9).unwrap();
        assert_eq!(
            (read_back.size, read_back.end, read_back.index.entries),
            (9, 5, sample().entries)
        );
        assert!(
            read(&path, 8).is_none(),
            "the segment is shorter than its checkpoint says"
        );
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(read(&path, 9).is_none());
    }
}
