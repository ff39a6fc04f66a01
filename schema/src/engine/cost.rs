//! What a document costs, and how deep it goes: reckoned from the document and its variables alone, in a walk that meets each
//! fragment once.

mod root_fields;
mod selection;

use std::collections::HashMap;

use async_graphql::parser::types::{
    BaseType, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Value, Variables};
use service::value::FieldErrors;
use service::{DEFAULT_LIMIT, MAX_LIMIT};

use self::root_fields::root_fields;
use self::selection::{SelectionCost, check_levels};
use crate::engine::bounds::check_document;
use crate::engine::completion::{SchemaIndex, base, root, variable};

/// Points of the dearest document.
pub const MAX_COST: u32 = 300;
/// Rows that one point pays for.
const ROWS_A_POINT: u64 = 50;
/// Rows of a report, or of a page at most.
const MAX_ROWS: u64 = 200;
/// Rows that a list without pages is taken to have.
const LIST: u64 = 10;
/// Points of a report.
const REPORT: u64 = 10;
/// Points of a search, besides those of its list.
const SEARCH: u64 = 2;
/// Points of counting a list.
const COUNT: u64 = 1;

/// What an operation costs, in points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// All of it, 1 to [`MAX_COST`].
    pub points: u32,
    /// What is left of it when the answer is a replay: a batch is a point, like any mutation.
    pub of_replay: u32,
}

impl Cost {
    const LEAST: Cost = Cost { points: 1, of_replay: 1 };

    /// This cost, if it is at most so many points.
    ///
    /// # Errors
    /// `query`, with both numbers.
    pub(crate) fn within(self, most: u32) -> Result<Cost, FieldErrors> {
        if self.points <= most { Ok(self) } else { Err(over(self.points.into(), most)) }
    }
}

fn over(cost: u64, most: u32) -> FieldErrors {
    FieldErrors::at("query", format!("the query costs {cost} points; at most {most} are taken: ask for fewer rows"))
}

struct CostVisitor<'a> {
    index: &'a SchemaIndex,
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    variables: &'a Variables,
    /// Fragments that were weighed; none while one is being weighed.
    fragments: HashMap<&'a Name, Option<SelectionCost>>,
}

impl SchemaIndex {
    /// The points that an operation costs: the rows of its connections, 50 a point, and one for each mutation, or for each
    /// entry of a batch. They are at most [`MAX_COST`].
    ///
    /// # Errors
    /// `query`: a bound that the document is over, with both numbers.
    pub fn cost(
        &self,
        document: &ExecutableDocument,
        operation: Option<&OperationDefinition>,
        variables: &Variables,
    ) -> Result<Cost, FieldErrors> {
        self.cost_within(MAX_COST, document, operation, variables)
    }

    /// What a document costs, as `cost` says it, which must be at most `most` points.
    ///
    /// # Errors
    /// As `cost`.
    pub(crate) fn cost_within(
        &self,
        most: u32,
        document: &ExecutableDocument,
        operation: Option<&OperationDefinition>,
        variables: &Variables,
    ) -> Result<Cost, FieldErrors> {
        check_document(document)?;
        let operations = || document.operations.iter().map(|(_, operation)| &operation.node);
        let Some(chosen) = operation.or_else(|| operations().next()) else { return Ok(Cost::LEAST) };
        let mut visitor =
            CostVisitor { index: self, document, operation: chosen, variables, fragments: HashMap::new() };
        // All of them: the library looks through each, and puts a fragment in its place as often as it is spread.
        let mut whole = SelectionCost::default();
        for operation in operations() {
            whole.add(visitor.root(operation)?);
        }
        whole.check()?;
        // Without an operation nothing is executed; the library reports why.
        if operation.is_none() {
            return Ok(Cost::LEAST);
        }
        let (mutations, entries) = visitor.mutations();
        let SelectionCost { rows, fixed, .. } = visitor.root(chosen)?;
        let of_replay = rows.div_ceil(ROWS_A_POINT).saturating_add(fixed).saturating_add(mutations).max(1);
        let cost = of_replay.saturating_add(entries);
        match (u32::try_from(cost), u32::try_from(of_replay)) {
            (Ok(points), Ok(of_replay)) => Cost { points, of_replay }.within(most),
            _ => Err(over(cost, most)),
        }
    }
}

