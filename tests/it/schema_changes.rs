//! The GraphQL schema describes everything, and no change of it breaks clients.

use std::collections::BTreeMap;

use async_graphql::Positioned;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeDefinition, TypeKind, TypeSystemDefinition,
};

use crate::conformance::descriptions::is_sentence;

type Types = BTreeMap<String, TypeDefinition>;

fn types(sdl: &str) -> Types {
    let definitions = parse_schema(sdl).expect("a schema").definitions.into_iter();
    let types = definitions.filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some((definition.node.name.node.to_string(), definition.node)),
        _ => None,
    });
    types.collect()
}

fn named<'a, T>(items: &'a [Positioned<T>], name: impl Fn(&'a T) -> &'a str) -> BTreeMap<&'a str, &'a T> {
    items.iter().map(|item| (name(&item.node), &item.node)).collect()
}

fn fields(items: &[Positioned<FieldDefinition>]) -> BTreeMap<&str, &FieldDefinition> {
    named(items, |field| field.name.node.as_str())
}

fn inputs(items: &[Positioned<InputValueDefinition>]) -> BTreeMap<&str, &InputValueDefinition> {
    named(items, |input| input.name.node.as_str())
}

/// Whether a client that reads `old` can read `new`: it does not expect a null where there was none.
fn readable(old: &Type, new: &Type) -> bool {
    let base = match (&old.base, &new.base) {
        (BaseType::Named(old), BaseType::Named(new)) => old == new,
        (BaseType::List(old), BaseType::List(new)) => readable(old, new),
        _ => false,
    };
    base && (old.nullable || !new.nullable)
}

/// Every change between two schemas that breaks a client, by name.
fn breaking(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (types(old), types(new));
    let mut reported = Vec::new();
    for (name, before) in &old {
        let Some(after) = new.get(name) else {
            reported.push(format!("the type {name} is gone"));
            continue;
        };
        match (&before.kind, &after.kind) {
            (TypeKind::Object(a), TypeKind::Object(b)) => {
                compare_fields(name, &fields(&a.fields), &fields(&b.fields), &mut reported);
                for interface in a.implements.iter().filter(|own| !b.implements.iter().any(|new| new.node == own.node))
                {
                    reported.push(format!("{name} is no {} any more", interface.node));
                }
            }
            (TypeKind::Interface(a), TypeKind::Interface(b)) => {
                compare_fields(name, &fields(&a.fields), &fields(&b.fields), &mut reported);
            }
            (TypeKind::InputObject(a), TypeKind::InputObject(b)) => {
                compare_inputs(name, &inputs(&a.fields), &inputs(&b.fields), &mut reported);
            }
            (TypeKind::Enum(a), TypeKind::Enum(b)) => {
                for gone in a.values.iter().filter(|own| !b.values.iter().any(|new| new.node.value == own.node.value)) {
                    reported.push(format!("{name}.{} is gone", gone.node.value.node));
                }
            }
            (TypeKind::Union(a), TypeKind::Union(b)) => {
                for gone in a.members.iter().filter(|own| !b.members.iter().any(|new| new.node == own.node)) {
                    reported.push(format!("{name} is never a {} any more", gone.node));
                }
            }
            (TypeKind::Scalar, TypeKind::Scalar) => {}
            _ => reported.push(format!("the type {name} is of another kind")),
        }
    }
    reported
}

fn compare_fields(
    of: &str,
    old: &BTreeMap<&str, &FieldDefinition>,
    new: &BTreeMap<&str, &FieldDefinition>,
    reported: &mut Vec<String>,
) {
    for (name, before) in old {
        let place = format!("{of}.{name}");
        match new.get(name) {
            None => reported.push(format!("{place} is gone")),
            Some(after) => {
                if !readable(&before.ty.node, &after.ty.node) {
                    reported.push(format!("{place} is {}, and was {}", after.ty.node, before.ty.node));
                }
                compare_inputs(&place, &inputs(&before.arguments), &inputs(&after.arguments), reported);
            }
        }
    }
}

fn compare_inputs(
    of: &str,
    old: &BTreeMap<&str, &InputValueDefinition>,
    new: &BTreeMap<&str, &InputValueDefinition>,
    reported: &mut Vec<String>,
) {
    for (name, before) in old {
        match new.get(name) {
            None => reported.push(format!("{of}({name}) is gone")),
            // Whatever could be sent must still be accepted.
            Some(after) if !readable(&after.ty.node, &before.ty.node) => {
                reported.push(format!("{of}({name}) takes {}, and took {}", after.ty.node, before.ty.node));
            }
            Some(_) => {}
        }
    }
    for (name, added) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
        if !added.ty.node.nullable && added.default_value.is_none() {
            reported.push(format!("{of}({name}) is new and required"));
        }
    }
}

