//! Everything that can be set about a broker.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What a broker listens on, where it keeps its data, and its limits.
///
/// Every default is Apache Kafka's where Kafka has one, except where a field says otherwise.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Folder of all data; created when missing. One broker at a time may use it.
    pub data_dir: PathBuf,
    /// Host and port told to clients; by default the address each client connected to.
    pub advertised: Option<(String, u16)>,
    /// Partitions of a topic created without a number (`num.partitions`).
    pub default_partitions: i32,
    /// Create a topic when a client asks for one that is missing and permits it (Kafka's default is on, here off).
    pub auto_create_topics: bool,
    /// Sync files to the disk before anything is acknowledged. Off: what is acknowledged survives the death of
    /// the process, but not that of the machine.
    pub fsync: bool,
    /// Size at which a segment file is closed, in bytes (`segment.bytes`; Kafka's default is 1 GiB).
    pub segment_bytes: u64,
    /// Age at which records may be deleted, in milliseconds; negative keeps them (`retention.ms`).
    pub retention_ms: i64,
    /// Size beyond which the oldest segments of a partition are deleted, in bytes; negative is no limit.
    pub retention_bytes: i64,
    /// How often retention and expiry are looked after.
    pub retention_check: Duration,
    /// Largest record batch accepted, in bytes (`max.message.bytes`).
    pub max_message_bytes: usize,
    /// Largest request accepted, in bytes (`socket.request.max.bytes`).
    pub max_request_bytes: usize,
    /// Memory for requests larger than 64 KiB that are being received, all connections together, in bytes.
    pub request_memory_bytes: usize,
    /// Connections at a time; one more is closed at once.
    pub max_connections: usize,
    /// A connection without a request for that long is closed (`connections.max.idle.ms`).
    pub idle_timeout: Duration,
    /// A client that stops in the middle of a request, or does not take its answer, is given up after that.
    pub io_timeout: Duration,
    /// Longest transaction time-out that a producer may ask for (`transaction.max.timeout.ms`).
    pub transaction_max_timeout: Duration,
    /// A producer that wrote nothing for that long is forgotten (`producer.id.expiration.ms`).
    pub producer_expiry: Duration,
    /// A transactional id without a transaction for that long is forgotten.
    pub transactional_id_expiry: Duration,
    /// Offsets of a group without members are forgotten that long after their last commit.
    pub offsets_retention: Duration,
    /// How long the first rebalance of an empty group waits for more members (Kafka's default is 3 s, here 0).
    pub group_initial_rebalance_delay: Duration,
    /// Shortest session time-out of a group member (Kafka's default is 6 s, here 100 ms).
    pub group_min_session_timeout: Duration,
    /// Longest session time-out of a group member.
    pub group_max_session_timeout: Duration,
    /// Journal size above which it is compacted once it is four times what it has to hold, in bytes.
    pub journal_compact_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9092)),
            data_dir: PathBuf::from("broker-data"),
            advertised: None,
            default_partitions: 1,
            auto_create_topics: false,
            fsync: false,
            segment_bytes: 64 << 20,
            retention_ms: 7 * DAY.as_millis() as i64,
            retention_bytes: -1,
            retention_check: Duration::from_secs(30),
            max_message_bytes: 1_048_588,
            max_request_bytes: 100 << 20,
            request_memory_bytes: 256 << 20,
            max_connections: 4096,
            idle_timeout: Duration::from_secs(600),
            io_timeout: Duration::from_secs(30),
            transaction_max_timeout: Duration::from_secs(900),
            producer_expiry: DAY,
            transactional_id_expiry: 7 * DAY,
            offsets_retention: 7 * DAY,
            group_initial_rebalance_delay: Duration::ZERO,
            group_min_session_timeout: Duration::from_millis(100),
            group_max_session_timeout: Duration::from_secs(1800),
            journal_compact_bytes: 1 << 20,
        }
    }
}
