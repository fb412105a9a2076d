//! The gRPC contracts of the shop: messages, clients and servers of `proto/ecommerce/*/v1/*.proto`.
//!
//! What the modules hold is generated and kept in the repository, so that nobody who builds the project waits for the
//! generators. A test generates it anew and compares; `WEIR_REGENERATE=1 cargo test -p weir-rpc` writes it.

#![allow(
    missing_docs,
    clippy::all,
    reason = "generated: the comments are those of the .proto files"
)]

mod private;

/// What several services speak of.
pub mod common {
    pub mod v1 {
        include!("../generated/ecommerce.common.v1.rs");
    }
}

/// Accounts, log-in, tokens, sessions and carts.
pub mod user {
    pub mod v1 {
        include!("../generated/ecommerce.user.v1.rs");
    }
}

/// The catalogue and the stock.
pub mod product {
    pub mod v1 {
        include!("../generated/ecommerce.product.v1.rs");
    }
}

/// Orders.
pub mod order {
    pub mod v1 {
        include!("../generated/ecommerce.order.v1.rs");
    }
}

/// Payments and refunds.
pub mod payment {
    pub mod v1 {
        include!("../generated/ecommerce.payment.v1.rs");
    }
}

/// The windows.
pub mod analytics {
    pub mod v1 {
        include!("../generated/ecommerce.analytics.v1.rs");
    }
}

/// All contracts as an encoded `google.protobuf.FileDescriptorSet`: what server reflection answers from.
pub const DESCRIPTORS: &[u8] = include_bytes!("../generated/descriptors.bin");