/// A change that breaks clients is reported by name. An intended one is accepted with `make accept`.
#[test]
fn the_committed_schema_has_no_breaking_change() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../schema/schema.graphql");
    let reported = breaking(&std::fs::read_to_string(path).unwrap(), &schema::sdl());
    assert!(reported.is_empty(), "this breaks clients:\n{}", reported.join("\n"));
}

#[test]
fn every_breaking_change_is_found() {
    let old = "interface N { id: ID! } type A implements N { id: ID! name: String list(first: Int, of: ID!): [A!]! }
        type Gone { x: Int } enum E { ONE TWO } input I { a: Int b: [Int!] } union U = A | Gone";
    for (from, to, reported) in [
        ("type Gone { x: Int }", "type Other { x: Int }", "the type Gone is gone"),
        ("name: String", "", "A.name is gone"),
        ("name: String", "name: Int", "A.name is Int, and was String"),
        ("type A implements N", "type A", "A is no N any more"),
        ("interface N { id: ID! }", "interface N { x: ID! }", "N.id is gone"),
        ("[A!]!", "[A!]", "A.list is [A!], and was [A!]!"),
        ("[A!]!", "[A]!", "A.list is [A]!, and was [A!]!"),
        ("first: Int,", "", "A.list(first) is gone"),
        ("first: Int,", "first: Int!,", "A.list(first) takes Int!, and took Int"),
        ("first: Int,", "first: Int, more: Int!,", "A.list(more) is new and required"),
        ("ONE TWO", "ONE", "E.TWO is gone"),
        ("a: Int b", "b", "I(a) is gone"),
        ("a: Int b", "a: Int c: Int! b", "I(c) is new and required"),
        ("b: [Int!]", "b: [Int!]!", "I(b) takes [Int!]!, and took [Int!]"),
        ("A | Gone", "A", "U is never a Gone any more"),
        ("enum E { ONE TWO }", "scalar E", "the type E is of another kind"),
    ] {
        assert!(old.contains(from), "{from}");
        let found = breaking(old, &old.replacen(from, to, 1));
        assert!(found.iter().any(|found| found == reported), "{from} to {to}: {found:?}");
    }
    for (from, to) in [
        ("name: String", "name: String! more: Int"),
        ("of: ID!", "of: ID, more: Int, also: Int! = 3"),
        ("ONE TWO", "ONE TWO THREE"),
        ("a: Int b", "a: Int c: Int b"),
        ("type Gone", "type New { x: Int } type Gone"),
    ] {
        assert_eq!(breaking(old, &old.replacen(from, to, 1)), Vec::<String>::new(), "{from} to {to}");
    }
}

/// Every type, field, argument, input field and enum value is described by a sentence, another one than its neighbours'.
#[test]
fn everything_is_described() {
    let mut found = Vec::new();
    let sentence = |place: &str, text: &str, found: &mut Vec<String>| {
        if !is_sentence(text) {
            found.push(format!("{place} is described as {text:?}"));
        }
    };
    let siblings = |place: &str, all: Vec<(&str, Option<&str>)>, found: &mut Vec<String>| {
        let mut seen = BTreeMap::new();
        for (name, text) in all {
            let text = text.unwrap_or_default();
            sentence(&format!("{place}.{name}"), text, found);
            if let Some(other) = seen.insert(text, name) {
                found.push(format!("{place}.{name} is described as {other} is: {text:?}"));
            }
        }
    };
    for (name, definition) in types(&schema::sdl()) {
        sentence(&name, definition.description.as_ref().map_or("", |text| text.node.as_str()), &mut found);
        let (own, given) = match &definition.kind {
            TypeKind::Object(object) => (fields(&object.fields), BTreeMap::new()),
            TypeKind::Interface(interface) => (fields(&interface.fields), BTreeMap::new()),
            TypeKind::InputObject(input) => (BTreeMap::new(), inputs(&input.fields)),
            TypeKind::Enum(values) => {
                let values = values.values.iter().map(|value| {
                    let text = value.node.description.as_ref().map(|text| text.node.as_str());
                    (value.node.value.node.as_str(), text)
                });
                siblings(&name, values.collect(), &mut found);
                continue;
            }
            _ => continue,
        };
        let text = |field: &FieldDefinition| field.description.as_ref().map(|text| text.node.clone());
        let texts: Vec<_> = own.iter().map(|(field, definition)| (*field, text(definition))).collect();
        siblings(&name, texts.iter().map(|(field, text)| (*field, text.as_deref())).collect(), &mut found);
        let arguments =
            own.iter().map(|(field, definition)| (format!("{name}.{field}"), inputs(&definition.arguments)));
        for (place, inputs) in arguments.chain([(name.clone(), given)]) {
            let text = |input: &&InputValueDefinition| input.description.as_ref().map(|text| text.node.clone());
            let texts: Vec<_> = inputs.iter().map(|(input, definition)| (*input, text(definition))).collect();
            siblings(&place, texts.iter().map(|(input, text)| (*input, text.as_deref())).collect(), &mut found);
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
