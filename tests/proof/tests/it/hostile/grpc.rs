//! A client that sends any bytes to any call.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use http::uri::PathAndQuery;
use prost::bytes::{Buf, BufMut};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

/// Far beyond what a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A message as its bytes; what is answered is thrown away.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = ();
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        buffer.advance(buffer.remaining());
        Ok(Some(()))
    }
}

/// A way to the gRPC port of a service.
#[derive(Clone)]
pub(super) struct Port {
    package: &'static str,
    channel: Channel,
}

impl Port {
    /// To the service of this package, such as `ecommerce.order.v1.OrderService`.
    pub(super) fn to(address: SocketAddr, package: &'static str) -> Port {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        Port {
            package,
            channel: endpoint.connect_lazy(),
        }
    }

    /// What comes of a call.
    pub(super) async fn call(&self, call: &str, token: Option<&str>, message: Vec<u8>) -> (Code, String) {
        let path = PathAndQuery::from_str(&format!("/{}/{call}", self.package)).unwrap();
        let mut request = Request::new(message);
        request.set_timeout(PATIENCE);
        if let Some(token) = token {
            // What is no header cannot be sent by anybody.
            let value = MetadataValue::from_str(&format!("Bearer {token}")).unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        client.ready().await.unwrap();
        match client.unary(request, path, Raw).await {
            Ok(_) => (Code::Ok, String::new()),
            Err(status) => (status.code(), status.message().to_owned()),
        }
    }
}
