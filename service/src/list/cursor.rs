//! Cursors: the position of a row in a list, tied to that list, so that one of another list, or one that was damaged, is
//! refused. That is no protection against forgery: which rows a caller sees is decided by the query.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::value::{Date, Id, Timestamp};
use sea_orm::sea_query::Value;
use sha2::{Digest, Sha256};

/// What identifies a list.
pub(crate) type ListHash = [u8; 8];

/// The position of a row in a list: what it is sorted by, and its id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CursorPosition {
    pub(crate) key: Key,
    pub(crate) id: Id,
}

/// A value that rows are sorted by, as the databases do: texts bytewise. Never null: columns that may be have a key column
/// with the least value instead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Numbers, ranks and instants.
    Number(i64),
    /// A folded text.
    Text(String),
    /// A day.
    Date(Date),
    /// The id, which breaks ties by itself.
    Id,
}

impl From<Timestamp> for Key {
    fn from(instant: Timestamp) -> Key {
        Key::Number(instant.millis())
    }
}

impl From<Option<Date>> for Key {
    /// Nothing is before everything.
    fn from(date: Option<Date>) -> Key {
        Key::Date(date.unwrap_or(Date(chrono::NaiveDate::from_ymd_opt(1, 1, 1).unwrap_or_default())))
    }
}

impl Key {
    /// A value of the same kind that no row has, for statements that are made for stand-ins.
    pub(crate) fn stand_in(&self) -> Key {
        match self {
            Key::Number(_) => Key::Number(i64::MIN + 1_987_654_321),
            Key::Text(_) => Key::Text("\u{1}\u{2}\u{3} a stand-in".into()),
            Key::Date(_) => Key::Date(Date::of_day(-712_345)),
            Key::Id => Key::Id,
        }
    }

    pub(crate) fn value(&self, id: Id) -> Value {
        match self {
            Key::Number(number) => (*number).into(),
            Key::Text(text) => text.clone().into(),
            Key::Date(date) => (*date).into(),
            Key::Id => id.into(),
        }
    }
}

impl CursorPosition {
    /// The cursor of this position in a list.
    pub(crate) fn encode(&self, list: ListHash) -> String {
        let mut bytes = self.id.0.as_bytes().to_vec();
        match &self.key {
            Key::Number(number) => {
                bytes.push(b'n');
                bytes.extend(number.to_be_bytes());
            }
            Key::Text(text) => {
                bytes.push(b't');
                bytes.extend(text.as_bytes());
            }
            Key::Date(date) => {
                bytes.push(b'd');
                bytes.extend(date.to_string().as_bytes());
            }
            Key::Id => bytes.push(b'i'),
        }
        URL_SAFE_NO_PAD.encode([&sum(list, &bytes)[..], &bytes].concat())
    }

    /// The position, and whether the cursor is of a list.
    pub(crate) fn decode(text: &str) -> Option<(CursorPosition, impl Fn(ListHash) -> bool + use<>)> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (sent, position) = bytes.split_first_chunk::<8>()?;
        let (sent, covered) = (*sent, position.to_vec());
        let is_of = move |list| sum(list, &covered) == sent;
        let (id, rest) = position.split_first_chunk::<16>()?;
        let (tag, rest) = rest.split_first()?;
        let key = match tag {
            b'n' => Key::Number(i64::from_be_bytes(rest.try_into().ok()?)),
            b't' => Key::Text(String::from_utf8(rest.to_vec()).ok()?),
            b'd' => Key::Date(std::str::from_utf8(rest).ok()?.parse().ok()?),
            b'i' if rest.is_empty() => Key::Id,
            _ => return None,
        };
        Some((CursorPosition { key, id: Id::new(uuid::Uuid::from_bytes(*id)) }, is_of))
    }
}

/// Ties a position to its list: a cursor that was damaged is of no list.
fn sum(list: ListHash, position: &[u8]) -> ListHash {
    first_eight(Sha256::new().chain_update(list).chain_update(position))
}

/// The first eight bytes of a hash.
pub(crate) fn first_eight(hash: Sha256) -> ListHash {
    let mut first = ListHash::default();
    first.copy_from_slice(&hash.finalize()[..8]);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_as_it_was() {
        let id = Id::new(uuid::Uuid::from_u128(7));
        for key in [
            Key::Number(i64::MIN),
            Key::Text("straße\u{1f}".into()),
            Key::from(Some("2024-02-29".parse::<Date>().expect("a date"))),
            Key::from(None),
            Key::Id,
        ] {
            let position = CursorPosition { key, id };
            let (read, is_of) = CursorPosition::decode(&position.encode([9; 8])).expect("a cursor");
            assert!(read == position && is_of([9; 8]) && !is_of([8; 8]));
        }
        for wrong in ["", "x", "AAAA", "====", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(CursorPosition::decode(wrong).is_none(), "{wrong}");
        }
    }
}
