//! Prices in the published schema: the directives `@cost` and `@listSize` of the GraphQL cost specification, by which tools
//! estimate what a document costs before they send it.

use service::DEFAULT_LIMIT;

/// The directives, as the specification defines them.
const DEFINITIONS: &str = r#"
"""
What a field costs by itself, in points, besides the rows of its lists.
"""
directive @cost(weight: String!) on ARGUMENT_DEFINITION | ENUM | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | SCALAR
"""
How many rows a list has: as many as one of the arguments asks for, or else the assumed number. 50 rows cost a point.
"""
directive @listSize(assumedSize: Int, requireOneSlicingArgument: Boolean = true, sizedFields: [String!], slicingArguments: [String!]) on FIELD_DEFINITION
"#;

/// Adds the prices to the fields of a schema. What stands here is what `cost.rs` reckons with; a test compares them.
pub(crate) fn priced(sdl: &str) -> String {
    let mut out = String::with_capacity(sdl.len() + sdl.len() / 16);
    let (mut kind, mut field, mut described) = (String::new(), String::new(), false);
    for line in sdl.lines() {
        let is_text = described || line.contains("\"\"\"");
        described ^= line.matches("\"\"\"").count() == 1;
        if !is_text {
            if let Some(name) = line.strip_prefix("type ").and_then(|rest| rest.split([' ', '{']).next()) {
                kind = name.to_owned();
            } else if line == "}" {
                kind.clear();
            }
            let own = line.strip_prefix('\t').filter(|rest| !rest.starts_with(['\t', ')']));
            if let Some(name) = own.and_then(|rest| rest.split(['(', ':']).next()) {
                field = name.to_owned();
            }
        }
        out.push_str(line);
        // A field ends with its type: on its own line, or behind its arguments.
        let ends = !is_text && line.starts_with('\t') && !line.starts_with("\t\t") && !line.ends_with('(');
        if ends && !kind.is_empty() {
            let ty = line.rsplit(": ").next().unwrap_or_default();
            out.push_str(&price(&kind, &field, ty));
        }
        out.push('\n');
    }
    out + DEFINITIONS
}

/// The directives of a field.
fn price(kind: &str, field: &str, ty: &str) -> String {
    let weight = match (kind, field) {
        ("Query", name) if name.ends_with("Report") => 10,
        ("Project" | "Client", "totals") => 10,
        ("Query", "search") => 2,
        (connection, "totalCount") if connection.ends_with("Connection") => 1,
        ("Mutation", _) => 1,
        _ => 0,
    };
    let mut directives = String::new();
    if weight > 0 {
        directives.push_str(&format!(" @cost(weight: \"{weight}\")"));
    }
    let size = if ty.trim_end_matches('!').ends_with("Connection") {
        format!(
            "assumedSize: {DEFAULT_LIMIT}, requireOneSlicingArgument: false, sizedFields: [\"edges\", \"nodes\"], slicingArguments: [\"first\", \"last\"]"
        )
    } else if (kind, field) == ("Query", "search") {
        format!("assumedSize: {DEFAULT_LIMIT}, requireOneSlicingArgument: false, slicingArguments: [\"first\"]")
    } else if ty.starts_with('[') && kind.ends_with("Report") {
        "assumedSize: 200".to_owned()
    } else if ty.starts_with('[') && !kind.ends_with("Connection") {
        "assumedSize: 10".to_owned()
    } else {
        return directives;
    };
    directives.push_str(&format!(" @listSize({size})"));
    directives
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_published_schema_carries_the_prices_and_is_a_schema() {
        let sdl = crate::published_sdl();
        for (line, directives) in [
            ("): ClientConnection", " @listSize(assumedSize: 50, requireOneSlicingArgument: false"),
            ("): TimeReport", " @cost(weight: \"10\")"),
            ("\ttotalCount: Int", " @cost(weight: \"1\")"),
            ("\trows: [TimeReportRow!]!", " @listSize(assumedSize: 200)"),
            ("\tassignees: [Member!]!", " @listSize(assumedSize: 10)"),
        ] {
            let of = |found: &&str| found.contains(line);
            let found = sdl.lines().find(of).unwrap_or_default();
            assert!(found.contains(directives), "{line}: {found}");
        }
        async_graphql::parser::parse_schema(&sdl).expect("a schema");
    }
}
