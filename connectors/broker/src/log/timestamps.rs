//! Finds the first record at or after a moment.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::Log;
use super::batch::{BatchHeader, HEADER_BYTES};
use super::scan::Headers;

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
    places: Vec<(Arc<File>, u64, u64)>,
}

impl Log {
    /// Prepares the search for the first record with that timestamp or a later one.
    pub(crate) fn search(&self, timestamp: i64) -> io::Result<Search> {
        let places = self
            .segments
            .iter()
            .filter(|s| s.max_timestamp >= timestamp && s.end > self.start)
            .map(|s| Ok((s.open()?, s.index.before_timestamp(timestamp), s.size)))
            .collect::<io::Result<_>>()?;
        Ok(Search {
            timestamp,
            start: self.start,
            places,
        })
    }

    /// The largest timestamp in the log, -1 when there is none.
    pub(crate) fn max_timestamp(&self) -> i64 {
        self.segments.iter().map(|s| s.max_timestamp).max().unwrap_or(-1)
    }
}

impl Search {
    /// Reads the files.
    pub(crate) fn run(&self) -> io::Result<Option<Found>> {
        for (file, from, limit) in &self.places {
            let mut headers = Headers::new(file, *from, *limit);
            while let Some((position, header)) = headers.next()? {
                if header.max_timestamp < self.timestamp || header.last_offset() < self.start {
                    continue;
                }
                let mut batch = vec![0; header.size];
                file.read_exact_at(&mut batch, position)?;
                if let Some(found) = self.within(&header, &batch) {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    fn within(&self, header: &BatchHeader, batch: &[u8]) -> Option<Found> {
        let base_timestamp = i64::from_be_bytes(*batch.get(27..35)?.first_chunk()?);
        if header.is_log_append_time() {
            let offset = header.base_offset.max(self.start);
            return Some(Found {
                offset,
                timestamp: header.max_timestamp,
            });
        }
        let records = &batch[HEADER_BYTES..];
        let outcome = match header.compression() {
            0 => self.record(header, base_timestamp, records),
            1 => self.record(header, base_timestamp, flate2::read::MultiGzDecoder::new(records)),
            2 => unpack_snappy(records).and_then(|r| self.record(header, base_timestamp, r.as_slice())),
            3 => lz4::Decoder::new(records).and_then(|r| self.record(header, base_timestamp, r)),
            _ => {
                zstd::stream::read::Decoder::new(records).and_then(|r| self.record(header, base_timestamp, r))
            }
        };
        outcome.unwrap_or_else(|error| {
            // The producer wrote what cannot be unpacked: its consumers will say so.
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
            let offset = header.base_offset + varint(&mut record)?;
            io::copy(&mut record, &mut io::sink())?;
            if timestamp >= self.timestamp && offset >= self.start {
                return Ok(Some(Found { offset, timestamp }));
            }
        }
        Ok(None)
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
    const LIMIT: usize = 64 << 20;
    let mut out = Vec::new();
    let mut unpack = |block: &[u8]| -> io::Result<()> {
        if out.len() + snap::raw::decompress_len(block)? > LIMIT {
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
