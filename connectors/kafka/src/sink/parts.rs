//! In how many parts a transaction is sent, each acknowledged before the next goes out.
//!
//! A batch is refused as a whole, whether one of its records is at fault or only all of them together are too large.
//! So what was refused is sent again in smaller parts, until it is taken or the record at fault is alone.

use std::ops::Range;

use super::Outgoing;

/// Why a part was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its size, or that of a record in it.
    Size,
    /// Something in one of its records.
    Content,
}

/// The parts of one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    /// Where each part ends; the last one at the number of records.
    ends: Vec<usize>,
}

impl Parts {
    /// All records together.
    pub(super) fn whole(records: usize) -> Self {
        Self { ends: vec![records] }
    }

    pub(super) fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| start..end)
    }

    /// Makes the part smaller in which this record was refused; false if the record was alone in it. What is too large
    /// for one part is so for the others, so that these are cut to the same size at once.
    pub(super) fn split(&mut self, records: &[Outgoing], refused: usize, cause: Cause) -> bool {
        let Some(part) = self.ranges().find(|part| part.contains(&refused)) else {
            return false;
        };
        if part.len() <= 1 {
            return false;
        }
        match cause {
            Cause::Content => {
                self.ends.push(part.start + part.len() / 2);
                self.ends.sort_unstable();
            }
            Cause::Size => {
                let most = records[part].iter().map(size).sum::<usize>() / 2;
                self.ends = self.ranges().flat_map(|part| cut(records, part, most)).collect();
            }
        }
        true
    }
}

/// The ends of parts of at most so many bytes, or of one record.
fn cut(records: &[Outgoing], part: Range<usize>, most: usize) -> Vec<usize> {
    let (mut ends, mut bytes) = (Vec::new(), 0);
    for index in part.clone() {
        let record = size(&records[index]);
        if index > part.start && bytes + record > most {
            ends.push(index);
            bytes = 0;
        }
        bytes += record;
    }
    ends.push(part.end);
    ends
}

/// About what a record takes in a batch.
fn size(record: &Outgoing) -> usize {
    let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
    let headers: usize = record
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.len() + 4)
        .sum();
    // Lengths and differences of offset and time.
    length(&record.key) + length(&record.value) + headers + 16
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn records(sizes: &[usize]) -> Vec<Outgoing> {
        let record = |&size: &usize| Outgoing {
            topic: Arc::from("t"),
            partition: Some(0),
            key: None,
            value: Some(vec![0; size]),
            headers: Vec::new(),
        };
        sizes.iter().map(record).collect()
    }

    /// Splits until `refuse` takes every part, or one record alone is refused; how often it was sent, and that record.
    fn send(
        records: &[Outgoing],
        cause: Cause,
        refuse: impl Fn(&[Outgoing]) -> bool,
    ) -> (usize, Option<usize>) {
        let mut parts = Parts::whole(records.len());
        for sent in 1.. {
            let all: Vec<usize> = parts.ranges().flatten().collect();
            assert_eq!(all, (0..records.len()).collect::<Vec<_>>());
            let Some(part) = parts.ranges().find(|part| refuse(&records[part.clone()])) else {
                return (sent, None);
            };
            if !parts.split(records, part.start, cause) {
                return (sent, Some(part.start));
            }
        }
        unreachable!("each round splits a part");
    }

    fn bytes(records: &[Outgoing]) -> usize {
        records.iter().map(size).sum()
    }

    #[test]
    fn what_is_too_large_only_together_is_sent_a_dozen_times_at_most() {
        let records = records(&[184; 10_000]);
        let (sent, refused) = send(&records, Cause::Size, |part| bytes(part) > 10_000);
        assert_eq!(refused, None);
        assert!(sent <= 12, "{sent}");
    }

    #[test]
    fn a_record_that_is_too_large_is_found() {
        let mut sizes = [184; 1_000];
        sizes[777] = 20_000;
        let (sent, refused) = send(&records(&sizes), Cause::Size, |part| bytes(part) > 10_000);
        assert_eq!(refused, Some(777));
        assert!(sent <= 12, "{sent}");
    }

    #[test]
    fn a_record_that_is_invalid_is_found_by_halves() {
        let mut sizes = [184; 1_000];
        sizes[777] = 0;
        let invalid = |part: &[Outgoing]| {
            part.iter()
                .any(|record| record.value.as_ref().unwrap().is_empty())
        };
        let (sent, refused) = send(&records(&sizes), Cause::Content, invalid);
        assert_eq!(refused, Some(777));
        assert!(sent <= 12, "{sent}");
    }

    #[test]
    fn nothing_to_send_is_one_empty_part() {
        let mut parts = Parts::whole(0);
        assert!(parts.ranges().eq(std::iter::once(0..0)));
        assert!(!parts.split(&[], 0, Cause::Size));
    }
}
