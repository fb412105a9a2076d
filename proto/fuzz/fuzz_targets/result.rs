//! Whatever the bytes: no panic, and a result that was read can be written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_proto::AnalyticsResult;

fuzz_target!(|value: &[u8]| {
    if let Ok(result) = AnalyticsResult::from_json(value) {
        assert_eq!(AnalyticsResult::from_json(&result.to_json()), Ok(result));
    }
});
