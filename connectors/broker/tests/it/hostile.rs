//! Bytes that no client should send. Whatever happens to the connection, the broker goes on.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::clients::{Own, WAIT, client, numbers, producer, send, topic, values_of};
use crate::killed::Program;

/// A connection that is written to byte by byte.
pub(crate) struct Raw(TcpStream);

impl Raw {
    pub(crate) fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(WAIT)).unwrap();
        Self(stream)
    }

    /// Sends a request with the old header; returns the body of the answer, or `None` when the broker closed.
    pub(crate) fn ask(&mut self, key: i16, version: i16, body: &[u8]) -> Option<Vec<u8>> {
        let mut request = Vec::new();
        request.extend(key.to_be_bytes());
        request.extend(version.to_be_bytes());
        request.extend(7_i32.to_be_bytes());
        request.extend([0, 1, b'c']);
        request.extend(body);
        self.send_frame(&request);
        let answer = self.answer()?;
        assert_eq!(answer[..4], 7_i32.to_be_bytes(), "correlation");
        Some(answer[4..].to_vec())
    }

    fn send_frame(&mut self, frame: &[u8]) {
        self.send(&(frame.len() as i32).to_be_bytes());
        self.send(frame);
    }

    fn send(&mut self, bytes: &[u8]) {
        // The broker may have closed in the middle.
        let _ = self.0.write_all(bytes);
    }

    fn answer(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).ok()?;
        let mut answer = vec![0; i32::from_be_bytes(length) as usize];
        self.0.read_exact(&mut answer).ok()?;
        Some(answer)
    }

    fn is_closed(&mut self) -> bool {
        match self.0.read(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
        }
    }
}

fn still_serves(own: &Own) {
    serves(&own.address());
}

fn serves(address: &str) {
    topic(address, "after", 1, &[]);
    send(&producer(client(address)), "after", 0, 0..10);
    assert_eq!(values_of(client(address), "after", 0), numbers(0..10));
}

#[test]
fn impossible_lengths_close_the_connection() {
    let own = Own::start();
    for length in [-1, i32::MIN, i32::MAX, 0, 3, 7, 101 << 20] {
        let mut raw = Raw::connect(&own.address());
        raw.send(&length.to_be_bytes());
        raw.send(&[0, 18, 0, 0]);
        assert!(raw.is_closed(), "{length}");
    }
    let mut raw = Raw::connect(&own.address());
    raw.send(&(50_i32 << 20).to_be_bytes());
    raw.send(&[0, 3]);
    assert!(
        raw.is_closed(),
        "50 MiB are too many for a request without records"
    );
    still_serves(&own);
}

#[test]
fn unknown_apis_and_versions_close_the_connection() {
    let own = Own::start();
    for (key, version) in [
        (999, 0),
        (-1, 0),
        (4, 0),
        (0, 2),
        (0, 99),
        (1, 13),
        (3, -1),
        (3, 99),
    ] {
        let mut raw = Raw::connect(&own.address());
        assert!(raw.ask(key, version, &[0; 8]).is_none(), "{key} {version}");
    }
    still_serves(&own);
}

#[test]
fn a_client_newer_than_the_broker_is_told_what_is_served() {
    let own = Own::start();
    let mut raw = Raw::connect(&own.address());
    let answer = raw.ask(18, 77, &[]).unwrap();
    assert_eq!(answer[..2], 35_i16.to_be_bytes(), "UNSUPPORTED_VERSION");
    let apis = i32::from_be_bytes(answer[2..6].try_into().unwrap());
    assert_eq!(answer.len(), 6 + apis as usize * 6);
    assert!(raw.ask(18, 0, &[]).is_some(), "and may ask again");
}

#[test]
fn arrays_that_say_they_are_huge_close_the_connection_and_cost_no_memory() {
    let own = Own::start();
    let huge = i32::MAX.to_be_bytes();
    for (key, version) in [(3, 1), (2, 1), (19, 2), (20, 1), (15, 0), (42, 0), (24, 0)] {
        for lead in [vec![], vec![0, 1, b'x'], vec![0; 4], vec![0; 17]] {
            let mut raw = Raw::connect(&own.address());
            let body = [&lead[..], &huge, &huge, &huge].concat();
            if let Some(answer) = raw.ask(key, version, &body) {
                assert!(answer.len() < 1_000, "{key}");
            }
        }
    }
    still_serves(&own);
}

