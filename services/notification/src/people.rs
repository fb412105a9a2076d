//! Who the users are, asked of the user service when a message is sent: no address lies in a topic.

use service_common::client::{Link, Upstream};
use service_common::failure::Code;
use service_common::rest::Repeat;
use weir_rpc::user::v1::GetUserRequest;
use weir_rpc::user::v1::user_service_client::UserServiceClient;

use crate::trouble::{Trouble, Work};

/// A user, as far as messages go.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// The e-mail address.
    pub address: String,
    /// For the salutation.
    pub first_name: String,
}

/// Knows the users.
pub trait People: Send + Sync {
    /// The user of this id; `None` where there is none, or not any more.
    fn find<'a>(&'a self, user_id: &'a str) -> Work<'a, Option<Person>>;
}

/// The user service by gRPC.
pub struct RemotePeople(Upstream);

impl RemotePeople {
    /// By this way, which must carry a service's token.
    #[must_use]
    pub fn new(link: Link) -> RemotePeople {
        RemotePeople(Upstream::new("user-service", link))
    }
}

impl People for RemotePeople {
    fn find<'a>(&'a self, user_id: &'a str) -> Work<'a, Option<Person>> {
        let request = GetUserRequest {
            user_id: user_id.to_owned(),
        };
        Box::pin(async move {
            let asked = self.0.call(Repeat::Safe, request, |link, request| async move {
                UserServiceClient::new(link).get_user(request).await
            });
            match asked.await {
                Ok(user) => Ok(Some(Person {
                    address: user.email,
                    first_name: user.first_name,
                })),
                Err(failure) if failure.code == Code::NotFound => Ok(None),
                Err(failure) => Err(Trouble::new("user_service", failure)),
            }
        })
    }
}
