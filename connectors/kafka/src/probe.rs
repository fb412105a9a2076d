//! The proof that nothing lies unread: the end of every partition, asked again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;

use crate::client;
use crate::connection::{Connection, ConnectionError};
use crate::context::Context;
use crate::listing;

/// What the partitions of one leader had at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndAnswer {
    /// Wall clock in milliseconds since 1970, just before the request for the ends was sent: whatever was written
    /// before this moment lies before the ends.
    pub asked_at_ms: i64,
    /// First offset and end of each partition that answered. The end is the high watermark, so a transaction that is
    /// still open counts as unread. The first offset may be some seconds old: it may have moved on, never back.
    pub ends: BTreeMap<i32, (i64, i64)>,
}

/// Asks for the ends of all partitions of a topic once a period, on a thread of its own.
///
/// Partitions without leader are left out, and those led by a broker that does not answer; a partition that is new is
/// found within [`Probe::DISCOVERY`]. Without an answer there is no call: silence proves nothing. Dropping it stops
/// the thread; at most one answer already under way follows.
pub struct Probe {
    _stop: mpsc::Sender<()>,
}

impl Probe {
    /// How often the partitions, their leaders and their first offsets are looked up.
    pub const DISCOVERY: Duration = Duration::from_secs(5);

    /// Starts asking, at once and then every `period`. A cluster with more than one leader gives one answer each.
    ///
    /// # Errors
    /// Only when the settings are wrong; a broker that is away is waited for, which is logged once for each outage.
    pub fn start(
        connection: &Connection,
        topic: &str,
        period: Duration,
        on_answer: impl FnMut(EndAnswer) + Send + 'static,
    ) -> Result<Probe, ConnectionError> {
        let client = client::asker(connection, "probe")?;
        let (stop, stopped) = mpsc::channel();
        let asking = Asking {
            client,
            topic: topic.to_owned(),
            period: period.max(Duration::from_millis(1)),
            leaders: BTreeMap::new(),
            leaderless: BTreeSet::new(),
            firsts: BTreeMap::new(),
            discovered: None,
            missing: false,
            silent: BTreeSet::new(),
        };
        std::thread::Builder::new()
            .name("kafka-probe".into())
            .spawn(move || asking.run(&stopped, on_answer))
            .map_err(|error| ConnectionError::Client(format!("no thread for the probe: {error}")))?;
        Ok(Probe { _stop: stop })
    }
}

struct Asking {
    client: BaseConsumer<Context>,
    topic: String,
    period: Duration,
    /// Partitions by leader; those without are not asked, since librdkafka would hold up all others for them.
    leaders: BTreeMap<i32, Vec<i32>>,
    leaderless: BTreeSet<i32>,
    firsts: BTreeMap<i32, i64>,
    discovered: Option<Instant>,
    /// The topic was not there last time.
    missing: bool,
    /// Partitions without an answer, as last told in the log.
    silent: BTreeSet<i32>,
}

impl Asking {
    fn run(mut self, stopped: &mpsc::Receiver<()>, mut on_answer: impl FnMut(EndAnswer)) {
        let mut next = Instant::now();
        loop {
            match stopped.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
            next = (next + self.period).max(Instant::now());
            client::serve_all(&self.client);
            if self.discovered.is_none_or(|at| at.elapsed() >= Probe::DISCOVERY) {
                self.discover();
            }
            for answer in self.ask() {
                if stopped.try_recv() == Err(mpsc::TryRecvError::Disconnected) {
                    return;
                }
                on_answer(answer);
            }
        }
    }

    /// Learns the partitions and their leaders.
    fn discover(&mut self) {
        match listing::leaders(self.client.client(), &self.topic, self.patience()) {
            Ok(Ok(found)) => {
                self.missing = false;
                self.leaders.clear();
                self.leaderless.clear();
                for (partition, leader) in found {
                    match leader {
                        Some(leader) => self.leaders.entry(leader).or_default().push(partition),
                        None => {
                            self.leaderless.insert(partition);
                        }
                    }
                }
                self.firsts.clear();
                for partitions in self.leaders.values() {
                    let patience = self.patience();
                    if let Ok(firsts) =
                        listing::list(&self.client, &self.topic, partitions, Offset::Beginning, patience)
                    {
                        self.firsts.extend(firsts);
                    }
                }
                // Without its first offset a partition gives no answer: ask again before the next round.
                let known = self.leaders.values().map(Vec::len).sum::<usize>() == self.firsts.len();
                self.discovered = known.then(Instant::now);
            }
            Ok(Err(code)) => {
                let gone = matches!(
                    code,
                    RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic
                );
                if gone {
                    // Ends of a topic that was deleted prove nothing about one made anew.
                    self.leaders.clear();
                    self.leaderless.clear();
                }
                if !self.missing {
                    tracing::warn!(topic = self.topic, "no end offsets: {code}");
                }
                self.missing = true;
            }
            Err(error) => {
                self.client.context().unanswered(error);
            }
        }
    }

    /// Asks each leader for the ends of its partitions.
    fn ask(&mut self) -> Vec<EndAnswer> {
        let mut answers = Vec::with_capacity(self.leaders.len());
        let mut silent = self.leaderless.clone();
        for partitions in self.leaders.values() {
            let asked_at_ms = now_ms();
            match listing::list(
                &self.client,
                &self.topic,
                partitions,
                Offset::End,
                self.patience(),
            ) {
                Ok(ends) => {
                    self.client.context().is_back();
                    if ends.len() < partitions.len() {
                        self.discovered = None;
                    }
                    let first_and_end = |(partition, end): (i32, i64)| {
                        Some((partition, (*self.firsts.get(&partition)?, end)))
                    };
                    let ends: BTreeMap<_, _> = ends.into_iter().filter_map(first_and_end).collect();
                    silent.extend(
                        partitions
                            .iter()
                            .filter(|partition| !ends.contains_key(partition)),
                    );
                    if !ends.is_empty() {
                        answers.push(EndAnswer { asked_at_ms, ends });
                    }
                }
                Err(error) => {
                    // A leader may have moved: look again before the next round.
                    self.discovered = None;
                    silent.extend(partitions);
                    tracing::debug!(topic = self.topic, "no answer about end offsets: {error}");
                }
            }
        }
        self.tell(silent);
        answers
    }

    /// Names the partitions without an answer whenever they are others than before; of a broker that is away the client
    /// has told.
    fn tell(&mut self, silent: BTreeSet<i32>) {
        if self.silent == silent || self.client.context().is_down() {
            return;
        }
        if silent.is_empty() {
            tracing::info!(topic = self.topic, "every partition tells its end again");
        } else {
            tracing::warn!(
                topic = self.topic,
                partitions = ?silent,
                "no end offsets of these partitions: they have no leader, or it does not answer"
            );
        }
        self.silent = silent;
    }

    /// How long one request may take.
    fn patience(&self) -> Duration {
        self.period.clamp(Duration::from_secs(1), Duration::from_secs(5))
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
