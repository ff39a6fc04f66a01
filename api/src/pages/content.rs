//! The bytes of a page or a document in every coding. Each is made at most once and then shared, so that a request costs
//! neither a compression nor a copy.

use std::sync::OnceLock;

use hyper::body::Bytes;
use sha2::{Digest, Sha256};

use crate::http::accept::Coding;
use crate::http::compress::{Effort, compress};

/// One content, by coding.
#[derive(Default)]
pub(super) struct Content {
    identity: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
    brotli: OnceLock<Bytes>,
    /// Whether it is stored compressed with brotli.
    is_embedded: bool,
    /// How it is made, if it is not stored.
    make: Option<Box<dyn Fn() -> String + Send + Sync>>,
    /// The first eight bytes of the SHA-256 of the content as it is stored, in hexadecimal.
    digest: OnceLock<String>,
}

impl Content {
    /// A text that this process makes when it is asked for the first time.
    pub(super) fn made(make: impl Fn() -> String + Send + Sync + 'static) -> Content {
        Content { make: Some(Box::new(make)), ..Content::default() }
    }

    /// A text that was made for one request.
    pub(super) fn of_text(text: String) -> Content {
        Content { identity: OnceLock::from(Bytes::from(text)), ..Content::default() }
    }

    /// A content of the program, as it is.
    pub(super) fn of_static(bytes: &'static [u8]) -> Content {
        Content { identity: OnceLock::from(Bytes::from_static(bytes)), ..Content::default() }
    }

    /// A file that was compressed when the pages were built.
    pub(super) fn embedded(brotli: &'static [u8]) -> Content {
        Content { brotli: OnceLock::from(Bytes::from_static(brotli)), is_embedded: true, ..Content::default() }
    }

    /// The bytes in a coding.
    pub(super) fn bytes(&self, coding: Coding) -> Bytes {
        let bytes = match coding {
            Coding::Identity => self.plain(),
            Coding::Gzip => self.gzip.get_or_init(|| coded(Some(self.plain()), coding)),
            Coding::Brotli => self.brotli.get_or_init(|| coded(Some(self.plain()), coding)),
        };
        bytes.clone()
    }

    /// Without a coding: as it is made, or decompressed from what is embedded.
    fn plain(&self) -> &Bytes {
        self.identity.get_or_init(|| match &self.make {
            Some(make) => make().into(),
            None => decompressed(self.brotli.get()),
        })
    }

    /// The entity tag in a coding, without quotes: a strong one differs between codings (RFC 9110, section 8.8.3.3).
    pub(super) fn tag(&self, coding: Coding) -> String {
        let digest = self.digest.get_or_init(|| {
            // Whatever was asked for before: only what is embedded is stored compressed.
            let stored = if self.is_embedded { self.brotli.get() } else { Some(self.plain()) };
            let digest = Sha256::digest(stored.map_or(&[][..], |bytes| bytes));
            digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
        });
        match coding.name() {
            Some(name) => format!("{digest}-{name}"),
            None => digest.clone(),
        }
    }
}

/// What a file of ours holds; it was written by our build, so that it can be read.
fn decompressed(bytes: Option<&Bytes>) -> Bytes {
    let mut plain = Vec::new();
    let read = bytes.map(|bytes| brotli::BrotliDecompress(&mut &bytes[..], &mut plain));
    if let Some(Err(cause)) = read {
        tracing::error!(%cause, "an embedded file cannot be decompressed");
    }
    plain.into()
}

fn coded(bytes: Option<&Bytes>, coding: Coding) -> Bytes {
    compress(bytes.map_or(&[][..], |bytes| bytes), coding, Effort::Document).unwrap_or_else(|cause| {
        tracing::error!(%cause, "a document cannot be compressed");
        Bytes::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_a_tag_of_its_own_in_each_coding_and_is_compressed_once() {
        let content = Content::made(|| "hours ".repeat(1000));
        let tags = [Coding::Identity, Coding::Gzip, Coding::Brotli].map(|coding| content.tag(coding));
        assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2], "{tags:?}");
        assert!(tags.iter().all(|tag| tag.starts_with(&tags[0])));
        for coding in [Coding::Gzip, Coding::Brotli] {
            let (first, second) = (content.bytes(coding), content.bytes(coding));
            assert!(first.len() < 200 && first.as_ptr() == second.as_ptr(), "{coding:?}");
        }
        assert_eq!(decompressed(Some(&content.bytes(Coding::Brotli))), content.bytes(Coding::Identity));
    }
}
