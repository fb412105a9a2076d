//! The topics and their partitions while the broker runs.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::{fs, io};

use kafka_protocol::ResponseError;

use crate::config::Config;
use crate::fault::{Fault, storage};
use crate::journal::Journal;
use crate::ledger::{Entry, TopicRecord};
use crate::locked::locked;
use crate::lost::{is_set_aside, set_aside};
use crate::partition::Partition;
use crate::synced::sync_folder;
use crate::topic_config::{self, Effective, Overrides};

/// Partitions a topic may have.
const MOST_PARTITIONS: i32 = 10_000;

/// A topic.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: String,
    folder: PathBuf,
    partitions: RwLock<Vec<Arc<Partition>>>,
    settings: RwLock<Effective>,
}

impl Topic {
    fn open(root: &Path, name: &str, record: &TopicRecord, config: &Config) -> io::Result<Arc<Self>> {
        let folder = folder_of(root, name, record);
        let partitions = (0..record.partitions)
            .map(|n| {
                Partition::open(
                    &folder.join(n.to_string()),
                    record.starts.get(&n).copied().unwrap_or(0),
                )
            })
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Arc::new(Self {
            name: name.to_owned(),
            folder,
            partitions: RwLock::new(partitions),
            settings: RwLock::new(topic_config::effective(&record.configs, config)),
        }))
    }

    /// A partition by its number.
    pub(crate) fn partition(&self, index: i32) -> Option<Arc<Partition>> {
        let partitions = self.partitions.read().unwrap_or_else(PoisonError::into_inner);
        partitions.get(usize::try_from(index).ok()?).cloned()
    }

    /// How many partitions there are.
    pub(crate) fn partition_count(&self) -> i32 {
        self.partitions
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len() as i32
    }

    /// What its settings mean at present.
    pub(crate) fn settings(&self) -> Effective {
        *self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All topics.
#[derive(Debug)]
pub(crate) struct Topics {
    root: PathBuf,
    journal: Arc<Journal>,
    config: Arc<Config>,
    by_name: RwLock<BTreeMap<String, Arc<Topic>>>,
    /// One change of topics at a time.
    changing: Mutex<()>,
}

impl Topics {
    /// Opens every topic of the journal and removes what deleted ones left behind. What the journal does not know
    /// is set aside.
    pub(crate) fn open(journal: Arc<Journal>, config: Arc<Config>) -> io::Result<Self> {
        let root = config.data_dir.join("topics");
        fs::create_dir_all(&root)?;
        let (records, next_incarnation) =
            journal.read(|ledger| (ledger.topics.clone(), ledger.next_incarnation));
        let mut by_name = BTreeMap::new();
        let mut folders = HashSet::new();
        for (name, record) in &records {
            let topic = Topic::open(&root, name, record, &config)?;
            folders.insert(topic.folder.clone());
            by_name.insert(name.clone(), topic);
        }
        for entry in fs::read_dir(&root)? {
            let path = entry?.path();
            if folders.contains(&path) || is_set_aside(&path) {
                continue;
            }
            // An incarnation is used up by the entry of its topic: the topic is gone because it was deleted.
            if incarnation_of(&path).is_some_and(|incarnation| incarnation < next_incarnation) {
                fs::remove_dir_all(&path)?;
            } else {
                set_aside(&path)?;
            }
        }
        Ok(Self {
            root,
            journal,
            config,
            by_name: RwLock::new(by_name),
            changing: Mutex::new(()),
        })
    }

    /// A topic by name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Topic>> {
        self.by_name
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    /// All topics in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<Topic>> {
        self.by_name
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    /// A topic and one of its partitions.
    pub(crate) fn partition(&self, name: &str, index: i32) -> Result<(Arc<Topic>, Arc<Partition>), Fault> {
        let unknown = || {
            Fault::new(
                ResponseError::UnknownTopicOrPartition,
                format!("no partition {name}-{index}"),
            )
        };
        let topic = self.get(name).ok_or_else(unknown)?;
        let partition = topic.partition(index).ok_or_else(unknown)?;
        Ok((topic, partition))
    }

    /// Creates a topic; `dry` only says whether it could. Blocks on files.
    pub(crate) fn create(
        &self,
        name: &str,
        partitions: i32,
        configs: Overrides,
        dry: bool,
    ) -> Result<(), Fault> {
        check_name(name)?;
        topic_config::check(&configs)?;
        check_partitions(partitions)?;
        let _one_at_a_time = locked(&self.changing);
        if self.get(name).is_some() {
            return Err(Fault::new(
                ResponseError::TopicAlreadyExists,
                format!("topic '{name}' already exists"),
            ));
        }
        self.check_descriptors(partitions)?;
        if dry {
            return Ok(());
        }
        let incarnation = self.journal.read(|ledger| ledger.next_incarnation);
        let record = TopicRecord {
            incarnation,
            partitions,
            configs,
            starts: BTreeMap::new(),
        };
        let topic = Topic::open(&self.root, name, &record, &self.config).map_err(|e| {
            let _ = fs::remove_dir_all(folder_of(&self.root, name, &record));
            storage("creating a topic", &e)
        })?;
        let entry = Entry::Topic {
            name: name.to_owned(),
            topic: record,
        };
        let stored = self
            .sync_names(&topic, 0..partitions)
            .and_then(|()| self.journal.write(vec![entry]));
        if let Err(fault) = stored {
            let _ = fs::remove_dir_all(&topic.folder);
            return Err(fault);
        }
        self.by_name
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned(), topic);
        Ok(())
    }

    /// Brings the names of new folders and files to the disk, if that is asked for.
    fn sync_names(&self, topic: &Topic, partitions: Range<i32>) -> Result<(), Fault> {
        if !self.config.fsync {
            return Ok(());
        }
        partitions
            .map(|n| topic.folder.join(n.to_string()))
            .chain([topic.folder.clone(), self.root.clone()])
            .try_for_each(|folder| sync_folder(&folder))
            .map_err(|e| storage("syncing the folders of a topic", &e))
    }

    /// Refuses partitions that would leave too few file descriptors.
    fn check_descriptors(&self, more: i32) -> Result<(), Fault> {
        let present: i32 = self.all().iter().map(|topic| topic.partition_count()).sum();
        let (present, most) = (present as usize, most_partitions());
        if present + more as usize <= most {
            return Ok(());
        }
        let text = format!(
            "{present} partitions and {more} more are over {most}, half of the files that the broker may open"
        );
        Err(Fault::new(ResponseError::InvalidPartitions, text))
    }

    /// Deletes a topic with its records and its committed offsets. Blocks on files.
    pub(crate) fn delete(&self, name: &str) -> Result<(), Fault> {
        let _one_at_a_time = locked(&self.changing);
        let topic = self.get(name).ok_or(ResponseError::UnknownTopicOrPartition)?;
        self.journal.write(vec![Entry::TopicDeleted {
            name: name.to_owned(),
        }])?;
        self.by_name
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name);
        let partitions = topic
            .partitions
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        partitions.iter().for_each(|p| p.close_for_good());
        if let Err(error) = fs::remove_dir_all(&topic.folder) {
            // The next start removes it.
            tracing::warn!(%error, topic = name, "files of a deleted topic are still there");
        }
        Ok(())
    }

    /// Adds partitions up to a number. Blocks on files.
    pub(crate) fn grow(&self, name: &str, partitions: i32, dry: bool) -> Result<(), Fault> {
        let _one_at_a_time = locked(&self.changing);
        let topic = self.get(name).ok_or(ResponseError::UnknownTopicOrPartition)?;
        let present = topic.partition_count();
        if partitions <= present {
            let text = format!("topic has {present} partitions, {partitions} would not be an increase");
            return Err(Fault::new(ResponseError::InvalidPartitions, text));
        }
        check_partitions(partitions)?;
        self.check_descriptors(partitions - present)?;
        if dry {
            return Ok(());
        }
        let new = (present..partitions)
            .map(|n| Partition::open(&topic.folder.join(n.to_string()), 0))
            .collect::<io::Result<Vec<_>>>()
            .map_err(|e| storage("creating a partition", &e))?;
        self.sync_names(&topic, present..partitions)?;
        self.change_record(name, |record| record.partitions = partitions)?;
        topic
            .partitions
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(new);
        Ok(())
    }

    /// Replaces the settings of a topic by what `change` makes of them.
    pub(crate) fn configure(
        &self,
        name: &str,
        dry: bool,
        change: impl FnOnce(&mut Overrides) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let _one_at_a_time = locked(&self.changing);
        let topic = self.get(name).ok_or(ResponseError::UnknownTopicOrPartition)?;
        let mut configs = self.configs(name);
        change(&mut configs)?;
        topic_config::check(&configs)?;
        if dry {
            return Ok(());
        }
        let effective = topic_config::effective(&configs, &self.config);
        self.change_record(name, |record| record.configs = configs)?;
        *topic.settings.write().unwrap_or_else(PoisonError::into_inner) = effective;
        Ok(())
    }

    fn change_record(&self, name: &str, change: impl FnOnce(&mut TopicRecord)) -> Result<(), Fault> {
        self.journal.decide(|ledger| {
            let mut topic = ledger
                .topics
                .get(name)
                .ok_or(ResponseError::UnknownTopicOrPartition)?
                .clone();
            change(&mut topic);
            Ok((
                vec![Entry::Topic {
                    name: name.to_owned(),
                    topic,
                }],
                (),
            ))
        })
    }

    /// The settings of a topic that differ from the broker's.
    pub(crate) fn configs(&self, name: &str) -> Overrides {
        self.journal.read(|ledger| {
            ledger
                .topics
                .get(name)
                .map(|t| t.configs.clone())
                .unwrap_or_default()
        })
    }

    /// Moves the first offset that may be read; `-1` is the end. Returns the new first offset.
    pub(crate) fn delete_records(&self, name: &str, index: i32, before: i64) -> Result<i64, Fault> {
        let (topic, partition) = self.partition(name, index)?;
        let fsync = topic.settings().log.fsync;
        partition.with_log(|log| {
            let offset = if before == -1 { log.end() } else { before };
            if offset < 0 || offset > log.end() {
                return Err(ResponseError::OffsetOutOfRange.into());
            }
            if offset > log.start() {
                self.journal.write(vec![Entry::LogStart {
                    name: name.to_owned(),
                    partition: index,
                    offset,
                }])?;
                log.advance_start(offset, fsync)
                    .map_err(|e| storage("deleting records", &e))?;
            }
            Ok(log.start())
        })
    }
}

fn folder_of(root: &Path, name: &str, record: &TopicRecord) -> PathBuf {
    root.join(format!("{name}.{}", record.incarnation))
}

fn incarnation_of(folder: &Path) -> Option<u64> {
    folder.extension()?.to_str()?.parse().ok()
}

/// Partitions that all topics may have together: each keeps a file open, and half of the descriptors that this process
/// may have is left for everything else.
fn most_partitions() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let descriptors = limit.current.unwrap_or(u64::MAX);
    usize::try_from(descriptors / 2).unwrap_or(usize::MAX)
}

fn check_partitions(partitions: i32) -> Result<(), Fault> {
    if (1..=MOST_PARTITIONS).contains(&partitions) {
        return Ok(());
    }
    let text = format!("number of partitions must be 1 to {MOST_PARTITIONS}, not {partitions}");
    Err(Fault::new(ResponseError::InvalidPartitions, text))
}

fn check_name(name: &str) -> Result<(), Fault> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !name.is_empty() && name.len() <= 249 && name != "." && name != ".." && name.chars().all(legal) {
        return Ok(());
    }
    let text = "a topic name has 1 to 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-'";
    Err(Fault::new(ResponseError::InvalidTopicException, text))
}
