//! How a client shows the brokers who it is, beyond what librdkafka's properties can say.

use std::error::Error;
use std::ffi::CString;
use std::fmt;
use std::str::FromStr;

use rdkafka::client::{Client, ClientContext, OAuthToken};
use rdkafka::config::ClientConfig;

/// How a client shows the brokers who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// As the properties say (`security.protocol`, `sasl.mechanism`, ...); not at all where they say nothing.
    #[default]
    Properties,
    /// To Amazon MSK, by the AWS identity of this process: credentials and region come from where AWS says (`AWS_*`, a web
    /// identity, a pod identity, profiles). Needs the feature `msk-iam`.
    MskIam,
}

/// The text names no way to authenticate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no way to authenticate: it is `properties` or `msk-iam`")]
pub struct UnknownAuth(String);

impl FromStr for Auth {
    type Err = UnknownAuth;

    fn from_str(text: &str) -> Result<Auth, UnknownAuth> {
        match text {
            "properties" => Ok(Auth::Properties),
            "msk-iam" => Ok(Auth::MskIam),
            other => Err(UnknownAuth(other.to_owned())),
        }
    }
}

impl fmt::Display for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Auth::Properties => "properties",
            Auth::MskIam => "msk-iam",
        })
    }
}

/// What [`Auth::MskIam`] says itself, so that a property may not.
const BY_TOKEN: [&str; 6] = [
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
    "sasl.oauthbearer.method",
    "sasl.oauthbearer.config",
];

impl Auth {
    /// Whether this build can do it.
    pub(crate) fn check(self) -> Result<(), String> {
        match self {
            Auth::MskIam if !cfg!(feature = "msk-iam") => {
                Err("this build lacks the feature `msk-iam`".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Whether it says already what this property says.
    pub(crate) fn rules_out(self, property: &str) -> bool {
        self == Auth::MskIam && BY_TOKEN.contains(&property)
    }

    /// What librdkafka must be told; other properties may override it, but see [`Auth::rules_out`].
    pub(crate) fn configure(self, config: &mut ClientConfig) {
        if self == Auth::MskIam {
            config
                .set("security.protocol", "sasl_ssl")
                .set("sasl.mechanism", "OAUTHBEARER");
        }
    }

    /// The token for librdkafka, for a context's `generate_oauth_token`. It blocks until there are credentials, at most ten
    /// seconds, and not at all once there were some.
    ///
    /// # Errors
    /// There is none to be had; librdkafka asks again ten seconds later.
    pub fn token(self) -> Result<OAuthToken, Box<dyn Error>> {
        match self {
            #[cfg(feature = "msk-iam")]
            Auth::MskIam => Ok(crate::msk_iam::token()?),
            _ => Err(
                "no token is made for `OAUTHBEARER`: set `sasl.oauthbearer.method=oidc`, or use `msk-iam`"
                    .into(),
            ),
        }
    }

    /// Gives a client its first token at once. librdkafka asks for it by an event, which a client that only asks questions
    /// would see after its first question has waited in vain.
    pub(crate) fn introduce<C: ClientContext>(self, client: &Client<C>) {
        if self != Auth::MskIam {
            return;
        }
        if let Err(reason) = self
            .token()
            .map_err(|error| error.to_string())
            .and_then(|token| set(client, &token))
        {
            tracing::warn!(reason, "cannot sign in to Kafka");
        }
    }
}

#[allow(
    unsafe_code,
    reason = "librdkafka takes a token by a call that its wrapper makes only when it is asked for one"
)]
fn set<C: ClientContext>(client: &Client<C>, token: &OAuthToken) -> Result<(), String> {
    let text = |text: &str| CString::new(text).map_err(|error| error.to_string());
    let (value, principal) = (text(&token.token)?, text(&token.principal_name)?);
    let mut fault = [0_u8; 512];
    // SAFETY: the client outlives the call, which copies the strings and writes at most the length of the buffer.
    let code = unsafe {
        rdkafka::bindings::rd_kafka_oauthbearer_set_token(
            client.native_ptr(),
            value.as_ptr(),
            token.lifetime_ms,
            principal.as_ptr(),
            std::ptr::null_mut(),
            0,
            fault.as_mut_ptr().cast(),
            fault.len(),
        )
    };
    match code {
        rdkafka::bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        _ => {
            let end = fault.iter().position(|byte| *byte == 0).unwrap_or(fault.len());
            Err(String::from_utf8_lossy(&fault[..end]).into_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_is_read_as_it_is_written() {
        for auth in [Auth::Properties, Auth::MskIam] {
            assert_eq!(auth.to_string().parse(), Ok(auth));
        }
        let fault = "MSK".parse::<Auth>().unwrap_err().to_string();
        assert!(fault.contains("`MSK`") && fault.contains("msk-iam"), "{fault}");
    }
}
