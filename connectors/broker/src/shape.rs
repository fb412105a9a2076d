//! The shapes of all requests, and a walk over a request by its shape before it is decoded.
//!
//! The codec makes room for as many elements as a request says an array has: four hostile bytes would take
//! the memory of the machine. The walk proves that every element is really there and that they are few.

use std::sync::OnceLock;

use kafka_protocol::messages::ApiKey;

/// Elements of all arrays of a request together.
const MOST_ELEMENTS: usize = 100_000;

/// One field.
#[derive(Debug)]
enum Kind {
    Fixed(usize),
    /// A string, if compact with a varint for its length, else with two bytes.
    Text,
    /// Bytes, if compact with a varint for their length, else with four bytes.
    Bytes,
    /// Elements without tagged fields of their own.
    Numbers(usize),
    Texts,
    Structs(Vec<Field>),
}

#[derive(Debug)]
struct Field {
    kind: Kind,
    since: i16,
    until: i16,
}

/// A request of the API: key, least and greatest version served, first version with compact fields, fields.
///
/// Fields in order: a digit is a number of that many bytes, `s` a string, `b` bytes, `*4` an array of numbers,
/// `*s` an array of strings, `[...]` an array of structures; `@2`, `@2-4` say in which versions it is there.
#[rustfmt::skip]
const REQUESTS: &[(ApiKey, i16, i16, i16, &str)] = &[
    (ApiKey::Produce, 3, 9, 9, "s 2 4 [ s [ 4 b ] ]"),
    (ApiKey::Fetch, 4, 12, 12, "4 4 4 4 1 4@7 4@7 [ s [ 4 4@9 8 4@12 8@5 4 ] ] [ s *4 ]@7 s@11"),
    (ApiKey::ListOffsets, 1, 7, 6, "4 1@2 [ s [ 4 4@4 8 ] ]"),
    (ApiKey::Metadata, 0, 9, 9, "[ s ] 1@4 1@8 1@8"),
    (ApiKey::OffsetCommit, 2, 8, 8, "s 4 s s@7 8@2-4 [ s [ 4 8 4@6 s ] ]"),
    (ApiKey::OffsetFetch, 1, 8, 6, "s@0-7 [ s *4 ]@0-7 [ s [ s *4 ] ]@8 1@7"),
    (ApiKey::FindCoordinator, 0, 4, 3, "s@0-3 1@1 *s@4"),
    (ApiKey::JoinGroup, 0, 9, 6, "s 4 4@1 s s@5 s [ s b ] s@8"),
    (ApiKey::Heartbeat, 0, 4, 4, "s 4 s s@3"),
    (ApiKey::LeaveGroup, 0, 5, 4, "s s@0-2 [ s s s@5 ]@3"),
    (ApiKey::SyncGroup, 0, 5, 4, "s 4 s s@3 s@5 s@5 [ s b ]"),
    (ApiKey::DescribeGroups, 0, 5, 5, "*s 1@3"),
    (ApiKey::ListGroups, 0, 4, 3, "*s@4"),
    (ApiKey::ApiVersions, 0, 3, 3, "s@3 s@3"),
    (ApiKey::CreateTopics, 2, 6, 5, "[ s 4 2 [ 4 *4 ] [ s s ] ] 4 1"),
    (ApiKey::DeleteTopics, 1, 5, 4, "*s 4"),
    (ApiKey::DeleteRecords, 0, 2, 2, "[ s [ 4 8 ] ] 4"),
    (ApiKey::InitProducerId, 0, 4, 2, "s 4 8@3 2@3"),
    (ApiKey::OffsetForLeaderEpoch, 2, 4, 4, "4@3 [ s [ 4 4 4 ] ]"),
    (ApiKey::AddPartitionsToTxn, 0, 3, 3, "s 8 2 [ s *4 ]"),
    (ApiKey::AddOffsetsToTxn, 0, 3, 3, "s 8 2 s"),
    (ApiKey::EndTxn, 0, 3, 3, "s 8 2 1"),
    (ApiKey::TxnOffsetCommit, 0, 3, 3, "s s 8 2 4@3 s@3 s@3 [ s [ 4 8 4@2 s ] ]"),
    (ApiKey::DescribeConfigs, 1, 4, 4, "[ 1 s *s ] 1 1@3"),
    (ApiKey::AlterConfigs, 0, 2, 2, "[ 1 s [ s s ] ] 1"),
    (ApiKey::CreatePartitions, 0, 3, 2, "[ s 4 [ *4 ] ] 4 1"),
    (ApiKey::DeleteGroups, 0, 2, 2, "*s"),
    (ApiKey::IncrementalAlterConfigs, 0, 1, 1, "[ 1 s [ s 1 s ] ] 1"),
    (ApiKey::OffsetDelete, 0, 0, 99, "s [ s [ 4 ] ]"),
    (ApiKey::DescribeCluster, 0, 0, 0, "1"),
    (ApiKey::DescribeProducers, 0, 0, 0, "[ s *4 ]"),
    (ApiKey::DescribeTransactions, 0, 0, 0, "*s"),
    (ApiKey::ListTransactions, 0, 0, 0, "*s *8"),
];

