//! What makes two requests under one key the same request.

/// The digests of a request. `request` is that of what it asks for. A call of an MCP tool has a second one, `unresolved_call`:
/// that of its arguments as they were sent, before the names in them were resolved to ids. The retry of a call that renames
/// a client from Acme to Apex finds no Acme any more, so it is recognized by its arguments alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprints {
    request: [u8; 32],
    unresolved_call: Option<[u8; 32]>,
}

impl Fingerprints {
    /// The fingerprints of a request with these SHA-256 digests.
    pub(crate) fn new(request: [u8; 32], unresolved_call: Option<[u8; 32]>) -> Fingerprints {
        Fingerprints { request, unresolved_call }
    }

    /// Reads the column: one digest or two. `None` if the bytes are neither.
    pub(super) fn read(bytes: &[u8]) -> Option<Fingerprints> {
        let (request, rest) = bytes.split_first_chunk::<32>()?;
        let unresolved_call = if rest.is_empty() { None } else { Some(rest.try_into().ok()?) };
        Some(Fingerprints { request: *request, unresolved_call })
    }

    /// The bytes of the column.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.request.to_vec();
        bytes.extend(self.unresolved_call.iter().flatten());
        bytes
    }

    /// Whether both are calls with the same arguments.
    pub(super) fn is_same_call(&self, other: &Fingerprints) -> bool {
        self.unresolved_call.is_some() && self.unresolved_call == other.unresolved_call
    }

    /// Whether both are the same request.
    pub(super) fn is_same(&self, other: &Fingerprints) -> bool {
        self.request == other.request || self.is_same_call(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_they_were_written() {
        for written in [Fingerprints::new([1; 32], None), Fingerprints::new([1; 32], Some([2; 32]))] {
            assert_eq!(Fingerprints::read(&written.bytes()), Some(written));
        }
        for damaged in [0, 5, 31, 33, 63, 65] {
            assert_eq!(Fingerprints::read(&vec![7; damaged]), None, "{damaged} bytes");
        }
    }

    #[test]
    fn the_request_or_the_arguments_of_the_call_make_it_the_same() {
        let answered = Fingerprints::new([1; 32], Some([2; 32]));
        assert!(answered.is_same(&Fingerprints::new([1; 32], None)));
        assert!(answered.is_same(&Fingerprints::new([9; 32], Some([2; 32]))));
        assert!(!answered.is_same(&Fingerprints::new([9; 32], Some([9; 32]))));
        assert!(!answered.is_same_call(&Fingerprints::new([1; 32], None)));
        let without = Fingerprints::new([1; 32], None);
        assert!(!without.is_same_call(&without) && !without.is_same(&Fingerprints::new([9; 32], None)));
    }
}
