//! All of a topic, for ever: read from its beginning by a thread of its own, through outages, and anew where the topic
//! was made anew.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;

use crate::client::{self, LetGo};
use crate::connection::{Connection, ConnectionError};
use crate::context::Context;
use crate::listing;
use crate::records_at::records_at;
use crate::source::{Record, Source, SourceError, SourceOptions};
use crate::tail::{GROUP, OwnedRecord};

/// How often the ends are asked for: the lag is as old as this, new partitions and another topic are found after it.
const LOOK: Duration = Duration::from_secs(5);
/// How often a record that was read is looked at again without a reason.
const COMPARE: Duration = Duration::from_secs(60);
/// Between two attempts when there was no answer.
const RETRY: Duration = Duration::from_millis(200);
/// For one question.
const REQUEST: Duration = Duration::from_secs(1);
/// How long the thread may take to end before it is left to itself: a question may be under way.
const FAREWELL: Duration = Duration::from_secs(3);
/// Read-ahead of each partition, in KiB.
const QUEUED_KBYTES: u32 = 1024;
/// Records that are handed over before others have their turn.
const BATCH: usize = 1_024;

/// What a [`Follower`] has to tell.
#[derive(Debug)]
pub enum Followed<'a> {
    /// A committed record. Each comes once, those of a partition in their order.
    Record {
        /// Where it lies.
        partition: i32,
        /// The record.
        record: Record<'a>,
    },
    /// What the topic held when it was first seen has been read. Told once.
    CaughtUp,
    /// Offsets between what has been read and the ends, transaction markers among them, as of a moment ago.
    Lag(u64),
    /// The topic was made anew: what was read of it is void, and what follows is read from its beginning.
    Anew,
}

/// A thread that reads all partitions of a topic from their beginning, joins no group, and never ends by itself. Only
/// committed records are seen. It waits for a topic that is missing and a broker that is away, and says so in the log.
///
/// That a topic was made anew is told by the broker, by an end before what was read, or by a record that was read: it is
/// looked at again when more was read or reading was interrupted, and once a minute. Where the new topic was read on from
/// the offset of the old one for a moment, [`Followed::Anew`] comes after that, so what came before is void as well.
pub struct Follower {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    ended: mpsc::Receiver<()>,
}

