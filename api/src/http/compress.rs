//! Codes bytes for the way: gzip (RFC 1952) and Brotli (RFC 7932).

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Bytes;

use super::accept::Coding;

/// The window of Brotli, as its base 2 logarithm.
const BROTLI_WINDOW: i32 = 22;

/// How much processor time the coding may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// For an answer to one request: about 10 ms for a megabyte.
    Answer,
    /// For a document that is coded once and sent many times.
    Document,
}

/// The bytes in a coding.
///
/// # Errors
/// Those of the encoder, which writes into memory only.
pub(crate) fn compress(bytes: &[u8], coding: Coding, effort: Effort) -> io::Result<Bytes> {
    let coded = match coding {
        Coding::Identity => return Ok(Bytes::copy_from_slice(bytes)),
        Coding::Gzip => {
            let level = match effort {
                Effort::Answer => Compression::fast(),
                Effort::Document => Compression::default(),
            };
            let mut encoder = GzEncoder::new(Vec::new(), level);
            encoder.write_all(bytes)?;
            encoder.finish()?
        }
        Coding::Brotli => {
            let quality = match effort {
                // Less makes longer texts than gzip does.
                Effort::Answer => 3,
                Effort::Document => 6,
            };
            let parameters = brotli::enc::BrotliEncoderParams {
                quality,
                lgwin: BROTLI_WINDOW,
                size_hint: bytes.len(),
                ..brotli::enc::BrotliEncoderParams::default()
            };
            let mut coded = Vec::new();
            brotli::BrotliCompress(&mut &*bytes, &mut coded, &parameters)?;
            coded
        }
    };
    Ok(coded.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_compressed_is_shorter_and_reads_back() {
        let text: String = (0..1000).map(|i| format!("{{\"id\":{i},\"name\":\"Client {}\"}},", i % 7)).collect();
        for effort in [Effort::Answer, Effort::Document] {
            let zipped = compress(text.as_bytes(), Coding::Gzip, effort).unwrap();
            let mut read = String::new();
            flate2::read::GzDecoder::new(&*zipped).read_to_string(&mut read).unwrap();
            assert_eq!(read, text);
            let coded = compress(text.as_bytes(), Coding::Brotli, effort).unwrap();
            let mut read = Vec::new();
            brotli::BrotliDecompress(&mut &*coded, &mut read).unwrap();
            assert_eq!(read, text.as_bytes());
            assert!(coded.len() < zipped.len() && zipped.len() < text.len() / 4, "{} {}", coded.len(), zipped.len());
            assert_eq!(compress(text.as_bytes(), Coding::Identity, effort).unwrap(), text.as_bytes());
        }
    }
}
