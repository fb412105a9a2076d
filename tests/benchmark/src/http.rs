//! One request to a local port: enough to read the job's metrics.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The answer, head and body, or `None` when nobody answers.
pub(crate) fn get(address: SocketAddr, path: &str) -> Option<String> {
    let patience = Duration::from_secs(1);
    let mut stream = TcpStream::connect_timeout(&address, patience).ok()?;
    stream.set_read_timeout(Some(patience)).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// The value of a metric without labels.
pub(crate) fn metric(answer: &str, name: &str) -> Option<f64> {
    let line = answer
        .lines()
        .find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_found_by_its_whole_name() {
        let answer = "HTTP/1.1 200 OK\r\n\r\n# HELP a b\na_b 1\na{x=\"1\"} 2\na 3\n";
        assert_eq!(metric(answer, "a"), Some(3.0));
        assert_eq!(metric(answer, "b"), None);
    }
}
