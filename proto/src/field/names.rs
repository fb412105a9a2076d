//! Names of fields, each told once.

/// Makes an enum of the fields of an object from their names.
macro_rules! field_names {
    ($(#[$attribute:meta])* enum $Name:ident { $($Variant:ident = $text:literal,)+ }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum $Name {
            $($Variant,)+
        }

        impl $Name {
            /// All of them, in the order in which they are written.
            #[allow(dead_code, reason = "not every reader goes through all of its fields")]
            const ALL: [Self; [$($text),+].len()] = [$(Self::$Variant),+];

            /// The field that `key` names.
            #[inline]
            fn of(key: &str) -> Option<Self> {
                match key {
                    $($text => Some(Self::$Variant),)+
                    _ => None,
                }
            }

            /// The name itself.
            const fn text(self) -> &'static str {
                match self {
                    $(Self::$Variant => $text,)+
                }
            }
        }
    };
}

pub(crate) use field_names;
