//! The data folder: what lies where, and whose orders they are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// Where the orders of a folder come from; they do not mix, because their times do not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Origin {
    /// The generator.
    Invented,
    /// A file, all of it once `complete`.
    File {
        /// Its name and size, so that another file is noticed.
        name: String,
        bytes: u64,
        complete: bool,
    },
}

impl Origin {
    /// The origin that a file is, before anything of it is written.
    pub(crate) fn of_file(path: &Path) -> Result<Self> {
        let bytes = std::fs::metadata(path)
            .with_context(|| format!("cannot read {}", path.display()))?
            .len();
        let name = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned();
        Ok(Self::File {
            name,
            bytes,
            complete: false,
        })
    }

    fn described(&self) -> String {
        match self {
            Self::Invented => "invented orders".into(),
            Self::File { name, .. } => format!("the orders of {name}"),
        }
    }
}

/// The folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Opens or creates the folder that was asked for, or the default one beside the working directory.
    pub(crate) fn open(asked: Option<&Path>, input: Option<&Path>) -> Result<Self> {
        let root = match (asked, input.and_then(Path::file_stem)) {
            (Some(asked), _) => asked.to_owned(),
            (None, Some(stem)) => PathBuf::from(format!("weir-data-{}", stem.to_string_lossy())),
            (None, None) => PathBuf::from("weir-data"),
        };
        std::fs::create_dir_all(&root)
            .with_context(|| format!("--data-dir: cannot create the folder {}", root.display()))?;
        let root = std::path::absolute(&root).context("there is no working directory")?;
        let probe = root.join("writable");
        std::fs::write(&probe, "")
            .and_then(|()| std::fs::remove_file(&probe))
            .with_context(|| format!("--data-dir: cannot write into the folder {}", root.display()))?;
        Ok(Self { root })
    }

    /// The folder itself, as an absolute path.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the broker keeps its topics.
    pub(crate) fn topics(&self) -> PathBuf {
        self.root.join("kafka")
    }

    /// The root of the Parquet files, as the job is told it.
    pub(crate) fn parquet(&self) -> PathBuf {
        self.root.join("parquet")
    }

    /// The databases and keys of the shop's services.
    pub(crate) fn shop(&self) -> PathBuf {
        self.root.join("shop")
    }

    /// The messages that users are sent.
    pub(crate) fn outbox(&self) -> PathBuf {
        self.root.join("outbox")
    }

    /// The log while the table is on the screen.
    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("weir.log")
    }

    fn marker(&self) -> PathBuf {
        self.root.join("origin.json")
    }

    /// Whether the folder may take orders of this origin. Returns whether a file is in it already, whole.
    ///
    /// # Errors
    /// A folder with orders of another origin, or with half a file.
    pub(crate) fn admit(&self, origin: &Origin) -> Result<bool, Failure> {
        let Some(known) = self.known()? else {
            return Ok(false);
        };
        let refusal = |fault: String| Failure::usage(format!("--data-dir: {} {fault}", self.root.display()));
        match (&known, origin) {
            (Origin::Invented, Origin::Invented) => Ok(false),
            (
                Origin::File {
                    name,
                    bytes,
                    complete,
                },
                Origin::File {
                    name: asked_name,
                    bytes: asked_bytes,
                    ..
                },
            ) if name == asked_name && bytes == asked_bytes => {
                if *complete {
                    return Ok(true);
                }
                Err(refusal(format!(
                    "holds a part of {name}: reading it was interrupted; delete the folder"
                )))
            }
            _ => Err(refusal(format!(
                "holds {}, which do not mix with {}; take another folder",
                known.described(),
                origin.described()
            ))),
        }
    }

    /// Notes whose orders are in the folder, or are about to be.
    pub(crate) fn note(&self, origin: &Origin) -> Result<()> {
        self.write(origin)
    }

    /// Notes that all of the file is in the topic.
    pub(crate) fn note_whole(&self, origin: &Origin) -> Result<()> {
        match origin.clone() {
            Origin::File { name, bytes, .. } => self.write(&Origin::File {
                name,
                bytes,
                complete: true,
            }),
            Origin::Invented => self.write(origin),
        }
    }

    fn known(&self) -> Result<Option<Origin>> {
        let path = self.marker();
        match std::fs::read(&path) {
            Ok(text) => {
                let origin = serde_json::from_slice(&text)
                    .with_context(|| format!("{} is damaged; take another --data-dir", path.display()))?;
                Ok(Some(origin))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn write(&self, origin: &Origin) -> Result<()> {
        let path = self.marker();
        let next = path.with_extension("json.new");
        std::fs::write(&next, serde_json::to_vec(origin)?)
            .and_then(|()| std::fs::rename(&next, &path))
            .with_context(|| format!("--data-dir: cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::open(Some(temporary.path()), None).unwrap();
        (temporary, folder)
    }

    fn file(name: &str) -> Origin {
        Origin::File {
            name: name.into(),
            bytes: 7,
            complete: false,
        }
    }

    #[test]
    fn a_folder_takes_one_origin_only() {
        let (_keep, folder) = folder();
        assert!(!folder.admit(&Origin::Invented).unwrap());
        folder.note(&Origin::Invented).unwrap();
        assert!(!folder.admit(&Origin::Invented).unwrap());
        let refused = folder.admit(&file("a.parquet")).unwrap_err().to_string();
        assert!(
            refused.contains("--data-dir") && refused.contains("invented orders"),
            "{refused}"
        );
    }

    #[test]
    fn a_file_is_taken_in_once_and_half_a_file_is_refused() {
        let (_keep, folder) = folder();
        let origin = file("a.parquet");
        assert!(!folder.admit(&origin).unwrap());
        assert!(
            !folder.admit(&origin).unwrap(),
            "a start that failed before the first order leaves no trace"
        );
        folder.note(&origin).unwrap();
        assert!(
            folder
                .admit(&origin)
                .unwrap_err()
                .to_string()
                .contains("interrupted")
        );
        folder.note_whole(&origin).unwrap();
        assert!(folder.admit(&origin).unwrap());
        assert!(folder.admit(&file("b.parquet")).is_err());
        assert!(folder.admit(&Origin::Invented).is_err());
    }
}
