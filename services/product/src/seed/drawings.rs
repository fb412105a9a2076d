//! What the products of the small catalogue look like, in a few shapes each.

use crate::picture::draw::{Color, Drawing};

const DARK: Color = [44, 48, 58];
const MIDDLE: Color = [92, 100, 116];
const LIGHT: Color = [226, 230, 236];
const WHITE: Color = [250, 250, 252];
const ACCENT: Color = [240, 128, 60];
const WOOD: Color = [190, 144, 98];

/// The drawing of a product; of a parcel where there is none of its own.
pub(super) fn of(id: &str) -> Drawing {
    let sheet = background(id);
    match id {
        "kb-1" => keys(
            sheet.block(60.0, 130.0, 360.0, 120.0, 14.0, DARK),
            60.0,
            11,
            LIGHT,
        ),
        "kb-2" => keys(
            sheet.block(30.0, 120.0, 420.0, 140.0, 10.0, MIDDLE),
            30.0,
            13,
            WHITE,
        ),
        "kb-3" => {
            let halves = sheet
                .block(30.0, 120.0, 190.0, 140.0, 16.0, DARK)
                .block(260.0, 120.0, 190.0, 140.0, 16.0, DARK);
            keys(keys(halves, 30.0, 5, ACCENT), 260.0, 5, ACCENT)
        }
        "ms-1" => mouse(sheet, 95.0, LIGHT),
        "ms-2" => mouse(sheet, 70.0, DARK).oval(310.0, 210.0, 26.0, 60.0, MIDDLE),
        "mp-1" => sheet.block(40.0, 80.0, 400.0, 210.0, 18.0, MIDDLE).block(
            52.0,
            92.0,
            376.0,
            186.0,
            12.0,
            [116, 124, 140],
        ),
        "mn-1" => monitor(sheet, 110.0, 260.0, [88, 148, 200]),
        "mn-2" => monitor(sheet, 70.0, 340.0, [72, 176, 152]),
        "mn-3" => sheet
            .block(110.0, 300.0, 120.0, 16.0, 8.0, DARK)
            .block(160.0, 120.0, 20.0, 190.0, 10.0, MIDDLE)
            .block(160.0, 120.0, 180.0, 20.0, 10.0, MIDDLE)
            .block(320.0, 80.0, 24.0, 100.0, 6.0, DARK),
        "ac-1" => sheet
            .oval(240.0, 180.0, 110.0, 110.0, DARK)
            .oval(240.0, 180.0, 96.0, 96.0, [222, 226, 232])
            .oval(240.0, 180.0, 78.0, 78.0, DARK)
            .oval(240.0, 180.0, 64.0, 64.0, [222, 226, 232])
            .block(326.0, 160.0, 90.0, 26.0, 8.0, MIDDLE),
        "ac-2" => (0..4).fold(sheet.block(90.0, 140.0, 300.0, 80.0, 16.0, MIDDLE), |sheet, n| {
            sheet.block(114.0 + 68.0 * n as f32, 168.0, 46.0, 24.0, 5.0, DARK)
        }),
        "ac-3" => (0..3).fold(sheet.block(160.0, 90.0, 160.0, 180.0, 24.0, WHITE), |sheet, n| {
            sheet.block(205.0, 120.0 + 48.0 * n as f32, 70.0, 22.0, 9.0, DARK)
        }),
        "ac-4" => (0..4).fold(sheet.block(130.0, 70.0, 220.0, 220.0, 28.0, DARK), |sheet, n| {
            sheet.oval(190.0 + 32.0 * n as f32, 250.0, 8.0, 8.0, [120, 220, 140])
        }),
        "au-1" => earbud(
            earbud(sheet.block(150.0, 200.0, 180.0, 100.0, 40.0, WHITE), 190.0),
            290.0,
        ),
        "au-2" => sheet
            .oval(240.0, 180.0, 130.0, 120.0, DARK)
            .oval(240.0, 184.0, 112.0, 104.0, [216, 222, 230])
            .block(92.0, 160.0, 50.0, 100.0, 22.0, MIDDLE)
            .block(338.0, 160.0, 50.0, 100.0, 22.0, MIDDLE)
            .block(110.0, 262.0, 120.0, 12.0, 6.0, DARK)
            .oval(232.0, 268.0, 18.0, 12.0, ACCENT),
        "au-3" => sheet
            .block(190.0, 60.0, 100.0, 170.0, 48.0, MIDDLE)
            .block(190.0, 130.0, 100.0, 12.0, 0.0, DARK)
            .block(232.0, 230.0, 16.0, 70.0, 0.0, DARK)
            .oval(240.0, 304.0, 80.0, 16.0, DARK),
        "cm-1" => sheet
            .block(140.0, 110.0, 200.0, 110.0, 50.0, DARK)
            .oval(240.0, 165.0, 44.0, 44.0, MIDDLE)
            .oval(240.0, 165.0, 30.0, 30.0, [40, 70, 120])
            .oval(252.0, 154.0, 8.0, 8.0, WHITE)
            .block(200.0, 224.0, 80.0, 50.0, 10.0, MIDDLE),
        "lt-1" => sheet
            .oval(170.0, 150.0, 90.0, 60.0, [255, 238, 170])
            .block(110.0, 80.0, 130.0, 44.0, 20.0, ACCENT)
            .block(232.0, 96.0, 110.0, 14.0, 7.0, DARK)
            .block(330.0, 96.0, 14.0, 200.0, 7.0, DARK)
            .oval(336.0, 300.0, 70.0, 16.0, DARK),
        "st-1" => sheet
            .block(120.0, 120.0, 240.0, 130.0, 22.0, MIDDLE)
            .block(140.0, 140.0, 120.0, 12.0, 6.0, LIGHT)
            .oval(326.0, 216.0, 9.0, 9.0, [120, 220, 140]),
        "st-2" => sheet
            .block(90.0, 120.0, 300.0, 14.0, 6.0, LIGHT)
            .block(120.0, 134.0, 16.0, 150.0, 6.0, MIDDLE)
            .block(344.0, 134.0, 16.0, 150.0, 6.0, MIDDLE)
            .block(90.0, 280.0, 300.0, 14.0, 6.0, MIDDLE),
        "ch-1" => sheet
            .block(170.0, 50.0, 140.0, 130.0, 30.0, DARK)
            .block(150.0, 194.0, 180.0, 40.0, 18.0, MIDDLE)
            .block(230.0, 234.0, 20.0, 60.0, 0.0, DARK)
            .block(150.0, 290.0, 180.0, 14.0, 7.0, DARK)
            .oval(160.0, 312.0, 12.0, 12.0, DARK)
            .oval(320.0, 312.0, 12.0, 12.0, DARK),
        "bg-1" => sheet
            .oval(240.0, 84.0, 40.0, 34.0, DARK)
            .oval(240.0, 88.0, 26.0, 22.0, [214, 220, 228])
            .block(150.0, 80.0, 180.0, 230.0, 54.0, [60, 96, 130])
            .block(176.0, 200.0, 128.0, 90.0, 20.0, [44, 74, 104])
            .block(176.0, 150.0, 128.0, 8.0, 4.0, ACCENT),
        "dr-1" => sheet
            .oval(335.0, 180.0, 54.0, 60.0, WHITE)
            .oval(335.0, 180.0, 36.0, 42.0, [220, 224, 230])
            .block(150.0, 90.0, 180.0, 190.0, 20.0, WHITE)
            .oval(240.0, 96.0, 90.0, 16.0, [60, 90, 140])
            .oval(240.0, 98.0, 78.0, 11.0, [110, 70, 44]),
        "nb-1" => (0..9).fold(sheet.block(150.0, 60.0, 190.0, 250.0, 12.0, WOOD), |sheet, n| {
            sheet.oval(160.0, 84.0 + 26.0 * n as f32, 6.0, 6.0, WHITE)
        }),
        _ => sheet.block(130.0, 100.0, 220.0, 180.0, 8.0, WOOD).block(
            226.0,
            100.0,
            28.0,
            180.0,
            0.0,
            [214, 178, 138],
        ),
    }
}

