//! Topics: making those that are missing, and what can be asked about them.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::Offset;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::block_on::block_on;
use crate::client::{self, LetGo};
use crate::connection::{Connection, ConnectionError};
use crate::context::Context;
use crate::listing;
use crate::patience::{Attempt, REQUEST, until_answered};

/// A topic as it is to be made. One that exists is left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: i32,
    /// Settings by Kafka's names, such as `("cleanup.policy", "compact")`.
    pub configs: Vec<(&'static str, String)>,
}

/// A question about topics, or the making of one, failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// The settings of the connection are wrong.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The broker refuses: the name, the number of partitions, a setting, a policy, or a missing right. Trying again
    /// will not help.
    #[error("topic `{topic}` refused by the broker: {reason}")]
    Refused {
        /// The topic.
        topic: String,
        /// The broker's words.
        reason: String,
    },
    /// There is no such topic.
    #[error("topic `{0}` does not exist")]
    Missing(String),
    /// No complete answer in time; may be tried again.
    #[error("no answer about topic `{topic}`: {reason}")]
    Unavailable {
        /// The topic.
        topic: String,
        /// What is known of the cause.
        reason: String,
    },
    /// [`ensure_unless`] was told to stop waiting.
    #[error("stopped while waiting for the broker")]
    Stopped,
}

/// Between two attempts to make a topic: at first, and at most.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(1);
/// What is so of every topic for a moment after it was made.
const NOT_KNOWN_YET: &str = "the broker does not know it yet";
/// The broker's default of `max.message.bytes`, for one that does not tell.
const DEFAULT_MAX_MESSAGE_BYTES: usize = 1_048_588;

/// Makes the topics that are missing and returns when each has a leader for all its partitions. Waits for the broker
/// as long as it takes, and says so in the log.
///
/// # Errors
/// A wrong setting, or the broker refuses a topic.
pub fn ensure(connection: &Connection, specs: &[TopicSpec]) -> Result<(), TopicError> {
    ensure_unless(connection, specs, &|| false)
}

/// As [`ensure`], but gives up with [`TopicError::Stopped`] once `stop` says so (asked at least every second).
///
/// # Errors
/// As [`ensure`], and `Stopped`.
pub fn ensure_unless(
    connection: &Connection,
    specs: &[TopicSpec],
    stop: &dyn Fn() -> bool,
) -> Result<(), TopicError> {
    let mut maker = Maker {
        connection,
        asker: client::asker(connection, "topics")?,
        admin: None,
    };
    for spec in specs {
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        let mut pause = FIRST_RETRY;
        while let Attempt::Again(reason) = maker.attempt(spec)? {
            if stop() {
                return Err(TopicError::Stopped);
            }
            // The first time is the usual course of things: a topic that was made a moment ago. Of a broker that is away
            // the client's context has told.
            let times = seen.entry(reason.clone()).or_default();
            *times += 1;
            if *times == 2 && !maker.asker.context().is_down() {
                tracing::warn!(topic = spec.name, reason, "waiting for the topic");
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LAST_RETRY);
        }
    }
    Ok(())
}

/// Makes topics that are missing.
struct Maker<'a> {
    connection: &'a Connection,
    /// The admin client counts as a producer, whose questions about a topic make it: a consumer asks.
    asker: BaseConsumer<Context>,
    /// Only once something is missing.
    admin: Option<LetGo<AdminClient<Context>>>,
}

