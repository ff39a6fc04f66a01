//! Documents that were read: a document that was found valid is remembered, within bounds, and is neither read, validated
//! nor priced again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition};
use moka::sync::Cache;

use crate::engine::cost::Cost;

/// Memory for remembered documents, in bytes.
const CAPACITY: u64 = 16 * 1024 * 1024;
/// How much larger a parsed document is than its text.
const PARSED: usize = 24;

/// Remembered documents by their text. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Documents(Cache<Arc<str>, Arc<Document>>);

/// A document that was read.
pub(crate) struct Document {
    text: Arc<str>,
    pub(crate) parsed: ExecutableDocument,
    valid: AtomicBool,
    /// What it costs, if that does not depend on variables.
    cost: OnceLock<Cost>,
}

/// Bytes of memory of a parsed document, by its text.
fn parsed_size(text: &str) -> usize {
    (text.len() + 64) * PARSED
}

impl Default for Documents {
    fn default() -> Documents {
        let weigh = |text: &Arc<str>, _: &Arc<Document>| u32::try_from(parsed_size(text)).unwrap_or(u32::MAX);
        Documents(Cache::builder().max_capacity(CAPACITY).weigher(weigh).build())
    }
}

impl Documents {
    /// The document with this text, if it is known to be valid.
    pub(crate) fn get(&self, text: &str) -> Option<Arc<Document>> {
        self.0.get(text)
    }

    /// Remembers a document, which was found valid.
    pub(crate) fn remember(&self, document: &Arc<Document>) {
        if !document.valid.swap(true, Ordering::Relaxed) {
            self.0.insert(document.text.clone(), document.clone());
        }
    }
}

impl Document {
    pub(crate) fn new(text: &str, parsed: ExecutableDocument) -> Document {
        Document { text: text.into(), parsed, valid: AtomicBool::new(false), cost: OnceLock::new() }
    }

    /// Bytes of memory that it takes, about.
    pub(crate) fn memory(&self) -> usize {
        parsed_size(&self.text)
    }

    /// Whether it was found valid.
    pub(crate) fn is_valid(&self) -> bool {
        self.valid.load(Ordering::Relaxed)
    }

    /// The operation that a name chooses.
    pub(crate) fn operation(&self, name: Option<&str>) -> Option<&OperationDefinition> {
        match (&self.parsed.operations, name) {
            (DocumentOperations::Single(operation), _) => Some(&operation.node),
            (DocumentOperations::Multiple(operations), Some(name)) => {
                operations.get(name).map(|operation| &operation.node)
            }
            (DocumentOperations::Multiple(operations), None) => match operations.len() {
                1 => operations.values().next().map(|operation| &operation.node),
                _ => None,
            },
        }
    }

    /// What it costs: reckoned once, if that depends on nothing but the text.
    ///
    /// # Errors
    /// Those of the reckoning.
    pub(crate) fn cost<E>(&self, reckon: impl FnOnce() -> Result<Cost, E>) -> Result<Cost, E> {
        let fixed = match &self.parsed.operations {
            DocumentOperations::Single(operation) => operation.node.variable_definitions.is_empty(),
            DocumentOperations::Multiple(_) => false,
        };
        match self.cost.get() {
            Some(cost) => Ok(*cost),
            None => {
                let cost = reckon()?;
                if fixed {
                    self.cost.get_or_init(|| cost);
                }
                Ok(cost)
            }
        }
    }
}
