//! Finds the bytes that answer a fetch. The log is locked only while the segment and its index are looked at;
//! the file is read without the lock.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use kafka_protocol::ResponseError;

use super::Log;
use super::scan::Headers;
use crate::fault::{Fault, storage};
use crate::producer_state::Aborted;

/// Which records a reader may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    Uncommitted,
    Committed,
}

/// The bounds of a log at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) start: i64,
    /// Offset after the last record.
    pub(crate) end: i64,
    pub(crate) last_stable: i64,
}

/// A stretch of whole batches in a file.
#[derive(Debug, Clone)]
pub(crate) struct Slice {
    pub(crate) file: Arc<File>,
    pub(crate) position: u64,
    pub(crate) len: usize,
    /// Offset after the last record in it.
    pub(crate) end_offset: i64,
}

/// A read that is prepared under the lock and carried out without it.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) view: View,
    offset: i64,
    max_bytes: u64,
    /// First offset that must not be returned.
    bound: i64,
    source: Option<Source>,
}

#[derive(Debug)]
struct Source {
    file: Arc<File>,
    /// A batch boundary at or before the offset.
    from: u64,
    /// Bytes of whole batches in the segment.
    limit: u64,
    /// Offset after the last record of these.
    end_offset: i64,
    /// A batch boundary up to which all batches from `from` on are wanted.
    wanted: u64,
    /// Whether batches of the segment stand at or behind the bound.
    bounded: bool,
}

impl Log {
    pub(crate) fn view(&self) -> View {
        View {
            start: self.start,
            end: self.end(),
            last_stable: self.last_stable(),
        }
    }

    /// Prepares reading whole batches from an offset on: `max_bytes` of them, but at least one.
    pub(crate) fn prepare(
        &self,
        offset: i64,
        isolation: Isolation,
        max_bytes: usize,
    ) -> Result<Reading, Fault> {
        let view = self.view();
        if offset < view.start || offset > view.end {
            let text = format!("offset {offset} is outside {}..{}", view.start, view.end);
            return Err(Fault::new(ResponseError::OffsetOutOfRange, text));
        }
        let bound = match isolation {
            Isolation::Uncommitted => view.end,
            Isolation::Committed => view.last_stable,
        };
        let mut reading = Reading {
            view,
            offset,
            max_bytes: max_bytes as u64,
            bound,
            source: None,
        };
        if offset >= bound {
            return Ok(reading);
        }
        let nth = self
            .segments
            .partition_point(|s| s.base <= offset)
            .saturating_sub(1);
        let segment = &self.segments[nth];
        let file = segment.open().map_err(|e| storage("opening a segment", &e))?;
        let from = segment.index.before_offset(offset);
        let bounded = segment.end > bound;
        let mut wanted = segment.index.before_position(from + reading.max_bytes);
        if bounded {
            wanted = wanted.min(segment.index.before_offset(bound));
        }
        reading.source = Some(Source {
            file,
            from,
            limit: segment.size,
            end_offset: segment.end,
            wanted,
            bounded,
        });
        Ok(reading)
    }

    /// The transactions with records among these offsets that were rolled back. Asked after the records were
    /// found: if they were deleted in between, so was what is known about their transactions.
    pub(crate) fn aborted_in(&self, offsets: Range<i64>) -> Result<Vec<Aborted>, Fault> {
        if offsets.start < self.start {
            let text = format!("offset {} was deleted", offsets.start);
            return Err(Fault::new(ResponseError::OffsetOutOfRange, text));
        }
        let after = self.aborted.partition_point(|a| a.last_offset < offsets.start);
        let concerned = self.aborted[after..]
            .iter()
            .filter(|a| a.first_offset < offsets.end);
        Ok(concerned.copied().collect())
    }
}

impl Reading {
    /// The bytes to answer with; `None` when there is nothing to be seen yet.
    pub(crate) fn slice(&self) -> io::Result<Option<Slice>> {
        let Some(source) = &self.source else {
            return Ok(None);
        };
        let mut headers = Headers::new(&source.file, source.from, source.limit);
        let mut begin = None;
        let mut end = 0;
        let mut end_offset = source.end_offset;
        while let Some((position, header)) = headers.next()? {
            if header.last_offset() < self.offset {
                continue;
            }
            if header.base_offset >= self.bound {
                end_offset = header.base_offset;
                break;
            }
            let first = *begin.get_or_insert(position);
            let after = position + header.size as u64;
            if end > 0 && after - first > self.max_bytes {
                end_offset = header.base_offset;
                break;
            }
            end = after;
            if !source.bounded && source.limit - first <= self.max_bytes {
                end = end.max(source.limit);
                break;
            }
            if source.wanted > after {
                end = source.wanted;
                headers.skip_to(end);
            }
        }
        Ok(begin.map(|position| Slice {
            file: Arc::clone(&source.file),
            position,
            len: (end - position) as usize,
            end_offset,
        }))
    }
}
