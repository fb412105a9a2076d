//! A file that was made or renamed is on the disk only when its folder is.

use std::fs::File;
use std::io;
use std::path::Path;

/// Brings the names in a folder to the disk.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
