//! Answers as they are kept: the message of a success, or a final failure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use prost::Message;
use weir_rpc::common::v1 as rpc;

use crate::failure::{Code, Failure, FieldFault};

/// An answer as a text for [`keep`](super::keep).
pub fn encode<T: Message>(answer: &Result<T, Failure>) -> String {
    match answer {
        Ok(message) => format!("ok {}", STANDARD_NO_PAD.encode(message.encode_to_vec())),
        Err(failure) => {
            let message = rpc::Failure {
                code: failure.code.as_str().to_owned(),
                fields: failure.fields.iter().cloned().map(Into::into).collect(),
                retry_after_s: 0,
            };
            format!(
                "failed {} {}",
                STANDARD_NO_PAD.encode(message.encode_to_vec()),
                failure.detail
            )
        }
    }
}

/// The answer that was kept.
///
/// # Errors
/// The failure that was kept, or `internal` where the text is not one of ours.
pub fn decode<T: Message + Default>(text: &str) -> Result<T, Failure> {
    let broken = || Failure::internal("a kept answer cannot be read");
    let bytes = |base64: &str| STANDARD_NO_PAD.decode(base64).map_err(|_| broken());
    let (kind, rest) = text.split_once(' ').ok_or_else(broken)?;
    if kind == "ok" {
        return T::decode(bytes(rest)?.as_slice()).map_err(|_| broken());
    }
    let (base64, detail) = rest.split_once(' ').ok_or_else(broken)?;
    let sent = rpc::Failure::decode(bytes(base64)?.as_slice()).map_err(|_| broken())?;
    let code = Code::parse(&sent.code).ok_or_else(broken)?;
    Err(Failure {
        fields: sent.fields.into_iter().map(FieldFault::from).collect(),
        ..Failure::new(code, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_back_as_it_was() {
        let message = rpc::Money {
            minor_units: 12_990,
            currency: "USD".to_owned(),
        };
        assert_eq!(decode(&encode(&Ok(message.clone()))), Ok(message));
        let mut failure = Failure::new(Code::OutOfStock, "too little of kb-1 and ms-2");
        failure.fields.push(FieldFault {
            field: "items[0]".to_owned(),
            fault: "2 wanted".to_owned(),
        });
        let kept = encode::<rpc::Money>(&Err(failure.clone()));
        assert_eq!(decode::<rpc::Money>(&kept), Err(failure));
        assert_eq!(decode::<rpc::Money>("nonsense").unwrap_err().code, Code::Internal);
    }
}
