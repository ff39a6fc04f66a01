//! Rules of the type system (GraphQL, September 2025, sections 3.5, 3.10 and 5) that the library does not check: enum values
//! are not strings, integers have 32 bits, input objects are objects in which a key stands once, a variable fits where it
//! is used, `__typename` has neither arguments nor fields, and fragments form no cycle.

mod expected;
mod text;

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    BaseType, Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet, Type,
};
use async_graphql::{Name, Pos, Positioned, ServerError, Variables};
use async_graphql_value::{ConstValue, Number, Value};

use self::expected::Expected;
pub(crate) use self::text::check_text;
use crate::engine::completion::{SchemaIndex, base, root};

/// Checks a document against the types of the schema.
///
/// # Errors
/// The first rule that is broken, and where.
pub(crate) fn check_document(index: &SchemaIndex, document: &ExecutableDocument) -> Result<(), ServerError> {
    let mut fragments = HashMap::new();
    for (name, fragment) in &document.fragments {
        let mut part = Part::of(index);
        part.directives(&fragment.node.directives)?;
        part.set(&fragment.node.type_condition.node.on.node, &fragment.node.selection_set.node)?;
        fragments.insert(name, part);
    }
    ensure_acyclic(&fragments)?;
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        for definition in &operation.variable_definitions {
            if let Some(value) = &definition.node.default_value {
                let literal = value.node.clone().into_value();
                check_literal(index, &definition.node.var_type.node.base, &literal, value.pos)?;
            }
        }
        let mut part = Part::of(index);
        part.directives(&operation.directives)?;
        part.set(root(operation.ty), &operation.selection_set.node)?;
        check_variables(operation, &part, &fragments)?;
    }
    Ok(())
}

/// Checks the values of the variables of an operation.
///
/// # Errors
/// The variable, and what in it is no value of its type: an integer of more than 32 bits, or something else than an object
/// where an input object is expected.
pub(crate) fn check_values(
    index: &SchemaIndex,
    operation: &OperationDefinition,
    variables: &Variables,
) -> Result<(), ServerError> {
    for definition in &operation.variable_definitions {
        let (name, ty) = (&definition.node.name.node, &definition.node.var_type.node);
        if let Some(wrong) = variables.get(name).and_then(|value| wrong_value(index, &ty.base, value)) {
            let message = format!("Variable \"${name}\" got an invalid value: {wrong}");
            return Err(ServerError::new(message, Some(definition.pos)));
        }
    }
    Ok(())
}

/// What is no value of a type. What the library refuses by itself is not looked for.
fn wrong_value(index: &SchemaIndex, ty: &BaseType, value: &ConstValue) -> Option<String> {
    match (ty, value) {
        (_, ConstValue::Null) => None,
        (BaseType::List(item), ConstValue::List(items)) => {
            items.iter().find_map(|value| wrong_value(index, &item.base, value))
        }
        // A single value counts as a list of one.
        (BaseType::List(item), value) => wrong_value(index, &item.base, value),
        (BaseType::Named(name), ConstValue::Number(number)) if name == "Int" => too_large(number),
        (BaseType::Named(name), ConstValue::Object(fields)) => fields
            .iter()
            .find_map(|(field, value)| index.input(name, field).and_then(|ty| wrong_value(index, &ty.base, value))),
        (BaseType::Named(name), _) => no_input_object(index, name),
    }
}

fn too_large(number: &Number) -> Option<String> {
    // A fraction is refused by the library, in its own words.
    let is_whole = number.is_i64() || number.is_u64();
    let is_large = number.as_i64().is_none_or(|n| i32::try_from(n).is_err());
    (is_whole && is_large).then(|| format!("Int cannot represent non 32-bit signed integer value: {number}"))
}

/// Why a value that is no object does not fit, if an input object is expected.
fn no_input_object(index: &SchemaIndex, name: &str) -> Option<String> {
    index.is_input_object(name).then(|| format!("Expected type \"{name}\" to be an object."))
}

