//! Finds the first record at or after a moment.

use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::Log;
use super::batch::{BatchHeader, HEADER_BYTES};
use super::scan::Headers;
use super::segment::SegmentFile;

/// Most bytes that a search unpacks: a small batch may unpack to gigabytes.
const MOST_UNPACKED: u64 = 64 << 20;
/// zstd may ask for as much memory as its window is large: 16 MiB.
const MOST_ZSTD_WINDOW_LOG: u32 = 24;

/// A record found by its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
}

/// A search that is prepared under the log's lock and carried out without it.
#[derive(Debug)]
pub(crate) struct Search {
    timestamp: i64,
    start: i64,
    places: Vec<Place>,
}

/// A segment that may hold the record.
#[derive(Debug)]
struct Place {
    segment: Arc<SegmentFile>,
    from: u64,
    limit: u64,
}

impl Log {
    /// Prepares the search for the first record with that timestamp or a later one.
    pub(crate) fn search(&self, timestamp: i64) -> Search {
        let places = self
            .segments
            .iter()
            .filter(|s| s.max_timestamp >= timestamp && s.end > self.start)
            .map(|s| Place {
                segment: s.file(),
                from: s.index.before_timestamp(timestamp),
                limit: s.size,
            });
        Search {
            timestamp,
            start: self.start,
            places: places.collect(),
        }
    }

    /// The largest timestamp in the log, -1 when there is none.
    pub(crate) fn max_timestamp(&self) -> i64 {
        self.segments.iter().map(|s| s.max_timestamp).max().unwrap_or(-1)
    }
}

