//! Which way up a camera was held: metadata that must be acted on before it is dropped.

use super::pixels::Pixels;

/// How the pixels of a file are turned to be seen upright, as EXIF counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Orientation {
    AsItIs,
    Mirrored,
    HalfTurn,
    UpsideDown,
    /// Rows and columns change places.
    Transposed,
    QuarterTurnRight,
    /// The same, and a half turn.
    Transversed,
    QuarterTurnLeft,
}

/// The tag of the orientation in TIFF.
const TAG: u16 = 0x0112;
/// The type of a number of two bytes.
const SHORT: u16 = 3;

impl Orientation {
    /// What a block of EXIF says; as it is where it says nothing that can be read.
    pub(super) fn of_exif(exif: &[u8]) -> Orientation {
        match number(exif) {
            Some(2) => Orientation::Mirrored,
            Some(3) => Orientation::HalfTurn,
            Some(4) => Orientation::UpsideDown,
            Some(5) => Orientation::Transposed,
            Some(6) => Orientation::QuarterTurnRight,
            Some(7) => Orientation::Transversed,
            Some(8) => Orientation::QuarterTurnLeft,
            _ => Orientation::AsItIs,
        }
    }

    /// The pixels, upright.
    pub(super) fn applied_to(self, pixels: &Pixels) -> Pixels {
        let (width, height) = (pixels.width(), pixels.height());
        let (right, bottom) = (width - 1, height - 1);
        let (width, height) = match self {
            Self::AsItIs | Self::Mirrored | Self::HalfTurn | Self::UpsideDown => (width, height),
            Self::Transposed | Self::QuarterTurnRight | Self::Transversed | Self::QuarterTurnLeft => {
                (height, width)
            }
        };
        pixels.picked(width, height, |x, y| match self {
            Self::AsItIs => (x, y),
            Self::Mirrored => (right - x, y),
            Self::HalfTurn => (right - x, bottom - y),
            Self::UpsideDown => (x, bottom - y),
            Self::Transposed => (y, x),
            Self::QuarterTurnRight => (y, bottom - x),
            Self::Transversed => (right - y, bottom - x),
            Self::QuarterTurnLeft => (right - y, x),
        })
    }
}

/// The orientation in the first directory of a TIFF, which is what EXIF is.
fn number(tiff: &[u8]) -> Option<u16> {
    let is_little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes: [u8; 2] = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(match is_little {
            true => u16::from_le_bytes(bytes),
            false => u16::from_be_bytes(bytes),
        })
    };
    let (high, low) = match is_little {
        true => (6, 4),
        false => (4, 6),
    };
    let directory = usize::from(short(high)?) << 16 | usize::from(short(low)?);
    // Twelve bytes each, behind their number.
    let entries = (0..usize::from(short(directory)?)).map(|n| directory + 2 + 12 * n);
    for entry in entries {
        if short(entry)? == TAG && short(entry + 2)? == SHORT {
            return short(entry + 8);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exif(value: u16) -> [Vec<u8>; 2] {
        let little = [
            &b"II*\0\x08\0\0\0\x02\0"[..],
            b"\x0f\x01\x02\0\0\0\0\0\0\0\0\0",
            b"\x12\x01\x03\0\x01\0\0\0",
            &value.to_le_bytes(),
            b"\0\0",
        ];
        let big = [
            &b"MM\0*\0\0\0\x08\0\x01"[..],
            b"\x01\x12\0\x03\0\0\0\x01",
            &value.to_be_bytes(),
            b"\0\0",
        ];
        [little.concat(), big.concat()]
    }

    #[test]
    fn the_orientation_is_found_in_either_order_of_bytes() {
        for exif in exif(6) {
            assert_eq!(Orientation::of_exif(&exif), Orientation::QuarterTurnRight);
        }
        for exif in exif(8) {
            assert_eq!(Orientation::of_exif(&exif), Orientation::QuarterTurnLeft);
        }
    }

    #[test]
    fn what_cannot_be_read_turns_nothing() {
        let [little, big] = exif(6);
        for end in 0..little.len() - 3 {
            assert_eq!(Orientation::of_exif(&little[..end]), Orientation::AsItIs, "{end}");
        }
        for end in 0..big.len() - 3 {
            assert_eq!(Orientation::of_exif(&big[..end]), Orientation::AsItIs, "{end}");
        }
        assert_eq!(
            Orientation::of_exif(b"II*\0\xff\xff\xff\xff\xff\xff"),
            Orientation::AsItIs
        );
        for value in [0, 1, 9, u16::MAX] {
            assert_eq!(Orientation::of_exif(&exif(value)[0]), Orientation::AsItIs);
        }
    }

    /// A letter that looks different each way: where its marked pixel is tells which way it was turned.
    #[test]
    fn each_orientation_turns_the_pixels_its_way() {
        // a b
        // c d
        // e f
        let pixels = Pixels::new(2, 3, 1, b"abcdef".to_vec()).unwrap();
        let turned = |orientation: Orientation| {
            let turned = orientation.applied_to(&pixels);
            let letters = turned.bytes().to_vec();
            (turned.width(), String::from_utf8(letters).unwrap())
        };
        for (orientation, expected) in [
            (Orientation::AsItIs, (2, "abcdef")),
            (Orientation::Mirrored, (2, "badcfe")),
            (Orientation::HalfTurn, (2, "fedcba")),
            (Orientation::UpsideDown, (2, "efcdab")),
            (Orientation::Transposed, (3, "acebdf")),
            (Orientation::QuarterTurnRight, (3, "ecafdb")),
            (Orientation::Transversed, (3, "fdbeca")),
            (Orientation::QuarterTurnLeft, (3, "bdface")),
        ] {
            assert_eq!(
                turned(orientation),
                (expected.0, expected.1.to_owned()),
                "{orientation:?}"
            );
        }
    }
}
