//! Literals of a document by the September 2025 edition of the specification, where the library's parser is behind it:
//! `\u{…}` and surrogate pairs in strings, `\"""` in block strings.

use std::borrow::Cow;

use crate::engine::tokens::tokens;

/// The text with `0` for the integer `-0`, which the parser takes for a fraction. Every token stays in its line and column.
pub(crate) fn without_minus_zero(text: &str) -> Cow<'_, str> {
    if !text.contains("-0") {
        return Cow::Borrowed(text);
    }
    let mut written = text.to_owned();
    for token in tokens(text).filter(|token| token.text == "-0") {
        written.replace_range(token.at..=token.at, " ");
    }
    Cow::Owned(written)
}

/// The text with its strings as the parser reads them. Every token stays in its line and column.
pub(crate) fn readable(text: &str) -> Cow<'_, str> {
    if !text.contains("\\u") && !text.contains("\\\"\"\"") {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '#']) {
        written.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('#') {
            let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
            written.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        let length = string_length(rest.as_bytes());
        let (string, after) = rest.split_at(length);
        let replaced = match string.strip_prefix("\"\"\"").and_then(|inner| inner.strip_suffix("\"\"\"")) {
            Some(inner) if inner.contains("\\\"\"\"") => {
                Some(quoted(&block_value(&inner.replace("\\\"\"\"", "\"\"\""))))
            }
            Some(_) => None,
            None => unescaped(string),
        };
        match replaced {
            Some(replaced) => {
                written.push_str(&replaced);
                pad(&mut written, string, &replaced);
            }
            None => written.push_str(string),
        }
        rest = after;
    }
    written.push_str(rest);
    Cow::Owned(written)
}

/// The length of a string in bytes, quotes included; of one that does not end, all that is left.
pub(crate) fn string_length(rest: &[u8]) -> usize {
    let block = rest.starts_with(b"\"\"\"");
    let mut at = if block { 3 } else { 1 };
    while at < rest.len() {
        match (block, &rest[at..]) {
            (true, [b'\\', b'"', b'"', b'"', ..]) => at += 4,
            (true, [b'"', b'"', b'"', ..]) => return at + 3,
            (false, [b'\\', _, ..]) => at += 2,
            (false, [b'"' | b'\n' | b'\r', ..]) => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Line breaks and spaces, so that what follows stands where it stood.
fn pad(written: &mut String, string: &str, replaced: &str) {
    let lines = string.replace("\r\n", "\n").matches(['\n', '\r']).count();
    if lines == 0 {
        let shorter = string.chars().count().saturating_sub(replaced.chars().count());
        written.extend(std::iter::repeat_n(' ', shorter));
    } else {
        let last = string.rsplit(['\n', '\r']).next().unwrap_or_default();
        written.extend(std::iter::repeat_n('\n', lines));
        written.extend(std::iter::repeat_n(' ', last.chars().count()));
    }
}

/// A string whose `\u` escapes are characters; none if the parser reads it as it is, or if it is not a string: the parser
/// reports it then.
fn unescaped(string: &str) -> Option<String> {
    if !string.contains("\\u") {
        return None;
    }
    let mut written = String::with_capacity(string.len());
    let mut rest = string;
    while let Some(at) = rest.find('\\') {
        written.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some(escape) = rest.strip_prefix("\\u") else {
            let length = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
            written.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        };
        let (code, after) = code_point(escape)?;
        match char::from_u32(code)? {
            // What stands for itself in a string only when it is escaped.
            c @ ('"' | '\\') => written.extend(['\\', c]),
            c if c < ' ' || c == '\u{7f}' => written.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => written.push(c),
        }
        rest = after;
    }
    written.push_str(rest);
    Some(written)
}

/// The code point after `\u`, and what follows it.
fn code_point(escape: &str) -> Option<(u32, &str)> {
    let hex = |digits: &str| {
        let is_hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hex { u32::from_str_radix(digits, 16).ok() } else { None }
    };
    if let Some(braced) = escape.strip_prefix('{') {
        let (digits, after) = braced.split_once('}')?;
        return Some((hex(digits)?, after));
    }
    let high = hex(escape.get(..4)?)?;
    let after = &escape[4..];
    if !(0xD800..0xDC00).contains(&high) {
        return Some((high, after));
    }
    let low = after.strip_prefix("\\u")?;
    let code = hex(low.get(..4)?)?;
    let is_low = (0xDC00..0xE000).contains(&code);
    if is_low { Some((0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00), &low[4..])) } else { None }
}

/// The value of a block string (GraphQL, section 2.9.4): without the indentation that all lines share, and without empty
/// lines around it.
fn block_value(raw: &str) -> String {
    let unified = raw.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = unified.split('\n').collect();
    let indent = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let is_blank = |line: &str| indent(line) == line.len();
    let common = lines.iter().skip(1).filter(|line| !is_blank(line)).map(|line| indent(line)).min().unwrap_or(0);
    let first = lines.iter().position(|line| !is_blank(line)).unwrap_or(lines.len());
    let end = lines.iter().rposition(|line| !is_blank(line)).map_or(first, |last| last + 1);
    let cut = |(index, line): (usize, &&str)| match index {
        0 => (*line).to_owned(),
        _ => line.get(common..).unwrap_or_default().to_owned(),
    };
    let values: Vec<String> = lines.iter().enumerate().skip(first).take(end - first).map(cut).collect();
    values.join("\n")
}

/// A value as an ordinary string.
fn quoted(value: &str) -> String {
    let mut written = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => written.extend(['\\', c]),
            '\n' => written.push_str("\\n"),
            '\t' => written.push_str("\\t"),
            c if c < ' ' || c == '\u{7f}' => written.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => written.push(c),
        }
    }
    written.push('"');
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minus_zero_is_an_integer() {
        let text = r#"{a(b:-0,c:[-0 -0.5],d:"-0",e:-01,f:1e-0)}"#;
        assert_eq!(without_minus_zero(text), r#"{a(b: 0,c:[ 0 -0.5],d:"-0",e:-01,f:1e-0)}"#);
    }

    #[test]
    fn strings_are_those_of_the_specification() {
        for (written, read) in [
            (r#"{a(b:"plain")}"#, r#"{a(b:"plain")}"#),
            (r#"{a(b:"\ud83d\ude00!") c}"#, "{a(b:\"😀!\"           ) c}"),
            (r#"{a(b:"\u{1F600}\u{22}") c}"#, "{a(b:\"😀\\\"\"            ) c}"),
            (r#"{a(b:"\u0041\n\\u0041")}"#, "{a(b:\"A\\n\\\\u0041\"     )}"),
            (r#"{a(b:"\u0000")}"#, r#"{a(b:"\u0000")}"#),
            // What is no character is left to the parser, which refuses it.
            (r#"{a(b:"\ud83d")}"#, r#"{a(b:"\ud83d")}"#),
            (r#"{a(b:"\u{110000}")}"#, r#"{a(b:"\u{110000}")}"#),
            (r#"{a(b:"""x \""" y""") c}"#, "{a(b:\"x \\\"\\\"\\\" y\"  ) c}"),
            ("# \"\\ud83d\n{a}", "# \"\\ud83d\n{a}"),
        ] {
            assert_eq!(readable(written), read, "{written}");
        }
        let block = "{a(b:\"\"\"\n    one \\\"\"\"\n      two\n    \"\"\") c}";
        assert_eq!(readable(block), "{a(b:\"one \\\"\\\"\\\"\\n  two\"\n\n\n       ) c}");
    }
}
