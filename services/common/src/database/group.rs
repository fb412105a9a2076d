//! Transactions of SQLite's that are executed together.
//!
//! Each needs two hand-overs to the one connection that writes, and nobody else can write meanwhile. Those that wait anyway, and
//! begin with the same statements, go together: the first statements of all, then what each decides by its rows, and one
//! commit for all, which writes a page once that several of them change.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::Row;
use super::statement::{self, BEGIN, COMMIT, Statement};
use super::writer::{Writer, Writing};

/// The most that go in one turn: those that came first wait for the last of them, and so does whoever writes otherwise.
const MOST: usize = 16;
/// The most first statements of a group. SQLite keeps them prepared, at some kilobytes each.
const MOST_STATEMENTS: usize = 64;

/// A transaction that goes with others.
pub(super) trait Member: Send {
    /// What it reads and changes: of one subject, one goes at a time.
    fn subject(&self) -> &str;

    fn first(&self) -> &[Statement];

    /// Gives the second statements by the rows of the first; `None`: it is not to be. It may be asked again.
    fn decide(&mut self, rows: &[Row]) -> Option<Vec<Statement>>;

    /// All is committed; these are the rows of the second statements.
    fn committed(self: Box<Self>, rows: Vec<Row>);

    /// Nothing was done: it is to go alone, and finds out for itself why.
    fn undone(self: Box<Self>);
}

/// A member on its way.
struct Waiting {
    member: Box<dyn Member>,
    /// Whether anybody still waits for it is known when it begins.
    begun: oneshot::Sender<()>,
}

/// Makes groups of those that wait for the same connection. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    waiting: mpsc::UnboundedSender<Waiting>,
    patience: Duration,
}

impl Groups {
    /// Those of this connection; who waits for it longer than `patience` is refused.
    pub(super) fn new(writer: Writer, patience: Duration) -> Groups {
        let (waiting, received) = mpsc::unbounded_channel();
        tokio::spawn(execute_all(writer, received));
        Groups { waiting, patience }
    }

    /// Waits until a transaction begins. Whoever stops waiting before takes it back.
    pub(super) async fn join(&self, member: Box<dyn Member>) -> sqlx::Result<()> {
        let (begun, mut begins) = oneshot::channel();
        if self.waiting.send(Waiting { member, begun }).is_err() {
            return Err(sqlx::Error::PoolClosed);
        }
        if let Ok(begun) = tokio::time::timeout(self.patience, &mut begins).await {
            return begun.map_err(|_| sqlx::Error::PoolClosed);
        }
        begins.close();
        // It may have begun at the last moment.
        begins.try_recv().map_err(|_| sqlx::Error::PoolTimedOut)
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
        let mut turn = match writer.turn().await {
            Ok(turn) => turn,
            Err(sqlx::Error::PoolTimedOut) => continue,
            Err(_) => return,
        };
        // Those that came meanwhile.
        while let Ok(one) = received.try_recv() {
            waiting.push_back(one);
        }
        // Several groups a turn, or of many that begin differently each would wait in line again behind all others.
        let mut left = MOST;
        while left > 0 && !waiting.is_empty() {
            let group = take_group(&mut waiting, left);
            left = left.saturating_sub(group.len().max(1));
            execute(&mut turn, begin(group)).await;
        }
        turn.ended();
    }
}

/// Takes those that came first and can go together, `most` of them: they begin with the same statements, and no two of them have
/// one subject. As many as a power of two, so that there are few texts of so many first statements, and SQLite has them prepared.
fn take_group(waiting: &mut VecDeque<Waiting>, most: usize) -> Vec<Waiting> {
    waiting.retain(|one| !one.begun.is_closed());
    let Some(first) = waiting.front() else {
        return Vec::new();
    };
    let first = first.member.first();
    let most = (MOST_STATEMENTS / first.len().max(1)).clamp(1, most);
    let mut subjects = HashSet::new();
    let mut places = Vec::new();
    for (place, one) in waiting.iter().enumerate() {
        // One that waits behind another of its subject stays behind it.
        let is_next = subjects.insert(one.member.subject());
        if is_next && begin_alike(one.member.first(), first) {
            places.push(place);
        }
        if places.len() == most {
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

fn begin_alike(some: &[Statement], others: &[Statement]) -> bool {
    let pair = (some.iter(), others.iter());
    pair.0.map(Statement::text).eq(pair.1.map(Statement::text))
}

/// Those that are still waited for.
fn begin(group: Vec<Waiting>) -> Vec<Box<dyn Member>> {
    let begun = group.into_iter().filter_map(|one| {
        let goes = one.begun.send(()).is_ok();
        goes.then_some(one.member)
    });
    begun.collect()
}

/// Executes a group. Those that decide that they are not to be leave it, and the others go again.
async fn execute(turn: &mut Writing, mut members: Vec<Box<dyn Member>>) {
    while !members.is_empty() {
        match commit(turn, &mut members).await {
            Ok(Committed::All(rows)) => {
                for (member, rows) in members.drain(..).zip(rows) {
                    member.committed(rows);
                }
            }
            Ok(Committed::Nothing { refuse }) => {
                turn.undo().await;
                let mut others = Vec::new();
                for (member, refuses) in members.drain(..).zip(refuse) {
                    match refuses {
                        true => member.undone(),
                        false => others.push(member),
                    }
                }
                members = others;
            }
            Err(error) => {
                tracing::debug!(%error, members = members.len(), "transactions failed together; each goes alone");
                turn.undo().await;
                members.drain(..).for_each(|member| member.undone());
            }
        }
    }
}

/// What became of a group.
enum Committed {
    /// Each is done: its rows.
    All(Vec<Vec<Row>>),
    /// Some are not to be, so nothing was done: whether each of them is such a one.
    Nothing { refuse: Vec<bool> },
}

async fn commit(turn: &mut Writing, members: &mut [Box<dyn Member>]) -> sqlx::Result<Committed> {
    let firsts = members.iter().map(|member| member.first().to_vec());
    let rows = statement::in_sets(turn, BEGIN, firsts.collect(), "").await?;
    let decided = members
        .iter_mut()
        .zip(rows)
        .map(|(member, rows)| member.decide(&rows));
    let decided: Vec<_> = decided.collect();
    if decided.iter().any(Option::is_none) {
        let refuse = decided.iter().map(Option::is_none).collect();
        return Ok(Committed::Nothing { refuse });
    }
    let seconds = decided.into_iter().flatten().collect();
    let rows = statement::in_sets(turn, "", seconds, COMMIT).await?;
    Ok(Committed::All(rows))
}
