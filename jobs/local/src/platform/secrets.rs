//! The secrets of the local shop: made once, kept in its folder, readable by its owner only.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use service_common::auth::SigningKey;
use uuid::Uuid;

/// What the services of a folder share.
pub(crate) struct Secrets {
    /// The file of the key that tokens are signed with.
    pub(crate) key_file: PathBuf,
    /// The key in it.
    pub(crate) key: SigningKey,
    /// For fingerprints of requests and refresh tokens.
    pub(crate) secret: String,
}

impl Secrets {
    /// Those of this folder, made where they are missing.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn in_folder(folder: &Path) -> Result<Secrets> {
        let key_file = folder.join("token-key.pem");
        let key = SigningKey::in_file(&key_file)?;
        let path = folder.join("secret");
        let secret = match std::fs::read_to_string(&path) {
            Ok(text) if !text.trim().is_empty() => text.trim().to_owned(),
            _ => {
                let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
                write(&path, &secret).with_context(|| format!("cannot write {}", path.display()))?;
                secret
            }
        };
        Ok(Secrets {
            key_file,
            key,
            secret,
        })
    }
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
