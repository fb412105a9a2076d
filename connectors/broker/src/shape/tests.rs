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
