//! The log of one partition: segments, producers, transactions that were rolled back.

pub(crate) mod batch;
mod index;
mod read;
mod recovery;
mod scan;
mod segment;
mod timestamps;

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use read::{Isolation, Slice, View};

use self::batch::{BatchHeader, Marker};
use self::segment::Segment;
use crate::fault::{Fault, storage};
use crate::producer_state::{Aborted, Producers, Verdict};
use crate::synced::sync_folder;

/// The last segment's checkpoint is renewed after that many bytes, so that a start scans no more.
const CHECKPOINT_EVERY: u64 = 16 << 20;

/// What a topic's settings say about its logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogSettings {
    pub(crate) segment_bytes: u64,
    /// Age at which a segment is closed, in milliseconds.
    pub(crate) segment_ms: i64,
    /// Negative: for ever.
    pub(crate) retention_ms: i64,
    /// Negative: without limit.
    pub(crate) retention_bytes: i64,
    pub(crate) fsync: bool,
}

/// Where a produced batch stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Appended {
    pub(crate) base_offset: i64,
    pub(crate) duplicate: bool,
}

/// The log of a partition. Its methods block on files.
#[derive(Debug)]
pub(crate) struct Log {
    folder: PathBuf,
    segments: VecDeque<Segment>,
    /// First offset that may be read.
    start: i64,
    producers: Producers,
    /// Ordered by the offset of the marker.
    aborted: Vec<Aborted>,
}

impl Log {
    /// Opens the log in a folder, or makes a new one. `start` is the first offset that may be read, as the
    /// journal knows it.
    pub(crate) fn open(folder: &Path, start: i64, now_ms: i64) -> io::Result<Self> {
        recovery::open(folder, start, now_ms)
    }

    fn active(&mut self) -> &mut Segment {
        self.segments.back_mut().expect("a log always has a segment")
    }

    /// Offset after the last record.
    pub(crate) fn end(&self) -> i64 {
        self.segments.back().map_or(0, |s| s.end)
    }

    /// First offset that may be read.
    pub(crate) fn start(&self) -> i64 {
        self.start
    }

    /// Offset up to which every transaction is decided. The records of an open one may have been deleted.
    pub(crate) fn last_stable(&self) -> i64 {
        let undecided = self.producers.first_open_offset();
        undecided.map_or(self.end(), |offset| offset.max(self.start))
    }

    /// The producers, for descriptions.
    pub(crate) fn producers(&self) -> &Producers {
        &self.producers
    }

    /// Appends a batch that [`batch::check_produced`] has passed.
    pub(crate) fn append(
        &mut self,
        bytes: &[u8],
        header: BatchHeader,
        settings: &LogSettings,
        now_ms: i64,
    ) -> Result<Appended, Fault> {
        if let Verdict::Duplicate(stored) = self.producers.check(&header)? {
            return Ok(Appended {
                base_offset: stored.base_offset,
                duplicate: true,
            });
        }
        let header = self.write(bytes, header, settings, now_ms)?;
        self.producers.appended(&header, now_ms);
        self.checkpoint_if_due(settings);
        Ok(Appended {
            base_offset: header.base_offset,
            duplicate: false,
        })
    }

    /// Ends the transaction of a producer. The caller has looked whether it has one open here: a marker is written
    /// in any case.
    pub(crate) fn end_transaction(
        &mut self,
        marker: Marker,
        producer_id: i64,
        producer_epoch: i16,
        settings: &LogSettings,
        now_ms: i64,
    ) -> Result<(), Fault> {
        let bytes = batch::control_batch(marker, producer_id, producer_epoch, now_ms);
        let header = BatchHeader::parse(&bytes).expect("a control batch has a header");
        let header = self.write(&bytes, header, settings, now_ms)?;
        self.aborted.extend(self.producers.ended(&header, marker, now_ms));
        self.checkpoint_if_due(settings);
        Ok(())
    }

