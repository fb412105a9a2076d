//! What a thread said when it panicked.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `act`; a panic becomes the text of what was said.
///
/// What `act` borrows is not looked at after a panic: the run ends, and the log is the state.
pub(crate) fn caught<T>(who: &str, act: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(act)).map_err(|said| format!("{who} has panicked: {}", text(&*said)))
}

fn text(said: &(dyn Any + Send)) -> &str {
    said.downcast_ref::<&str>()
        .copied()
        .or_else(|| said.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}

#[cfg(test)]
mod tests {
    use super::caught;

    #[test]
    fn a_panic_is_told_with_its_text() {
        assert_eq!(caught("worker 3", || 7), Ok(7));
        let number = 5;
        let told = caught("worker 3", || panic!("no such thing: {number}"));
        assert_eq!(
            told,
            Err("worker 3 has panicked: no such thing: 5".to_owned()) as Result<(), _>
        );
    }
}
