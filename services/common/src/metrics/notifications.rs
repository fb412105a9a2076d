//! What is counted of messages to users.

use std::time::Duration;

use super::Metrics;

impl Metrics {
    /// A message was sent, so long after what it tells of; maybe not for the first time.
    pub fn notification_sent(&self, template: &str, age: Duration, may_repeat: bool) {
        let labels = [self.service, template];
        self.all.notifications_sent.with_label_values(&labels).inc();
        self.all
            .notification_age
            .with_label_values(&labels)
            .observe(age.as_secs_f64());
        if may_repeat {
            self.all.notifications_repeated.with_label_values(&labels).inc();
        }
    }

    /// How many messages with this text were sent.
    #[must_use]
    pub fn notifications_sent(&self, template: &str) -> u64 {
        let labels = [self.service, template];
        self.all.notifications_sent.with_label_values(&labels).get()
    }

    /// Counters of these topics are there from the start: that one goes from 0 to 1 is seen only where the 0 was.
    pub fn notifications_are_read_from<'t>(&self, topics: impl IntoIterator<Item = &'t str>) {
        for topic in topics {
            let labels = [self.service, topic];
            let _ = self.all.notifications_dead_lettered.with_label_values(&labels);
        }
    }

    /// A record will never be understood.
    pub fn notification_dead_lettered(&self, topic: &str) {
        let labels = [self.service, topic];
        self.all
            .notifications_dead_lettered
            .with_label_values(&labels)
            .inc();
    }

    /// An attempt failed and is made again.
    pub fn notification_failed(&self, what: &str) {
        let labels = [self.service, what];
        self.all.notifications_failed.with_label_values(&labels).inc();
    }

    /// Nobody is told of a record.
    pub fn notification_ignored(&self, reason: &str) {
        let labels = [self.service, reason];
        self.all.notifications_ignored.with_label_values(&labels).inc();
    }
}
