//! Fetch: reads at once if there is something, else waits for the partitions asked for.
//!
//! The answer is encoded here and not by the codec, which wants the records in memory: they are sent from
//! their files.

use std::collections::HashSet;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::FetchRequest;
use kafka_protocol::messages::fetch_request::FetchPartition;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Call;
use crate::fault::{Fault, code, storage};
use crate::log::{Isolation, Slice, View};
use crate::node::Node;
use crate::producer_state::Aborted;
use crate::wire::{self, Answer, Part, WireError, put_varint};

/// Most bytes of records in an answer, whatever the client would take.
const MOST_BYTES: usize = 64 << 20;
/// Longest wait, whatever the client would wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Slices up to this size are read at once instead of while they are sent.
const READ_BELOW: usize = 64 << 10;
/// Most bytes of an answer that are read at once.
const MOST_IN_MEMORY: usize = 4 << 20;
/// Most files that an answer keeps open until it is sent; what is left out comes with the next fetch.
const MOST_IN_FILES: usize = 64;

/// What one partition answers.
struct Found {
    index: i32,
    outcome: Result<Read, Fault>,
}

struct Read {
    view: View,
    aborted: Vec<Aborted>,
    records: Option<Records>,
}

enum Records {
    InMemory(Bytes),
    InFile(Slice),
}

impl Records {
    fn len(&self) -> usize {
        match self {
            Self::InMemory(bytes) => bytes.len(),
            Self::InFile(slice) => slice.len,
        }
    }
}

/// All partitions, by topic, in the order of the request.
type Sweep = Vec<(String, Vec<Found>)>;

pub(super) async fn answer(call: &Call, body: Bytes) -> Result<Answer, WireError> {
    let request: FetchRequest = wire::read_body(&call.head, body)?;
    if request.session_id != 0 {
        // No sessions are kept: the client goes on with full requests.
        return encode(call, ResponseError::FetchSessionIdNotFound.code(), Vec::new());
    }
    let wait = Duration::from_millis(request.max_wait_ms.max(0) as u64).min(LONGEST_WAIT);
    let deadline = Instant::now() + wait;
    let enough = usize::try_from(request.min_bytes).unwrap_or(0);
    let request = Arc::new(request);
    loop {
        let grown = Arc::new(Notify::new());
        let (asked, waiter) = (Arc::clone(&request), Arc::clone(&grown));
        let swept = call.node.on_disk(move |node| sweep(node, &asked, &waiter)).await;
        let sweep = swept.map_err(|fault| WireError::Answer(fault.text))?;
        if is_enough(&sweep, enough) || Instant::now() >= deadline {
            return encode(call, 0, sweep);
        }
        tokio::select! {
            () = grown.notified() => {}
            () = tokio::time::sleep_until(deadline) => {}
            () = call.node.stopping.cancelled() => return encode(call, 0, sweep),
        }
    }
}

fn is_enough(sweep: &Sweep, min_bytes: usize) -> bool {
    let all = || sweep.iter().flat_map(|(_, partitions)| partitions);
    let bytes: usize = all()
        .filter_map(|f| f.outcome.as_ref().ok()?.records.as_ref().map(Records::len))
        .sum();
    bytes >= min_bytes || all().any(|f| f.outcome.is_err())
}

/// What an answer may still take.
struct Room {
    bytes: usize,
    in_memory: usize,
    in_files: usize,
    /// The first partition with records gives at least one batch, else nobody could go on.
    first: bool,
}

impl Room {
    /// Most bytes of records of a partition that would take up to `wanted`; `None` when there is no room for it.
    fn bytes_for(&self, wanted: usize) -> Option<usize> {
        let bytes = wanted.min(self.bytes);
        (self.first || (bytes > 0 && (self.in_memory > 0 || self.in_files > 0))).then_some(bytes)
    }

    /// Takes the records of a slice into the answer, if they fit.
    fn take(&mut self, slice: Slice, most: usize) -> io::Result<Option<Records>> {
        if slice.len > most && !self.first {
            return Ok(None);
        }
        let copied = slice.len <= READ_BELOW.min(self.in_memory);
        if !copied && self.in_files == 0 {
            return Ok(None);
        }
        self.first = false;
        self.bytes = self.bytes.saturating_sub(slice.len);
        if !copied {
            self.in_files -= 1;
            return Ok(Some(Records::InFile(slice)));
        }
        self.in_memory -= slice.len;
        let mut bytes = vec![0; slice.len];
        slice.file.read_exact_at(&mut bytes, slice.position)?;
        Ok(Some(Records::InMemory(bytes.into())))
    }
}

/// Looks at every partition, once. The waiter is registered first, so that nothing appended afterwards is missed.
fn sweep(node: &Node, request: &FetchRequest, waiter: &Arc<Notify>) -> Sweep {
    let isolation = if request.isolation_level == 1 {
        Isolation::Committed
    } else {
        Isolation::Uncommitted
    };
    let mut room = Room {
        bytes: usize::try_from(request.max_bytes).unwrap_or(0).min(MOST_BYTES),
        in_memory: MOST_IN_MEMORY,
        in_files: MOST_IN_FILES,
        first: true,
    };
    let mut seen = HashSet::new();
    let mut all = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for wanted in &topic.partitions {
            if seen.insert((&topic.topic, wanted.partition)) {
                partitions.push(Found {
                    index: wanted.partition,
                    outcome: read(node, &topic.topic, wanted, isolation, waiter, &mut room),
                });
            }
        }
        all.push((topic.topic.to_string(), partitions));
    }
    all
}