/// Checks a literal where a value of this type is expected.
fn check_literal(index: &SchemaIndex, ty: &BaseType, value: &Value, at: Pos) -> Result<(), ServerError> {
    let wrong = match (ty, value) {
        (_, Value::Null | Value::Variable(_)) => None,
        (BaseType::List(item), Value::List(items)) => {
            return items.iter().try_for_each(|value| check_literal(index, &item.base, value, at));
        }
        // A single value counts as a list of one.
        (BaseType::List(item), value) => return check_literal(index, &item.base, value, at),
        (BaseType::Named(name), Value::String(text)) if index.is_enum(name) => {
            Some(format!("\"{text}\" is a string; a value of the enum {name} is written without quotes"))
        }
        (BaseType::Named(name), Value::Number(number)) if name == "Int" => too_large(number),
        (BaseType::Named(name), Value::Object(fields)) => {
            return fields.iter().try_for_each(|(field, value)| match index.input(name, field) {
                Some(ty) => check_literal(index, &ty.base, value, at),
                None => Ok(()),
            });
        }
        (BaseType::Named(name), _) => no_input_object(index, name),
    };
    wrong.map_or(Ok(()), |message| Err(ServerError::new(message, Some(at))))
}

/// A variable where it is used.
struct Usage<'a> {
    name: &'a Name,
    expected: Expected<'a>,
    at: Pos,
}

/// What an operation or a fragment uses.
struct Part<'a> {
    index: &'a SchemaIndex,
    usages: Vec<Usage<'a>>,
    spreads: Vec<(&'a Name, Pos)>,
}