impl Maker<'_> {
    /// Whether the topic is there with its leaders; one that is missing is asked for.
    fn attempt(&mut self, spec: &TopicSpec) -> Result<Attempt<()>, TopicError> {
        let context = self.asker.context();
        match listing::leaders(self.asker.client(), &spec.name, Duration::from_secs(1)) {
            Err(error) => {
                client::serve_all(&self.asker);
                Ok(Attempt::Again(context.unanswered(error)))
            }
            Ok(answer) => {
                context.is_back();
                match answer {
                    Ok(leaders) if leaders.is_empty() => {
                        Ok(Attempt::Again("it has no partitions yet".to_owned()))
                    }
                    Ok(leaders) if leaders.values().all(Option::is_some) => Ok(Attempt::Answer(())),
                    Ok(_) => Ok(Attempt::Again("a partition has no leader".to_owned())),
                    Err(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                        self.create(spec)
                    }
                    Err(code) if is_final(code) => Err(refused(&spec.name, code)),
                    Err(code) => Ok(Attempt::Again(code.to_string())),
                }
            }
        }
    }

    fn create(&mut self, spec: &TopicSpec) -> Result<Attempt<()>, TopicError> {
        let admin = match self.admin.take() {
            Some(admin) => admin,
            None => admin(self.connection)?,
        };
        let admin = self.admin.insert(admin);
        create(admin, spec).map(Attempt::Again)
    }
}

/// Asks for the topic and says what there is to wait for; what may be better next time is no error.
fn create(admin: &AdminClient<Context>, spec: &TopicSpec) -> Result<String, TopicError> {
    let mut topic = NewTopic::new(&spec.name, spec.partitions, TopicReplication::Fixed(-1));
    for (key, value) in &spec.configs {
        topic = topic.set(key, value);
    }
    let options = AdminOptions::new()
        .operation_timeout(Some(REQUEST))
        .request_timeout(Some(REQUEST));
    match block_on(admin.create_topics([&topic], &options)) {
        Ok(mut results) => match results.pop() {
            Some(Ok(_)) => {
                tracing::info!(
                    topic = spec.name,
                    partitions = spec.partitions,
                    "created the missing topic"
                );
                Ok(NOT_KNOWN_YET.to_owned())
            }
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) | None => Ok(NOT_KNOWN_YET.to_owned()),
            Some(Err((_, code))) if is_transient(code) => Ok(format!("it cannot be made yet: {code}")),
            Some(Err((_, code))) => Err(refused(&spec.name, code)),
        },
        Err(error @ KafkaError::AdminOpCreation(_)) => Err(TopicError::Refused {
            topic: spec.name.clone(),
            reason: error.to_string(),
        }),
        Err(error) => Ok(format!("it cannot be made yet: {error}")),
    }
}

/// The partitions of a topic, in order.
///
/// # Errors
/// See [`TopicError`]; waits half a minute for an answer.
pub fn partitions(connection: &Connection, topic: &str) -> Result<Vec<i32>, TopicError> {
    let client = client::asker(connection, "topics")?;
    Ok(known_leaders(&client, topic)?.into_keys().collect())
}

/// The first offset and the end (high watermark: open transactions lie before it) of every partition.
///
/// # Errors
/// See [`TopicError`]; waits half a minute until every partition has answered.
pub fn offsets(connection: &Connection, topic: &str) -> Result<BTreeMap<i32, (i64, i64)>, TopicError> {
    bounds(&client::asker(connection, "topics")?, topic)
}

/// As [`offsets`], with the ends as the client's isolation has them.
pub(crate) fn bounds(
    client: &BaseConsumer<Context>,
    topic: &str,
) -> Result<BTreeMap<i32, (i64, i64)>, TopicError> {
    let ask = || {
        let partitions: Vec<i32> = known_leaders(client, topic)?.into_keys().collect();
        let list = |which| listing::list(client, topic, &partitions, which, REQUEST);
        Ok(match (list(Offset::Beginning), list(Offset::End)) {
            (Ok(first), Ok(end)) => {
                let both: BTreeMap<_, _> = first
                    .into_iter()
                    .filter_map(|(partition, first)| Some((partition, (first, *end.get(&partition)?))))
                    .collect();
                if both.len() == partitions.len() {
                    Attempt::Answer(both)
                } else {
                    Attempt::Again(format!(
                        "{} of {} partitions answered",
                        both.len(),
                        partitions.len()
                    ))
                }
            }
            (Err(error), _) | (_, Err(error)) => Attempt::Again(error.to_string()),
        })
    };
    until_answered(ask, |reason| unavailable(topic, reason))
}

