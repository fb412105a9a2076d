//! Pictures that are drawn: of the products of the small catalogue, so that there is something to look at from the start.

use super::pixels::Pixels;
use super::{Picture, PictureError};

/// The size of a drawing, in pixels.
const WIDTH: u32 = 480;
const HEIGHT: u32 = 360;
/// So many points to a side of a pixel are looked at, so that edges are smooth.
const FINENESS: u32 = 2;

/// A colour: red, green, blue.
pub(crate) type Color = [u8; 3];

/// A part of a drawing. The whole is 480 wide and 360 high, from the upper left corner.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// A rectangle with round corners.
    Box {
        /// Its left edge.
        x: f32,
        /// Its upper edge.
        y: f32,
        /// How wide.
        width: f32,
        /// How high.
        height: f32,
        /// Of its corners.
        radius: f32,
    },
    /// An ellipse.
    Oval {
        /// Of its centre.
        x: f32,
        /// Of its centre.
        y: f32,
        /// From the centre sideways.
        wide: f32,
        /// From the centre up and down.
        high: f32,
    },
}

/// A drawing: shapes, the later ones over the earlier ones, on a background that fades from top to bottom.
#[derive(Clone, Debug)]
pub(crate) struct Drawing {
    top: Color,
    bottom: Color,
    shapes: Vec<(Shape, Color)>,
}

impl Drawing {
    pub(crate) fn on(top: Color, bottom: Color) -> Drawing {
        Drawing {
            top,
            bottom,
            shapes: Vec::new(),
        }
    }

    /// A rectangle with round corners.
    pub(crate) fn block(self, x: f32, y: f32, width: f32, height: f32, radius: f32, color: Color) -> Drawing {
        self.with(
            Shape::Box {
                x,
                y,
                width,
                height,
                radius,
            },
            color,
        )
    }

    /// An ellipse.
    pub(crate) fn oval(self, x: f32, y: f32, wide: f32, high: f32, color: Color) -> Drawing {
        self.with(Shape::Oval { x, y, wide, high }, color)
    }

    fn with(mut self, shape: Shape, color: Color) -> Drawing {
        self.shapes.push((shape, color));
        self
    }

    /// The drawing as a picture.
    pub(crate) fn picture(&self) -> Result<Picture, PictureError> {
        let mut bytes: Vec<u8> = (0..HEIGHT)
            .flat_map(|y| std::iter::repeat_n(self.background(y), WIDTH as usize))
            .flatten()
            .collect();
        for (shape, color) in &self.shapes {
            shape.paint(&mut bytes, *color);
        }
        let pixels = Pixels::new(WIDTH, HEIGHT, 3, bytes).ok_or(PictureError::Broken)?;
        Picture::of(&pixels)
    }

    fn background(&self, y: u32) -> Color {
        let share = y as f32 / HEIGHT as f32;
        let mut color = self.top;
        for (channel, bottom) in color.iter_mut().zip(self.bottom) {
            *channel = mixed(*channel, bottom, share);
        }
        color
    }
}

impl Shape {
    /// Paints it over what is there; where a pixel is only half within it, half.
    fn paint(self, bytes: &mut [u8], color: Color) {
        let ((left, top), (right, bottom)) = self.bounds();
        let (columns, rows) = (span(left, right, WIDTH), span(top, bottom, HEIGHT));
        for y in rows {
            for x in columns.clone() {
                let share = self.share_of(x, y);
                let at = (y * WIDTH + x) as usize * 3;
                for (channel, value) in bytes[at..at + 3].iter_mut().zip(color) {
                    *channel = mixed(*channel, value, share);
                }
            }
        }
    }

    fn bounds(self) -> ((f32, f32), (f32, f32)) {
        match self {
            Shape::Box {
                x, y, width, height, ..
            } => ((x, y), (x + width, y + height)),
            Shape::Oval { x, y, wide, high } => ((x - wide, y - high), (x + wide, y + high)),
        }
    }

    /// How much of a pixel is within it, from 0 to 1.
    fn share_of(self, x: u32, y: u32) -> f32 {
        let point = |pixel: u32, n: u32| pixel as f32 + (n as f32 + 0.5) / FINENESS as f32;
        let points = (0..FINENESS).flat_map(|i| (0..FINENESS).map(move |j| (i, j)));
        let within = points
            .filter(|(i, j)| self.holds(point(x, *i), point(y, *j)))
            .count();
        within as f32 / (FINENESS * FINENESS) as f32
    }

    fn holds(self, px: f32, py: f32) -> bool {
        match self {
            Shape::Box {
                x,
                y,
                width,
                height,
                radius,
            } => {
                // How far outside the rectangle of the corners' centres.
                let beyond = |at: f32, start: f32, length: f32| {
                    (start + radius - at).max(at - (start + length - radius)).max(0.0)
                };
                beyond(px, x, width).hypot(beyond(py, y, height)) <= radius.max(f32::EPSILON)
            }
            Shape::Oval { x, y, wide, high } => ((px - x) / wide).hypot((py - y) / high) <= 1.0,
        }
    }
}

/// The rows or columns that an extent touches.
fn span(from: f32, to: f32, end: u32) -> std::ops::Range<u32> {
    (from.floor().max(0.0) as u32)..(to.ceil().max(0.0) as u32).min(end)
}

fn mixed(one: u8, other: u8, share: f32) -> u8 {
    (f32::from(one) + (f32::from(other) - f32::from(one)) * share).round() as u8
}
