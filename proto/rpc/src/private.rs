//! Messages that hold what no log may show: their `Debug` shows the rest.

use std::fmt;

use crate::user::v1::{AuthRequest, CreateUserRequest, RefreshRequest, Session, UserResponse};

macro_rules! shows {
    ($($message:ident { $($field:ident),* };)*) => {$(
        impl fmt::Debug for $message {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.debug_struct(stringify!($message))
                    $(.field(stringify!($field), &self.$field))*
                    .finish_non_exhaustive()
            }
        }
    )*};
}

shows! {
    AuthRequest {};
    CreateUserRequest {};
    UserResponse { id, role };
    Session { expires_in_s };
    RefreshRequest {};
}