impl Search {
    /// Reads the files, one open at a time.
    pub(crate) fn run(&self) -> io::Result<Option<Found>> {
        let mut unpacked = 0;
        for place in &self.places {
            let file = match place.segment.open() {
                // Its records were deleted meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            let mut headers = Headers::new(&file, place.from, place.limit);
            while let Some((position, header)) = headers.next()? {
                if header.max_timestamp < self.timestamp || header.last_offset() < self.start {
                    continue;
                }
                let mut batch = vec![0; header.size];
                file.read_exact_at(&mut batch, position)?;
                if let Some(found) = self.within(&header, &batch, &mut unpacked) {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    fn within(&self, header: &BatchHeader, batch: &[u8], unpacked: &mut u64) -> Option<Found> {
        let base_timestamp = i64::from_be_bytes(*batch.get(27..35)?.first_chunk()?);
        if header.is_log_append_time() {
            let offset = header.base_offset.max(self.start);
            return Some(Found {
                offset,
                timestamp: header.max_timestamp,
            });
        }
        let records = &batch[HEADER_BYTES..];
        let outcome = unpack(header.compression(), records).and_then(|unpacking| {
            let counted = Counted {
                inner: unpacking,
                total: unpacked,
            };
            self.record(header, base_timestamp, counted)
        });
        outcome.unwrap_or_else(|error| {
            // The producer wrote what cannot be unpacked, or hardly: its consumers will say so.
            tracing::debug!(%error, offset = header.base_offset, "records of a batch cannot be read");
            Some(Found {
                offset: header.base_offset.max(self.start),
                timestamp: header.max_timestamp,
            })
        })
    }

    /// Reads records one by one, so that a small batch that unpacks to gigabytes costs no memory.
    fn record(
        &self,
        header: &BatchHeader,
        base_timestamp: i64,
        records: impl Read,
    ) -> io::Result<Option<Found>> {
        let mut records = io::BufReader::new(records);
        for _ in 0..header.records {
            let length = u64::try_from(varint(&mut records)?).map_err(|_| io::ErrorKind::InvalidData)?;
            let mut record = records.by_ref().take(length);
            record.read_exact(&mut [0])?;
            let timestamp = base_timestamp.wrapping_add(varint(&mut record)?);
            let offset = header
                .base_offset
                .checked_add(varint(&mut record)?)
                .filter(|offset| (header.base_offset..=header.last_offset()).contains(offset))
                .ok_or(io::ErrorKind::InvalidData)?;
            if timestamp >= self.timestamp && offset >= self.start {
                return Ok(Some(Found { offset, timestamp }));
            }
            io::copy(&mut record, &mut io::sink())?;
        }
        Ok(None)
    }
}

/// The records of a batch while they are unpacked.
fn unpack(compression: i16, records: &[u8]) -> io::Result<Box<dyn Read + '_>> {
    Ok(match compression {
        0 => Box::new(records),
        1 => Box::new(flate2::read::MultiGzDecoder::new(records)),
        2 => Box::new(io::Cursor::new(unpack_snappy(records)?)),
        3 => Box::new(lz4::Decoder::new(records)?),
        _ => {
            let mut decoder = zstd::stream::read::Decoder::new(records)?;
            decoder.window_log_max(MOST_ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
    })
}

/// Counts what is unpacked, and ends a search that has unpacked too much.
struct Counted<'a, R> {
    inner: R,
    total: &'a mut u64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if *self.total > MOST_UNPACKED {
            return Err(io::Error::other("too much would have to be unpacked"));
        }
        let read = self.inner.read(bytes)?;
        *self.total += read as u64;
        Ok(read)
    }
}

fn varint(bytes: &mut impl Read) -> io::Result<i64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        bytes.read_exact(&mut byte)?;
        value |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// Snappy comes raw or in the framing of the Java library: a header of 16 bytes, then blocks with a length.
fn unpack_snappy(records: &[u8]) -> io::Result<Vec<u8>> {
    // Three bytes of it never say more than 64: a block that claims more is lying.
    let limit = records.len().saturating_mul(32);
    let mut out = Vec::new();
    let mut unpack = |block: &[u8]| -> io::Result<()> {
        if out.len() + snap::raw::decompress_len(block)? > limit {
            return Err(io::ErrorKind::InvalidData.into());
        }
        out.extend(snap::raw::Decoder::new().decompress_vec(block)?);
        Ok(())
    };
    let Some(mut blocks) = records.strip_prefix(b"\x82SNAPPY\0") else {
        unpack(records)?;
        return Ok(out);
    };
    blocks = blocks.get(8..).unwrap_or_default();
    while let Some((length, rest)) = blocks.split_first_chunk() {
        let length = u32::from_be_bytes(*length) as usize;
        let block = rest.get(..length).ok_or(io::ErrorKind::UnexpectedEof)?;
        unpack(block)?;
        blocks = &rest[length..];
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::batch::sample;

    const ZSTD: i16 = 4;

    fn found(records: &[u8], compression: i16, count: i32) -> (Option<Found>, u64) {
        let batch = sample::batch((-1, 0), -1, compression, records, count);
        let header = BatchHeader::parse(&batch).unwrap();
        let search = Search {
            timestamp: 1_000,
            start: 0,
            places: Vec::new(),
        };
        let mut unpacked = 0;
        let found = search.within(&header, &batch, &mut unpacked);
        (found, unpacked)
    }

    const FIRST: Option<Found> = Some(Found {
        offset: 0,
        timestamp: 1_000,
    });

    #[test]
    fn a_small_batch_that_unpacks_to_gigabytes_ends_the_search() {
        // A record of a gigabyte, older than what is looked for.
        let mut bomb = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        let mut head = vec![0x80, 0x80, 0x80, 0x80, 0x08, 0, 1, 0];
        head.resize(1 << 20, 0);
        for _ in 0..200 {
            io::Write::write_all(&mut bomb, &head).unwrap();
            head.fill(0);
        }
        let (found, unpacked) = found(&bomb.finish().unwrap(), ZSTD, 2);
        assert_eq!(found, FIRST);
        assert!(unpacked <= MOST_UNPACKED + (1 << 20), "{unpacked}");
    }

    #[test]
    fn a_record_is_judged_before_it_is_read() {
        let mut head = vec![0x80, 0x80, 0x80, 0x80, 0x08, 0, 0, 0];
        head.resize(100, 0);
        let (found, unpacked) = found(&head, 0, 1);
        assert_eq!((found, unpacked), (FIRST, 100));
    }

    #[test]
    fn an_offset_outside_its_batch_is_not_believed() {
        // The offset delta is the largest number there is.
        let mut record = vec![24, 0, 0];
        record.extend([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
        assert_eq!(found(&record, 0, 1).0, FIRST);
    }
}
