//! Everything that can be set.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use weir_dataflow::window::Rules;
use weir_kafka::{Auth, Connection, ConnectionError};

use crate::cli::effective;
use crate::error::JobError;

/// The settings of a job. [`Settings::default`] is what the flags default to; only the brokers have no default.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Kafka's addresses, `host:port[,host:port...]`.
    pub bootstrap_servers: String,
    /// Further librdkafka properties.
    pub kafka: Vec<(String, String)>,
    /// How the brokers are shown who this is.
    pub kafka_auth: Auth,
    /// Read to the ends found at the start, close every window, end.
    pub bounded: bool,
    /// Worker threads.
    pub workers: usize,
    /// The name of the job: transactional id, consumer group, progress topic and owner of the Parquet folder.
    pub job_id: String,
    /// The topic of the orders.
    pub orders_topic: String,
    /// Partitions of the orders topic if the job has to create it.
    pub orders_partitions: i32,
    /// The topic of the results.
    pub results_topic: String,
    /// The topic of records that are no valid orders.
    pub dlq_topic: String,
    /// The topic of orders that came too late.
    pub late_topic: String,
    /// The currency of all orders, three upper-case letters.
    pub currency: String,
    /// Length of a window; whole seconds.
    pub window: Duration,
    /// How far the watermark trails the largest event time; whole seconds.
    pub watermark_lag: Duration,
    /// How long a window may be revised after the watermark has passed its end; whole seconds.
    pub allowed_lateness: Duration,
    /// How far an event time may lie beyond its record's Kafka timestamp; zero switches the check off.
    pub max_ahead: Duration,
    /// Where Parquet goes: `gs://`, `s3://`, `file://` or a path.
    pub parquet: Option<String>,
    /// Write each result to standard output as well.
    pub print: bool,
    /// Where `/metrics`, `/health` and `/ready` are served.
    pub http_addr: Option<SocketAddr>,
    /// Most records of one partition that are read ahead of the watermark.
    pub read_ahead: u64,
    /// After this long the broker aborts a transaction that is still open.
    pub transaction_timeout: Duration,
}

/// As `check-config` prints it: secrets hidden.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&effective(self))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bootstrap_servers: String::new(),
            kafka: Vec::new(),
            kafka_auth: Auth::default(),
            bounded: false,
            workers: 1,
            job_id: "order-analytics".to_owned(),
            orders_topic: "orders".to_owned(),
            orders_partitions: 4,
            results_topic: "analytics-results".to_owned(),
            dlq_topic: "orders-dlq".to_owned(),
            late_topic: "orders-late".to_owned(),
            currency: "USD".to_owned(),
            window: Duration::from_secs(60),
            watermark_lag: Duration::from_secs(10),
            allowed_lateness: Duration::from_secs(60),
            max_ahead: Duration::from_secs(60),
            parquet: None,
            print: false,
            http_addr: Some(SocketAddr::from(([127, 0, 0, 1], 9090))),
            read_ahead: 200_000,
            transaction_timeout: Duration::from_secs(60),
        }
    }
}

impl Settings {
    /// Whether all values make sense, alone and together.
    ///
    /// # Errors
    /// [`JobError::Setting`] with the first key that does not.
    pub fn check(&self) -> Result<(), JobError> {
        let wrong = |key, fault: &str| Err(JobError::setting(key, fault));
        if self.bootstrap_servers.is_empty() {
            return wrong("bootstrap-servers", "is missing: give HOST:PORT[,HOST:PORT...]");
        }
        if let Err(error) = self.connection().check() {
            let key = match &error {
                ConnectionError::Property { name, .. } if name == "bootstrap.servers" => "bootstrap-servers",
                ConnectionError::Auth { .. } => "kafka-auth",
                _ => "kafka",
            };
            return Err(JobError::setting(key, error.to_string()));
        }
        if !(1..=1_024).contains(&self.workers) {
            return wrong("workers", "must be between 1 and 1024");
        }
        if !(1..=10_000).contains(&self.orders_partitions) {
            return wrong("orders-partitions", "must be between 1 and 10000");
        }
        let topics: [(&'static str, &str); 5] = [
            ("job-id", &self.job_id),
            ("orders-topic", &self.orders_topic),
            ("results-topic", &self.results_topic),
            ("dlq-topic", &self.dlq_topic),
            ("late-topic", &self.late_topic),
        ];
        for (index, (key, name)) in topics.into_iter().enumerate() {
            let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            if name.is_empty() || name.len() > 200 || !name.chars().all(legal) || name == "." || name == ".."
            {
                let fault = format!("`{name}` must be 1 to 200 letters, digits, dots, underscores or dashes");
                return Err(JobError::setting(key, fault));
            }
            if index > 0 && topics[1..index].iter().any(|(_, other)| *other == name) {
                return Err(JobError::setting(
                    key,
                    format!("`{name}` is another topic of the job already"),
                ));
            }
        }
        let progress = self.progress_topic();
        if let Some((key, name)) = topics[1..].iter().find(|(_, name)| **name == progress) {
            return Err(JobError::setting(
                key,
                format!("`{name}` is the topic of the job's progress already"),
            ));
        }
        if self.currency.len() != 3 || !self.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return wrong("currency", "must be three upper-case letters such as USD");
        }
        let year = Duration::from_secs(365 * 24 * 3_600);
        let durations = [
            ("window", self.window, 1),
            ("watermark-lag", self.watermark_lag, 0),
            ("allowed-lateness", self.allowed_lateness, 0),
        ];
        for (key, duration, least) in durations {
            if duration.subsec_nanos() != 0 || duration.as_secs() < least || duration > year {
                let fault = format!("must be whole seconds, at least {least} s and at most a year");
                return Err(JobError::setting(key, fault));
            }
        }
        if self.max_ahead > year {
            return wrong("max-ahead", "must be at most a year");
        }
        if self.read_ahead == 0 {
            return wrong("read-ahead", "must be at least 1");
        }
        if !(Duration::from_secs(1)..=Duration::from_secs(900)).contains(&self.transaction_timeout) {
            return wrong("transaction-timeout", "must be between 1 s and 15 min");
        }
        Ok(())
    }

    /// How Kafka is reached.
    pub fn connection(&self) -> Connection {
        Connection {
            bootstrap_servers: self.bootstrap_servers.clone(),
            properties: self.kafka.clone(),
            auth: self.kafka_auth,
        }
    }

    /// The rules of time.
    pub fn rules(&self) -> Rules {
        Rules {
            window: self.window.as_secs(),
            lag: self.watermark_lag.as_secs(),
            lateness: self.allowed_lateness.as_secs(),
            max_ahead_ms: i64::try_from(self.max_ahead.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// The topic of the progress record.
    pub fn progress_topic(&self) -> String {
        format!("{}-progress", self.job_id)
    }
}

#[cfg(test)]
mod tests;
