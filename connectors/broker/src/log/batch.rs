//! The header of a record batch (magic 2), what a produced batch must satisfy, and control batches.

use kafka_protocol::ResponseError;

use crate::fault::Fault;

/// Bytes of a batch before its records.
pub(crate) const HEADER_BYTES: usize = 61;
/// Bytes before the batch's own length counts.
pub(crate) const LENGTH_PREFIX: usize = 12;
/// Where the checksummed part begins.
const CHECKED_FROM: usize = 21;
/// So many times shorter than what it stands for a compressed batch is at most taken to be.
const MOST_COMPRESSION: usize = 10_000;
/// The least bytes of a record without key, value and headers.
const LEAST_RECORD_BYTES: usize = 7;

/// The fields of a batch header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchHeader {
    pub(crate) base_offset: i64,
    /// Whole length in bytes, header included.
    pub(crate) size: usize,
    magic: u8,
    crc: u32,
    attributes: i16,
    last_offset_delta: i32,
    pub(crate) max_timestamp: i64,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) base_sequence: i32,
    pub(crate) records: i32,
}

fn take<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

impl BatchHeader {
    /// Reads a header; `None` when the bytes are too few or cannot be one.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < HEADER_BYTES {
            return None;
        }
        let length = i32::from_be_bytes(take(bytes, 8));
        let size = LENGTH_PREFIX.checked_add(usize::try_from(length).ok()?)?;
        let header = Self {
            base_offset: i64::from_be_bytes(take(bytes, 0)),
            size,
            magic: bytes[16],
            crc: u32::from_be_bytes(take(bytes, 17)),
            attributes: i16::from_be_bytes(take(bytes, 21)),
            last_offset_delta: i32::from_be_bytes(take(bytes, 23)),
            max_timestamp: i64::from_be_bytes(take(bytes, 35)),
            producer_id: i64::from_be_bytes(take(bytes, 43)),
            producer_epoch: i16::from_be_bytes(take(bytes, 51)),
            base_sequence: i32::from_be_bytes(take(bytes, 53)),
            records: i32::from_be_bytes(take(bytes, 57)),
        };
        let sane = size >= HEADER_BYTES
            && header.base_offset >= 0
            && header.last_offset_delta >= 0
            && header
                .base_offset
                .checked_add(i64::from(header.last_offset_delta) + 1)
                .is_some();
        sane.then_some(header)
    }

    pub(crate) fn last_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last_offset_delta)
    }

    pub(crate) fn is_transactional(&self) -> bool {
        self.attributes & 0x10 != 0
    }

    pub(crate) fn is_control(&self) -> bool {
        self.attributes & 0x20 != 0
    }

    pub(crate) fn compression(&self) -> i16 {
        self.attributes & 7
    }

    pub(crate) fn is_log_append_time(&self) -> bool {
        self.attributes & 8 != 0
    }

    pub(crate) fn has_producer(&self) -> bool {
        self.producer_id >= 0
    }

    pub(crate) fn last_sequence(&self) -> i32 {
        // Sequences wrap from i32::MAX to 0.
        ((i64::from(self.base_sequence) + i64::from(self.last_offset_delta)) & i64::from(i32::MAX)) as i32
    }

    /// Whether the whole batch is what its writer wrote.
    pub(crate) fn checksum_holds(&self, batch: &[u8]) -> bool {
        self.magic == 2 && batch.len() == self.size && crc32c::crc32c(&batch[CHECKED_FROM..]) == self.crc
    }
}

