//! Files that people send, the honest and the others.

use super::*;

/// 64 × 48 pixels: the left half red, the right half blue, the upper left corner white. Drawn for these tests.
macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("fixtures/", $name)).as_slice()
    };
}

const RED: [u8; 3] = [200, 40, 40];
const BLUE: [u8; 3] = [40, 40, 200];
const WHITE: [u8; 3] = [255, 255, 255];

/// The pixels of what was made, by another reading of it.
fn pixels(picture: &Picture) -> Pixels {
    let (pixels, _) = decode::decode(picture.png()).unwrap();
    pixels
}

/// The colour at a place, without its alpha.
fn color_at(pixels: &Pixels, x: u32, y: u32) -> Vec<u8> {
    pixels.picked(1, 1, |_, _| (x, y)).bytes().to_vec()
}

#[track_caller]
fn assert_near(found: &[u8], expected: &[u8]) {
    let is_near = found.iter().zip(expected).all(|(a, b)| a.abs_diff(*b) <= 12);
    assert!(
        is_near && found.len() >= expected.len(),
        "{found:?} is not {expected:?}"
    );
}

#[test]
fn a_picture_looks_as_it_did_whatever_kind_of_file_it_came_in() {
    for file in [
        fixture!("baseline.jpg"),
        fixture!("progressive.jpg"),
        fixture!("rgb.png"),
    ] {
        let made = pixels(&Picture::read(file).unwrap());
        assert_eq!((made.width(), made.height()), (64, 48));
        assert_near(&color_at(&made, 2, 2), &WHITE);
        assert_near(&color_at(&made, 20, 40), &RED);
        assert_near(&color_at(&made, 60, 40), &BLUE);
    }
    let grey = pixels(&Picture::read(fixture!("grey.jpg")).unwrap());
    assert_near(&color_at(&grey, 2, 2), &WHITE);
    let printed = pixels(&Picture::read(fixture!("cmyk.jpg")).unwrap());
    assert_near(&color_at(&printed, 2, 2), &WHITE);
    assert_near(&color_at(&printed, 60, 40), &BLUE);
    let deep = pixels(&Picture::read(fixture!("sixteen.png")).unwrap());
    assert_near(&color_at(&deep, 32, 0), &[128]);
}

#[test]
fn what_is_transparent_stays_so() {
    let made = pixels(&Picture::read(fixture!("palette.png")).unwrap());
    let alphas: Vec<u8> = [(2, 2), (20, 40), (60, 40)]
        .map(|(x, y)| color_at(&made, x, y)[3])
        .to_vec();
    assert!(alphas.contains(&0) && alphas.contains(&255), "{alphas:?}");
}

#[test]
fn a_picture_is_turned_upright_and_tells_nothing_of_its_camera() {
    let sent = fixture!("turned.jpg");
    let holds = |file: &[u8], word: &[u8]| file.windows(word.len()).any(|bytes| bytes == word);
    assert!(holds(sent, b"SECRET CAMERA") && holds(sent, b"SECRET COMMENT"));
    let picture = Picture::read(sent).unwrap();
    assert!(!holds(picture.png(), b"SECRET"));
    let made = pixels(&picture);
    assert_eq!((made.width(), made.height()), (48, 64));
    assert_near(&color_at(&made, 45, 2), &WHITE);
    assert_near(&color_at(&made, 5, 60), &BLUE);
}

#[test]
fn of_an_animation_the_first_picture_is_left() {
    let picture = Picture::read(fixture!("animated.png")).unwrap();
    assert!(!picture.png().windows(4).any(|bytes| bytes == b"acTL"));
    assert_near(&color_at(&pixels(&picture), 5, 5), &RED);
}

#[test]
fn what_is_made_is_small_and_is_made_again_of_itself_unchanged() {
    let large = Pixels::new(3_000, 2_000, 3, vec![90; 18_000_000]).unwrap();
    let picture = Picture::read(Picture::of(&large).unwrap().png()).unwrap();
    let made = pixels(&picture);
    assert_eq!((made.width(), made.height()), (640, 426));
    assert_eq!(Picture::read(picture.png()).unwrap(), picture);
}

/// Noise is the worst that can be made smaller: the bound holds for it too.
#[test]
fn even_noise_stays_within_the_bound() {
    let mut state = 1_u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    let pixels = Pixels::new(640, 640, 4, noise.take(640 * 640 * 4).collect()).unwrap();
    let size = Picture::of(&pixels).unwrap().png().len();
    assert!(size < 1_800_000, "{size}");
}

#[test]
fn nothing_of_a_second_file_behind_or_within_the_first_is_left() {
    for file in [fixture!("rgb.png"), fixture!("baseline.jpg")] {
        let script = b"<script>alert(1)</script>PK\x03\x04";
        let polyglot = [file, script].concat();
        let picture = Picture::read(&polyglot).unwrap();
        assert!(!picture.png().windows(8).any(|bytes| bytes == &script[..8]));
        assert_eq!(picture, Picture::read(file).unwrap());
    }
}

