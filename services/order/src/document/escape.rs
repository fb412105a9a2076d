//! Text of people within HTML.

use std::fmt::{self, Write};

/// A text as HTML shows it: none of its characters means anything, and its direction ends with it.
pub(super) struct Text<'a>(pub(super) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("<bdi>")?;
        for character in self.0.chars() {
            match character {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                other => out.write_char(other)?,
            }
        }
        out.write_str("</bdi>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_means_anything_to_html() {
        let text = "</td><script>alert('1')</script> & \"x\" \u{202e}日本 ü";
        let shown = Text(text).to_string();
        let inside = shown
            .strip_prefix("<bdi>")
            .unwrap()
            .strip_suffix("</bdi>")
            .unwrap();
        assert!(!inside.contains(['<', '>', '"', '\'']), "{inside}");
        assert!(inside.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot;"));
        assert!(inside.contains("日本 ü"));
    }
}
