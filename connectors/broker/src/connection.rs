//! One connection: requests in, answers out, in the order of the requests.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, timeout, timeout_at};

use crate::api::{self, Caller};
use crate::log::Slice;
use crate::node::Node;
use crate::pace::Pace;
use crate::request_memory::Taken;
use crate::wire::{Answer, Part, WireError};

/// Requests up to this size are received without asking for memory. What is more is asked for as it arrives.
const SMALL: usize = 64 << 10;
/// The largest request that carries no records.
const MOST_WITHOUT_RECORDS: usize = 8 << 20;
const PRODUCE: i16 = 0;
/// How much of a file is in memory while it is sent.
const FILE_CHUNK: usize = 256 << 10;
/// Bytes of the next requests that are taken in while one is being answered.
const READ_AHEAD: usize = 64 << 10;
/// A stopping broker waits that long for the request in hand.
const LAST_REQUEST: Duration = Duration::from_secs(2);

/// Serves a connection until the client or the broker ends it.
pub(crate) async fn serve(node: Arc<Node>, stream: TcpStream, peer: SocketAddr) {
    let _ = stream.set_nodelay(true);
    let Ok(local) = stream.local_addr() else { return };
    let (input, output) = stream.into_split();
    let caller = Caller { peer, local };
    let mut connection = Connection {
        node,
        input,
        output,
        caller,
        read: BytesMut::new(),
    };
    match connection.run().await {
        Ok(()) => {}
        Err(End::Gone(error)) => tracing::debug!(%peer, %error, "connection lost"),
        Err(End::Refused(error)) => tracing::info!(%peer, %error, "connection closed"),
    }
}

/// A request, and the memory that it takes.
struct Frame {
    request: Bytes,
    memory: Taken,
}

enum End {
    Gone(io::Error),
    Refused(WireError),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

impl From<io::ErrorKind> for End {
    fn from(kind: io::ErrorKind) -> Self {
        Self::Gone(kind.into())
    }
}

impl From<WireError> for End {
    fn from(error: WireError) -> Self {
        Self::Refused(error)
    }
}

struct Connection {
    node: Arc<Node>,
    input: OwnedReadHalf,
    output: OwnedWriteHalf,
    caller: Caller,
    /// Bytes that have arrived and are not part of a request yet.
    read: BytesMut,
}

impl Connection {
    async fn run(&mut self) -> Result<(), End> {
        let stopping = self.node.stopping.clone();
        loop {
            let frame = tokio::select! {
                frame = self.next_frame() => frame?,
                () = stopping.cancelled() => return Ok(()),
            };
            let Some(Frame { request, memory }) = frame else {
                return Ok(());
            };
            let answer = self.answer(request).await?;
            drop(memory);
            if let Some(answer) = answer {
                self.send(answer).await?;
            }
        }
    }

    /// Works on a request; gives up when the client goes away meanwhile.
    async fn answer(&mut self, frame: Bytes) -> Result<Option<Answer>, End> {
        let stopping = self.node.stopping.clone();
        let work = api::answer(Arc::clone(&self.node), self.caller, frame);
        tokio::pin!(work);
        loop {
            let watch = self.read.len() < READ_AHEAD;
            self.read.reserve(4 << 10);
            tokio::select! {
                biased;
                done = &mut work => return Ok(done?),
                () = stopping.cancelled() => {
                    let last = timeout(LAST_REQUEST, work).await;
                    return last.map_err(|_| End::Gone(io::ErrorKind::ConnectionAborted.into()))?.map_err(End::from);
                }
                read = self.input.read_buf(&mut self.read), if watch => {
                    if read? == 0 {
                        return Err(End::Gone(io::ErrorKind::UnexpectedEof.into()));
                    }
                }
            }
        }
    }