/// Each kind of product on a colour of its own.
fn background(id: &str) -> Drawing {
    let kind = id
        .bytes()
        .take(2)
        .fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    let tint = |shift: u32| 196 + (kind.rotate_left(shift) & 0x1f);
    Drawing::on([236, 240, 246], [tint(0), tint(3), tint(5)])
}

/// Four rows of keys from the left edge of a keyboard, in its height.
fn keys(sheet: Drawing, left: f32, columns: u8, color: Color) -> Drawing {
    let places = (0..4).flat_map(|row| (0..columns).map(move |column| (column, row)));
    places.fold(sheet, |sheet, (column, row)| {
        let (x, y) = (
            left + 18.0 + 30.0 * f32::from(column),
            140.0 + 26.0 * f32::from(row as u8),
        );
        sheet.block(x, y, 24.0, 20.0, 4.0, color)
    })
}

fn mouse(sheet: Drawing, wide: f32, color: Color) -> Drawing {
    sheet
        .oval(240.0, 190.0, wide, 120.0, color)
        .block(237.0, 74.0, 6.0, 90.0, 3.0, MIDDLE)
        .block(230.0, 106.0, 20.0, 40.0, 10.0, ACCENT)
}

fn monitor(sheet: Drawing, left: f32, width: f32, screen: Color) -> Drawing {
    sheet
        .block(left, 60.0, width, 190.0, 10.0, DARK)
        .block(left + 10.0, 70.0, width - 20.0, 164.0, 4.0, screen)
        .block(226.0, 250.0, 28.0, 44.0, 0.0, MIDDLE)
        .block(170.0, 290.0, 140.0, 14.0, 7.0, MIDDLE)
}

fn earbud(sheet: Drawing, x: f32) -> Drawing {
    sheet
        .oval(x, 110.0, 32.0, 30.0, WHITE)
        .block(x - 9.0, 110.0, 18.0, 84.0, 9.0, WHITE)
        .oval(x, 110.0, 14.0, 12.0, MIDDLE)
}
