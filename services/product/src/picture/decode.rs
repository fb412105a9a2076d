//! Reading files that somebody sent.

use std::io::Cursor;

use png::{ColorType, Limits, Transformations};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::orientation::Orientation;
use super::pixels::Pixels;
use super::{LARGEST_UPLOAD, LONGEST_SIDE_READ, MOST_PIXELS_READ};

/// The most passes over a progressive JPEG: each is work, and encoders make about ten.
const MOST_SCANS: usize = 64;
/// What a decoder of PNG may take beside the pixels, in bytes.
const MOST_BESIDE: usize = 16 * 1024 * 1024;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8\xff";
/// The end of a JPEG. It stands nowhere in the pixels, where an `ff` is followed by `00` or by a restart.
const END_OF_JPEG: &[u8] = b"\xff\xd9";

/// A file that no picture is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// Neither of the two formats.
    #[error("neither a PNG nor a JPEG")]
    Unknown,
    /// More bytes than are read.
    #[error("more than {LARGEST_UPLOAD} bytes")]
    TooLarge,
    /// More pixels than are read.
    #[error(
        "{width} × {height} pixels; a side has at most {LONGEST_SIDE_READ}, a picture at most {MOST_PIXELS_READ}"
    )]
    TooManyPixels {
        /// As its header says.
        width: u64,
        /// As its header says.
        height: u64,
    },
    /// It cannot be read to its end.
    #[error("broken: it cannot be read to its end")]
    Broken,
}

pub(super) fn decode(file: &[u8]) -> Result<(Pixels, Orientation), PictureError> {
    if file.len() > LARGEST_UPLOAD {
        return Err(PictureError::TooLarge);
    }
    if file.starts_with(PNG) {
        return Ok((png(file)?, Orientation::AsItIs));
    }
    if file.starts_with(JPEG) {
        return jpeg(file);
    }
    Err(PictureError::Unknown)
}

/// Holds what the header says against what is read, before memory is taken for it.
fn check_size(width: u64, height: u64) -> Result<(), PictureError> {
    let longest = u64::from(LONGEST_SIDE_READ);
    if width == 0 || height == 0 {
        return Err(PictureError::Broken);
    }
    if width > longest || height > longest || width * height > MOST_PIXELS_READ {
        return Err(PictureError::TooManyPixels { width, height });
    }
    Ok(())
}

/// Of an animation its first picture.
fn png(file: &[u8]) -> Result<Pixels, PictureError> {
    let broken = |_| PictureError::Broken;
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(file), Limits { bytes: MOST_BESIDE });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::normalize_to_color8());
    let (width, height) = decoder.read_header_info().map_err(broken)?.size();
    check_size(width.into(), height.into())?;
    // The pixels are in a buffer of ours, of the size that was checked.
    let mut reader = decoder.read_info().map_err(broken)?;
    let size = reader.output_buffer_size().ok_or(PictureError::Broken)?;
    let mut buffer = vec![0; size];
    let frame = reader.next_frame(&mut buffer).map_err(broken)?;
    reader.finish().map_err(broken)?;
    let channels = match frame.color_type {
        ColorType::Grayscale => 1,
        ColorType::GrayscaleAlpha => 2,
        ColorType::Rgb => 3,
        ColorType::Rgba => 4,
        // It was expanded.
        ColorType::Indexed => return Err(PictureError::Broken),
    };
    buffer.truncate(frame.buffer_size());
    Pixels::new(frame.width, frame.height, channels, buffer).ok_or(PictureError::Broken)
}

fn jpeg(file: &[u8]) -> Result<(Pixels, Orientation), PictureError> {
    let broken = |_| PictureError::Broken;
    // Cameras write files that are not quite as they should be, and so the decoder is lenient; but not half a picture.
    let end = file.windows(2).rposition(|bytes| bytes == END_OF_JPEG);
    let scan = file.windows(2).rposition(|bytes| bytes == b"\xff\xda");
    if end.is_none() || end < scan {
        return Err(PictureError::Broken);
    }
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_use_unsafe(false)
        // Judged below, by the same rule as all others, before the pixels are decoded.
        .set_max_width(u16::MAX.into())
        .set_max_height(u16::MAX.into())
        .jpeg_set_max_scans(MOST_SCANS)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().map_err(broken)?;
    let info = decoder.info().ok_or(PictureError::Broken)?;
    check_size(info.width.into(), info.height.into())?;
    let orientation = decoder
        .exif()
        .map_or(Orientation::AsItIs, |exif| Orientation::of_exif(exif));
    let pixels = decoder.decode().map_err(broken)?;
    let channels = decoder
        .output_colorspace()
        .map_or(0, |space| space.num_components());
    let pixels = Pixels::new(info.width.into(), info.height.into(), channels, pixels);
    Ok((pixels.ok_or(PictureError::Broken)?, orientation))
}