    /// The next request without its length; `None` when the client has closed between requests or is idle.
    async fn next_frame(&mut self) -> Result<Option<Frame>, End> {
        let idle = self.node.config.idle_timeout;
        while self.read.is_empty() {
            self.read.reserve(4 << 10);
            match timeout(idle, self.input.read_buf(&mut self.read)).await {
                Ok(Ok(1..)) => {}
                Ok(Err(error)) => return Err(error.into()),
                Ok(Ok(0)) | Err(_) => return Ok(None),
            }
        }
        let mut pace = Pace::begin(self.node.config.io_timeout);
        let mut memory = Taken::default();
        // Length, and the API key, which decides how much is taken.
        self.fill(6, &mut pace, &mut memory).await?;
        let length = i32::from_be_bytes([self.read[0], self.read[1], self.read[2], self.read[3]]);
        let key = i16::from_be_bytes([self.read[4], self.read[5]]);
        let most = match key {
            PRODUCE => self.node.config.max_request_bytes,
            _ => self.node.config.max_request_bytes.min(MOST_WITHOUT_RECORDS),
        };
        let refused = WireError::Length {
            length: i64::from(length),
            most,
        };
        let Some(length) = usize::try_from(length)
            .ok()
            .filter(|length| (8..=most).contains(length))
        else {
            return Err(refused.into());
        };
        self.fill(4 + length, &mut pace, &mut memory).await?;
        let mut frame = self.read.split_to(4 + length).freeze();
        if length > SMALL {
            // What has arrived of the next request goes elsewhere, so that the memory of this one ends with it.
            self.read = BytesMut::from(&self.read[..]);
        }
        let request = frame.split_off(4);
        Ok(Some(Frame { request, memory }))
    }

    /// Reads until that many bytes are there. Room is made as they arrive, not as they are announced.
    async fn fill(&mut self, bytes: usize, pace: &mut Pace, memory: &mut Taken) -> Result<(), End> {
        while self.read.len() < bytes {
            if self.read.len() == self.read.capacity() {
                let missing = bytes - self.read.len();
                let room = missing.min(self.read.len().max(SMALL));
                if self.read.len() + room > SMALL {
                    self.wait_for_memory(room, pace, memory).await?;
                }
                self.read.reserve(room);
            }
            let read = timeout_at(pace.deadline(), self.input.read_buf(&mut self.read)).await;
            match read.map_err(|_| io::ErrorKind::TimedOut)?? {
                0 => return Err(End::Gone(io::ErrorKind::UnexpectedEof.into())),
                read => pace.moved(read),
            }
        }
        Ok(())
    }

    async fn wait_for_memory(&self, bytes: usize, pace: &mut Pace, memory: &mut Taken) -> Result<(), End> {
        let begun = Instant::now();
        let taken = self.node.request_memory.take(memory, bytes);
        timeout(self.node.config.io_timeout, taken)
            .await
            .map_err(|_| io::ErrorKind::TimedOut)?;
        pace.stood_still(begun.elapsed());
        Ok(())
    }

    async fn send(&mut self, answer: Answer) -> Result<(), End> {
        let mut pace = Pace::begin(self.node.config.io_timeout);
        for part in answer.parts {
            match part {
                Part::Bytes(bytes) => self.send_bytes(&bytes, &mut pace).await?,
                Part::File(slice) => self.send_file(slice, &mut pace).await?,
            }
        }
        Ok(())
    }

    async fn send_bytes(&mut self, mut bytes: &[u8], pace: &mut Pace) -> Result<(), End> {
        while !bytes.is_empty() {
            let written = timeout_at(pace.deadline(), self.output.write(bytes)).await;
            match written.map_err(|_| io::ErrorKind::TimedOut)?? {
                0 => return Err(End::Gone(io::ErrorKind::WriteZero.into())),
                written => {
                    bytes = &bytes[written..];
                    pace.moved(written);
                }
            }
        }
        Ok(())
    }

    async fn send_file(&mut self, slice: Slice, pace: &mut Pace) -> Result<(), End> {
        let mut chunk = Vec::new();
        let mut sent = 0;
        while sent < slice.len {
            let (file, position) = (Arc::clone(&slice.file), slice.position + sent as u64);
            chunk.resize(FILE_CHUNK.min(slice.len - sent), 0);
            let begun = Instant::now();
            let read = self
                .node
                .on_disk(move |_| file.read_exact_at(&mut chunk, position).map(|()| chunk))
                .await;
            chunk = read.map_err(|fault| io::Error::other(fault.to_string()))??;
            pace.stood_still(begun.elapsed());
            self.send_bytes(&chunk, pace).await?;
            sent += chunk.len();
        }
        Ok(())
    }
}
