//! Files and folders that nothing known refers to. They may be all that is left of somebody's records, so they are
//! put aside under another name and never deleted.

use std::path::{Path, PathBuf};
use std::{fs, io};

const ENDING: &str = "lost";

/// Renames a file or folder to one that nothing looks at; returns the new name.
pub(crate) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let free = (0..)
        .map(|n: u32| match n {
            0 => path.with_file_name(format!("{name}.{ENDING}")),
            n => path.with_file_name(format!("{name}.{n}.{ENDING}")),
        })
        .find(|candidate| !candidate.exists())
        .ok_or(io::ErrorKind::AlreadyExists)?;
    fs::rename(path, &free)?;
    tracing::error!(path = %path.display(), now = %free.display(), "belongs to nothing that is known: set aside");
    Ok(free)
}

/// Whether something was put aside before.
pub(crate) fn is_set_aside(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == ENDING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_aside_twice_is_kept_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.log");
        for content in ["one", "two"] {
            fs::write(&path, content).unwrap();
            let aside = set_aside(&path).unwrap();
            assert!(is_set_aside(&aside) && !path.exists());
            assert_eq!(fs::read_to_string(aside).unwrap(), content);
        }
    }
}
