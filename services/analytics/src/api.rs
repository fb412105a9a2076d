//! The gRPC contract.

use std::pin::Pin;

use futures::{Stream, StreamExt};
use service_common::failure::{Code, Failure};
use service_common::rest::analytics::EVENT_ID;
use tonic::{Request, Response, Status};
use weir_rpc::analytics::v1::analytics_service_server::AnalyticsService;
use weir_rpc::analytics::v1::{
    GetLatestWindowRequest, ListWindowsRequest, ListWindowsResponse, StreamWindowsRequest, StreamedWindow,
    SummarizeRequest, Summary, Window,
};
use weir_rpc::common::v1::{Empty, HealthStatus};

use crate::board::Board;
use crate::watch::{Watch, Watches};
use crate::{message, request};

/// The service as others call it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) board: Board,
    pub(crate) watches: Watches,
}

impl Api {
    pub(crate) fn page(&self, request: &ListWindowsRequest) -> Result<ListWindowsResponse, Failure> {
        let (span, after, limit) = request::page(request)?;
        let page = self.board.windows(|windows| windows.page(span, after, limit));
        Ok(message::page(&page))
    }

    pub(crate) fn latest(&self) -> Result<Window, Failure> {
        let latest = self.board.windows(|windows| windows.latest().copied());
        let none = || Failure::new(Code::NotFound, "no window has closed yet");
        latest.as_ref().map(message::window).ok_or_else(none)
    }

    pub(crate) fn summary(&self, request: &SummarizeRequest) -> Result<Summary, Failure> {
        let span = request::span(request)?;
        let (summary, complete_from) = self
            .board
            .windows(|windows| (windows.summary(span), windows.complete_from()));
        message::summary(&summary.ok_or_else(message::too_large)?, complete_from)
    }

    pub(crate) async fn watch(
        &self,
        headers: http::HeaderMap,
        last_event_id: &str,
    ) -> Result<Watch, Failure> {
        self.watches.open(headers, last_event_id).await
    }
}

#[tonic::async_trait]
impl AnalyticsService for Api {
    type StreamWindowsStream = Pin<Box<dyn Stream<Item = Result<StreamedWindow, Status>> + Send>>;

    async fn list_windows(
        &self,
        request: Request<ListWindowsRequest>,
    ) -> Result<Response<ListWindowsResponse>, Status> {
        Ok(Response::new(self.page(request.get_ref())?))
    }

    async fn get_latest_window(
        &self,
        _request: Request<GetLatestWindowRequest>,
    ) -> Result<Response<Window>, Status> {
        Ok(Response::new(self.latest()?))
    }

    async fn summarize(&self, request: Request<SummarizeRequest>) -> Result<Response<Summary>, Status> {
        Ok(Response::new(self.summary(request.get_ref())?))
    }

    async fn stream_windows(
        &self,
        request: Request<StreamWindowsRequest>,
    ) -> Result<Response<Self::StreamWindowsStream>, Status> {
        let (metadata, _, message) = request.into_parts();
        let watch = self
            .watch(metadata.into_headers(), &message.last_event_id)
            .await?;
        let begins = watch.begins().parse().map_err(Failure::internal)?;
        let windows = watch.windows().map(|window| window.map_err(Status::from));
        let mut answer: Response<Self::StreamWindowsStream> = Response::new(Box::pin(windows));
        answer.metadata_mut().insert(EVENT_ID, begins);
        Ok(answer)
    }

    async fn health_check(&self, _request: Request<Empty>) -> Result<Response<HealthStatus>, Status> {
        Ok(Response::new(HealthStatus {
            status: "healthy".to_owned(),
        }))
    }
}
