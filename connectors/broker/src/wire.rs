//! The outside of requests and answers: headers, frames, and bytes that are still in a file.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable};

use crate::log::Slice;
use crate::shape::{Api, apis};

/// Most bytes of an answer that is in memory as a whole.
const MOST_IN_MEMORY: usize = 64 << 20;

/// Why a request is not served. The connection is closed: what follows cannot be understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("request of {length} bytes, at most {most} are taken")]
    Length { length: i64, most: usize },
    #[error("request header is cut short")]
    Header,
    #[error("api key {0} is not served")]
    UnknownApi(i16),
    #[error("version {version} of {key:?} is not served")]
    Version { key: ApiKey, version: i16 },
    #[error("body of {key:?} version {version} is malformed")]
    Body { key: ApiKey, version: i16 },
    #[error("answer cannot be written: {0}")]
    Answer(String),
}

/// A request up to its body.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) key: ApiKey,
    pub(crate) version: i16,
    pub(crate) correlation: i32,
    pub(crate) client_id: String,
    /// The version asked for is not served; only said of ApiVersions, which answers nevertheless.
    pub(crate) unserved: bool,
}

/// Reads the header of a request and leaves its body.
pub(crate) fn read_head(frame: &mut Bytes) -> Result<(Head, &'static Api), WireError> {
    if frame.len() < 8 {
        return Err(WireError::Header);
    }
    let (number, version, correlation) = (frame.get_i16(), frame.get_i16(), frame.get_i32());
    let api = apis()
        .iter()
        .find(|api| api.key as i16 == number)
        .ok_or(WireError::UnknownApi(number))?;
    let key = api.key;
    let served = (api.least..=api.greatest).contains(&version);
    if !served {
        return match key {
            ApiKey::ApiVersions => Ok((
                Head {
                    key,
                    version,
                    correlation,
                    client_id: String::new(),
                    unserved: true,
                },
                api,
            )),
            _ => Err(WireError::Version { key, version }),
        };
    }
    let client_id = read_client_id(frame).ok_or(WireError::Header)?;
    if api.is_flexible(version) {
        skip_tags(frame).ok_or(WireError::Header)?;
    }
    Ok((
        Head {
            key,
            version,
            correlation,
            client_id,
            unserved: false,
        },
        api,
    ))
}

fn read_client_id(frame: &mut Bytes) -> Option<String> {
    let length = frame.try_get_i16().ok()?;
    let Ok(length) = usize::try_from(length) else {
        return Some(String::new());
    };
    let text = (frame.len() >= length).then(|| frame.split_to(length))?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

fn skip_tags(frame: &mut Bytes) -> Option<()> {
    for _ in 0..read_varint(frame)? {
        read_varint(frame)?;
        let length = read_varint(frame)? as usize;
        (frame.len() >= length).then(|| frame.advance(length))?;
    }
    Some(())
}

fn read_varint(frame: &mut Bytes) -> Option<u32> {
    let mut value = 0_u32;
    for shift in 0..5 {
        let byte = frame.try_get_u8().ok()?;
        value |= u32::from(byte & 0x7f) << (shift * 7);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Decodes a body whose shape was checked.
pub(crate) fn read_body<Q: Decodable>(head: &Head, mut body: Bytes) -> Result<Q, WireError> {
    Q::decode(&mut body, head.version).map_err(|_| WireError::Body {
        key: head.key,
        version: head.version,
    })
}

/// A part of an answer.
#[derive(Debug)]
pub(crate) enum Part {
    Bytes(Bytes),
    /// Is read when it is sent, so that a slow client costs no memory.
    File(Slice),
}

/// An answer ready to be sent, its length first.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) parts: Vec<Part>,
}

/// Begins an answer: room for the length, then the header.
pub(crate) fn begin(head: &Head) -> Result<BytesMut, WireError> {
    let mut out = BytesMut::with_capacity(256);
    out.put_i32(0);
    let header = ResponseHeader::default().with_correlation_id(head.correlation);
    let version = if head.unserved {
        0
    } else {
        head.key.response_header_version(head.version)
    };
    header
        .encode(&mut out, version)
        .map_err(|e| WireError::Answer(e.to_string()))?;
    Ok(out)
}

/// An answer in one piece.
pub(crate) fn answer<R: Encodable>(head: &Head, response: &R) -> Result<Answer, WireError> {
    let mut out = begin(head)?;
    response
        .encode(&mut out, head.version)
        .map_err(|e| WireError::Answer(e.to_string()))?;
    if out.len() > MOST_IN_MEMORY {
        let text = format!("{} bytes, at most {MOST_IN_MEMORY} are sent", out.len());
        return Err(WireError::Answer(text));
    }
    let length = length_of(out.len())?;
    out[..4].copy_from_slice(&length);
    Ok(Answer {
        parts: vec![Part::Bytes(out.freeze())],
    })
}

/// What stands before an answer of that many bytes, these four included.
pub(crate) fn length_of(total: usize) -> Result<[u8; 4], WireError> {
    let length = i32::try_from(total - 4).map_err(|error| WireError::Answer(error.to_string()))?;
    Ok(length.to_be_bytes())
}

/// A varint as the compact encodings have it.
pub(crate) fn put_varint(out: &mut BytesMut, mut value: u32) {
    while value >= 0x80 {
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}