/// The largest record batch the topic takes, in bytes (`max.message.bytes`); the broker's usual limit if it does not
/// tell.
///
/// # Errors
/// See [`TopicError`]; waits half a minute for an answer.
pub fn max_message_bytes(connection: &Connection, topic: &str) -> Result<usize, TopicError> {
    let told = topic_setting(connection, topic, "max.message.bytes")?;
    let bytes = told.and_then(|value| value.parse().ok());
    Ok(bytes.unwrap_or(DEFAULT_MAX_MESSAGE_BYTES))
}

/// The value of a setting of a topic, its own or the broker's default; `None` if the broker does not tell.
///
/// # Errors
/// See [`TopicError`]; waits half a minute for an answer.
pub fn topic_setting(connection: &Connection, topic: &str, name: &str) -> Result<Option<String>, TopicError> {
    // The wrapper does not pass on that a topic is missing: its description is empty.
    known_leaders(&client::asker(connection, "topics")?, topic)?;
    let admin = admin(connection)?;
    let ask = || {
        let options = AdminOptions::new().request_timeout(Some(REQUEST));
        let resource = ResourceSpecifier::Topic(topic);
        Ok(match block_on(admin.describe_configs([&resource], &options)) {
            Ok(mut results) => match results.pop() {
                Some(Ok(resource)) => {
                    Attempt::Answer(resource.get(name).and_then(|entry| entry.value.clone()))
                }
                Some(Err(code)) if is_final(code) => return Err(refused(topic, code)),
                Some(Err(code)) => Attempt::Again(code.to_string()),
                None => Attempt::Again("the answer was empty".to_owned()),
            },
            Err(error) => {
                let last = admin.inner().context().last_error();
                Attempt::Again(last.unwrap_or_else(|| error.to_string()))
            }
        })
    };
    until_answered(ask, |reason| unavailable(topic, reason))
}

/// The partitions and leaders of a topic that must exist.
pub(crate) fn known_leaders(
    consumer: &BaseConsumer<Context>,
    topic: &str,
) -> Result<BTreeMap<i32, Option<i32>>, TopicError> {
    let ask = || {
        Ok(match listing::leaders(consumer.client(), topic, REQUEST) {
            Ok(Ok(partitions)) if !partitions.is_empty() => Attempt::Answer(partitions),
            Ok(Ok(_)) => Attempt::Again("it has no partitions yet".to_owned()),
            Ok(Err(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic)) => {
                return Err(TopicError::Missing(topic.to_owned()));
            }
            Ok(Err(code)) if is_final(code) => return Err(refused(topic, code)),
            Ok(Err(code)) => Attempt::Again(code.to_string()),
            Err(error) => {
                client::serve_all(consumer);
                let last = consumer.context().last_error();
                Attempt::Again(last.unwrap_or_else(|| error.to_string()))
            }
        })
    };
    until_answered(ask, |reason| unavailable(topic, reason))
}

fn admin(connection: &Connection) -> Result<LetGo<AdminClient<Context>>, ConnectionError> {
    let config = connection.config(&[])?;
    let admin: AdminClient<Context> = config
        .create_with_context(Context::new("topics", connection.auth))
        .map_err(ConnectionError::from_kafka)?;
    // Nobody serves its events.
    connection.auth.introduce(admin.inner());
    Ok(LetGo::new(admin))
}

fn unavailable(topic: &str, reason: String) -> TopicError {
    TopicError::Unavailable {
        topic: topic.to_owned(),
        reason,
    }
}

fn refused(topic: &str, code: RDKafkaErrorCode) -> TopicError {
    TopicError::Refused {
        topic: topic.to_owned(),
        reason: code.to_string(),
    }
}

/// Answers that stay the same however often one asks.
fn is_final(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::InvalidTopic
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::InvalidConfig
            | Code::PolicyViolation
    )
}

/// Answers to a creation that may be better next time.
fn is_transient(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::RequestTimedOut
            | Code::OperationTimedOut
            | Code::NotController
            | Code::BrokerNotAvailable
            | Code::BrokerTransportFailure
            | Code::NetworkException
            | Code::LeaderNotAvailable
            | Code::InvalidReplicationFactor
    )
}