/// Checks what a producer sent: exactly one whole batch of the current format.
pub(crate) fn check_produced(bytes: &[u8], max_message_bytes: usize) -> Result<BatchHeader, Fault> {
    let refuse = |error, text: &str| Err(Fault::new(error, text));
    let Some(header) = BatchHeader::parse(bytes) else {
        return refuse(ResponseError::CorruptMessage, "no record batch");
    };
    if header.magic != 2 {
        return refuse(
            ResponseError::UnsupportedForMessageFormat,
            "only record batches of magic 2 are taken",
        );
    }
    if header.size > max_message_bytes {
        let text = format!(
            "batch of {} bytes is over max.message.bytes {max_message_bytes}",
            header.size
        );
        return Err(Fault::new(ResponseError::MessageTooLarge, text));
    }
    if header.size < bytes.len() {
        return refuse(
            ResponseError::InvalidRecord,
            "more than one record batch for a partition",
        );
    }
    if !header.checksum_holds(bytes) {
        return refuse(
            ResponseError::CorruptMessage,
            "checksum of the record batch does not hold",
        );
    }
    if header.records <= 0 || header.last_offset_delta != header.records - 1 {
        return refuse(
            ResponseError::InvalidRecord,
            "record count and last offset of the batch disagree",
        );
    }
    if header.is_control() {
        return refuse(
            ResponseError::InvalidRecord,
            "control batches are written by the broker only",
        );
    }
    if header.compression() > 4 {
        return refuse(ResponseError::UnsupportedCompressionType, "unknown compression");
    }
    let records = &bytes[HEADER_BYTES..];
    let fits = match header.compression() {
        0 => holds_records(records, header.records),
        // Nothing is unpacked here; but a few bytes cannot be millions of records.
        _ => header.records as usize <= records.len().saturating_mul(MOST_COMPRESSION) / LEAST_RECORD_BYTES,
    };
    if !fits {
        return refuse(
            ResponseError::InvalidRecord,
            "the records of the batch do not fit its length and its count",
        );
    }
    if header.has_producer() && (header.producer_epoch < 0 || header.base_sequence < 0) {
        return refuse(
            ResponseError::InvalidRecord,
            "a producer id without epoch or sequence",
        );
    }
    if header.is_transactional() && !header.has_producer() {
        return refuse(
            ResponseError::InvalidRecord,
            "a transactional batch without producer id",
        );
    }
    Ok(header)
}

/// Whether the bytes are exactly so many records, by their lengths.
fn holds_records(mut bytes: &[u8], records: i32) -> bool {
    for _ in 0..records {
        let Some((length, rest)) = split_varint(bytes) else {
            return false;
        };
        let Some(rest) = usize::try_from(length)
            .ok()
            .filter(|length| *length >= LEAST_RECORD_BYTES - 1)
            .and_then(|length| rest.get(length..))
        else {
            return false;
        };
        bytes = rest;
    }
    bytes.is_empty()
}

/// The zigzag number that the bytes begin with, of at most five bytes, and what follows it.
fn split_varint(bytes: &[u8]) -> Option<(i32, &[u8])> {
    let mut value = 0_u32;
    for (nth, byte) in bytes.iter().take(5).enumerate() {
        value |= u32::from(byte & 0x7f) << (nth * 7);
        if *byte < 0x80 {
            let number = (value >> 1) as i32 ^ -((value & 1) as i32);
            return Some((number, &bytes[nth + 1..]));
        }
    }
    None
}

/// The batch with the broker's clock in it, as `message.timestamp.type=LogAppendTime` asks.
pub(crate) fn with_append_time(batch: &[u8], now_ms: i64) -> Vec<u8> {
    let mut out = batch.to_vec();
    out[22] |= 8;
    out[35..43].copy_from_slice(&now_ms.to_be_bytes());
    seal(&mut out);
    out
}

