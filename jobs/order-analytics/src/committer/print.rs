//! Results on the standard output.

use std::io::Write;

use weir_proto::AnalyticsResult;

/// One line of JSON for each.
pub(super) fn print(results: &[AnalyticsResult]) {
    let mut out = std::io::stdout().lock();
    for result in results {
        // A closed pipe must not end the job.
        let _ = out
            .write_all(&result.to_json())
            .and_then(|()| out.write_all(b"\n"));
    }
    let _ = out.flush();
}
