//! Produce.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::produce_request::PartitionProduceData;
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};

use super::{Call, text};
use crate::fault::Fault;
use crate::locked::now_ms;
use crate::log::batch::{self, BatchHeader};
use crate::node::Node;
use crate::transactions::Identity;
use crate::wire::{self, Answer, WireError};

/// Where the records of one partition stand.
struct Written {
    base_offset: i64,
    append_time_ms: i64,
    log_start: i64,
}

pub(super) async fn answer(call: &Call, body: Bytes) -> Result<Option<Answer>, WireError> {
    let request: ProduceRequest = wire::read_body(&call.head, body)?;
    let acks = request.acks;
    let response = match call.node.on_disk(move |node| produce(node, request)).await {
        Ok(response) => response,
        Err(fault) => return Err(WireError::Answer(fault.text)),
    };
    if acks == 0 {
        return Ok(None);
    }
    wire::answer(&call.head, &response).map(Some)
}

fn produce(node: &Node, request: ProduceRequest) -> ProduceResponse {
    let transactional_id = request.transactional_id.as_ref().map(|id| id.as_str());
    let acks_known = (-1..=1).contains(&request.acks);
    let mut response = ProduceResponse::default();
    for topic in &request.topic_data {
        let mut partitions = Vec::with_capacity(topic.partition_data.len());
        for data in &topic.partition_data {
            let outcome = match acks_known {
                true => append(node, transactional_id, &topic.name, data),
                false => Err(ResponseError::InvalidRequiredAcks.into()),
            };
            partitions.push(describe(data.index, outcome));
        }
        let answered = TopicProduceResponse::default().with_name(topic.name.clone());
        response
            .responses
            .push(answered.with_partition_responses(partitions));
    }
    response
}

fn describe(index: i32, outcome: Result<Written, Fault>) -> PartitionProduceResponse {
    let response = PartitionProduceResponse::default().with_index(index);
    match outcome {
        Ok(written) => response
            .with_base_offset(written.base_offset)
            .with_log_append_time_ms(written.append_time_ms)
            .with_log_start_offset(written.log_start),
        Err(fault) => response
            .with_error_code(fault.code())
            .with_base_offset(-1)
            .with_log_append_time_ms(-1)
            .with_log_start_offset(-1)
            .with_error_message(Some(text(&fault.to_string()))),
    }
}

fn append(
    node: &Node,
    transactional_id: Option<&str>,
    name: &str,
    data: &PartitionProduceData,
) -> Result<Written, Fault> {
    let (topic, partition) = node.topics.partition(name, data.index)?;
    let settings = topic.settings();
    let sent = data.records.as_ref().map_or(&[][..], |records| &records[..]);
    let mut header = batch::check_produced(sent, settings.max_message_bytes)?;
    let mut append_time_ms = -1;
    let stamped;
    let mut bytes = sent;
    if settings.append_time {
        append_time_ms = now_ms();
        stamped = batch::with_append_time(sent, append_time_ms);
        header = BatchHeader::parse(&stamped).ok_or(ResponseError::CorruptMessage)?;
        bytes = &stamped;
    }
    let appended = if header.is_transactional() {
        let caller = Identity {
            producer_id: header.producer_id,
            epoch: header.producer_epoch,
        };
        let id = transactional_id.ok_or_else(|| {
            Fault::new(
                ResponseError::InvalidTxnState,
                "a transactional batch without a transactional id",
            )
        })?;
        let target = (name.to_owned(), data.index);
        node.transactions
            .while_open(id, caller, &target, || partition.append(bytes, header, &settings))?
    } else {
        partition.append(bytes, header, &settings)?
    };
    let log_start = partition.with_log(|log| Ok(log.start()))?;
    if appended.duplicate {
        tracing::debug!(
            topic = name,
            partition = data.index,
            offset = appended.base_offset,
            "batch sent twice"
        );
    }
    Ok(Written {
        base_offset: appended.base_offset,
        append_time_ms,
        log_start,
    })
}
