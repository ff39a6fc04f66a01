//! What one answer is made of, for as long as it is made: its size so far, and the work that its fields share.

use std::any::{Any, type_name};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::parser::types::{Field, SelectionSet};
use async_graphql::{ContextBase, PathSegment, Positioned, QueryPathSegment, ServerError, ServerResult};
use service::selected::Selection;
use service::value::FieldErrors;
use service::{Cx, Error};
use tokio::sync::OnceCell;

use crate::engine::error::extensions;

/// Bytes of JSON that an answer over HTTP or of a subscription may have.
pub const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// The least that a value counts, whatever it is: it takes that much memory and more.
const VALUE_BYTES: usize = 32;

/// The state of one answer. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Answer(Arc<State>);

#[derive(Default)]
struct State {
    /// Bytes that the answer may have.
    limit: usize,
    bytes: AtomicUsize,
    overflow: Mutex<Option<ServerError>>,
    /// Whether nothing follows this answer.
    is_last: AtomicBool,
    shared: Mutex<HashMap<String, Arc<dyn Any + Send + Sync>>>,
    /// What the arguments of a field are, by the place of the field in the document.
    fields: Mutex<HashMap<usize, Arc<dyn Any + Send + Sync>>>,
    /// How objects are written, by the place of their selection in the document and by their type.
    selections: Mutex<HashMap<(usize, &'static str), Arc<Selection>>>,
}

impl Answer {
    /// An answer of at most so many bytes.
    pub(crate) fn within(limit: usize) -> Answer {
        Answer(Arc::new(State { limit, ..State::default() }))
    }

    /// Forgets all of it: the next answer of a subscription begins.
    pub(crate) fn begin_anew(&self) {
        self.0.bytes.store(0, Ordering::Relaxed);
        *lock(&self.0.overflow) = None;
        lock(&self.0.shared).clear();
        lock(&self.0.fields).clear();
        lock(&self.0.selections).clear();
    }

    /// Ends the subscription: nothing follows this answer.
    pub(crate) fn end(&self) {
        self.0.is_last.store(true, Ordering::Relaxed);
    }

    /// Whether nothing follows this answer.
    pub(crate) fn is_last(&self) -> bool {
        self.0.is_last.load(Ordering::Relaxed)
    }

    /// Counts values that were put into the answer.
    ///
    /// # Errors
    /// The answer is larger than its limit. The execution is given up then.
    pub(crate) fn count<T>(&self, bytes: usize, values: usize, at: &ContextBase<'_, T>) -> ServerResult<()> {
        let more = bytes.max(values * VALUE_BYTES);
        let before = self.0.bytes.fetch_add(more, Ordering::Relaxed);
        if before.saturating_add(more) <= self.0.limit {
            return Ok(());
        }
        let error = too_large(self.0.limit, at);
        lock(&self.0.overflow).get_or_insert(error.clone());
        Err(error)
    }

    /// Whether the answer is given up: nothing more is written then.
    pub(crate) fn is_full(&self) -> bool {
        self.0.bytes.load(Ordering::Relaxed) > self.0.limit
    }

    /// Why the answer is given up, if it is.
    pub(crate) fn overflow(&self) -> Option<ServerError> {
        lock(&self.0.overflow).clone()
    }

    /// What is made of the arguments of a field, once for all the records that it is resolved for: they are the same for each.
    ///
    /// # Errors
    /// Those of the making.
    pub(crate) fn of_field<T: Send + Sync + 'static, E>(
        &self,
        field: &Positioned<Field>,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        // The document stays where it is for as long as the answer is made.
        let place = std::ptr::from_ref(field).addr();
        let known = lock(&self.0.fields).get(&place).cloned().and_then(|known| known.downcast::<T>().ok());
        match known {
            Some(known) => Ok(known),
            None => {
                let made = Arc::new(make()?);
                lock(&self.0.fields).insert(place, made.clone());
                Ok(made)
            }
        }
    }

    /// What all fields share that name it by the same key, made once.
    ///
    /// # Errors
    /// The key is that of something else.
    pub(crate) fn shared<T: Send + Sync + 'static>(
        &self,
        key: String,
        make: impl FnOnce() -> T,
    ) -> Result<Arc<T>, Error> {
        let mut shared = lock(&self.0.shared);
        let known = shared.entry(key).or_insert_with(|| Arc::new(make())).clone();
        known.downcast::<T>().map_err(|_| Error::bug("two things that fields share have one key"))
    }

    /// How objects of a type are written for this selection, if that is known.
    pub(crate) fn selection<N>(&self, selected: &SelectionSet) -> Option<Arc<Selection>> {
        lock(&self.0.selections).get(&(std::ptr::from_ref(selected).addr(), type_name::<N>())).cloned()
    }

    /// Remembers it. The document stays where it is for as long as the answer is made.
    pub(crate) fn remember_selection<N>(&self, selected: &SelectionSet, selection: Arc<Selection>) {
        lock(&self.0.selections).insert((std::ptr::from_ref(selected).addr(), type_name::<N>()), selection);
    }

    /// Does a piece of work once, whichever fields ask for it with the same key.
    ///
    /// # Errors
    /// Those of the work, the same for all.
    pub(crate) async fn once<T: Send + Sync + 'static>(
        &self,
        key: String,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<Arc<T>, Arc<Error>> {
        type Cell<T> = OnceCell<Result<Arc<T>, Arc<Error>>>;
        let cell = {
            let mut shared = lock(&self.0.shared);
            let new = || Arc::new(Cell::<T>::new()) as Arc<dyn Any + Send + Sync>;
            shared.entry(key).or_insert_with(new).clone().downcast::<Cell<T>>()
        };
        // A key names one kind of work, so its cell is of that kind.
        let cell = cell.map_err(|_| Arc::new(Error::bug("two kinds of work have one key")))?;
        cell.get_or_init(async || work.await.map(Arc::new).map_err(Arc::new)).await.clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Names the place where the answer became too large, which is where the most of it is likely to be.
fn too_large<T>(limit: usize, at: &ContextBase<'_, T>) -> ServerError {
    let mut fields: Vec<&str> = Vec::new();
    if let Some(node) = &at.path_node {
        for step in std::iter::once(node).chain(node.parents()) {
            if let QueryPathSegment::Name(name) = step.segment {
                fields.push(name);
            }
        }
    }
    fields.reverse();
    let place = fields.join(".");
    let message = format!(
        "the response is larger than {} MiB and was given up at `{place}`: ask for fewer rows there (`first`), for fewer \
         fields of long text, or for each of them once",
        limit / 1024 / 1024
    );
    let mut error = ServerError::new(message.clone(), None);
    error.path = fields.iter().map(|field| PathSegment::Field((*field).to_owned())).collect();
    let request_id = at.data_opt::<Cx>().map(Cx::request_id).unwrap_or_default();
    error.extensions = Some(extensions(&Error::Invalid(FieldErrors::at("query", message)), request_id));
    error
}