#[test]
fn what_is_no_png_and_no_jpeg_is_refused_whatever_it_says_it_is() {
    let svg = br#"<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>"#;
    for file in [
        &b""[..],
        b"\x89",
        b"hello",
        svg,
        b"<html><script>alert(1)</script></html>",
        b"%PDF-1.7\n",
        b"GIF89a\x01\0\x01\0",
        b"\x7fELF\x02\x01\x01",
        fixture!("animated.gif"),
        fixture!("picture.webp"),
        &[0; 100_000],
    ] {
        assert_eq!(Picture::read(file), Err(PictureError::Unknown));
    }
    // One that says it is and is not.
    for start in [&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff\xe0"] {
        for rest in [&b""[..], svg, &[0xff; 1_000]] {
            assert_eq!(Picture::read(&[start, rest].concat()), Err(PictureError::Broken));
        }
    }
}

/// Cut anywhere, a file is refused; but for the very end of a PNG nothing of it is missing that could be seen.
#[test]
fn half_a_file_is_no_picture() {
    for file in [
        fixture!("rgb.png"),
        fixture!("baseline.jpg"),
        fixture!("progressive.jpg"),
    ] {
        for end in 0..file.len() - 12 {
            assert!(Picture::read(&file[..end]).is_err(), "{end} of {}", file.len());
        }
    }
}

/// Any byte may be another: the answer is a picture or a refusal, never anything else.
#[test]
fn a_damaged_file_harms_nothing() {
    for file in [
        fixture!("rgb.png"),
        fixture!("palette.png"),
        fixture!("animated.png"),
        fixture!("baseline.jpg"),
        fixture!("progressive.jpg"),
        fixture!("cmyk.jpg"),
        fixture!("turned.jpg"),
    ] {
        for at in 0..file.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff, file[at] ^ 1] {
                let mut damaged = file.to_vec();
                damaged[at] = value;
                if let Ok(picture) = Picture::read(&damaged) {
                    let made = pixels(&picture);
                    assert!(made.width() <= LONGEST_SIDE && made.height() <= LONGEST_SIDE);
                }
            }
        }
    }
}

/// A PNG that says it is this large, and is a few bytes.
fn png_that_claims(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgba);
    // Its header is written; pixels never come.
    drop(encoder.write_header().unwrap());
    file
}

/// A JPEG that says it is this large.
fn jpeg_that_claims(width: u16, height: u16) -> Vec<u8> {
    let mut file = fixture!("baseline.jpg").to_vec();
    let frame = file.windows(2).position(|bytes| bytes == b"\xff\xc0").unwrap();
    file[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    file[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    file
}

#[test]
fn a_small_file_that_claims_to_be_a_large_picture_is_refused_by_its_header() {
    for (width, height) in [(65_000, 65_000), (8_193, 1), (1, 8_193), (4_001, 4_000)] {
        let too_many = Err(PictureError::TooManyPixels {
            width: u64::from(width),
            height: u64::from(height),
        });
        assert_eq!(Picture::read(&png_that_claims(width, height)), too_many);
        let jpeg = jpeg_that_claims(width as u16, height as u16);
        assert_eq!(Picture::read(&jpeg), too_many);
    }
    assert_eq!(
        Picture::read(&png_that_claims(8_192, 1_953)),
        Err(PictureError::Broken)
    );
}

/// Four bytes of file for sixteen million of pixels: it is read, within the memory that is allowed for it, and made small.
#[test]
fn the_largest_bomb_that_is_let_in_does_no_harm() {
    let large = Pixels::new(4_000, 4_000, 4, vec![0; 64_000_000]).unwrap();
    let bomb = Picture::of(&large).unwrap();
    assert!(bomb.png().len() < 200_000, "{}", bomb.png().len());
    assert_eq!(pixels(&Picture::read(bomb.png()).unwrap()).width(), 640);
}

#[test]
fn a_file_of_too_many_bytes_is_not_looked_at() {
    let mut file = fixture!("rgb.png").to_vec();
    file.resize(LARGEST_UPLOAD, 0);
    assert!(Picture::read(&file).is_ok());
    file.push(0);
    assert_eq!(Picture::read(&file), Err(PictureError::TooLarge));
}

#[test]
fn a_drawing_is_a_picture_with_smooth_edges() {
    let drawing = draw::Drawing::on(WHITE, WHITE)
        .block(100.0, 100.0, 100.0, 50.0, 10.0, RED)
        .oval(300.5, 200.5, 40.0, 40.0, BLUE);
    let made = pixels(&drawing.picture().unwrap());
    assert_eq!((made.width(), made.height()), (480, 360));
    assert_eq!(color_at(&made, 0, 0), WHITE);
    assert_eq!(color_at(&made, 150, 120), RED);
    assert_eq!(color_at(&made, 100, 100), WHITE);
    assert_eq!(color_at(&made, 300, 200), BLUE);
    let edge = (260..345).map(|x| color_at(&made, x, 200));
    assert!(edge.clone().any(|color| color != WHITE && color != BLUE));
}
