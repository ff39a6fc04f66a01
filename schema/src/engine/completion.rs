//! The root of an answer, by the specification: the library answers its fields in the order in which they finish, and
//! leaves out those that failed. Everything below is completed where it is made (`object.rs`).

use std::collections::{HashMap, HashSet};

use async_graphql::Name;
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    BaseType, Directive, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
    ServiceDocument, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Positioned, Response, Value, Variables};

/// The types of every field and argument of the schema, and of which kind each type is.
#[derive(Default)]
pub struct SchemaIndex {
    fields: HashMap<String, HashMap<String, FieldTypes>>,
    inputs: HashMap<String, HashMap<String, Type>>,
    enums: HashSet<String>,
    objects: HashSet<String>,
    unions: HashSet<String>,
}

/// The type of a field, and those of its arguments.
struct FieldTypes {
    ty: Type,
    arguments: HashMap<String, Type>,
}

impl SchemaIndex {
    /// Reads them from the schema's own text.
    pub fn of(sdl: &str) -> SchemaIndex {
        let document = async_graphql::parser::parse_schema(sdl).unwrap_or(ServiceDocument { definitions: vec![] });
        let mut index = SchemaIndex::default();
        for definition in document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node.to_string();
            let fields = match definition.node.kind {
                TypeKind::Object(object) => {
                    index.objects.insert(name.clone());
                    object.fields
                }
                TypeKind::Union(_) => {
                    index.unions.insert(name);
                    continue;
                }
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::InputObject(input) => {
                    let fields = input.fields.into_iter().map(|f| (f.node.name.node.to_string(), f.node.ty.node));
                    index.inputs.insert(name, fields.collect());
                    continue;
                }
                TypeKind::Enum(_) => {
                    index.enums.insert(name);
                    continue;
                }
                _ => continue,
            };
            let types = |field: async_graphql::parser::types::FieldDefinition| FieldTypes {
                ty: field.ty.node,
                arguments: field
                    .arguments
                    .into_iter()
                    .map(|a| (a.node.name.node.to_string(), a.node.ty.node))
                    .collect(),
            };
            let fields = fields.into_iter().map(|f| (f.node.name.node.to_string(), types(f.node))).collect();
            index.fields.insert(name, fields);
        }
        index
    }

    /// The type of a field.
    pub(crate) fn field(&self, kind: &str, name: &str) -> Option<&Type> {
        Some(&self.fields.get(kind)?.get(name)?.ty)
    }

    /// The type of an argument of a field.
    pub(crate) fn argument(&self, kind: &str, field: &str, name: &str) -> Option<&Type> {
        self.fields.get(kind)?.get(field)?.arguments.get(name)
    }

    /// The type of a field of an input object.
    pub(crate) fn input(&self, kind: &str, name: &str) -> Option<&Type> {
        self.inputs.get(kind)?.get(name)
    }

    /// Whether a type is an enum.
    pub(crate) fn is_enum(&self, name: &str) -> bool {
        self.enums.contains(name)
    }

    /// Whether a type is an object type: its fields are those of one kind of record.
    pub(crate) fn is_object(&self, name: &str) -> bool {
        self.objects.contains(name)
    }

    /// Whether a type has fields: it is an object, an interface or a union.
    pub(crate) fn is_composite(&self, name: &str) -> bool {
        self.fields.contains_key(name) || self.unions.contains(name)
    }

    /// Whether a type is an input object.
    pub(crate) fn is_input_object(&self, name: &str) -> bool {
        self.inputs.contains_key(name)
    }

    /// Completes the root of an answer.
    pub(crate) fn complete(
        &self,
        document: &ExecutableDocument,
        operation: &OperationDefinition,
        variables: &Variables,
        response: &mut Response,
    ) {
        let root = root(operation.ty);
        let root = Root { document, operation, variables, kind: root };
        let mut wanted = IndexMap::new();
        root.collect(&operation.selection_set.node, &mut wanted);
        let mut answered = match std::mem::take(&mut response.data) {
            Value::Object(answered) => answered,
            // Every field failed: the library makes null of that.
            _ => IndexMap::new(),
        };
        if wanted.len() == answered.len() && wanted.keys().copied().eq(answered.keys()) {
            response.data = Value::Object(answered);
            return;
        }
        let mut data = IndexMap::with_capacity(wanted.len());
        for (key, name) in wanted {
            let value = answered.swap_remove(key).unwrap_or_default();
            if value == Value::Null && self.field(root.kind, name).is_some_and(|ty| !ty.nullable) {
                return;
            }
            data.insert(key.clone(), value);
        }
        response.data = Value::Object(data);
    }
}

/// The name of a root type.
pub(crate) fn root(operation: OperationType) -> &'static str {
    match operation {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

/// The base of a type, whatever lists it stands in.
pub(crate) fn base(ty: &BaseType) -> &str {
    match ty {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(inner) => base(&inner.base),
    }
}

struct Root<'a> {
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    variables: &'a Variables,
    kind: &'static str,
}

impl<'a> Root<'a> {
    /// What is selected, in order, fragments and repetitions merged: the names in the answer and in the schema.
    fn collect(&self, set: &'a SelectionSet, wanted: &mut IndexMap<&'a Name, &'a str>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) if self.included(&field.node.directives) => {
                    wanted.entry(&field.node.response_key().node).or_insert(field.node.name.node.as_str());
                }
                Selection::FragmentSpread(spread) if self.included(&spread.node.directives) => {
                    let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                    if let Some(fragment) = fragment.filter(|f| f.node.type_condition.node.on.node == self.kind) {
                        self.collect(&fragment.node.selection_set.node, wanted);
                    }
                }
                Selection::InlineFragment(fragment) if self.included(&fragment.node.directives) => {
                    let on = fragment.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                    if on.is_none_or(|on| on == self.kind) {
                        self.collect(&fragment.node.selection_set.node, wanted);
                    }
                }
                _ => {}
            }
        }
    }

    /// `@skip` and `@include`, with the variables of the request or their defaults.
    fn included(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().all(|directive| {
            let argument = directive.node.get_argument("if").map(|value| value.node.clone());
            let value = argument
                .and_then(|value| value.into_const_with(|name| variable(self.operation, self.variables, &name)).ok());
            match (directive.node.name.node.as_str(), value) {
                ("skip", Some(Value::Boolean(skip))) => !skip,
                ("include", Some(Value::Boolean(include))) => include,
                _ => true,
            }
        })
    }
}

/// The value of a variable: of the request, or the default of the document.
pub(crate) fn variable(operation: &OperationDefinition, variables: &Variables, name: &Name) -> Result<Value, ()> {
    let default = || {
        let definition = operation.variable_definitions.iter().find(|definition| definition.node.name.node == *name)?;
        definition.node.default_value.as_ref().map(|value| value.node.clone())
    };
    variables.get(name).cloned().or_else(default).ok_or(())
}
