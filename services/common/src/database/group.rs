//! Transactions of SQLite's that are executed together.
//!
//! Each needs two hand-overs to the one connection that writes, and nobody else can write meanwhile. Those that wait anyway go
//! together: the first statements of all, then what each decides by its rows, and one commit for all, which writes a page once
//! that several of them change.

use std::collections::{HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::Row;
use super::statement::{self, BEGIN, COMMIT, Statement};
use super::writer::{Writer, Writing};

/// The most that go together: those that came first wait for the last of them.
const MOST: usize = 16;

/// Gives the second statements by the rows of the first; `None`: it is not to be.
pub(super) type Decide = Box<dyn FnOnce(&[Row]) -> Option<Vec<Statement>> + Send>;

/// A transaction that goes with others.
pub(super) struct Member {
    /// What it reads and changes: of one subject, one goes at a time.
    pub(super) subject: String,
    pub(super) first: Vec<Statement>,
    pub(super) decide: Decide,
}

/// What became of a member that began.
pub(super) enum Ended {
    /// It is committed: the rows of its second statements.
    Committed(Vec<Row>),
    /// One of its group failed, so nothing was done: it is to go alone, and finds out for itself.
    Alone,
}

/// A member on its way.
struct Waiting {
    member: Member,
    /// Whether anybody still waits for it is known when it begins.
    begun: oneshot::Sender<()>,
    ended: oneshot::Sender<Ended>,
}

/// Makes groups of those that wait for the same connection. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    waiting: mpsc::UnboundedSender<Waiting>,
    patience: Duration,
}

/// A member that has begun.
pub(super) struct Begun {
    ended: oneshot::Receiver<Ended>,
}

impl Groups {
    /// Those of this connection; who waits for it longer than `patience` is refused.
    pub(super) fn new(writer: Writer, patience: Duration) -> Groups {
        let (waiting, received) = mpsc::unbounded_channel();
        tokio::spawn(execute_all(writer, received));
        Groups { waiting, patience }
    }

    /// Waits until a transaction begins. Whoever stops waiting before takes it back.
    pub(super) async fn join(&self, member: Member) -> sqlx::Result<Begun> {
        let ((begun, begins), (ended, ends)) = (oneshot::channel(), oneshot::channel());
        let waiting = Waiting { member, begun, ended };
        if self.waiting.send(waiting).is_err() {
            return Err(sqlx::Error::PoolClosed);
        }
        match tokio::time::timeout(self.patience, begins).await {
            Ok(Ok(())) => Ok(Begun { ended: ends }),
            Ok(Err(_)) => Err(sqlx::Error::PoolClosed),
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }
}

impl Begun {
    /// Waits until it has ended.
    pub(super) async fn ended(self) -> sqlx::Result<Ended> {
        self.ended.await.map_err(|_| sqlx::Error::PoolClosed)
    }
}

/// Until the connection is closed, or nobody is left who could ask.
async fn execute_all(writer: Writer, mut received: mpsc::UnboundedReceiver<Waiting>) {
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            let Some(first) = received.recv().await else {
                return;
            };
            waiting.push_back(first);
        }
        let turn = match writer.turn().await {
            Ok(turn) => turn,
            Err(sqlx::Error::PoolTimedOut) => continue,
            Err(_) => return,
        };
        // Those that came meanwhile.
        while let Ok(one) = received.try_recv() {
            waiting.push_back(one);
        }
        execute(turn, take_group(&mut waiting)).await;
    }
}

/// Takes those that came first and can go together: they begin with the same statements, and no two of them have one subject.
/// As many as a power of two, so that there are few different texts of so many statements, and SQLite has prepared them.
fn take_group(waiting: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    waiting.retain(|one| !one.begun.is_closed());
    let mut subjects = HashSet::new();
    let mut places = Vec::new();
    for (place, one) in waiting.iter().enumerate() {
        // One that waits behind another of its subject stays behind it.
        let is_next = subjects.insert(one.member.subject.as_str());
        if is_next && begin_alike(&one.member, &waiting[0].member) {
            places.push(place);
        }
        if places.len() == MOST {
            break;
        }
    }
    if let Some(power) = places.len().checked_ilog2() {
        places.truncate(1 << power);
    }
    let mut group = Vec::with_capacity(places.len());
    for place in places.into_iter().rev() {
        group.extend(waiting.remove(place));
    }
    group.reverse();
    group
}

fn begin_alike(one: &Member, other: &Member) -> bool {
    let pair = (one.first.iter(), other.first.iter());
    pair.0.map(Statement::text).eq(pair.1.map(Statement::text))
}

async fn execute(mut turn: Writing, group: Vec<Waiting>) {
    let begun = group.into_iter().filter_map(|one| {
        let goes = one.begun.send(()).is_ok();
        goes.then_some((one.member, one.ended))
    });
    let (members, ended): (Vec<_>, Vec<_>) = begun.unzip();
    match commit(&mut turn, members).await {
        Some(rows) => {
            turn.ended();
            for (ended, rows) in ended.into_iter().zip(rows) {
                // Who does not wait any more does not need to know.
                let _ = ended.send(Ended::Committed(rows));
            }
        }
        None => {
            // Before anybody begins again. Where that fails, nothing had begun.
            let _ = turn.rollback().await;
            for ended in ended {
                let _ = ended.send(Ended::Alone);
            }
        }
    }
}

/// All of them, or `None`: nothing. Why is found out by the one that fails alone too.
async fn commit(turn: &mut Writing, members: Vec<Member>) -> Option<Vec<Vec<Row>>> {
    let parts = members.into_iter().map(|member| (member.first, member.decide));
    let (firsts, decides): (Vec<_>, Vec<_>) = parts.unzip();
    let rows = statement::in_sets(turn, BEGIN, firsts, "").await.ok()?;
    let decided = decides.into_iter().zip(rows).map(|(decide, rows)| {
        // One that panics does so again alone, not here, where all others are executed.
        catch_unwind(AssertUnwindSafe(|| decide(&rows))).ok().flatten()
    });
    let seconds = decided.collect::<Option<Vec<_>>>()?;
    statement::in_sets(turn, "", seconds, COMMIT).await.ok()
}
