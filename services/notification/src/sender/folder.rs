//! A folder of messages, for looking at: each as text and as JSON, the newest last by name.

use std::path::{Path, PathBuf};

use serde_json::json;
use weir_proto::Timestamp;

use super::{Message, SendError, Sender};
use crate::trouble::Work;

/// Older messages than these are removed: nobody empties the folder.
const MOST_MESSAGES: usize = 1_000;
/// Two files each.
const FILES_OF_A_MESSAGE: usize = 2;

/// Puts messages into a folder.
#[derive(Clone, Debug)]
pub struct FolderSender {
    folder: PathBuf,
    most: usize,
}

impl FolderSender {
    /// Into this folder, which is made where it is missing.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(folder: &Path) -> std::io::Result<FolderSender> {
        FolderSender::holding(folder, MOST_MESSAGES)
    }

    /// The same, with room for so many messages.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn holding(folder: &Path, most: usize) -> std::io::Result<FolderSender> {
        std::fs::create_dir_all(folder)?;
        Ok(FolderSender {
            folder: folder.to_owned(),
            most,
        })
    }

    fn put(&self, message: &Message) -> std::io::Result<()> {
        let at = Timestamp::from_millis(message.at_ms).map_or_else(String::new, |at| at.to_string());
        // By time, then by event: a message that is sent again takes the place of its copy.
        let id: String = message.event_id.chars().map(harmless).take(80).collect();
        let name = format!("{}-{}-{id}", at.replace(':', "."), message.template.as_str());
        let text = format!(
            "To: {}\nDate: {at}\nSubject: {}\n\n{}",
            message.address, message.text.subject, message.text.body
        );
        let document = json!({
            "event_id": message.event_id,
            "template": message.template.as_str(),
            "user_id": message.user_id,
            "to": message.address,
            "created_at": at,
            "subject": message.text.subject,
            "body": message.text.body,
        });
        self.write(&format!("{name}.json"), &format!("{document:#}\n"))?;
        self.write(&format!("{name}.txt"), &text)?;
        self.trim()
    }

    /// Whoever looks sees a whole message or none.
    fn write(&self, name: &str, content: &str) -> std::io::Result<()> {
        let hidden = self.folder.join(format!(".{name}"));
        std::fs::write(&hidden, content)?;
        std::fs::rename(hidden, self.folder.join(name))
    }

    fn trim(&self) -> std::io::Result<()> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            // What others put there is theirs.
            let text = name.to_string_lossy();
            if text.starts_with(|first: char| first.is_ascii_digit())
                && (text.ends_with(".txt") || text.ends_with(".json"))
            {
                names.push(name);
            }
        }
        let Some(beyond) = names.len().checked_sub(self.most * FILES_OF_A_MESSAGE) else {
            return Ok(());
        };
        names.sort();
        for name in &names[..beyond] {
            std::fs::remove_file(self.folder.join(name))?;
        }
        Ok(())
    }
}

/// A letter that may stand in the name of a file.
fn harmless(letter: char) -> char {
    match letter.is_ascii_alphanumeric() || "-_".contains(letter) {
        true => letter,
        false => '_',
    }
}

impl Sender for FolderSender {
    fn send<'a>(&'a self, message: &'a Message) -> Work<'a, (), SendError> {
        let (sender, message) = (self.clone(), message.clone());
        Box::pin(async move {
            let put = tokio::task::spawn_blocking(move || sender.put(&message)).await;
            let failed = |error: String| SendError::NotSent(format!("the outbox folder: {error}"));
            put.map_err(|error| failed(error.to_string()))?
                .map_err(|error| failed(error.to_string()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{Template, Text};

    fn message(event_id: &str, at_ms: i64) -> Message {
        Message {
            event_id: event_id.to_owned(),
            user_id: "usr_1".to_owned(),
            address: "ann@example.com".to_owned(),
            template: Template::Welcome,
            text: Text {
                subject: "Welcome".to_owned(),
                body: "Hello Ann,\n".to_owned(),
            },
            at_ms,
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_message_is_a_text_and_a_document_and_its_copy_takes_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let sender = FolderSender::open(&folder.path().join("made")).unwrap();
        for _ in 0..2 {
            sender
                .send(&message("../evil/\u{0}", 1_764_145_218_123))
                .await
                .unwrap();
        }
        let folder = folder.path().join("made");
        let [json, text] = &names(&folder)[..] else {
            panic!("{:?}", names(&folder));
        };
        assert_eq!(text, "2025-11-26T08.20.18.123Z-welcome-___evil__.txt");
        let written = std::fs::read_to_string(folder.join(text)).unwrap();
        assert_eq!(
            written,
            "To: ann@example.com\nDate: 2025-11-26T08:20:18.123Z\nSubject: Welcome\n\nHello Ann,\n"
        );
        let document = std::fs::read_to_string(folder.join(json)).unwrap();
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["to"], "ann@example.com");
        assert_eq!(document["event_id"], "../evil/\u{0}");
    }

    #[tokio::test]
    async fn only_the_newest_are_kept_and_what_others_put_there() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mine.txt"), "kept").unwrap();
        let sender = FolderSender::holding(folder.path(), 2).unwrap();
        for at_ms in 1..=4 {
            sender.send(&message(&format!("e{at_ms}"), at_ms)).await.unwrap();
        }
        let names = names(folder.path());
        assert_eq!(names.len(), 5, "{names:?}");
        assert!(
            names[0].contains("e3.json") && names[3].contains("e4.txt"),
            "{names:?}"
        );
        assert_eq!(names[4], "mine.txt");
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_trouble_that_may_pass() {
        let folder = tempfile::tempdir().unwrap();
        let sender = FolderSender::open(folder.path()).unwrap();
        drop(folder);
        let error = sender.send(&message("e", 1)).await.unwrap_err();
        assert!(matches!(error, SendError::NotSent(_)), "{error}");
    }

    #[test]
    fn a_message_shows_no_address() {
        assert!(!format!("{:?}", message("e", 1)).contains('@'));
    }
}