/// An API that is served.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) key: ApiKey,
    pub(crate) least: i16,
    pub(crate) greatest: i16,
    flexible_since: i16,
    fields: Vec<Field>,
}

/// All APIs that are served.
pub(crate) fn apis() -> &'static [Api] {
    static APIS: OnceLock<Vec<Api>> = OnceLock::new();
    APIS.get_or_init(|| REQUESTS.iter().map(parse_api).collect())
}

fn parse_api(&(key, least, greatest, flexible_since, text): &(ApiKey, i16, i16, i16, &str)) -> Api {
    Api {
        key,
        least,
        greatest,
        flexible_since,
        fields: parse_fields(&mut text.split_whitespace()),
    }
}

fn parse_fields(words: &mut std::str::SplitWhitespace<'_>) -> Vec<Field> {
    let mut fields = Vec::new();
    while let Some(word) = words.next() {
        let nested = (word == "[").then(|| parse_fields(words));
        // The versions of a structure stand behind its end, which `parse_fields` has left to be looked at.
        let (shape, versions) = word.split_once('@').unwrap_or((word, ""));
        let (since, until) = parse_versions(versions);
        let kind = match (shape, nested) {
            (_, Some(inner)) => Kind::Structs(inner),
            ("s", _) => Kind::Text,
            ("b", _) => Kind::Bytes,
            ("*s", _) => Kind::Texts,
            ("*4", _) => Kind::Numbers(4),
            ("*8", _) => Kind::Numbers(8),
            ("]", _) => {
                // An end: its versions are taken by the structure that it ends.
                fields.push(Field {
                    kind: Kind::Fixed(0),
                    since,
                    until,
                });
                return fields;
            }
            (digits, _) => Kind::Fixed(digits.parse().expect("the table has digits here")),
        };
        fields.push(match kind {
            Kind::Structs(mut inner) => {
                let end = inner.pop().expect("a structure has an end");
                Field {
                    kind: Kind::Structs(inner),
                    since: end.since,
                    until: end.until,
                }
            }
            kind => Field { kind, since, until },
        });
    }
    fields
}

fn parse_versions(text: &str) -> (i16, i16) {
    let number = |digits: &str| digits.parse().expect("the table has digits here");
    match text.split_once('-') {
        _ if text.is_empty() => (0, i16::MAX),
        Some((since, until)) => (number(since), number(until)),
        None => (number(text), i16::MAX),
    }
}

impl Api {
    /// Whether requests of that version end their structures with tagged fields.
    pub(crate) fn is_flexible(&self, version: i16) -> bool {
        version >= self.flexible_since
    }

    /// Whether the body of a request is as long as it says.
    pub(crate) fn fits(&self, body: &[u8], version: i16) -> bool {
        let mut walk = Walk {
            rest: body,
            version,
            flexible: self.is_flexible(version),
            elements: 0,
        };
        walk.structure(&self.fields).is_some()
    }
}

struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
    flexible: bool,
    elements: usize,
}

