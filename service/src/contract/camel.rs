//! The names of fields on the wire: the camelCase of their names in Rust.

/// Removes the `r#` of a name that is a keyword of Rust.
fn plain(field: &str) -> &str {
    field.strip_prefix("r#").unwrap_or(field)
}

/// `snake_case` as `camelCase`.
pub fn camel(snake: &str) -> String {
    let snake = plain(snake);
    let mut out = String::with_capacity(snake.len());
    let mut upper = false;
    for c in snake.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                out.extend(c.to_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    out
}

/// A name in camelCase with a static lifetime. The text is leaked: there are few names, and only the documents ask for them.
pub fn camel_static(snake: &'static str) -> &'static str {
    if snake.contains('_') { Box::leak(camel(snake).into_boxed_str()) } else { plain(snake) }
}

/// Whether `camel` is `snake` in camelCase, without allocating.
pub fn is_camel_of(camel: &str, snake: &str) -> bool {
    let snake = plain(snake);
    let mut wire = camel.chars();
    let mut upper = false;
    for c in snake.chars() {
        if c == '_' {
            upper = true;
            continue;
        }
        let expected = if upper { c.to_ascii_uppercase() } else { c };
        upper = false;
        if wire.next() != Some(expected) {
            return false;
        }
    }
    wire.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_the_wire_are_camel_case() {
        for (snake, wire) in
            [("name", "name"), ("client_id", "clientId"), ("billing_line1", "billingLine1"), ("r#type", "type")]
        {
            assert_eq!(camel(snake), wire);
            assert!(is_camel_of(wire, snake));
        }
        for (snake, other) in [("client_id", "client_id"), ("name", "names"), ("name", "nam"), ("name", "Name")] {
            assert!(!is_camel_of(other, snake), "{other}");
        }
    }
}