fn seal(batch: &mut [u8]) {
    let crc = crc32c::crc32c(&batch[CHECKED_FROM..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    Abort,
    Commit,
}

/// A control batch that ends the transaction of a producer in one partition.
pub(crate) fn control_batch(marker: Marker, producer_id: i64, producer_epoch: i16, now_ms: i64) -> Vec<u8> {
    let kind: i16 = if marker == Marker::Commit { 1 } else { 0 };
    let mut record = vec![0_u8, 0, 0, 8]; // attributes, timestamp delta, offset delta, key length 4 (zigzag)
    record.extend(0_i16.to_be_bytes());
    record.extend(kind.to_be_bytes());
    record.push(12); // value length 6 (zigzag)
    record.extend(0_i16.to_be_bytes());
    record.extend(0_i32.to_be_bytes()); // coordinator epoch: there is one coordinator only
    record.push(0); // no headers

    let mut batch = Vec::with_capacity(HEADER_BYTES + record.len() + 1);
    batch.extend(0_i64.to_be_bytes());
    batch.extend(0_i32.to_be_bytes());
    batch.extend(0_i32.to_be_bytes());
    batch.push(2);
    batch.extend(0_u32.to_be_bytes());
    batch.extend(0x30_i16.to_be_bytes()); // transactional, control
    batch.extend(0_i32.to_be_bytes());
    batch.extend(now_ms.to_be_bytes());
    batch.extend(now_ms.to_be_bytes());
    batch.extend(producer_id.to_be_bytes());
    batch.extend(producer_epoch.to_be_bytes());
    batch.extend((-1_i32).to_be_bytes());
    batch.extend(1_i32.to_be_bytes());
    batch.push((record.len() * 2) as u8);
    batch.extend(record);
    let length = (batch.len() - LENGTH_PREFIX) as i32;
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    seal(&mut batch);
    batch
}

/// Which marker a control batch holds; `None` for one that ends no transaction.
pub(crate) fn marker_of(batch: &[u8]) -> Option<Marker> {
    // length, attributes, deltas and key length are one byte each in the batches written above
    match batch.get(HEADER_BYTES + 7..HEADER_BYTES + 9)? {
        [0, 0] => Some(Marker::Abort),
        [0, 1] => Some(Marker::Commit),
        _ => None,
    }
}

/// Batches for tests.
#[cfg(test)]
pub(crate) mod sample {
    use super::{HEADER_BYTES, LENGTH_PREFIX, Marker, control_batch, seal};

    /// A record without key, value and headers.
    pub(crate) const RECORD: [u8; 7] = [12, 0, 0, 0, 1, 1, 0];

    /// A batch of a producer, id and epoch, with these bytes for so many records.
    pub(crate) fn batch(
        producer: (i64, i16),
        first_sequence: i32,
        attributes: i16,
        records: &[u8],
        count: i32,
    ) -> Vec<u8> {
        let mut batch = control_batch(Marker::Commit, producer.0, producer.1, 1_000);
        batch.truncate(HEADER_BYTES);
        batch[21..23].copy_from_slice(&attributes.to_be_bytes());
        batch[23..27].copy_from_slice(&(count - 1).to_be_bytes());
        batch[53..57].copy_from_slice(&first_sequence.to_be_bytes());
        batch[57..61].copy_from_slice(&count.to_be_bytes());
        batch.extend(records);
        let length = (batch.len() - LENGTH_PREFIX) as i32;
        batch[8..12].copy_from_slice(&length.to_be_bytes());
        seal(&mut batch);
        batch
    }

    /// A batch of so many small records.
    pub(crate) fn records(producer: (i64, i16), first_sequence: i32, count: i32) -> Vec<u8> {
        batch(producer, first_sequence, 0, &RECORD.repeat(count as usize), count)
    }

    /// The same in a transaction.
    pub(crate) fn in_transaction(producer: (i64, i16), first_sequence: i32, count: i32) -> Vec<u8> {
        batch(
            producer,
            first_sequence,
            0x10,
            &RECORD.repeat(count as usize),
            count,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_batch_is_a_valid_batch_and_names_its_marker() {
        for marker in [Marker::Abort, Marker::Commit] {
            let batch = control_batch(marker, 7, 3, 1_000);
            let header = BatchHeader::parse(&batch).unwrap();
            assert!(header.checksum_holds(&batch) && header.is_control() && header.is_transactional());
            assert_eq!(
                (header.producer_id, header.producer_epoch, header.records),
                (7, 3, 1)
            );
            assert_eq!(marker_of(&batch), Some(marker));
        }
    }

    #[test]
    fn a_client_may_not_write_a_control_batch() {
        let batch = control_batch(Marker::Commit, 7, 3, 1_000);
        let fault = check_produced(&batch, 1_000).unwrap_err();
        assert_eq!(fault.error, ResponseError::InvalidRecord);
    }

    #[test]
    fn records_must_fill_their_batch_and_be_as_many_as_it_says() {
        let batch_of = |records: &[u8], count| sample::batch((-1, 0), -1, 0, records, count);
        let two = sample::RECORD.repeat(2);
        assert!(check_produced(&batch_of(&two, 2), 1_000).is_ok());
        let mut long = two.clone();
        long[7] = 14;
        for (records, count) in [(&two[..], 1), (&two, 3), (&two[..13], 2), (&long, 2), (&[], 1)] {
            let fault = check_produced(&batch_of(records, count), 1_000).unwrap_err();
            assert_eq!(
                fault.error,
                ResponseError::InvalidRecord,
                "{count} in {records:?}"
            );
        }
    }

    #[test]
    fn a_few_compressed_bytes_are_not_millions_of_records() {
        let batch = sample::batch((-1, 0), -1, 4, &[0; 20], 2_000_000_000);
        assert_eq!(
            check_produced(&batch, 1_000).unwrap_err().error,
            ResponseError::InvalidRecord
        );
    }

    #[test]
    fn a_changed_byte_breaks_the_checksum() {
        let mut batch = control_batch(Marker::Commit, 7, 3, 1_000);
        batch[70] ^= 1;
        assert_eq!(
            check_produced(&batch, 1_000).unwrap_err().error,
            ResponseError::CorruptMessage
        );
    }

    #[test]
    fn hostile_lengths_are_no_header() {
        let mut batch = control_batch(Marker::Commit, 7, 3, 1_000);
        for length in [i32::MIN, -1, 0, 48] {
            batch[8..12].copy_from_slice(&length.to_be_bytes());
            assert!(BatchHeader::parse(&batch).is_none(), "{length}");
        }
    }
}