/// The lists of the introspection types; what they hold is taken to be as many as any list's.
fn is_introspection_list(field: &str) -> bool {
    let lists = ["types", "directives", "fields", "args", "interfaces", "possibleTypes", "enumValues", "inputFields"];
    lists.contains(&field)
}

impl<'a> CostVisitor<'a> {
    fn root(&mut self, operation: &'a OperationDefinition) -> Result<SelectionCost, FieldErrors> {
        self.set(root(operation.ty), &operation.selection_set.node, 0)
    }

    /// `level`: how many fields and fragments it stands in. Passed down, it bounds this walk too; a fragment that was weighed
    /// higher up is bounded by its weight.
    fn set(&mut self, kind: &str, set: &'a SelectionSet, level: usize) -> Result<SelectionCost, FieldErrors> {
        check_levels(level)?;
        let mut sum = SelectionCost::default();
        for selection in &set.items {
            let mut weight = match &selection.node {
                Selection::Field(field) => self.field(kind, &field.node, level + 1)?,
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node, level + 1)?,
                Selection::InlineFragment(fragment) => {
                    let on = fragment.node.type_condition.as_ref().map(|on| on.node.on.node.as_str());
                    self.set(on.unwrap_or(kind), &fragment.node.selection_set.node, level + 1)?
                }
            };
            weight.selections = weight.selections.saturating_add(1);
            weight.levels += 1;
            sum.add(weight);
        }
        Ok(sum)
    }

    fn fragment(&mut self, name: &'a Name, level: usize) -> Result<SelectionCost, FieldErrors> {
        match self.fragments.get(name) {
            Some(Some(weight)) => return Ok(*weight),
            Some(None) => return Err(FieldErrors::at("query", format!("the fragment {name} spreads itself"))),
            None => {}
        }
        // One that does not exist is reported by the library.
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(SelectionCost::default()) };
        self.fragments.insert(name, None);
        let on = fragment.node.type_condition.node.on.node.as_str();
        let weight = self.set(on, &fragment.node.selection_set.node, level)?;
        self.fragments.insert(name, Some(weight));
        Ok(weight)
    }

    fn field(&mut self, kind: &str, field: &'a Field, level: usize) -> Result<SelectionCost, FieldErrors> {
        let name = field.name.node.as_str();
        let ty = self.index.field(kind, name);
        let introspects = kind.starts_with("__") || matches!(name, "__schema" | "__type");
        let below_kind = match ty {
            Some(ty) => base(&ty.base),
            None if introspects => "__Type",
            None => "",
        };
        let mut below = self.set(below_kind, &field.selection_set.node, level)?;
        let (rows, times) = match ty {
            Some(_) if below_kind.ends_with("Connection") => {
                let size = self.size(field);
                (size, size)
            }
            Some(_) if kind == "Query" && name == "search" => {
                let size = self.size(field);
                (size, size)
            }
            // A report has as many rows as it has groups.
            Some(ty) if kind.ends_with("Report") && matches!(ty.base, BaseType::List(_)) => (0, MAX_ROWS),
            // The rows of a connection were counted with it.
            Some(_) if kind.ends_with("Connection") => (0, 1),
            Some(ty) if matches!(ty.base, BaseType::List(_)) => (0, LIST),
            None if introspects && is_introspection_list(name) => (LIST, LIST),
            _ => (0, 1),
        };
        below.rows = below.rows.saturating_mul(times).saturating_add(rows);
        below.fixed = below.fixed.saturating_add(self.fixed(kind, field));
        match name {
            "__schema" | "__type" => {
                below.introspection = below.introspection.max(below.depth + 1);
                below.depth = 0;
            }
            _ => below.depth += 1,
        }
        Ok(below)
    }

    /// The points of a field by itself.
    fn fixed(&self, kind: &str, field: &Field) -> u64 {
        match field.name.node.as_str() {
            name if kind == "Query" && name.ends_with("Report") => REPORT,
            // One statement for all of a level, which sums as a report does.
            "totals" if matches!(kind, "Project" | "Client") => REPORT,
            "search" if kind == "Query" => SEARCH,
            "totalCount" if kind.ends_with("Connection") => COUNT,
            _ => match self.argument(field, "search") {
                Some(Value::String(text)) if !text.trim().is_empty() => SEARCH,
                _ => 0,
            },
        }
    }

    /// `first` or `last`, as a list takes them; what no list takes is reported by the list.
    fn size(&self, field: &Field) -> u64 {
        let asked = ["first", "last"].iter().filter_map(|name| match self.argument(field, name)? {
            Value::Number(number) => number.as_i64(),
            _ => None,
        });
        let size = asked.max().unwrap_or(DEFAULT_LIMIT.into()).clamp(0, MAX_LIMIT.into());
        size.unsigned_abs()
    }

    fn argument(&self, field: &Field, name: &str) -> Option<Value> {
        let value = field.get_argument(name)?;
        value.node.clone().into_const_with(|name| variable(self.operation, self.variables, &name)).ok()
    }

    /// How many entries a batch has. They are counted in the literal, whatever variables stand in them.
    fn entries(&self, field: &Field) -> usize {
        use async_graphql_value::Value as Literal;
        match field.get_argument("input").map(|input| &input.node) {
            Some(Literal::List(items)) => items.len(),
            Some(Literal::Variable(name)) => match variable(self.operation, self.variables, name) {
                Ok(Value::List(items)) => items.len(),
                _ => 1,
            },
            // A single value counts as a list of one.
            _ => 1,
        }
    }

    /// How many mutations there are, and how many entries beyond the first of each batch.
    fn mutations(&self) -> (u64, u64) {
        if self.operation.ty != OperationType::Mutation {
            return (0, 0);
        }
        let mut fields = root_fields(self.document, &self.operation.selection_set.node);
        // It is a field of every type, and changes nothing.
        fields.retain(|field| field.name.node != "__typename");
        let entries = |field: &&Field| match field.name.node.as_str() {
            "createTimeEntries" => self.entries(field).saturating_sub(1) as u64,
            _ => 0,
        };
        (fields.len() as u64, fields.iter().map(entries).sum())
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use async_graphql::parser::types::DocumentOperations;

    use super::*;

    fn cost(query: &str, variables: serde_json::Value) -> Result<u32, String> {
        let index = SchemaIndex::of(&crate::sdl());
        let document = parse_query(query).expect("a document");
        let operation = match &document.operations {
            DocumentOperations::Single(operation) => Some(&operation.node),
            DocumentOperations::Multiple(operations) => operations.values().next().map(|operation| &operation.node),
        };
        let variables = Variables::from_json(variables);
        let cost = index.cost(&document, operation, &variables).map_err(|problems| problems.to_string())?;
        assert!(cost.of_replay <= cost.points, "{cost:?}");
        Ok(cost.points)
    }

    #[test]
    fn a_batch_costs_a_point_for_each_entry_whatever_variables_are_in_it() {
        let entries = |entry: &str| format!("[{}]", vec![entry; 100].join(", "));
        let query = |input: &str| {
            format!(
                "mutation($u: String, $l: [CreateTimeEntryInput!]) {{ createTimeEntries(input: {input}) {{ timeEntries {{ id }} }} }}"
            )
        };
        for entry in ["{ note: \"x\" }", "{ note: $u }"] {
            assert_eq!(cost(&query(&entries(entry)), serde_json::json!({})), Ok(100), "{entry}");
        }
        let list = serde_json::json!({ "l": vec![serde_json::json!({ "note": "x" }); 40] });
        assert_eq!(cost(&query("$l"), list), Ok(40));
        assert_eq!(cost(&query("{ note: $u }"), serde_json::json!({})), Ok(1));
    }

    #[test]
    fn a_point_pays_for_fifty_rows() {
        for (query, points) in [
            ("{ viewer { name } }", 1),
            ("{ clients { nodes { id } } }", 1),
            ("{ clients(first: 51) { nodes { id } } }", 2),
            ("{ clients(last: 200) { edges { node { id } } } }", 4),
            (
                "{ clients(first: 20) { nodes { projects(first: 5) { nodes { timeEntries(first: 5) { nodes { id } } } } } } }",
                13,
            ),
            ("{ clients { nodes { projects { nodes { id } } } } }", 51),
            ("{ a: clients { nodes { id } } b: clients { nodes { id } } }", 2),
            (
                "{ ...C } fragment C on Query { clients(first: 100) { nodes { ...P } } } fragment P on Client { projects(first: 1) { nodes { id } } }",
                4,
            ),
            ("query($n: Int = 150) { clients(first: $n) { nodes { id } } }", 3),
            ("{ clients(first: null) { nodes { id } } }", 1),
            ("{ clients(first: 1000000) { nodes { id } } }", 4),
            ("{ organization { ... on Organization { id } } nonsense { clients { id } } }", 1),
        ] {
            assert_eq!(cost(query, serde_json::json!({})), Ok(points), "{query}");
        }
        let query = "query($n: Int) { clients(first: $n) { nodes { id } } }";
        assert_eq!(cost(query, serde_json::json!({ "n": 120 })), Ok(3));
    }

    #[test]
    fn reports_searches_and_counts_have_prices_of_their_own() {
        for (query, points) in [
            ("{ timeReport(groupBy: [PROJECT]) { total { seconds } } }", 10),
            (
                "{ a: timeReport(groupBy: [DAY]) { total { seconds } } b: timeReport(groupBy: [DAY]) { total { seconds } } }",
                20,
            ),
            ("{ clients(search: \"x\") { nodes { id } } }", 3),
            ("{ clients(search: \" \") { nodes { id } } }", 1),
            ("{ clients { totalCount nodes { id } } }", 2),
            ("{ clients(first: 20) { nodes { projects(first: 5, search: \"x\") { totalCount nodes { id } } } } }", 6),
            (
                "{ timeReport(groupBy: [TASK]) { rows { keys { task { timeEntries(first: 5) { nodes { id } } } } } } }",
                30,
            ),
            ("{ ...R ...R } fragment R on Query { timeReport(groupBy: [DAY]) { total { seconds } } }", 20),
        ] {
            assert_eq!(cost(query, serde_json::json!({})), Ok(points), "{query}");
        }
        let query = "query($s: String) { clients(search: $s) { nodes { id } } }";
        assert_eq!(cost(query, serde_json::json!({ "s": "x" })), Ok(3));
        assert_eq!(cost(query, serde_json::json!({})), Ok(1));
    }

    #[test]
    fn a_mutation_is_a_point_and_a_batch_one_for_each_entry() {
        let entry = "{ projectId: \"x\", durationSeconds: 1, entryDate: \"2026-06-11\" }";
        let batch =
            format!("mutation {{ createTimeEntries(input: [{entry}, {entry}, {entry}]) {{ timeEntries {{ id }} }} }}");
        assert_eq!(cost(&batch, serde_json::json!({})), Ok(3));
        let query = "mutation($i: [CreateTimeEntryInput!]!) { ...M } fragment M on Mutation { createTimeEntries(input: $i) { timeEntries { id } } }";
        assert_eq!(cost(query, serde_json::json!({ "i": [{}, {}, {}, {}] })), Ok(4));
        let two =
            "mutation { a: archiveProject(id: 1) { project { id } } b: archiveProject(id: 2) { project { id } } }";
        assert_eq!(cost(two, serde_json::json!({})), Ok(2));
    }

    #[test]
    fn a_refusal_by_a_bound_has_both_numbers() {
        let nested = |levels: usize| {
            format!("{{ {}{} }}", "projects { nodes { client { ".repeat(levels), " } } }".repeat(levels))
        };
        let message = cost(&nested(6).replace("client {  }", "client { id }"), serde_json::json!({})).unwrap_err();
        assert!(message.contains("19 fields deep; at most 15"), "{message}");
        let dear = "{ clients(first: 200) { nodes { projects(first: 200) { nodes { id } } } } }";
        assert_eq!(
            cost(dear, serde_json::json!({})),
            Err("query: the query costs 804 points; at most 300 are taken: ask for fewer rows".into())
        );
        let cycle = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }";
        assert_eq!(cost(cycle, serde_json::json!({})), Err("query: the fragment A spreads itself".into()));
        let mut bomb = String::from("{ ...F0 }");
        (0..30).for_each(|i| bomb += &format!(" fragment F{i} on Query {{ ...F{} ...F{} }}", i + 1, i + 1));
        bomb += " fragment F30 on Query { __typename }";
        let message = cost(&bomb, serde_json::json!({})).unwrap_err();
        assert!(message.contains("3221225471 fields and fragments; at most 5000"), "{message}");
        // What ends in a fragment that does not exist is as large, and so is an operation that is not meant.
        for hidden in
            [bomb.replace("__typename", "...Nothing"), bomb.replacen("{ ...F0 }", "query A { a } query B { ...F0 }", 1)]
        {
            let message = cost(&hidden, serde_json::json!({})).unwrap_err();
            assert!(message.contains("fields and fragments; at most 5000"), "{message}");
        }
    }

    #[test]
    fn fragments_are_as_deep_as_what_they_stand_for() {
        let chain = |first: &str, length: usize| {
            let each = (1..length).map(|i| format!(" fragment F{i} on Query {{ ...F{} }}", i + 1)).collect::<String>();
            format!("{{ {first} }}{each} fragment F{length} on Query {{ __typename }}")
        };
        assert_eq!(cost(&chain("...F1", 99), serde_json::json!({})), Ok(1));
        // The deepest first, so that each part is known before the one that spreads it is met.
        for (first, length, levels) in [("...F1", 100, 101), ("...F1", 1500, 101), ("...F101 ...F51 ...F1", 150, 151)] {
            let message = cost(&chain(first, length), serde_json::json!({})).unwrap_err();
            assert_eq!(message, format!("query: fields and fragments nest {levels} deep; at most 100 are taken"));
        }
        let inline = |what: &str| format!("{{ {} {what} {} }}", "... { ".repeat(50), "} ".repeat(50));
        let message =
            cost(&format!("{} fragment F on Query {}", inline("...F"), inline("name")), serde_json::json!({}));
        assert!(message.unwrap_err().contains("101 deep; at most 100"));
    }

    #[test]
    fn introspection_may_be_deeper_and_is_not_free() {
        let types = |below: &str| format!("{{ __schema {{ types {{ fields {{ {below} }} }} }} }}");
        let of_type = |levels: usize| "ofType { ".repeat(levels) + "name" + &" }".repeat(levels);
        assert_eq!(cost(&types(&format!("type {{ {} }}", of_type(15))), serde_json::json!({})), Ok(3));
        let message = cost(&types(&format!("type {{ {} }}", of_type(16))), serde_json::json!({})).unwrap_err();
        assert!(message.contains("21 fields deep; at most 20"), "{message}");
        let bomb = "type { fields { type { fields { type { fields { name } } } } } }";
        assert!(cost(&types(bomb), serde_json::json!({})).unwrap_err().contains("at most 300"));
    }
}
