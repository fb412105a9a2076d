//! Walks over the batches of a segment file: header by header for readers, whole and checked after a crash.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::batch::{BatchHeader, HEADER_BYTES};

const CHUNK: usize = 32 << 10;
const CHECK_CHUNK: usize = 1 << 20;

/// Reads through a window that moves forward over a file.
struct Window<'a> {
    file: &'a File,
    limit: u64,
    bytes: Vec<u8>,
    from: u64,
    chunk: usize,
}

impl Window<'_> {
    /// `len` bytes at the position; fewer when the file's covered part ends before.
    fn at(&mut self, position: u64, len: usize) -> io::Result<&[u8]> {
        let left = usize::try_from(self.limit.saturating_sub(position)).unwrap_or(usize::MAX);
        let len = len.min(left);
        let inside = position >= self.from && position + len as u64 <= self.from + self.bytes.len() as u64;
        if !inside {
            self.bytes.resize(self.chunk.max(len).min(left), 0);
            self.file.read_exact_at(&mut self.bytes, position)?;
            self.from = position;
        }
        let start = (position - self.from) as usize;
        Ok(&self.bytes[start..start + len])
    }
}

/// The headers of the batches from a position on.
pub(crate) struct Headers<'a> {
    window: Window<'a>,
    next: u64,
}

impl<'a> Headers<'a> {
    /// `from` is a batch boundary, `limit` the end of the last whole batch.
    pub(crate) fn new(file: &'a File, from: u64, limit: u64) -> Self {
        let chunk = CHUNK;
        Self {
            window: Window {
                file,
                limit,
                bytes: Vec::new(),
                from: 0,
                chunk,
            },
            next: from,
        }
    }

    /// Goes on from another batch boundary.
    pub(crate) fn skip_to(&mut self, boundary: u64) {
        self.next = boundary;
    }

    /// The next header and its position.
    pub(crate) fn next(&mut self) -> io::Result<Option<(u64, BatchHeader)>> {
        let position = self.next;
        let Some(header) = BatchHeader::parse(self.window.at(position, HEADER_BYTES)?) else {
            return Ok(None);
        };
        self.next = position + header.size as u64;
        Ok(Some((position, header)))
    }
}

/// Visits every whole, unbroken batch from a position on; stops at the first that is torn, broken or does not
/// continue the offsets.
pub(crate) fn check(
    file: &File,
    from: u64,
    mut expected_offset: i64,
    mut each: impl FnMut(&BatchHeader, &[u8]),
) -> io::Result<()> {
    let limit = file.metadata()?.len();
    let mut window = Window {
        file,
        limit,
        bytes: Vec::new(),
        from: 0,
        chunk: CHECK_CHUNK,
    };
    let mut position = from;
    loop {
        let Some(header) = BatchHeader::parse(window.at(position, HEADER_BYTES)?) else {
            return Ok(());
        };
        if header.base_offset != expected_offset || header.size as u64 > limit - position {
            return Ok(());
        }
        let batch = window.at(position, header.size)?;
        if !header.checksum_holds(batch) {
            return Ok(());
        }
        each(&header, batch);
        position += header.size as u64;
        expected_offset = header.last_offset() + 1;
    }
}
