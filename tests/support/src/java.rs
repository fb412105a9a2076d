//! Programs of Apache Kafka as child processes.

use std::path::Path;

use anyhow::Result;

use crate::child::Child;

/// Starts a class of these jars with so much memory (`-Xmx`), with the `java` and the `setpriv` (Linux) of the path; what it says
/// goes to `log`. It ends with the thread that calls this.
pub(crate) fn java(jars: &Path, memory: &str, class: &str, arguments: &[&str], log: &Path) -> Result<Child> {
    let (memory, classes) = (format!("-Xmx{memory}"), format!("{}/*", jars.display()));
    // Java does not notice that its parent is gone; the system ends it then.
    let mut all = vec!["--pdeathsig", "KILL", "java", &memory, "-XX:TieredStopAtLevel=1"];
    all.push("-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info");
    all.extend([
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-cp",
        &classes,
        class,
    ]);
    all.extend(arguments);
    Child::spawn(Path::new("setpriv"), "setpriv", all, &[], log)
}
