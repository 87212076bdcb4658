//! Screenshots compared with the ones that the documentation shows.
//!
//! Compared are the mean colours of small blocks. That is blind to how the edges of letters are smoothed and to a shift
//! by a pixel, which change between versions of a browser, and sees a word that is missing.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The side of a block in pixels.
const BLOCK: u32 = 10;

/// The difference of means, in one channel, from which on a block counts as different.
const CHANNEL: u32 = 30;

/// How many of a thousand blocks may differ: the text cursor and a letter or two, no label.
const PER_MILLE: usize = 2;

/// Compares a screenshot in PNG with `docs/images/NAME.png`. What was seen is written to `target/screenshots/`, and
/// so is a picture of the difference if there is one. With `LATCHKEY_BLESS=1` the screenshot becomes the reference.
pub fn compare(name: &str, png: &[u8]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace");
    let reference = root.join("docs/images").join(name).with_extension("png");
    let seen = target(root).join(name).with_extension("png");
    write(&seen, png);
    if env::var_os("LATCHKEY_BLESS").is_some_and(|value| value == "1") {
        write(&reference, png);
        return;
    }

    let bless = "to make it the reference: cargo xtask test browser --bless";
    let expected = fs::read(&reference)
        .unwrap_or_else(|_| panic!("there is no {}; {bless}", reference.display()));
    let (expected, seen_picture) = (Picture::decode(&expected), Picture::decode(png));
    if let Err((text, difference)) = expected.difference(&seen_picture) {
        let picture = difference.map(|picture| {
            let path = target(root).join(format!("{name}-difference.png"));
            write(&path, &picture.encode());
            format!(", {}", path.display())
        });
        let picture = picture.unwrap_or_default();
        panic!("{name}: {text}; see {}{picture}; {bless}", seen.display());
    }
}

fn target(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), PathBuf::from)
        .join("screenshots")
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
    fs::write(path, bytes).expect("the picture is written");
}

/// Pixels in RGB.
struct Picture {
    width: u32,
    height: u32,
    pixels: Vec<[u8; 3]>,
}

impl Picture {
    fn decode(png: &[u8]) -> Picture {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().expect("a PNG");
        let mut bytes = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut bytes).expect("a picture");
        let (samples, colours) = match info.color_type {
            png::ColorType::Rgb => (3, [0, 1, 2]),
            png::ColorType::Rgba => (4, [0, 1, 2]),
            png::ColorType::Grayscale => (1, [0, 0, 0]),
            png::ColorType::GrayscaleAlpha => (2, [0, 0, 0]),
            png::ColorType::Indexed => panic!("the decoder was told to expand palettes"),
        };
        let pixels = bytes[..info.buffer_size()]
            .chunks_exact(samples)
            .map(|pixel| colours.map(|i| pixel[i]));
        Picture {
            width: info.width,
            height: info.height,
            pixels: pixels.collect(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut png = Vec::new();
        let mut encoder = png::Encoder::new(&mut png, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().expect("a header");
        writer
            .write_image_data(self.pixels.as_flattened())
            .expect("the pixels");
        writer.finish().expect("an end");
        png
    }

    /// What is wrong with `other`, and where: a pale copy of it with the differing blocks in red.
    fn difference(&self, other: &Picture) -> Result<(), (String, Option<Picture>)> {
        if (self.width, self.height) != (other.width, other.height) {
            let text = format!(
                "{}×{} instead of {}×{} pixels",
                other.width, other.height, self.width, self.height
            );
            return Err((text, None));
        }
        let differs =
            |(a, b): (&Block, &Block)| (0..3).any(|i| a.mean(i).abs_diff(b.mean(i)) >= CHANNEL);
        let marks: Vec<bool> = self
            .blocks()
            .iter()
            .zip(&other.blocks())
            .map(differs)
            .collect();
        let count = marks.iter().filter(|&&mark| mark).count();
        if count * 1000 <= marks.len() * PER_MILLE {
            return Ok(());
        }
        let pale = |pixel: [u8; 3]| pixel.map(|channel| 127 + channel / 2);
        let paint = |(at, pixel): (usize, &[u8; 3])| match marks[self.block_of(at)] {
            true => [255, pixel[1] / 2, pixel[2] / 2],
            false => pale(*pixel),
        };
        let pixels = other.pixels.iter().enumerate().map(paint).collect();
        let text = format!(
            "{count} of {} blocks of {BLOCK}×{BLOCK} pixels differ",
            marks.len()
        );
        Err((text, Some(Picture { pixels, ..*other })))
    }

    fn blocks(&self) -> Vec<Block> {
        let count = self.width.div_ceil(BLOCK) * self.height.div_ceil(BLOCK);
        let mut blocks = vec![Block::default(); count as usize];
        for (at, pixel) in self.pixels.iter().enumerate() {
            let block = &mut blocks[self.block_of(at)];
            block.pixels += 1;
            for (sum, channel) in block.sums.iter_mut().zip(pixel) {
                *sum += u32::from(*channel);
            }
        }
        blocks
    }

    /// The number of the block that holds pixel number `at`.
    fn block_of(&self, at: usize) -> usize {
        let (width, block) = (self.width as usize, BLOCK as usize);
        let (x, y) = (at % width, at / width);
        y / block * width.div_ceil(block) + x / block
    }
}

#[derive(Clone, Default)]
struct Block {
    sums: [u32; 3],
    pixels: u32,
}

impl Block {
    fn mean(&self, channel: usize) -> u32 {
        self.sums[channel] / self.pixels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHITE: [u8; 3] = [255; 3];

    fn picture(width: u32, height: u32, paint: impl Fn(u32, u32) -> [u8; 3]) -> Picture {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Picture {
            width,
            height,
            pixels: pixels.map(|(x, y)| paint(x, y)).collect(),
        }
    }

    /// Strokes as dense as letters are, `words` of them, a block's width each.
    fn text(words: u32, shift: u32) -> Picture {
        let ink = |x: u32, y: u32| {
            x < words * BLOCK && (20..40).contains(&y) && (x + shift).is_multiple_of(4)
        };
        picture(
            800,
            600,
            |x, y| if ink(x, y) { [20, 20, 20] } else { WHITE },
        )
    }

    #[test]
    fn a_picture_survives_being_written_and_read() {
        let one = picture(2, 1, |x, _| [x as u8, 2, 3]);
        let read = Picture::decode(&one.encode());
        assert_eq!((read.width, read.height, read.pixels), (2, 1, one.pixels));
    }

    #[test]
    fn a_shift_by_a_pixel_is_let_pass() {
        assert!(text(60, 0).difference(&text(60, 1)).is_ok());
    }

    #[test]
    fn missing_words_are_seen_and_shown() {
        assert!(text(60, 0).difference(&text(57, 0)).is_ok());
        let (text, shown) = text(60, 0).difference(&text(40, 0)).unwrap_err();
        assert_eq!(text, "40 of 4800 blocks of 10×10 pixels differ");
        let shown = shown.unwrap();
        assert_eq!(shown.pixels[20 * 800 + 450], [255, 127, 127]);
        assert_eq!(shown.pixels[20 * 800 + 650], [254; 3]);
    }

    #[test]
    fn another_size_is_a_difference() {
        assert!(
            text(1, 0)
                .difference(&picture(800, 599, |_, _| WHITE))
                .is_err()
        );
    }
}