impl Follower {
    /// Starts the thread, which hands `each` what it finds. `each` should be quick: nothing is read meanwhile.
    ///
    /// # Errors
    /// Only when the settings are wrong.
    pub fn start(
        connection: &Connection,
        topic: &str,
        each: impl FnMut(Followed<'_>) + Send + 'static,
    ) -> Result<Follower, ConnectionError> {
        connection.check()?;
        let stop = Arc::new(AtomicBool::new(false));
        let (alive, ended) = mpsc::channel();
        let mut following = Following {
            connection: connection.clone(),
            topic: topic.to_owned(),
            stop: Arc::clone(&stop),
            each,
            read: BTreeMap::new(),
            last: Marks::new(),
            anchors: Marks::new(),
            awaited: Awaited::Topic,
            told: None,
        };
        let follow = move || {
            following.run();
            drop(alive);
        };
        let thread = std::thread::Builder::new()
            .name("kafka-follow".into())
            .spawn(follow)
            .map_err(|error| ConnectionError::Client(format!("no thread: {error}")))?;
        Ok(Follower {
            stop,
            thread: Some(thread),
            ended,
        })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let Some(thread) = self.thread.take() else {
            return;
        };
        thread.thread().unpark();
        if self.ended.recv_timeout(FAREWELL) != Err(mpsc::RecvTimeoutError::Timeout) {
            // A panic of `each` was told by the thread itself.
            let _ = thread.join();
        }
    }
}

/// A record of each partition: its offset and its time.
type Marks = BTreeMap<i32, (i64, Option<i64>)>;

/// Begin and end (last stable offset) of each partition.
type Bounds = BTreeMap<i32, (i64, i64)>;

struct Following<F> {
    connection: Connection,
    topic: String,
    stop: Arc<AtomicBool>,
    each: F,
    /// The next offset of each partition of which something was read.
    read: BTreeMap<i32, i64>,
    /// The last record that was read of each partition.
    last: Marks,
    /// The last record of each partition that was read before it was seen to be the same topic still: one that was read
    /// after that may be of another topic, and tells nothing.
    anchors: Marks,
    awaited: Awaited,
    /// What the log was told last, so that it is told once.
    told: Option<String>,
}

/// What is to come before it has caught up.
enum Awaited {
    /// The topic: it was not seen yet.
    Topic,
    /// The ends that each partition had then.
    Ends(BTreeMap<i32, i64>),
    /// It has.
    Nothing,
}

/// Why reading has to begin again.
enum Interrupted {
    /// Something may be better in a moment.
    Trouble(String),
    /// It is another topic than the one that was read.
    Anew(String),
}

impl<F: FnMut(Followed<'_>)> Following<F> {
    fn run(&mut self) {
        while let ControlFlow::Continue(interrupted) = self.session() {
            match interrupted {
                Interrupted::Trouble(reason) => {
                    if self.told.as_ref() != Some(&reason) {
                        tracing::warn!(
                            topic = self.topic,
                            reason,
                            "cannot follow the topic; trying again"
                        );
                        self.told = Some(reason);
                    }
                    std::thread::park_timeout(RETRY);
                }
                Interrupted::Anew(reason) => {
                    tracing::warn!(
                        topic = self.topic,
                        reason,
                        "the topic was made anew; reading it from its beginning"
                    );
                    self.read.clear();
                    self.last.clear();
                    self.anchors.clear();
                    if let Awaited::Ends(_) = self.awaited {
                        self.awaited = Awaited::Topic;
                    }
                    (self.each)(Followed::Anew);
                }
            }
            if self.is_stopped() {
                return;
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Reads until it is stopped (`Break`) or something is in its way.
    fn session(&mut self) -> ControlFlow<(), Interrupted> {
        let asker = match client::reader(&self.connection, "follower", GROUP, &[]) {
            Ok(asker) => asker,
            Err(error) => return ControlFlow::Continue(Interrupted::Trouble(error.to_string())),
        };
        let bounds = match self.first_look(&asker) {
            Ok(Some(bounds)) => bounds,
            Ok(None) => return ControlFlow::Break(()),
            Err(interrupted) => return ControlFlow::Continue(interrupted),
        };
        match self.follow(&asker, &bounds) {
            Ok(()) => ControlFlow::Break(()),
            Err(interrupted) => ControlFlow::Continue(interrupted),
        }
    }

    /// The bounds of the topic, once they are told and fit what was read; `None` where it was stopped first.
    fn first_look(&mut self, asker: &LetGo<BaseConsumer<Context>>) -> Result<Option<Bounds>, Interrupted> {
        let mut is_doubted = false;
        while !self.is_stopped() {
            let looked = look(asker, &self.topic);
            let looked = looked.and_then(|bounds| Ok((self.contradiction(&bounds, Compare::Yes)?, bounds)));
            match looked {
                // A leader that has just come back may not know yet how far its log goes.
                Ok((Some(_), _)) if !is_doubted => is_doubted = true,
                Ok((Some(reason), _)) => return Err(Interrupted::Anew(reason)),
                Ok((None, bounds)) => {
                    self.anchors = self.last.clone();
                    return Ok(Some(bounds));
                }
                Err(reason) => {
                    // Of a broker that is away the client's context tells.
                    let news = self.told.as_ref() != Some(&reason);
                    if news && !asker.context().is_down() {
                        tracing::warn!(topic = self.topic, reason, "waiting for the topic");
                        self.told = Some(reason);
                    }
                }
            }
            std::thread::park_timeout(RETRY);
        }
        Ok(None)
    }

    fn follow(&mut self, asker: &LetGo<BaseConsumer<Context>>, bounds: &Bounds) -> Result<(), Interrupted> {
        let reader: Thread = std::thread::current();
        let options = SourceOptions {
            topic: self.topic.clone(),
            group_id: GROUP.to_owned(),
            queued_kbytes: QUEUED_KBYTES,
        };
        let trouble = |error: SourceError| Interrupted::Trouble(error.to_string());
        let mut source = Source::connect(&self.connection, &options, Arc::new(move || reader.unpark()))
            .map_err(trouble)?;
        let mut partitions = Vec::new();
        self.assign(&mut source, bounds, &mut partitions)?;
        if let Awaited::Topic = self.awaited {
            let ends = bounds.iter().map(|(&partition, &(_, end))| (partition, end));
            self.awaited = Awaited::Ends(ends.collect());
        }
        self.told = None;
        let (mut next_look, mut next_compare) = (Instant::now() + LOOK, Instant::now() + COMPARE);
        let mut interruptions = source.interruptions();
        let mut is_doubted = false;
        while !self.is_stopped() {
            let has_more = self.read(&mut source, &partitions)?;
            self.tell_when_caught_up();
            let now = Instant::now();
            if now >= next_look {
                next_look = now + LOOK;
                let has_reason = interruptions != source.interruptions() || self.anchors != self.last;
                let compare = match has_reason || now >= next_compare {
                    true => Compare::Yes,
                    false => Compare::No,
                };
                let seen = source.interruptions();
                let looked = look(asker, &self.topic);
                let looked = looked.and_then(|bounds| Ok((self.contradiction(&bounds, compare)?, bounds)));
                match looked {
                    // A leader that has just come back may not know yet how far its log goes.
                    Ok((Some(_), _)) if !is_doubted => {
                        is_doubted = true;
                        next_look = now + RETRY;
                    }
                    Ok((Some(reason), _)) => return Err(Interrupted::Anew(reason)),
                    Ok((None, bounds)) => {
                        is_doubted = false;
                        if compare == Compare::Yes {
                            interruptions = seen;
                            self.anchors = self.last.clone();
                            next_compare = now + COMPARE;
                        }
                        self.assign(&mut source, &bounds, &mut partitions)?;
                        let lag = self.lag(&bounds);
                        (self.each)(Followed::Lag(lag));
                    }
                    // The broker is away, of which the source tells, or the topic, of which it will.
                    Err(_) => {}
                }
            }
            if !has_more {
                std::thread::park_timeout(next_look.saturating_duration_since(Instant::now()));
            }
        }
        Ok(())
    }

    /// Gives the source the partitions that it does not have yet. What retention has taken is left out.
    fn assign(
        &mut self,
        source: &mut Source,
        bounds: &Bounds,
        assigned: &mut Vec<i32>,
    ) -> Result<(), Interrupted> {
        for (&partition, &(begin, _)) in bounds {
            if assigned.contains(&partition) {
                continue;
            }
            let next = self.read.entry(partition).or_insert(begin);
            *next = (*next).max(begin);
            source
                .assign(partition, *next)
                .map_err(|error| Interrupted::Trouble(error.to_string()))?;
            assigned.push(partition);
        }
        Ok(())
    }

    /// Hands over what there is; whether there may be more.
    fn read(&mut self, source: &mut Source, partitions: &[i32]) -> Result<bool, Interrupted> {
        let mut has_more = false;
        for &partition in partitions {
            let (each, last, anchors) = (&mut self.each, &mut self.last, &mut self.anchors);
            let read = source.read(partition, BATCH, |record| {
                let mark = (record.offset, record.timestamp);
                last.insert(partition, mark);
                anchors.entry(partition).or_insert(mark);
                each(Followed::Record { partition, record });
            });
            // Also before an error: what was handed over does not come again.
            self.read.insert(partition, source.position(partition));
            match read {
                Ok(read) => has_more |= read.maybe_more,
                Err(error @ SourceError::TopicGone { .. }) => {
                    return Err(Interrupted::Anew(error.to_string()));
                }
                Err(error) => return Err(Interrupted::Trouble(error.to_string())),
            }
        }
        Ok(has_more)
    }

    fn tell_when_caught_up(&mut self) {
        let Awaited::Ends(ends) = &self.awaited else {
            return;
        };
        let mut ends = ends.iter();
        if ends.all(|(partition, end)| self.read.get(partition).is_some_and(|next| next >= end)) {
            self.awaited = Awaited::Nothing;
            (self.each)(Followed::CaughtUp);
        }
    }

    fn lag(&self, bounds: &Bounds) -> u64 {
        let behind = |(partition, (begin, end)): (&i32, &(i64, i64))| {
            let next = self.read.get(partition).unwrap_or(begin);
            u64::try_from(end - next).unwrap_or(0)
        };
        bounds.iter().map(behind).sum()
    }

    /// Why this is not the log that was read; `None` where it may be.
    fn contradiction(&self, bounds: &Bounds, compare: Compare) -> Result<Option<String>, String> {
        for (partition, &next) in &self.read {
            let Some((_, end)) = bounds.get(partition) else {
                return Ok(Some(format!("partition {partition} is not there any more")));
            };
            if *end < next {
                return Ok(Some(format!(
                    "partition {partition} ends at {end}, and was read to {next}"
                )));
            }
        }
        if compare == Compare::No {
            return Ok(None);
        }
        // What retention took cannot be compared.
        let held = self.anchors.iter().filter(|(partition, (offset, _))| {
            bounds.get(partition).is_some_and(|(begin, _)| begin <= offset)
        });
        let asked = held
            .map(|(&partition, &(offset, _))| (partition, offset))
            .collect();
        let found = records_at(&self.connection, &self.topic, &asked).map_err(|error| error.to_string())?;
        let other = asked.iter().find(|(partition, _)| {
            let time_of = |record: &OwnedRecord| record.timestamp;
            let found = found.get(partition).and_then(Option::as_ref).map(time_of);
            found != self.anchors.get(partition).map(|(_, timestamp)| *timestamp)
        });
        Ok(other.map(|(partition, offset)| {
            format!("partition {partition} does not hold the record that was read at offset {offset}")
        }))
    }
}

/// Whether the last record that was read is looked at again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compare {
    Yes,
    No,
}

/// One attempt to learn the bounds of all partitions.
fn look(asker: &BaseConsumer<Context>, topic: &str) -> Result<Bounds, String> {
    client::serve_all(asker);
    let away = |error: rdkafka::error::KafkaError| asker.context().unanswered(error);
    let partitions: Vec<i32> = match listing::leaders(asker.client(), topic, REQUEST).map_err(away)? {
        Ok(leaders) if leaders.is_empty() => return Err("it has no partitions yet".to_owned()),
        Ok(leaders) => leaders.into_keys().collect(),
        Err(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            return Err("it does not exist".to_owned());
        }
        Err(code) => return Err(code.to_string()),
    };
    let list =
        |which| listing::list(asker, topic, &partitions, which, REQUEST).map_err(|error| error.to_string());
    let (begins, ends) = (list(Offset::Beginning)?, list(Offset::End)?);
    let both: Bounds = begins
        .into_iter()
        .filter_map(|(partition, begin)| Some((partition, (begin, *ends.get(&partition)?))))
        .collect();
    match both.len() == partitions.len() {
        true => {
            asker.context().is_back();
            Ok(both)
        }
        false => Err(format!(
            "{} of {} partitions answered",
            both.len(),
            partitions.len()
        )),
    }
}
