//! Lists of ids within statements.

/// The places between the brackets of `IN (...)`, and what stands in them, for at most `most` of these ids. There are a few
/// lengths only, as each other one would be another statement to prepare: the last id may stand there more than once.
pub fn in_list<T>(ids: &[T], most: usize) -> (String, impl Iterator<Item = &T>) {
    let length = ids.len().next_power_of_two().min(most);
    let places: Vec<String> = (1..=length).map(|place| format!("${place}")).collect();
    let padded = ids.iter().chain(ids.last().into_iter().cycle()).take(length);
    (places.join(", "), padded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_a_few_lengths() {
        let list = |ids: &[u8]| {
            let (places, padded) = in_list(ids, 6);
            (places, padded.copied().collect::<Vec<_>>())
        };
        assert_eq!(list(&[7]), ("$1".to_owned(), vec![7]));
        assert_eq!(list(&[1, 2, 3]), ("$1, $2, $3, $4".to_owned(), vec![1, 2, 3, 3]));
        assert_eq!(list(&[1, 2, 3, 4, 5]).1, [1, 2, 3, 4, 5, 5], "at most");
    }
}
