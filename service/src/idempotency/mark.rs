//! What makes two requests under one key the same request.

/// The marks of a request: what it asks for, and, where it came as a call whose names had to be looked up first, the words of
/// the call. Names lead elsewhere once a record is renamed or gone, often by the request itself, so that a retry may be known
/// by its words alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    request: [u8; 32],
    call: Option<[u8; 32]>,
}

impl Mark {
    /// Of two digests.
    pub(crate) fn new(request: [u8; 32], call: Option<[u8; 32]>) -> Mark {
        Mark { request, call }
    }

    /// From the table: one digest or two. What is neither is equal to none.
    pub(super) fn read(bytes: &[u8]) -> Mark {
        let digest = |part: Option<&[u8]>| part.and_then(|part| part.try_into().ok());
        match bytes.len() {
            64 => Mark { request: digest(bytes.get(..32)).unwrap_or_default(), call: digest(bytes.get(32..)) },
            _ => Mark { request: digest(Some(bytes)).unwrap_or_default(), call: None },
        }
    }

    /// For the table.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.request.to_vec();
        bytes.extend(self.call.iter().flatten());
        bytes
    }

    /// Whether both came with the same words.
    pub(super) fn is_same_call(&self, other: &Mark) -> bool {
        self.call.is_some() && self.call == other.call
    }

    /// Whether both are the same request.
    pub(super) fn is_same(&self, other: &Mark) -> bool {
        self.request == other.request || self.is_same_call(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        for mark in [Mark::new([1; 32], None), Mark::new([1; 32], Some([2; 32]))] {
            assert_eq!(Mark::read(&mark.bytes()), mark);
        }
        assert_eq!(Mark::read(&[7; 5]), Mark::new([0; 32], None));
    }

    #[test]
    fn the_request_or_the_words_make_it_the_same() {
        let mark = Mark::new([1; 32], Some([2; 32]));
        assert!(mark.is_same(&Mark::new([1; 32], None)) && mark.is_same(&Mark::new([9; 32], Some([2; 32]))));
        assert!(!mark.is_same(&Mark::new([9; 32], Some([9; 32]))) && !mark.is_same_call(&Mark::new([1; 32], None)));
        let without = Mark::new([1; 32], None);
        assert!(!without.is_same_call(&without) && !without.is_same(&Mark::new([9; 32], None)));
    }
}