    fn write(
        &mut self,
        bytes: &[u8],
        mut header: BatchHeader,
        settings: &LogSettings,
        now_ms: i64,
    ) -> Result<BatchHeader, Fault> {
        let active = self.active();
        let full = active.size + header.size as u64 > settings.segment_bytes;
        let old = active
            .born_ms
            .is_some_and(|born| now_ms - born > settings.segment_ms);
        if active.size > 0 && (full || old) {
            self.roll(settings.fsync)
                .map_err(|e| storage("closing a segment", &e))?;
        }
        header.base_offset = self.end();
        self.active()
            .append(bytes, &header, now_ms)
            .map_err(|e| storage("writing a record batch", &e))?;
        Ok(header)
    }

    /// Closes the last segment and begins another. The new one begins with a checkpoint of its own: the old one
    /// may be deleted, and the producers must be known nevertheless.
    fn roll(&mut self, fsync: bool) -> io::Result<()> {
        let mut next = Segment::create(&self.folder, self.end())?;
        let (producers, aborted) = (&self.producers, &self.aborted);
        let closing = self.segments.back_mut().expect("a log always has a segment");
        let written = closing
            .checkpoint(producers, aborted, fsync)
            .and_then(|()| next.checkpoint(producers, aborted, fsync));
        if let Err(error) = written {
            let _ = next.remove();
            return Err(error);
        }
        if fsync && let Err(error) = sync_folder(&self.folder) {
            let _ = next.remove();
            return Err(error);
        }
        closing.close();
        self.segments.push_back(next);
        Ok(())
    }

    fn checkpoint_if_due(&mut self, settings: &LogSettings) {
        let active = self.active();
        if active.size - active.checkpointed >= CHECKPOINT_EVERY {
            self.checkpoint(settings.fsync);
        }
    }

    /// Writes what a start must know about the last segment.
    pub(crate) fn checkpoint(&mut self, fsync: bool) {
        let (producers, aborted) = (&self.producers, &self.aborted);
        let active = self.segments.back_mut().expect("a log always has a segment");
        if active.checkpointed == active.size {
            return;
        }
        if let Err(error) = active.checkpoint(producers, aborted, fsync) {
            // Only the next start is slower.
            tracing::warn!(%error, segment = %active.path().display(), "checkpoint not written");
        }
    }

    /// The file that a sync must reach.
    pub(crate) fn active_file(&self) -> io::Result<Arc<File>> {
        self.segments.back().expect("a log always has a segment").open()
    }

    /// Moves the first offset that may be read, and deletes the segments that are no longer needed.
    pub(crate) fn advance_start(&mut self, start: i64, fsync: bool) -> io::Result<()> {
        self.start = self.start.max(start);
        if self.start >= self.end() && self.active().size > 0 {
            self.roll(fsync)?;
        }
        while self.segments.len() > 1 && self.segments[0].end <= self.start {
            self.drop_first()?;
        }
        Ok(())
    }

    /// Deletes what retention allows; returns how many segments.
    pub(crate) fn retain(&mut self, settings: &LogSettings, now_ms: i64) -> io::Result<usize> {
        let mut total: u64 = self.segments.iter().map(|s| s.size).sum();
        let stable = self.last_stable();
        let mut dropped = 0;
        while let Some(first) = self.segments.front() {
            let excess =
                u64::try_from(settings.retention_bytes).is_ok_and(|limit| total - first.size >= limit);
            let aged = settings.retention_ms >= 0 && now_ms - first.max_timestamp > settings.retention_ms;
            let last = self.segments.len() == 1;
            if first.size == 0 || first.end > stable || !(aged || (excess && !last)) {
                break;
            }
            if last {
                self.roll(settings.fsync)?;
            }
            total -= self.segments[0].size;
            self.drop_first()?;
            dropped += 1;
        }
        Ok(dropped)
    }

    fn drop_first(&mut self) -> io::Result<()> {
        self.segments[0].remove()?;
        self.segments.pop_front();
        self.start = self.start.max(self.segments[0].base);
        let gone = self.aborted.partition_point(|a| a.last_offset < self.start);
        self.aborted.drain(..gone);
        Ok(())
    }