#[test]
fn random_bytes_harm_nothing() {
    let own = Own::start();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..400 {
        let mut raw = Raw::connect(&own.address());
        let mut frame: Vec<u8> = (0..next() % 200 + 8).map(|_| (next() >> 24) as u8).collect();
        if round % 4 != 0 {
            // A known API in a served version, then nonsense.
            let keys = [
                0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 19, 20, 21, 22, 23, 24, 25, 26, 28, 32, 33, 37,
                42, 44, 47, 60, 61, 65, 66,
            ];
            frame[..2].copy_from_slice(&i16::to_be_bytes(keys[next() as usize % keys.len()]));
            frame[2..4].copy_from_slice(&((next() % 10) as i16).to_be_bytes());
            frame[8..]
                .iter_mut()
                .for_each(|byte| *byte &= if next() % 3 == 0 { 0xff } else { 3 });
        }
        raw.send_frame(&frame);
        let _ = raw.0.set_read_timeout(Some(Duration::from_millis(20)));
        let _ = raw.answer();
    }
    still_serves(&own);
}

#[test]
fn broken_record_batches_are_refused_one_by_one() {
    let own = Own::start();
    own.topic("t", 1);
    let mut raw = Raw::connect(&own.address());
    let long = vec![0xff; 70_000];
    for records in [&b""[..], &[0; 61], &[0xff; 61], &[0x7f; 100], &long] {
        let mut body = vec![0xff, 0xff]; // no transactional id
        body.extend(1_i16.to_be_bytes());
        body.extend(1_000_i32.to_be_bytes());
        body.extend([0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 0]);
        body.extend((records.len() as i32).to_be_bytes());
        body.extend(records);
        let answer = raw.ask(0, 3, &body).unwrap();
        // topics, name, partitions, index: then the error
        let error = i16::from_be_bytes(answer[15..17].try_into().unwrap());
        assert!(
            [2, 43, 87, 10].contains(&error),
            "{error} for {} bytes",
            records.len()
        );
    }
    assert!(values_of(own.client(), "t", 0).is_empty());
    still_serves(&own);
}

#[test]
fn a_client_that_stops_in_the_middle_of_a_request_is_given_up() {
    let own = Own::with(|config| config.io_timeout = Duration::from_secs(2));
    let mut half: Vec<Raw> = (0..20).map(|_| Raw::connect(&own.address())).collect();
    for raw in &mut half {
        raw.send(&(90_i32 << 20).to_be_bytes());
        raw.send(&[0, 0, 0, 3, 0, 0]);
    }
    still_serves(&own);
    assert!(half.iter_mut().all(Raw::is_closed));
}

#[test]
fn a_reader_that_does_not_read_is_given_up_and_holds_nobody_up() {
    let own = Own::with(|config| {
        config.io_timeout = Duration::from_secs(2);
        config.max_connections = 40;
    });
    own.topic("t", 1);
    let sender = producer(own.client());
    let large = "x".repeat(900_000);
    for _ in 0..30 {
        use rdkafka::producer::BaseRecord;
        sender
            .send(BaseRecord::<str, str>::to("t").partition(0).payload(&large))
            .map_err(|(e, _)| e)
            .unwrap();
    }
    rdkafka::producer::Producer::flush(&sender, WAIT).unwrap();
    let mut slow: Vec<Raw> = (0..10).map(|_| Raw::connect(&own.address())).collect();
    for raw in &mut slow {
        // Fetch version 4 of t-0 from 0, all of it.
        let mut body = vec![0xff; 4];
        body.extend(0_i32.to_be_bytes());
        body.extend(1_i32.to_be_bytes());
        body.extend(i32::MAX.to_be_bytes());
        body.extend([0, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 0]);
        body.extend(0_i64.to_be_bytes());
        body.extend(i32::MAX.to_be_bytes());
        let mut request = vec![0, 1, 0, 4, 0, 0, 0, 7, 0, 1, b'c'];
        request.extend(body);
        raw.send_frame(&request);
    }
    still_serves(&own);
    drop(sender);
    // Reading would let them go on: that their places are free again says that they were given up.
    crate::clients::until("all places are free", || {
        let mut others: Vec<Raw> = (0..40).map(|_| Raw::connect(&own.address())).collect();
        others.iter_mut().all(|raw| raw.ask(18, 0, &[]).is_some())
    });
    for raw in &mut slow {
        let announced = raw.answer();
        assert!(announced.is_none(), "the answer was cut off");
    }
}

