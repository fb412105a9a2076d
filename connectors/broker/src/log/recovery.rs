//! Opens a log: segments with a checkpoint are not read; what stands behind the last checkpoint is checked batch
//! by batch, and cut at the first that is not whole.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::Path;

use super::Log;
use super::batch::marker_of;
use super::index;
use super::scan;
use super::segment::{Segment, bases};
use crate::producer_state::{Aborted, Producers};

pub(super) fn open(folder: &Path, start: i64, now_ms: i64) -> io::Result<Log> {
    fs::create_dir_all(folder)?;
    let found = bases(folder)?;
    let mut segments: VecDeque<Segment> = VecDeque::with_capacity(found.len().max(1));
    let mut producers = Producers::default();
    let mut aborted = Vec::new();
    for (nth, base) in found.iter().enumerate() {
        if let Some(before) = segments.back()
            && before.end != *base
        {
            tracing::error!(folder = %folder.display(), base, expected = before.end, "gap in the log: later segments are not part of it");
            for lost in &found[nth..] {
                Segment::closed(folder, *lost).set_aside()?;
            }
            break;
        }
        let mut segment = Segment::closed(folder, *base);
        load(&mut segment, &mut producers, &mut aborted, now_ms)?;
        segments.push_back(segment);
    }
    match segments.back_mut() {
        Some(last) => last.activate()?,
        None => segments.push_back(Segment::create(folder, start)?),
    }
    let first_base = segments.front().map_or(0, |s| s.base);
    let end = segments.back().map_or(0, |s| s.end);
    let start = start.clamp(first_base, end);
    Ok(Log {
        folder: folder.to_path_buf(),
        segments,
        start,
        producers,
        aborted,
    })
}

/// Fills the segment from its checkpoint and from what stands behind it.
fn load(
    segment: &mut Segment,
    producers: &mut Producers,
    aborted: &mut Vec<Aborted>,
    now_ms: i64,
) -> io::Result<()> {
    let file = segment.open()?;
    let bytes = file.metadata()?.len();
    if let Some(checkpoint) = index::read(&segment.index_path(), bytes) {
        segment.size = checkpoint.size;
        segment.checkpointed = checkpoint.size;
        segment.end = checkpoint.end;
        segment.max_timestamp = checkpoint.max_timestamp;
        segment.index = checkpoint.index;
        *producers = checkpoint.producers;
        aborted.extend(checkpoint.aborted);
    } else {
        // One that does not fit now must not seem to fit when the segment has grown again.
        let _ = fs::remove_file(segment.index_path());
    }
    segment.born_ms = (bytes > 0).then_some(now_ms);
    let (from, expected) = (segment.size, segment.end);
    scan::check(&file, from, expected, |header, batch| {
        segment.note(header);
        if !header.is_control() {
            producers.appended(header, now_ms);
        } else if let Some(marker) = marker_of(batch) {
            aborted.extend(producers.ended(header, marker, now_ms));
        }
    })?;
    if segment.size < bytes {
        tracing::warn!(segment = %segment.path().display(), kept = segment.size, cut = bytes - segment.size, "torn tail cut");
    }
    Ok(())
}
