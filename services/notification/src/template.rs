//! What users are told: texts with a subject, and gaps for what they are about.

use std::collections::BTreeMap;

/// What fills the gaps of a text, by their names.
pub type Values = BTreeMap<&'static str, String>;

macro_rules! templates {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)*) => {
        /// Which text.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Template {
            $($(#[doc = $doc])* $name,)*
        }

        impl Template {
            /// All of them.
            pub const ALL: &[Template] = &[$(Template::$name,)*];

            /// As events, metrics and messages name it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Template::$name => $text,)* }
            }

            const fn text(self) -> &'static str {
                match self { $(Template::$name => include_str!(concat!("../templates/", $text, ".txt")),)* }
            }
        }
    };
}

templates! {
    /// An order was taken.
    OrderTaken = "order-taken";
    /// An order was paid.
    OrderPaid = "order-paid";
    /// An order was cancelled, by whomever.
    OrderCancelled = "order-cancelled";
    /// An order has ended without having been paid.
    OrderFailed = "order-failed";
    /// An account was made.
    Welcome = "welcome";
    /// A payment was received.
    Receipt = "receipt";
    /// A payment was given back.
    Refund = "refund";
}

/// A text has a gap that nothing fills: a fault of the program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing fills `{{{gap}}}` of the template {template}")]
pub struct RenderError {
    template: &'static str,
    gap: String,
}

/// A text with its gaps filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// One line.
    pub subject: String,
    /// Lines.
    pub body: String,
}

impl Template {
    /// Fills the gaps. What fills them is not read again, so no name and no id can open another gap.
    ///
    /// # Errors
    /// A value is missing.
    pub fn render(self, values: &Values) -> Result<Text, RenderError> {
        let (subject, body) = self.text().split_once('\n').unwrap_or((self.text(), ""));
        let subject = subject.strip_prefix("Subject: ").unwrap_or(subject);
        Ok(Text {
            // A subject is one line, whatever fills it.
            subject: one_line(&self.fill(subject, values)?),
            body: self.fill(body.trim_start_matches('\n'), values)?,
        })
    }

    fn fill(self, text: &str, values: &Values) -> Result<String, RenderError> {
        let mut filled = String::with_capacity(text.len() * 2);
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (gap, after) = after.split_once('}').unwrap_or((after, ""));
            let value = values.get(gap).ok_or_else(|| RenderError {
                template: self.as_str(),
                gap: gap.to_owned(),
            })?;
            filled.push_str(before);
            filled.push_str(value);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        let names = [
            "first_name",
            "order_id",
            "items",
            "total",
            "reason",
            "amount",
            "payment_id",
        ];
        names.iter().map(|name| (*name, format!("<{name}>"))).collect()
    }

    #[test]
    fn every_text_has_a_subject_and_a_body_and_no_gap_that_nothing_fills() {
        for template in Template::ALL {
            assert!(template.text().starts_with("Subject: "), "{template:?}");
            let text = template.render(&values()).unwrap();
            assert!(!text.subject.is_empty() && text.subject.len() < 100, "{text:?}");
            assert!(text.body.starts_with("Hello <first_name>,\n"), "{text:?}");
            assert!(!text.body.contains(['{', '}']), "{text:?}");
        }
    }

    #[test]
    fn what_fills_a_gap_opens_none_and_adds_no_line_to_the_subject() {
        let mut values = values();
        values.insert("order_id", "{total}\r\nBcc: everybody".to_owned());
        let text = Template::Receipt.render(&values).unwrap();
        assert_eq!(text.subject, "Receipt for your order {total}  Bcc: everybody");
    }

    #[test]
    fn a_missing_value_is_named() {
        let error = Template::Welcome.render(&Values::new()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "nothing fills `{first_name}` of the template welcome"
        );
    }
}