#[test]
fn hundreds_of_idle_connections_are_no_burden() {
    // The other ends are the program's, so that the tests beside this one keep enough descriptors.
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&folder, "127.0.0.1:0", &[]);
    let idle: Vec<TcpStream> = (0..400)
        .map(|_| TcpStream::connect(&program.address).unwrap())
        .collect();
    serves(&program.address);
    drop(idle);
}

#[test]
fn one_connection_too_many_is_closed_and_a_place_that_is_free_again_is_given() {
    let own = Own::with(|config| config.max_connections = 3);
    let mut raws: Vec<Raw> = (0..3).map(|_| Raw::connect(&own.address())).collect();
    assert!(raws.iter_mut().all(|raw| raw.ask(18, 0, &[]).is_some()));
    assert!(Raw::connect(&own.address()).is_closed());
    raws.pop();
    crate::clients::until("a place is free", || {
        Raw::connect(&own.address()).ask(18, 0, &[]).is_some()
    });
}

/// The strings of a request, each with its length before it.
pub(crate) fn string(text: &str) -> Vec<u8> {
    [&(text.len() as i16).to_be_bytes()[..], text.as_bytes()].concat()
}

#[test]
fn what_is_asked_for_again_and_again_in_one_request_is_answered_once() {
    const TIMES: i32 = 5_000;
    let own = Own::start();
    own.topic("t", 100);
    send(&producer(own.client()), "t", 0, 0..100);
    let times = |item: &[u8]| [&TIMES.to_be_bytes()[..], &item.repeat(TIMES as usize)].concat();
    // Metadata, DescribeGroups, DescribeConfigs.
    let topic_config = [&[2][..], &string("t"), &[0xff; 4]].concat();
    let mut requests = vec![
        (3, 1, times(&string("t"))),
        (15, 0, times(&string("g"))),
        (32, 1, [times(&topic_config), vec![0]].concat()),
    ];
    // Fetch version 4 of t-0.
    let partition = [&[0; 4][..], &[0; 8], &i32::MAX.to_be_bytes()].concat();
    let head = [&[0xff; 4][..], &[0; 4], &[0; 4], &i32::MAX.to_be_bytes(), &[0]].concat();
    let topics = [&1_i32.to_be_bytes()[..], &string("t"), &times(&partition)].concat();
    requests.push((1, 4, [head, topics].concat()));
    // ListOffsets version 1 of t-0, by time.
    let partition = [&[0; 4][..], &[0; 8]].concat();
    let topics = [&1_i32.to_be_bytes()[..], &string("t"), &times(&partition)].concat();
    requests.push((2, 1, [vec![0xff; 4], topics].concat()));
    for (key, version, body) in requests {
        let mut raw = Raw::connect(&own.address());
        let answer = raw.ask(key, version, &body).unwrap();
        assert!(answer.len() < 20_000, "{} bytes for api {key}", answer.len());
    }
    still_serves(&own);
}

#[test]
fn a_client_that_sends_byte_after_byte_is_given_up() {
    let own = Own::with(|config| config.io_timeout = Duration::from_secs(2));
    let trickling: Vec<_> = (0..3)
        .map(|_| {
            let mut raw = Raw::connect(&own.address());
            std::thread::spawn(move || {
                raw.send(&(90_i32 << 20).to_be_bytes());
                raw.send(&[0, 0, 0, 3]);
                // Until the broker closes, each byte comes well within the time-out.
                crate::clients::until("the broker loses patience", || raw.0.write_all(&[0]).is_err());
            })
        })
        .collect();
    still_serves(&own);
    trickling.into_iter().for_each(|client| client.join().unwrap());
}
