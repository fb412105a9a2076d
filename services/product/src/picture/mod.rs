//! Pictures of products: read from what somebody sent, made small, and written anew.
//!
//! What is stored is never what was sent. A picture is decoded within bounds that its header is held against before anything
//! is decoded, its pixels are scaled down, and a PNG is made of them: nothing else of the file is left, no metadata, no
//! second file behind the first, no script.
//!
//! One format for all: PNG keeps transparency and loses nothing, and no encoder of JPEG is both small and of a licence that
//! this workspace allows. A side of 640 pixels bounds its size.

mod decode;
pub(crate) mod draw;
mod orientation;
mod pixels;

use bytes::Bytes;

pub use decode::PictureError;
use pixels::Pixels;

/// The largest file that is read, in bytes.
pub const LARGEST_UPLOAD: usize = 4 * 1024 * 1024;
/// The longest side that is read, in pixels.
pub(crate) const LONGEST_SIDE_READ: u32 = 8_192;
/// The most pixels that are read: with four bytes each 64 MB, and a progressive JPEG takes twice that while it is decoded.
pub(crate) const MOST_PIXELS_READ: u64 = 16_000_000;
/// The longest side of what is made, in pixels.
pub(crate) const LONGEST_SIDE: u32 = 640;

/// A picture of ours: a PNG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    png: Bytes,
}

impl Picture {
    /// As it is served.
    pub const CONTENT_TYPE: &str = "image/png";

    /// Makes a picture of a PNG or JPEG file that somebody sent. Takes a core for up to a second, and memory as
    /// [`MOST_PIXELS_READ`] says.
    ///
    /// # Errors
    /// It is neither, or too large, or broken.
    pub fn read(file: &[u8]) -> Result<Picture, PictureError> {
        // A decoder that panics has met a file that is none.
        let decoded = std::panic::catch_unwind(|| decode::decode(file));
        let (pixels, orientation) = decoded.unwrap_or(Err(PictureError::Broken))?;
        Picture::of(&orientation.applied_to(&pixels.within(LONGEST_SIDE)))
    }

    fn of(pixels: &Pixels) -> Result<Picture, PictureError> {
        let mut png = Vec::new();
        let mut encoder = png::Encoder::new(&mut png, pixels.width(), pixels.height());
        encoder.set_color(pixels.color());
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Balanced);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(pixels.bytes())?;
            writer.finish()
        });
        // Into memory, and of as many bytes as the header says: it cannot fail.
        written.map_err(|_| PictureError::Broken)?;
        Ok(Picture { png: png.into() })
    }

    /// The PNG file.
    #[must_use]
    pub fn png(&self) -> &Bytes {
        &self.png
    }
}

#[cfg(test)]
mod tests;