    /// Forgets producers that have been silent.
    pub(crate) fn expire_producers(&mut self, before_ms: i64) {
        self.producers.expire(before_ms);
    }

    /// Whether the producer has a transaction open here.
    pub(crate) fn has_open_transaction(&self, producer_id: i64) -> bool {
        self.producers.has_open(producer_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::batch::sample;

    const SETTINGS: LogSettings = LogSettings {
        segment_bytes: 1 << 20,
        segment_ms: i64::MAX,
        retention_ms: 0,
        retention_bytes: -1,
        fsync: false,
    };

    fn append(log: &mut Log, batch: &[u8]) -> Appended {
        let header = BatchHeader::parse(batch).unwrap();
        log.append(batch, header, &SETTINGS, 1_000).unwrap()
    }

    #[test]
    fn an_emptied_log_still_knows_its_producers_after_a_restart() {
        let by_request = |log: &mut Log| log.advance_start(3, false).unwrap();
        let by_age = |log: &mut Log| assert_eq!(log.retain(&SETTINGS, 1_000_000).unwrap(), 1);
        for empty in [by_request as fn(&mut Log), by_age] {
            let folder = tempfile::tempdir().unwrap();
            let batch = sample::records((7, 0), 0, 3);
            let mut log = Log::open(folder.path(), 0, 1_000).unwrap();
            append(&mut log, &batch);
            empty(&mut log);
            assert_eq!((log.start(), log.end()), (3, 3));
            drop(log);
            let mut log = Log::open(folder.path(), 3, 1_000).unwrap();
            let again = append(&mut log, &batch);
            assert_eq!((again.duplicate, again.base_offset), (true, 0));
        }
    }

    #[test]
    fn what_is_stable_never_ends_before_the_log_begins() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path(), 0, 1_000).unwrap();
        append(&mut log, &sample::in_transaction((7, 0), 0, 3));
        log.advance_start(2, false).unwrap();
        assert_eq!(log.last_stable(), 2);
    }

    #[test]
    fn segments_behind_a_gap_are_set_aside_and_not_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path(), 0, 1_000).unwrap();
        for n in 0..3 {
            append(&mut log, &sample::records((7, 0), n, 1));
            log.roll(false).unwrap();
        }
        let [_, lost, behind, _] = segment::bases(folder.path()).unwrap()[..] else {
            panic!("four segments");
        };
        let path = |base| Segment::closed(folder.path(), base).path().to_path_buf();
        std::fs::remove_file(path(lost)).unwrap();
        let bytes = std::fs::read(path(behind)).unwrap();
        drop(log);
        let log = Log::open(folder.path(), 0, 1_000).unwrap();
        assert_eq!(log.end(), 1);
        let aside = path(behind).with_extension("log.lost");
        assert_eq!(std::fs::read(aside).unwrap(), bytes);
    }

    #[test]
    fn aborted_transactions_are_told_for_the_records_that_are_returned() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path(), 0, 1_000).unwrap();
        for n in 0..3 {
            append(&mut log, &sample::in_transaction((7, 0), n, 1));
            log.end_transaction(Marker::Abort, 7, 0, &SETTINGS, 1_000)
                .unwrap();
        }
        let reading = log.prepare(0, Isolation::Committed, 1).unwrap();
        let slice = reading.slice().unwrap().unwrap();
        assert_eq!(slice.end_offset, 1);
        let first: Vec<i64> = log
            .aborted_in(0..slice.end_offset)
            .unwrap()
            .iter()
            .map(|a| a.first_offset)
            .collect();
        assert_eq!(first, [0]);
        let whole = log.prepare(0, Isolation::Committed, 1 << 20).unwrap();
        assert_eq!(whole.slice().unwrap().unwrap().end_offset, 6);
        log.advance_start(2, false).unwrap();
        assert!(log.aborted_in(0..2).is_err(), "its aborts may be forgotten");
    }
}
