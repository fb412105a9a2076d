//! Failures as gRPC statuses and back: the code and the fields travel in the metadata of the answer.

use std::error::Error;
use std::time::Duration;

use prost::Message;
use tonic::Status;
use tonic::metadata::{BinaryMetadataValue, MetadataMap};
use weir_rpc::common::v1 as rpc;

use super::{Code, Failure, FieldFault};

const KEY: &str = "weir-failure-bin";

/// The most that faults of fields take in an answer, encoded. Its headers must stay below 16 KiB, or the client breaks the
/// connection instead of reading them; in base64 these are 8,000 bytes.
const MOST_FAULTS_BYTES: usize = 6_000;
/// When to come again to a service that was overloaded and did not say.
const MOMENT: Duration = Duration::from_secs(1);
/// The longest sentence of an answer; percent-encoded it is three times as long at worst.
const LONGEST_DETAIL_BYTES: usize = 2_000;

impl From<Failure> for Status {
    fn from(failure: Failure) -> Status {
        let message = rpc::Failure {
            code: failure.code.as_str().to_owned(),
            fields: first_faults(failure.fields),
            retry_after_s: failure.retry_after.map_or(0, seconds),
        };
        let mut metadata = MetadataMap::new();
        metadata.insert_bin(KEY, BinaryMetadataValue::from_bytes(&message.encode_to_vec()));
        let mut detail = failure.detail;
        detail.truncate(detail.floor_char_boundary(LONGEST_DETAIL_BYTES));
        Status::with_metadata(failure.code.grpc(), detail, metadata)
    }
}

/// As many faults as an answer bears; how many there are in all is told by its sentence.
fn first_faults(faults: Vec<FieldFault>) -> Vec<rpc::FieldFault> {
    let mut size = 0;
    let faults = faults.into_iter().map(rpc::FieldFault::from);
    let bearable = faults.take_while(|fault| {
        // Before each stand its tag and its length.
        size += fault.encoded_len() + 4;
        size <= MOST_FAULTS_BYTES
    });
    bearable.collect()
}

/// What another service answered, as a failure of ours. A status that is not one of our failures comes from the way
/// there: gRPC itself, a proxy, a deadline.
impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        let sent = status
            .metadata()
            .get_bin(KEY)
            .and_then(|value| value.to_bytes().ok())
            .and_then(|bytes| rpc::Failure::decode(bytes).ok());
        let known = sent.and_then(|sent| Some((Code::parse(&sent.code)?, sent)));
        match known {
            Some((code, sent)) => Failure {
                code,
                detail: status.message().to_owned(),
                fields: sent.fields.into_iter().map(FieldFault::from).collect(),
                retry_after: (sent.retry_after_s > 0)
                    .then(|| Duration::from_secs(u64::from(sent.retry_after_s))),
            },
            None => on_the_way(&status),
        }
    }
}

impl Failure {
    /// Whether a status is what another service answered; else it never did, and the status is of the way there.
    #[must_use]
    pub fn is_told_by(status: &Status) -> bool {
        status.metadata().get_bin(KEY).is_some()
    }
}

fn on_the_way(status: &Status) -> Failure {
    let late = || Failure::new(Code::Timeout, "a service did not answer in time");
    let unreachable = || Failure::new(Code::Unavailable, "a service cannot be reached");
    // Only one that was made here has a source. Unless that is our deadline, the connection broke, and what the status
    // says depends on where it did.
    if let Some(source) = status.source() {
        return if is_our_deadline(source) {
            late()
        } else {
            unreachable()
        };
    }
    match status.code() {
        tonic::Code::DeadlineExceeded | tonic::Code::Cancelled => late(),
        tonic::Code::Unavailable => unreachable(),
        tonic::Code::ResourceExhausted => {
            Failure::new(Code::Overloaded, "a service has too much to do").after(MOMENT)
        }
        _ => Failure::internal(status),
    }
}

fn is_our_deadline(error: &(dyn Error + 'static)) -> bool {
    error.is::<tonic::TimeoutExpired>() || error.source().is_some_and(is_our_deadline)
}

/// Whole seconds, at least one.
fn seconds(delay: Duration) -> u32 {
    u32::try_from(delay.as_millis().div_ceil(1_000))
        .unwrap_or(u32::MAX)
        .max(1)
}

impl From<FieldFault> for rpc::FieldFault {
    fn from(FieldFault { field, fault }: FieldFault) -> Self {
        Self { field, fault }
    }
}

impl From<rpc::FieldFault> for FieldFault {
    fn from(rpc::FieldFault { field, fault }: rpc::FieldFault) -> Self {
        Self { field, fault }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_comes_back_from_its_status_as_it_was() {
        for code in Code::ALL {
            let mut failure = Failure::new(*code, "the detail").after(Duration::from_secs(3));
            failure.fields.push(FieldFault {
                field: "items[2].quantity".to_owned(),
                fault: "`0` is not between 1 and 1000".to_owned(),
            });
            let status = Status::from(failure.clone());
            assert_eq!(status.code(), code.grpc());
            assert_eq!(Failure::from(status), failure);
        }
    }

    #[test]
    fn an_answer_with_any_number_of_faults_stays_small_enough_to_be_read() {
        let mut failure = Failure::new(Code::Invalid, "é".repeat(5_000));
        for n in 0..10_000 {
            failure.fields.push(FieldFault {
                field: format!("items[{n}].quantity"),
                fault: "`0` is not between 1 and 1000".to_owned(),
            });
        }
        let all = failure.fields.clone();
        let status = Status::from(failure);
        let headers = status.clone().into_http::<()>().into_parts().0.headers;
        let size: usize = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 32)
            .sum();
        assert!(size < 16_384, "{size} bytes");
        let read = Failure::from(status);
        assert!(
            read.fields.len() >= 50 && all.starts_with(&read.fields),
            "{}",
            read.fields.len()
        );
        assert_eq!(read.detail, "é".repeat(1_000));
    }

    #[test]
    fn a_status_that_is_not_ours_says_nothing_of_its_inside() {
        let failure = Failure::from(Status::unknown("h2 protocol error: secret"));
        assert_eq!(failure.code, Code::Internal);
        assert!(!failure.detail.contains("secret"));
        assert_eq!(Failure::from(Status::unavailable("tcp")).code, Code::Unavailable);
        let broken = Status::from_error(Box::new(std::io::Error::other("connection reset")));
        assert_eq!(Failure::from(broken).code, Code::Unavailable);
        let late = Status::from_error(Box::new(tonic::TimeoutExpired(())));
        assert_eq!(Failure::from(late).code, Code::Timeout);
        assert_eq!(Failure::from(Status::deadline_exceeded("t")).code, Code::Timeout);
    }

    #[test]
    fn a_delay_is_told_in_whole_seconds_and_never_as_none() {
        assert_eq!(seconds(Duration::from_millis(1)), 1);
        assert_eq!(seconds(Duration::from_millis(1_001)), 2);
    }
}
