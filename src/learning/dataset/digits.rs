//! The handwritten digits that come with the program. Where they are from and under which licence: `data/README.md`.

use super::Rows;
use flate2::read::GzDecoder;
use std::io::Read;
use std::sync::OnceLock;

/// One class a digit.
pub const CLASSES: usize = 10;

const WIDTH: usize = 64;
const COMPRESSED: &[u8] = include_bytes!("../data/digits.csv.gz");

/// All 1,797 images: 64 features from 0 to 1, 8 × 8 pixels row by row. Decompressed once.
pub fn rows() -> &'static Rows {
    static ROWS: OnceLock<Rows> = OnceLock::new();
    ROWS.get_or_init(|| {
        let mut text = String::new();
        GzDecoder::new(COMPRESSED).read_to_string(&mut text).expect("the embedded file is gzip of text");
        let (mut features, mut labels) = (Vec::new(), Vec::new());
        for line in text.lines() {
            let (pixels, digit) = line.rsplit_once(',').expect("a line ends in its digit");
            features.extend(pixels.split(',').map(|pixel| pixel.parse::<f32>().expect("a pixel") / 16.0));
            labels.push(digit.parse().expect("a digit"));
        }
        Rows::new(WIDTH, features, labels)
    })
}