fn read(
    node: &Node,
    name: &str,
    wanted: &FetchPartition,
    isolation: Isolation,
    waiter: &Arc<Notify>,
    room: &mut Room,
) -> Result<Read, Fault> {
    let (_, partition) = node.topics.partition(name, wanted.partition)?;
    check_epoch(wanted.current_leader_epoch)?;
    partition.waiters.register(isolation, waiter);
    let most = room.bytes_for(usize::try_from(wanted.partition_max_bytes).unwrap_or(0));
    let reading = partition.with_log(|log| log.prepare(wanted.fetch_offset, isolation, most.unwrap_or(0)))?;
    let mut read = Read {
        view: reading.view,
        aborted: Vec::new(),
        records: None,
    };
    let failed = |error: io::Error| storage("reading a segment", &error);
    let Some(most) = most else { return Ok(read) };
    let Some(slice) = reading.slice().map_err(failed)? else {
        return Ok(read);
    };
    let offsets = wanted.fetch_offset..slice.end_offset;
    read.records = room.take(slice, most).map_err(failed)?;
    if read.records.is_some() && isolation == Isolation::Committed {
        read.aborted = partition.with_log(|log| log.aborted_in(offsets))?;
    }
    Ok(read)
}

/// The leader's epoch is always 0 here; clients that know another one come from another cluster.
pub(super) fn check_epoch(theirs: i32) -> Result<(), Fault> {
    if theirs > 0 {
        Err(ResponseError::UnknownLeaderEpoch.into())
    } else {
        Ok(())
    }
}

fn encode(call: &Call, error: i16, sweep: Sweep) -> Result<Answer, WireError> {
    let mut out = Encoder {
        out: wire::begin(&call.head)?,
        parts: Vec::new(),
        in_files: 0,
        version: call.head.version,
    };
    out.out.put_i32(0); // throttle time
    if out.version >= 7 {
        out.out.put_i16(error);
        out.out.put_i32(0); // no session
    }
    out.count(sweep.len());
    for (name, partitions) in sweep {
        out.text(&name);
        out.count(partitions.len());
        for found in partitions {
            out.partition(found);
        }
        out.tags();
    }
    out.tags();
    out.finish()
}

struct Encoder {
    out: BytesMut,
    parts: Vec<Part>,
    in_files: usize,
    version: i16,
}

impl Encoder {
    fn flexible(&self) -> bool {
        self.version >= 12
    }

    fn tags(&mut self) {
        if self.flexible() {
            self.out.put_u8(0);
        }
    }

    fn count(&mut self, count: usize) {
        match self.flexible() {
            true => put_varint(&mut self.out, count as u32 + 1),
            false => self.out.put_i32(count as i32),
        }
    }

    fn text(&mut self, text: &str) {
        match self.flexible() {
            true => put_varint(&mut self.out, text.len() as u32 + 1),
            false => self.out.put_i16(text.len() as i16),
        }
        self.out.put_slice(text.as_bytes());
    }

    fn partition(&mut self, found: Found) {
        self.out.put_i32(found.index);
        self.out.put_i16(code(&found.outcome));
        let read = found.outcome.ok();
        let view = read.as_ref().map_or(
            View {
                start: -1,
                end: -1,
                last_stable: -1,
            },
            |read| read.view,
        );
        self.out.put_i64(view.end);
        self.out.put_i64(view.last_stable);
        if self.version >= 5 {
            self.out.put_i64(view.start);
        }
        let (aborted, records) = read.map_or((Vec::new(), None), |read| (read.aborted, read.records));
        self.count(aborted.len());
        for transaction in aborted {
            self.out.put_i64(transaction.producer_id);
            self.out.put_i64(transaction.first_offset);
            self.tags();
        }
        if self.version >= 11 {
            self.out.put_i32(-1); // no preferred replica
        }
        self.count(records.as_ref().map_or(0, Records::len));
        match records {
            Some(Records::InMemory(bytes)) => self.out.put_slice(&bytes),
            Some(Records::InFile(slice)) => {
                self.in_files += slice.len;
                self.parts.push(Part::Bytes(self.out.split().freeze()));
                self.parts.push(Part::File(slice));
            }
            None => {}
        }
        self.tags();
    }

    fn finish(mut self) -> Result<Answer, WireError> {
        self.parts.push(Part::Bytes(self.out.freeze()));
        let in_memory = |part: &Part| {
            if let Part::Bytes(bytes) = part {
                bytes.len()
            } else {
                0
            }
        };
        let total = self.in_files + self.parts.iter().map(in_memory).sum::<usize>();
        let length = wire::length_of(total)?;
        if let Some(Part::Bytes(first)) = self.parts.first_mut() {
            let mut patched = BytesMut::from(std::mem::take(first));
            patched[..4].copy_from_slice(&length);
            *first = patched.freeze();
        }
        Ok(Answer { parts: self.parts })
    }
}
