//! Completion of an answer, by the specification: fields in the order of the query, null for what failed, and where null
//! is not allowed, null for what holds it (GraphQL, sections 6.4.3 and 6.4.4). The library answers fields in the order in
//! which they finish and leaves out those that failed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Name;
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    BaseType, Directive, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
    ServiceDocument, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::{PathSegment, Positioned, Response, Value, Variables};

/// The types of every field of every object and interface, and what implements what.
pub struct SchemaIndex {
    fields: HashMap<String, HashMap<String, Type>>,
    implements: HashSet<(String, String)>,
}

/// What the fields of a query that answer with an interface have found, by their names in the answer: the answer alone
/// does not show it.
#[derive(Clone, Default)]
pub(crate) struct NodeTypes(Arc<Mutex<HashMap<String, &'static str>>>);

impl NodeTypes {
    pub(crate) fn found(&self, key: &str, kind: &'static str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), kind);
    }

    fn of(&self, path: &[PathSegment]) -> Option<&'static str> {
        let [PathSegment::Field(key)] = path else { return None };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }
}

/// One selection of a query on its way through an answer.
struct Completion<'a> {
    index: &'a SchemaIndex,
    document: &'a ExecutableDocument,
    variables: &'a Variables,
    operation: &'a OperationDefinition,
    node_types: &'a NodeTypes,
    /// The paths of everything that failed.
    failed: Vec<Vec<PathSegment>>,
}

/// A field of an answer: what it is called in the schema, and everything that is selected of it.
struct Wanted<'a> {
    name: &'a str,
    below: Vec<&'a SelectionSet>,
}

impl SchemaIndex {
    /// Reads them from the schema's own text.
    pub fn of(sdl: &str) -> SchemaIndex {
        let document = async_graphql::parser::parse_schema(sdl).unwrap_or(ServiceDocument { definitions: vec![] });
        let mut index = SchemaIndex { fields: HashMap::new(), implements: HashSet::new() };
        for definition in document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node.to_string();
            let fields = match definition.node.kind {
                TypeKind::Object(object) => {
                    for interface in object.implements {
                        index.implements.insert((name.clone(), interface.node.to_string()));
                    }
                    object.fields
                }
                TypeKind::Interface(interface) => interface.fields,
                _ => continue,
            };
            let fields = fields.into_iter().map(|f| (f.node.name.node.to_string(), f.node.ty.node)).collect();
            index.fields.insert(name, fields);
        }
        index
    }

    /// The type of a field.
    pub(crate) fn field(&self, kind: &str, name: &str) -> Option<&Type> {
        self.fields.get(kind)?.get(name)
    }

    /// Whether a fragment on `on` is about an object of this kind.
    fn is(&self, kind: &str, on: &str) -> bool {
        kind == on || self.implements.contains(&(kind.to_owned(), on.to_owned()))
    }

    /// Completes an answer.
    pub(crate) fn complete(
        &self,
        document: &ExecutableDocument,
        operation: &OperationDefinition,
        variables: &Variables,
        node_types: &NodeTypes,
        response: &mut Response,
    ) {
        let failed = response.errors.iter().map(|error| error.path.clone()).collect();
        let root = match operation.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        let completion = Completion { index: self, document, variables, operation, node_types, failed };
        let answered = std::mem::take(&mut response.data);
        response.data = completion.object(root, &[&operation.selection_set.node], answered, &mut Vec::new());
    }
}

impl Completion<'_> {
    /// An object completed, or null if a field that must not be null is.
    fn object(&self, kind: &str, selected: &[&SelectionSet], value: Value, path: &mut Vec<PathSegment>) -> Value {
        let mut answered = match value {
            Value::Object(answered) => answered,
            // Everything in it failed: the library makes null of that.
            Value::Null if self.failed.iter().any(|failed| failed.len() > path.len() && failed.starts_with(path)) => {
                IndexMap::new()
            }
            other => return other,
        };
        let mut wanted = IndexMap::new();
        selected.iter().for_each(|set| self.collect(kind, set, &mut wanted));
        let mut completed = IndexMap::with_capacity(wanted.len());
        for (key, Wanted { name, below }) in wanted {
            let value = answered.swap_remove(&key).unwrap_or_default();
            let value = match self.index.field(kind, name) {
                Some(ty) => {
                    path.push(PathSegment::Field(key.to_string()));
                    let value = self.value(ty, &below, value, path);
                    path.pop();
                    if value == Value::Null && !ty.nullable {
                        return Value::Null;
                    }
                    value
                }
                // `__typename`, and introspection, which does not fail.
                None => value,
            };
            completed.insert(key, value);
        }
        Value::Object(completed)
    }

    fn value(&self, ty: &Type, below: &[&SelectionSet], value: Value, path: &mut Vec<PathSegment>) -> Value {
        match (&ty.base, value) {
            (BaseType::Named(name), value) if !below.is_empty() => {
                self.object(self.node_types.of(path).unwrap_or(name), below, value, path)
            }
            (BaseType::List(item), Value::List(values)) => {
                let mut completed = Vec::with_capacity(values.len());
                for (index, value) in values.into_iter().enumerate() {
                    path.push(PathSegment::Index(index));
                    let value = self.value(item, below, value, path);
                    path.pop();
                    if value == Value::Null && !item.nullable {
                        return Value::Null;
                    }
                    completed.push(value);
                }
                Value::List(completed)
            }
            (_, value) => value,
        }
    }

    /// What is selected of an object, in order, fragments and repetitions merged.
    fn collect<'s>(&'s self, kind: &str, set: &'s SelectionSet, wanted: &mut IndexMap<Name, Wanted<'s>>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) if self.included(&field.node.directives) => {
                    let key = field.node.response_key().node.clone();
                    let name = field.node.name.node.as_str();
                    let entry = wanted.entry(key).or_insert(Wanted { name, below: vec![] });
                    if !field.node.selection_set.node.items.is_empty() {
                        entry.below.push(&field.node.selection_set.node);
                    }
                }
                Selection::FragmentSpread(spread) if self.included(&spread.node.directives) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node)
                        && self.index.is(kind, &fragment.node.type_condition.node.on.node)
                    {
                        self.collect(kind, &fragment.node.selection_set.node, wanted);
                    }
                }
                Selection::InlineFragment(fragment) if self.included(&fragment.node.directives) => {
                    let on = fragment.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                    if on.is_none_or(|on| self.index.is(kind, on)) {
                        self.collect(kind, &fragment.node.selection_set.node, wanted);
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
