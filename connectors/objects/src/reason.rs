//! Why a storage failed, in words that are the same each time.

use object_store::Error;

/// The innermost reason of a failure. The texts around it hold durations and the answers of servers hold request ids: with them
/// no two failures would read the same.
#[must_use]
pub fn reason(error: &Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    let Some((before, body)) = text.split_once('<') else {
        return shortened(&text);
    };
    let code = body
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"))
        .map_or("", |(code, _)| code);
    shortened(&format!("{before}{code}"))
}

fn shortened(text: &str) -> String {
    let line = text
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end_matches([' ', ':']);
    line.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_refusal_reads_the_same_whatever_its_request_id() {
        let refusal = |id: u32| {
            let body = format!(
                "403 Forbidden: <?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><RequestId>{id}</RequestId></Error>"
            );
            reason(&Error::Generic {
                store: "S3",
                source: body.into(),
            })
        };
        assert_eq!(refusal(1), "403 Forbidden: AccessDenied");
        assert_eq!(refusal(1), refusal(2));
    }
}
