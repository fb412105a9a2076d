//! The queue of one partition, through librdkafka's C interface: the one room of this crate with `unsafe`.
//!
//! The safe wrapper hands out one message at a time, at half the speed of a batch, and keeps the pointer of a
//! partition's queue private. So the queue is taken here, and the length of
//! the common one, and nothing else.
#![expect(
    unsafe_code,
    reason = "librdkafka's batch fetch and queue callbacks have no safe interface"
)]

use std::ffi::{CStr, CString, c_void};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::Arc;

use rdkafka::bindings as rd;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;

use crate::client::SharedClient;
use crate::context::Context;
use crate::sample::Sampler;
use crate::source::Record;

/// Called by librdkafka's threads, with a lock of the queue held: it must be quick and must not touch the queue.
pub(crate) type Wake = Arc<dyn Fn() + Send + Sync>;

/// What lies in the queue of a partition.
pub(crate) enum Item<'a> {
    Record(Record<'a>),
    /// Everything before this offset has been read, transaction markers included.
    End(i64),
    Fault {
        code: RDKafkaErrorCode,
        offset: i64,
        reason: String,
    },
}

/// How many events wait in the queue of the client itself: errors of the connection, log lines.
pub(crate) fn events_waiting(consumer: &BaseConsumer<Context>) -> usize {
    // SAFETY: the client lives as long as the borrow, and the queue handle is given back.
    unsafe {
        let queue = rd::rd_kafka_queue_get_main(consumer.client().native_ptr());
        let waiting = rd::rd_kafka_queue_length(queue);
        rd::rd_kafka_queue_destroy(queue);
        waiting
    }
}

/// The queue of one partition, taken off the consumer's common queue.
pub(crate) struct PartitionQueue {
    queue: NonNull<rd::rd_kafka_queue_t>,
    /// Pointers of one call; empty between calls.
    batch: Vec<*mut rd::rd_kafka_message_t>,
    /// From a Box: what the callback of the queue points to, ours to free once the callback is off.
    wake: NonNull<Wake>,
    sampler: Sampler,
    /// A queue must not outlive its client.
    _consumer: SharedClient,
}

// SAFETY: librdkafka's queues may be used from any thread, `&mut self` keeps this one to one thread at a time, and
// the message pointers do not outlive a call of `drain`.
unsafe impl Send for PartitionQueue {}

impl PartitionQueue {
    /// Splits the queue of the partition off; `wake` is called whenever the empty queue gets something. To be called
    /// before the partition is assigned, so that no message takes the common queue.
    pub(crate) fn open(consumer: &SharedClient, topic: &str, partition: i32, wake: Wake) -> Option<Self> {
        let topic = CString::new(topic).ok()?;
        let client = consumer.client().native_ptr();
        // SAFETY: the client lives (the Arc is held), the topic is a C string; the queue is ours to destroy.
        let queue =
            NonNull::new(unsafe { rd::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition) })?;
        let wake = NonNull::from(Box::leak(Box::new(wake)));
        // SAFETY: the queue is valid, and so is what `wake` points to until `drop` has taken the callback away.
        unsafe {
            // Forwarding off, by the application: an assignment will not switch it on again.
            rd::rd_kafka_queue_forward(queue.as_ptr(), ptr::null_mut());
            rd::rd_kafka_queue_cb_event_enable(
                queue.as_ptr(),
                Some(call_wake),
                wake.as_ptr().cast::<c_void>(),
            );
        }
        Some(Self {
            queue,
            batch: Vec::new(),
            wake,
            sampler: Sampler::default(),
            _consumer: Arc::clone(consumer),
        })
    }

    /// Hands over at most `max` items that are there now, without waiting, and returns how many. `traced` is given the
    /// offset and the `traceparent` of a record now and then.
    pub(crate) fn drain(
        &mut self,
        max: usize,
        mut each: impl FnMut(Item<'_>),
        traced: impl FnOnce(i64, &[u8]),
    ) -> usize {
        self.batch.clear();
        self.batch.reserve(max);
        // SAFETY: the buffer has room for `max` pointers, and librdkafka writes as many as it returns.
        let taken = unsafe {
            let taken =
                rd::rd_kafka_consume_batch_queue(self.queue.as_ptr(), 0, self.batch.as_mut_ptr(), max);
            let taken = usize::try_from(taken).unwrap_or(0);
            self.batch.set_len(taken);
            taken
        };
        let messages = Messages(&mut self.batch);
        if let Some(&first) = messages.0.first()
            && self.sampler.is_due()
        {
            // SAFETY: as below; what is borrowed from the message does not leave the block.
            unsafe {
                if let Some(trace) = header(first, c"traceparent") {
                    traced((*first).offset, trace);
                }
            }
        }
        for &message in messages.0.iter() {
            // SAFETY: librdkafka gave us this message; it lives until `messages` is dropped, and the item does not
            // leave the closure.
            each(unsafe { item(message) });
        }
        taken
    }

    /// How many items wait in the queue.
    pub(crate) fn len(&self) -> usize {
        // SAFETY: the queue is valid until `drop`.
        unsafe { rd::rd_kafka_queue_length(self.queue.as_ptr()) }
    }
}

