//! Pixels, and fewer of them.

use png::ColorType;

/// Pixels in rows, of one to four bytes each: grey, grey and alpha, red green blue, the same and alpha.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pixels {
    width: u32,
    height: u32,
    channels: usize,
    bytes: Vec<u8>,
}

impl Pixels {
    /// `None` where there are not as many bytes as that makes, or no pixels at all.
    pub(super) fn new(width: u32, height: u32, channels: usize, bytes: Vec<u8>) -> Option<Pixels> {
        let expected = (width as usize)
            .checked_mul(height as usize)?
            .checked_mul(channels)?;
        let is_right = (1..=4).contains(&channels) && expected > 0 && bytes.len() == expected;
        is_right.then_some(Pixels {
            width,
            height,
            channels,
            bytes,
        })
    }

    pub(super) fn width(&self) -> u32 {
        self.width
    }

    pub(super) fn height(&self) -> u32 {
        self.height
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn color(&self) -> ColorType {
        match self.channels {
            1 => ColorType::Grayscale,
            2 => ColorType::GrayscaleAlpha,
            3 => ColorType::Rgb,
            _ => ColorType::Rgba,
        }
    }

    /// Whether the last byte of a pixel is its alpha.
    fn has_alpha(&self) -> bool {
        self.channels.is_multiple_of(2)
    }

    fn pixel(&self, x: u32, y: u32) -> &[u8] {
        let at = (y as usize * self.width as usize + x as usize) * self.channels;
        &self.bytes[at..at + self.channels]
    }

    /// Another picture, each of whose pixels is one of these.
    pub(super) fn picked(&self, width: u32, height: u32, from: impl Fn(u32, u32) -> (u32, u32)) -> Pixels {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let bytes = places.flat_map(|(x, y)| {
            let (x, y) = from(x, y);
            self.pixel(x, y)
        });
        Pixels {
            width,
            height,
            channels: self.channels,
            bytes: bytes.copied().collect(),
        }
    }

    /// The same picture, no side of it longer than this. Each pixel is the mean of those it stands for; a smaller picture
    /// stays as it is.
    pub(super) fn within(self, longest: u32) -> Pixels {
        let side = self.width.max(self.height);
        if side <= longest {
            return self;
        }
        let scaled = |length: u32| {
            let length = u64::from(length) * u64::from(longest) / u64::from(side);
            // Below the longest, which is one.
            u32::try_from(length).unwrap_or(longest).max(1)
        };
        let (width, height) = (scaled(self.width), scaled(self.height));
        let mut bytes = Vec::with_capacity(width as usize * height as usize * self.channels);
        for y in 0..height {
            let rows = share(y, height, self.height);
            for x in 0..width {
                let columns = share(x, width, self.width);
                self.push_mean(&mut bytes, columns, rows.clone());
            }
        }
        Pixels {
            width,
            height,
            channels: self.channels,
            bytes,
        }
    }

    /// The mean of a block. A colour counts as much as it is opaque: what cannot be seen has none.
    fn push_mean(&self, bytes: &mut Vec<u8>, columns: std::ops::Range<u32>, rows: std::ops::Range<u32>) {
        let colors = self.channels - usize::from(self.has_alpha());
        let mut sums = [0_u64; 3];
        let (mut weights, mut count) = (0_u64, 0_u64);
        for y in rows {
            for x in columns.clone() {
                let pixel = self.pixel(x, y);
                let weight = match self.has_alpha() {
                    true => u64::from(pixel[colors]),
                    false => 255,
                };
                for (sum, value) in sums.iter_mut().zip(&pixel[..colors]) {
                    *sum += u64::from(*value) * weight;
                }
                weights += weight;
                count += 1;
            }
        }
        let mean = |sum: u64, of: u64| (sum + of / 2).checked_div(of).unwrap_or(0) as u8;
        bytes.extend(sums[..colors].iter().map(|sum| mean(*sum, weights)));
        if self.has_alpha() {
            bytes.push(mean(weights, count));
        }
    }
}

/// Which of `from` rows or columns the `n`-th of `to` stands for: at least one.
fn share(n: u32, to: u32, from: u32) -> std::ops::Range<u32> {
    let edge = |n: u32| (u64::from(n) * u64::from(from) / u64::from(to)) as u32;
    let start = edge(n);
    start..edge(n + 1).max(start + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_is_the_mean_of_those_it_stands_for() {
        let pixels = Pixels::new(4, 2, 1, vec![0, 100, 10, 10, 100, 200, 10, 11]).unwrap();
        let small = pixels.within(2);
        assert_eq!(
            (small.width(), small.height(), small.bytes()),
            (2, 1, &[100, 10][..])
        );
    }

    #[test]
    fn what_cannot_be_seen_has_no_colour() {
        let pixels = Pixels::new(2, 1, 4, vec![200, 100, 50, 255, 9, 9, 9, 0]).unwrap();
        assert_eq!(pixels.within(1).bytes(), [200, 100, 50, 128]);
        let nothing = Pixels::new(2, 1, 2, vec![9, 0, 9, 0]).unwrap();
        assert_eq!(nothing.within(1).bytes(), [0, 0]);
    }

    #[test]
    fn a_line_stays_a_line_and_what_is_small_stays_as_it_is() {
        let line = Pixels::new(3_000, 1, 3, vec![7; 9_000]).unwrap().within(640);
        assert_eq!((line.width(), line.height()), (640, 1));
        assert!(line.bytes().iter().all(|value| *value == 7));
        let small = Pixels::new(640, 480, 3, vec![7; 640 * 480 * 3]).unwrap();
        assert_eq!(small.clone().within(640), small);
    }

    #[test]
    fn bytes_that_do_not_fit_are_no_pixels() {
        assert_eq!(Pixels::new(2, 2, 3, vec![0; 11]), None);
        assert_eq!(Pixels::new(0, 2, 3, vec![]), None);
        assert_eq!(Pixels::new(1, 1, 5, vec![0; 5]), None);
        assert_eq!(Pixels::new(u32::MAX, u32::MAX, 4, vec![]), None);
    }
}