impl Walk<'_> {
    fn structure(&mut self, fields: &[Field]) -> Option<()> {
        for field in fields {
            if (field.since..=field.until).contains(&self.version) {
                self.field(&field.kind)?;
            }
        }
        if self.flexible {
            for _ in 0..self.varint()? {
                self.count(1)?;
                self.varint()?;
                let length = self.varint()?;
                self.skip(length)?;
            }
        }
        Some(())
    }

    fn field(&mut self, kind: &Kind) -> Option<()> {
        match kind {
            Kind::Fixed(bytes) => self.skip(*bytes),
            Kind::Text => {
                let length = self.length(2)?;
                self.skip(length)
            }
            Kind::Bytes => {
                let length = self.length(4)?;
                self.skip(length)
            }
            Kind::Numbers(bytes) => {
                let count = self.length(4)?;
                self.count(count)?;
                self.skip(count.checked_mul(*bytes)?)
            }
            Kind::Texts => {
                let count = self.length(4)?;
                self.count(count)?;
                (0..count).try_for_each(|_| self.field(&Kind::Text))
            }
            Kind::Structs(fields) => {
                let count = self.length(4)?;
                self.count(count)?;
                (0..count).try_for_each(|_| self.structure(fields))
            }
        }
    }

    fn count(&mut self, more: usize) -> Option<()> {
        self.elements = self.elements.checked_add(more)?;
        (self.elements <= MOST_ELEMENTS).then_some(())
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.rest = self.rest.get(bytes..)?;
        Some(())
    }

    /// A length or count; null is 0.
    fn length(&mut self, bytes: usize) -> Option<usize> {
        if self.flexible {
            return Some(self.varint()?.saturating_sub(1));
        }
        let length = match bytes {
            2 => i32::from(i16::from_be_bytes(*self.rest.first_chunk()?)),
            _ => i32::from_be_bytes(*self.rest.first_chunk()?),
        };
        self.skip(bytes)?;
        // -1 is null; the codec refuses less.
        Some(usize::try_from(length).unwrap_or(0))
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0_u32;
        for shift in 0..5 {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            value |= u32::from(byte & 0x7f) << (shift * 7);
            if *byte < 0x80 {
                break;
            }
        }
        usize::try_from(value).ok()
    }
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, Bytes, BytesMut};
    use kafka_protocol::messages::RequestKind;

    use super::*;

    /// A request with one element in every array, as the table describes it.
    fn sample(api: &Api, version: i16) -> BytesMut {
        let mut out = BytesMut::new();
        write(&api.fields, version, api.is_flexible(version), &mut out);
        out
    }

    fn write(fields: &[Field], version: i16, flexible: bool, out: &mut BytesMut) {
        let length = |out: &mut BytesMut, length: u8, bytes: usize| match (flexible, bytes) {
            (true, _) => out.put_u8(length + 1),
            (false, 2) => out.put_i16(length.into()),
            (false, _) => out.put_i32(length.into()),
        };
        let text = |out: &mut BytesMut| {
            length(out, 3, 2);
            out.put_slice(b"abc");
        };
        for field in fields.iter().filter(|f| (f.since..=f.until).contains(&version)) {
            match &field.kind {
                Kind::Fixed(bytes) => out.put_bytes(0, *bytes),
                Kind::Text => text(out),
                Kind::Bytes => {
                    length(out, 3, 4);
                    out.put_slice(b"abc");
                }
                Kind::Numbers(bytes) => {
                    length(out, 1, 4);
                    out.put_bytes(0, *bytes);
                }
                Kind::Texts => {
                    length(out, 1, 4);
                    text(out);
                }
                Kind::Structs(inner) => {
                    length(out, 1, 4);
                    write(inner, version, flexible, out);
                }
            }
        }
        if flexible {
            out.put_u8(0);
        }
    }

    #[test]
    fn the_table_describes_what_the_codec_reads_in_every_version() {
        for api in apis() {
            for version in api.least..=api.greatest {
                let bytes = sample(api, version);
                assert!(api.fits(&bytes, version), "{:?} {version}", api.key);
                let mut left = bytes.freeze();
                let decoded = RequestKind::decode(api.key, &mut left, version);
                assert!(
                    decoded.is_ok() && left.is_empty(),
                    "{:?} {version}: {decoded:?}, left {left:?}",
                    api.key
                );
                let header_is_flexible = api.key.request_header_version(version) == 2;
                assert_eq!(
                    header_is_flexible,
                    api.is_flexible(version),
                    "{:?} {version}",
                    api.key
                );
            }
        }
    }

    #[test]
    fn a_request_that_is_cut_anywhere_does_not_fit() {
        for api in apis() {
            for version in api.least..=api.greatest {
                let bytes = sample(api, version);
                for cut in 0..bytes.len() {
                    assert!(
                        !api.fits(&bytes[..cut], version),
                        "{:?} {version} cut at {cut}",
                        api.key
                    );
                }
            }
        }
    }

    #[test]
    fn an_array_that_says_it_is_huge_does_not_fit() {
        let metadata = apis().iter().find(|api| api.key == ApiKey::Metadata).unwrap();
        let mut request = BytesMut::new();
        request.put_i32(i32::MAX);
        assert!(!metadata.fits(&request, 1));
        let mut compact = BytesMut::new();
        compact.put_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
        assert!(!metadata.fits(&compact, 9));
        let many = Bytes::from([&200_000_i32.to_be_bytes()[..], &vec![0; 400_000]].concat());
        assert!(!metadata.fits(&many, 1), "more elements than any client sends");
    }
}
