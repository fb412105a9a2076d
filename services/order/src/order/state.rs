//! The states of an order.

use weir_rpc::order::v1::OrderStatus;

/// Declares an enum with its texts in the database.
macro_rules! stored {
    ($(#[$doc:meta])* $enum:ident { $($(#[$each:meta])* $name:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $enum { $($(#[$each])* $name,)* }

        impl $enum {
            /// All of them.
            pub const ALL: &[$enum] = &[$($enum::$name,)*];

            /// As it is stored.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($enum::$name => $text,)* }
            }

            /// The one stored as this text.
            #[must_use]
            pub fn parse(text: &str) -> Option<$enum> {
                match text { $($text => Some($enum::$name),)* _ => None }
            }
        }
    };
}

stored! {
    /// What has become of an order.
    State {
        /// Its stock is not set aside yet.
        Pending = "pending",
        /// Taken: its stock is set aside, its event written.
        Reserved = "reserved",
        /// A payment is under way.
        Paying = "paying",
        /// The money is here.
        Paid = "paid",
        /// Paid, and its stock sold.
        Confirmed = "confirmed",
        /// Called off.
        Cancelled = "cancelled",
        /// It could not be taken, or could not be paid by the method it brought along.
        Failed = "failed",
    }
}

stored! {
    /// Why an order was cancelled.
    CancelReason {
        /// Its user wanted so, or an admin.
        Client = "client",
        /// It was not paid in time.
        Expired = "expired",
    }
}

impl State {
    /// As in the contract.
    #[must_use]
    pub const fn to_rpc(self) -> OrderStatus {
        match self {
            State::Pending => OrderStatus::Pending,
            State::Reserved => OrderStatus::Reserved,
            State::Paying => OrderStatus::Paying,
            State::Paid => OrderStatus::Paid,
            State::Confirmed => OrderStatus::Confirmed,
            State::Cancelled => OrderStatus::Cancelled,
            State::Failed => OrderStatus::Failed,
        }
    }

    /// The state of the contract; `None` where it says nothing.
    #[must_use]
    pub const fn of_rpc(status: OrderStatus) -> Option<State> {
        match status {
            OrderStatus::Unspecified => None,
            OrderStatus::Pending => Some(State::Pending),
            OrderStatus::Reserved => Some(State::Reserved),
            OrderStatus::Paying => Some(State::Paying),
            OrderStatus::Paid => Some(State::Paid),
            OrderStatus::Confirmed => Some(State::Confirmed),
            OrderStatus::Cancelled => Some(State::Cancelled),
            OrderStatus::Failed => Some(State::Failed),
        }
    }

    /// Whether nothing more happens to it by itself.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, State::Confirmed | State::Cancelled | State::Failed)
    }
}
