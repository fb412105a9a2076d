//! Words that are looked for in the catalogue, whatever their case and whatever signs they hold.

/// Text as it is compared: without regard to case, in every script. Both databases compare what is folded here, as their
/// own ideas of case differ.
#[must_use]
pub(crate) fn fold(text: &str) -> String {
    // By way of the upper case, where `ß` and `SS`, `ς` and `σ` are the same.
    text.chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

/// A word that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word(String);

impl Word {
    /// The sign before a sign that LIKE would take for a placeholder.
    pub(crate) const ESCAPE: char = '!';

    /// The words of a text.
    #[must_use]
    pub fn all_of(text: &str) -> Vec<Word> {
        text.split_whitespace().map(|word| Word(fold(word))).collect()
    }

    /// The pattern of LIKE that finds the word anywhere in a folded text.
    pub(crate) fn pattern(&self) -> String {
        let mut pattern = String::with_capacity(self.0.len() + 2);
        pattern.push('%');
        for sign in self.0.chars() {
            if matches!(sign, '%' | '_' | Self::ESCAPE) {
                pattern.push(Self::ESCAPE);
            }
            pattern.push(sign);
        }
        pattern.push('%');
        pattern
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_whatever_their_case() {
        for (one, other) in [
            ("Straße", "STRASSE"),
            ("ΟΔΟΣ", "οδος"),
            ("ÉCRAN", "écran"),
            ("Ножик", "НОЖИК"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
    }

    #[test]
    fn a_sign_of_like_stands_for_itself() {
        let patterns: Vec<_> = Word::all_of("  100% a_b\tWOW!\n")
            .iter()
            .map(Word::pattern)
            .collect();
        assert_eq!(patterns, ["%100!%%", "%a!_b%", "%wow!!%"]);
        assert!(Word::all_of(" \t").is_empty());
    }
}
