//! The statuses of a payment.

use weir_rpc::payment::v1::PaymentStatus;

/// Declares the statuses with their texts in the database and their names in the contract.
macro_rules! statuses {
    ($($(#[$each:meta])* $name:ident = $text:literal,)*) => {
        /// What has become of a payment.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Status { $($(#[$each])* $name,)* }

        impl Status {
            /// All of them.
            pub const ALL: &[Status] = &[$(Status::$name,)*];

            /// As it is stored.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Status::$name => $text,)* }
            }

            /// The one stored as this text.
            #[must_use]
            pub fn parse(text: &str) -> Option<Status> {
                match text { $($text => Some(Status::$name),)* _ => None }
            }

            /// As in the contract.
            #[must_use]
            pub const fn to_rpc(self) -> PaymentStatus {
                match self { $(Status::$name => PaymentStatus::$name,)* }
            }
        }
    };
}

statuses! {
    /// It is being paid.
    Processing = "processing",
    /// The payer must do something.
    RequiresAction = "requires_action",
    /// The money was taken.
    Succeeded = "succeeded",
    /// It was not, and will not be.
    Declined = "declined",
    /// The order does not want it: it is gone, or is paid by another payment.
    Refused = "refused",
    /// The provider was told to take the money and did not answer.
    Unknown = "unknown",
    /// The money is to be given back.
    RefundPending = "refund_pending",
    /// It was given back.
    Refunded = "refunded",
    /// It could not be given back: somebody must look.
    RefundFailed = "refund_failed",
}

/// How the charge of a payment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The money was taken, whatever became of it later.
    Charged,
    /// It was not, and will not be.
    NotCharged,
}

impl Status {
    /// Whether it is counted when a payment comes to it: it is where a payment rests, or somebody must look.
    #[must_use]
    pub const fn is_counted(self) -> bool {
        match self {
            Status::Processing | Status::RequiresAction | Status::RefundPending => false,
            Status::Succeeded
            | Status::Declined
            | Status::Refused
            | Status::Unknown
            | Status::Refunded
            | Status::RefundFailed => true,
        }
    }

    /// How the charge ended; `None` while it has not.
    #[must_use]
    pub const fn outcome(self) -> Option<Outcome> {
        match self {
            Status::Processing | Status::RequiresAction | Status::Unknown => None,
            Status::Succeeded | Status::RefundPending | Status::Refunded | Status::RefundFailed => {
                Some(Outcome::Charged)
            }
            Status::Declined | Status::Refused => Some(Outcome::NotCharged),
        }
    }

    /// Whether it is not known yet how the charge ends.
    #[must_use]
    pub const fn is_open(self) -> bool {
        self.outcome().is_none()
    }

    /// Whether no other payment of its order may begin.
    #[must_use]
    pub const fn is_live(self) -> bool {
        !matches!(self.outcome(), Some(Outcome::NotCharged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_back_as_it_was_stored() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(*status));
        }
        assert_eq!(Status::parse("paid"), None);
    }
}