impl Drop for PartitionQueue {
    fn drop(&mut self) {
        // SAFETY: switching the callback off takes the queue's lock, so none is running afterwards and `wake`, which came
        // from a Box, may go. The client is still there: its Arc is a field of self.
        unsafe {
            rd::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, ptr::null_mut());
            rd::rd_kafka_queue_destroy(self.queue.as_ptr());
            drop(Box::from_raw(self.wake.as_ptr()));
        }
    }
}

/// Messages that are given back to librdkafka when this goes, also when the reader panics.
struct Messages<'a>(&'a mut Vec<*mut rd::rd_kafka_message_t>);

impl Drop for Messages<'_> {
    fn drop(&mut self) {
        for message in self.0.drain(..) {
            // SAFETY: each message came from librdkafka and is destroyed once.
            unsafe { rd::rd_kafka_message_destroy(message) };
        }
    }
}

unsafe extern "C" fn call_wake(_client: *mut rd::rd_kafka_t, opaque: *mut c_void) {
    // SAFETY: the pointer given in `open`, valid until the callback is switched off.
    let wake = unsafe { &*opaque.cast::<Wake>() };
    wake();
}

/// # Safety
/// `message` must be a live message of librdkafka; the item must not outlive it.
unsafe fn item<'a>(message: *mut rd::rd_kafka_message_t) -> Item<'a> {
    // SAFETY: by the contract of this function.
    let fields = unsafe { &*message };
    match fields.err {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => {
            let mut kind = rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
            // SAFETY: the message is live; payload and key are null or as long as it says.
            let (timestamp, key, value) = unsafe {
                (
                    rd::rd_kafka_message_timestamp(message, &mut kind),
                    bytes(fields.key, fields.key_len),
                    bytes(fields.payload, fields.len),
                )
            };
            let timestamp = (timestamp >= 0).then_some(timestamp);
            Item::Record(Record {
                offset: fields.offset,
                timestamp,
                key,
                value,
            })
        }
        RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF => Item::End(fields.offset),
        code => {
            // SAFETY: for a message with an error this is a C string (or null) that lives as long as the message.
            let reason = unsafe {
                let text = rd::rd_kafka_message_errstr(message);
                if text.is_null() {
                    None
                } else {
                    Some(CStr::from_ptr(text).to_string_lossy().into_owned())
                }
            };
            Item::Fault {
                code: code.into(),
                offset: fields.offset,
                reason: reason.unwrap_or_default(),
            }
        }
    }
}

/// The last header of this name.
///
/// # Safety
/// `message` must be a live message of librdkafka; the value must not outlive it.
unsafe fn header<'a>(message: *mut rd::rd_kafka_message_t, name: &CStr) -> Option<&'a [u8]> {
    let mut headers = ptr::null_mut();
    let (mut value, mut length) = (ptr::null(), 0);
    // SAFETY: the message is live, and owns the headers that it gives and their values.
    unsafe {
        let found = rd::rd_kafka_message_headers(message, &mut headers);
        if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        let found = rd::rd_kafka_header_get_last(headers, name.as_ptr(), &mut value, &mut length);
        if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        bytes(value.cast_mut(), length)
    }
}

/// # Safety
/// `start` must be null or point to `len` bytes that live for `'a`.
unsafe fn bytes<'a>(start: *mut c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: by the contract of this function.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start.cast::<u8>(), len) })
}