impl<'a> Part<'a> {
    fn of(index: &'a SchemaIndex) -> Part<'a> {
        Part { index, usages: Vec::new(), spreads: Vec::new() }
    }

    fn directives(&mut self, directives: &'a [Positioned<Directive>]) -> Result<(), ServerError> {
        for directive in directives {
            let is_condition = matches!(directive.node.name.node.as_str(), "skip" | "include");
            for (argument, value) in &directive.node.arguments {
                if let (true, "if", Value::Variable(name)) = (is_condition, argument.node.as_str(), &value.node) {
                    self.usages.push(Usage { name, expected: Expected::Condition, at: value.pos });
                }
            }
        }
        Ok(())
    }

    fn set(&mut self, kind: &str, set: &'a SelectionSet) -> Result<(), ServerError> {
        set.items.iter().try_for_each(|selection| match &selection.node {
            Selection::Field(field) => self.field(kind, field),
            Selection::FragmentSpread(spread) => {
                self.spreads.push((&spread.node.fragment_name.node, selection.pos));
                self.directives(&spread.node.directives)
            }
            Selection::InlineFragment(fragment) => {
                self.directives(&fragment.node.directives)?;
                let on = fragment.node.type_condition.as_ref().map(|on| on.node.on.node.as_str());
                self.set(on.unwrap_or(kind), &fragment.node.selection_set.node)
            }
        })
    }

    fn field(&mut self, kind: &str, field: &'a Positioned<Field>) -> Result<(), ServerError> {
        self.directives(&field.node.directives)?;
        let name = field.node.name.node.as_str();
        if name == "__typename" && !(field.node.arguments.is_empty() && field.node.selection_set.node.items.is_empty())
        {
            let message = "Field \"__typename\" has neither arguments nor fields.";
            return Err(ServerError::new(message, Some(field.pos)));
        }
        for (argument, value) in &field.node.arguments {
            if let Some(ty) = self.index.argument(kind, name, &argument.node) {
                check_literal(self.index, &ty.base, &value.node, value.pos)?;
                self.variables(ty, &value.node, value.pos);
            }
        }
        let below = self.index.field(kind, name).map_or("", |ty| base(&ty.base));
        self.set(below, &field.node.selection_set.node)
    }

    /// The variables inside a value of an argument.
    fn variables(&mut self, ty: &'a Type, value: &'a Value, at: Pos) {
        match (value, &ty.base) {
            (Value::Variable(name), _) => self.usages.push(Usage { name, expected: Expected::Type(ty), at }),
            (Value::List(items), BaseType::List(item)) => {
                items.iter().for_each(|value| self.variables(item, value, at));
            }
            (Value::Object(fields), _) => {
                for (field, value) in fields {
                    if let Some(ty) = self.index.input(base(&ty.base), field) {
                        self.variables(ty, value, at);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Refuses fragments that spread themselves, directly or through others.
fn ensure_acyclic(fragments: &HashMap<&Name, Part<'_>>) -> Result<(), ServerError> {
    let mut done = HashSet::new();
    for start in fragments.keys().copied() {
        // The fragments that lead to the current one, each with how many of its spreads have been followed.
        let mut path: Vec<(&Name, usize)> = vec![(start, 0)];
        let mut open = HashSet::from([start]);
        while let Some((name, followed)) = path.last_mut() {
            let next = fragments.get(*name).and_then(|part| part.spreads.get(*followed));
            *followed += 1;
            match next {
                Some((spread, at)) if open.contains(*spread) => {
                    let message = format!("Cannot spread fragment \"{spread}\" within itself.");
                    return Err(ServerError::new(message, Some(*at)));
                }
                Some((spread, _)) if !done.contains(*spread) => {
                    open.insert(*spread);
                    path.push((*spread, 0));
                }
                Some(_) => {}
                None => {
                    let (name, _) = path.pop().unwrap_or((start, 0));
                    open.remove(name);
                    done.insert(name);
                }
            }
        }
    }
    Ok(())
}

/// Refuses variables that do not fit where they are used (section 5.8.5), fragments included.
fn check_variables(
    operation: &OperationDefinition,
    part: &Part<'_>,
    fragments: &HashMap<&Name, Part<'_>>,
) -> Result<(), ServerError> {
    let mut seen = HashSet::new();
    let mut parts = vec![part];
    while let Some(part) = parts.pop() {
        for usage in &part.usages {
            let defined = operation.variable_definitions.iter().find(|one| one.node.name.node == *usage.name);
            // A variable that is not defined is reported by the library.
            let Some(defined) = defined else { continue };
            let ty = &defined.node.var_type.node;
            let has_default = matches!(&defined.node.default_value, Some(value) if value.node != ConstValue::Null);
            if !usage.expected.takes(ty, has_default) {
                let (name, expected) = (usage.name, usage.expected.name());
                let message =
                    format!("Variable \"${name}\" of type \"{ty}\" used in position expecting type \"{expected}\".");
                return Err(ServerError::new(message, Some(usage.at)));
            }
        }
        for (spread, _) in &part.spreads {
            if seen.insert(*spread) {
                parts.extend(fragments.get(*spread));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str) -> Result<(), String> {
        let index = SchemaIndex::of(&crate::sdl());
        check_text(query).map_err(|error| error.message)?;
        let document = async_graphql::parser::parse_query(query).expect("a document");
        check_document(&index, &document).map_err(|error| error.message)
    }

    #[test]
    fn what_only_the_parser_takes_is_refused() {
        for query in
            ["query A() { viewer { id } }", "{ viewer( ) { id } }", "fragment on on Viewer { id } { viewer { id } }"]
        {
            assert!(check(query).is_err_and(|why| why.starts_with("Syntax Error")), "{query}");
        }
        assert!(check_text("{ fragment on on }").is_ok(), "three fields");
    }

    #[test]
    fn an_enum_is_written_without_quotes() {
        assert_eq!(check("{ projects(sort: NAME_ASC, filter: { status: [ACTIVE] }) { nodes { id } } }"), Ok(()));
        for query in [
            "{ projects(sort: \"NAME_ASC\") { nodes { id } } }",
            "{ clients { nodes { projects(filter: { status: [ACTIVE, \"ARCHIVED\"] }) { nodes { id } } } } }",
            "query($s: ProjectSort = \"NAME_ASC\") { projects(sort: $s) { nodes { id } } }",
            "{ ...F } fragment F on Query { projects(sort: \"NAME_ASC\") { nodes { id } } }",
        ] {
            assert!(check(query).is_err_and(|message| message.contains("without quotes")), "{query}");
        }
    }

    #[test]
    fn an_integer_has_32_bits() {
        assert_eq!(check("{ clients(first: 2147483647) { nodes { id } } }"), Ok(()));
        for query in [
            "{ clients(first: 2147483648) { nodes { id } } }",
            "query($n: Int = -2147483649) { clients(first: $n) { nodes { id } } }",
            "mutation { createTimeEntries(input: [{ durationSeconds: 99999999999 }]) { timeEntries { id } } }",
        ] {
            assert!(check(query).is_err_and(|message| message.contains("non 32-bit")), "{query}");
        }
    }

    #[test]
    fn an_input_object_is_an_object() {
        let create = |input: &str| check(&format!("mutation {{ createClient(input: {input}) {{ client {{ id }} }} }}"));
        for input in ["[{ name: \"x\" }]", "\"x\"", "1", "true", "[]"] {
            assert!(create(input).is_err_and(|message| message.contains("to be an object")), "{input}");
        }
        let batch = |input: &str| {
            check(&format!("mutation {{ createTimeEntries(input: {input}) {{ timeEntries {{ id }} }} }}"))
        };
        assert_eq!((batch("{ note: \"one\" }"), batch("[{ note: \"one\" }]")), (Ok(()), Ok(())));
        assert!(batch("[[{ note: \"one\" }]]").is_err_and(|message| message.contains("to be an object")));
        assert!(
            check("{ clients(filter: []) { nodes { id } } }").is_err_and(|message| message.contains("ClientFilter"))
        );
        assert_eq!(check("{ clients(filter: null) { nodes { id } } }"), Ok(()));
    }

    #[test]
    fn the_name_of_a_type_has_neither_arguments_nor_fields() {
        assert_eq!(check("{ __typename viewer { __typename } }"), Ok(()));
        for query in ["{ __typename { x } }", "{ viewer { __typename(a: 1) } }"] {
            assert!(check(query).is_err_and(|message| message.contains("neither arguments nor fields")), "{query}");
        }
    }

    #[test]
    fn a_key_stands_once_in_an_input_object() {
        let create = |input: &str| check(&format!("mutation {{ createClient(input: {input}) {{ client {{ id }} }} }}"));
        assert_eq!(create("{ name: \"name: {name: }\", email: null } "), Ok(()));
        for input in ["{ name: \"a\", name: \"b\" }", "{ name: \"a\" # name:\n email: \"\", name: \"b\" }"] {
            assert!(create(input).is_err_and(|message| message.contains("only one input field named \"name\"")));
        }
        let batch =
            "mutation { createTimeEntries(input: [{ note: \"a\" }, { note: \"b\" }]) { timeEntries { note } } }";
        assert_eq!(check(batch), Ok(()));
        let selection = "{ a: clients { nodes { b: id } } c: clients { nodes { b: id } } }";
        assert_eq!(check(selection), Ok(()));
    }

    #[test]
    fn a_variable_fits_where_it_is_used() {
        for query in [
            "query($n: Int) { clients(first: $n) { nodes { id } } }",
            "query($n: Int! = 5) { clients(first: $n) { nodes { id } } }",
            "query($id: ID!) { client(id: $id) { id } }",
            "query($id: ID = \"x\") { client(id: $id) { id } }",
            "query($i: CreateClientInput!) { ...F } fragment F on Query { viewer { id } }",
            "query($s: [ProjectStatus!]) { projects(filter: { status: $s }) { nodes { id } } }",
            "query($s: ProjectStatus!) { projects(filter: { status: [$s] }) { nodes { id } } }",
            "query($b: Boolean!) { viewer @include(if: $b) { id } }",
        ] {
            assert_eq!(check(query), Ok(()), "{query}");
        }
        for query in [
            "query($n: String) { clients(first: $n) { nodes { id } } }",
            "query($id: ID) { client(id: $id) { id } }",
            "query($id: ID) { ...F } fragment F on Query { ...G } fragment G on Query { client(id: $id) { id } }",
            "query($s: ProjectStatus!) { projects(filter: { status: $s }) { nodes { id } } }",
            "query($s: [ProjectStatus]) { projects(filter: { status: $s }) { nodes { id } } }",
            "query($b: Boolean) { viewer @include(if: $b) { id } }",
            "query($b: Int!) { ... @skip(if: $b) { viewer { id } } }",
        ] {
            assert!(check(query).is_err_and(|message| message.contains("used in position expecting")), "{query}");
        }
    }

    #[test]
    fn fragments_form_no_cycle() {
        assert_eq!(check("{ ...A ...B } fragment A on Query { ...B } fragment B on Query { viewer { id } }"), Ok(()));
        for query in [
            "{ ...A } fragment A on Query { ...A }",
            "{ ...A } fragment A on Query { ...B } fragment B on Query { viewer { id } ...C } fragment C on Query { ...A }",
        ] {
            assert!(check(query).is_err_and(|message| message.contains("within itself")), "{query}");
        }
        let chain: String = (0..2000).map(|i| format!(" fragment F{i} on Query {{ ...F{} }}", i + 1)).collect();
        assert_eq!(check(&format!("{{ ...F0 }}{chain} fragment F2000 on Query {{ __typename }}")), Ok(()));
    }
}
