//! Clients, projects and tasks by name: an exact name that one record has stands for its id. An ambiguous one is answered
//! with the candidates, never with a guess.

use service::value::{FieldErrors, Id, Json};
use service::{Cx, Error, ListArgs, client, project, task};

use super::arguments::Arguments;

/// A noun whose records may be given by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A client.
    Client,
    /// A project.
    Project,
    /// A task.
    Task,
}

/// Candidates that an answer names at most.
const CANDIDATES: usize = 10;

impl Named {
    const fn noun(self) -> &'static str {
        match self {
            Named::Client => "client",
            Named::Project => "project",
            Named::Task => "task",
        }
    }

    /// Records whose texts contain what was given: id and name.
    async fn search(self, cx: &Cx, text: &str, project: Option<&str>) -> Result<Vec<(Id, String)>, Error> {
        let mut query = vec![("search".to_owned(), text.to_owned()), ("limit".to_owned(), "200".to_owned())];
        if let (Named::Task, Some(project)) = (self, project) {
            query.push(("projectId".to_owned(), project.to_owned()));
        }
        Ok(match self {
            Named::Client => {
                let page = client::list(cx, &ListArgs::from_query(query)).await?;
                page.items.into_iter().map(|row| (row.id, row.name)).collect()
            }
            Named::Project => {
                let page = project::list(cx, &ListArgs::from_query(query)).await?;
                page.items.into_iter().map(|row| (row.id, row.name)).collect()
            }
            Named::Task => {
                let page = task::list(cx, &ListArgs::from_query(query)).await?;
                page.items.into_iter().map(|row| (row.id, row.name)).collect()
            }
        })
    }

    /// The id that a text stands for: itself, or that of the one record with this name.
    ///
    /// # Errors
    /// `Invalid` at `field` with the candidates.
    async fn resolve(self, cx: &Cx, field: &str, text: &str, project: Option<&str>) -> Result<String, Error> {
        if text.parse::<Id>().is_ok() {
            return Ok(text.to_owned());
        }
        let found = self.search(cx, text, project).await?;
        let wanted = text.trim().to_lowercase();
        let (exact, partial): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|(_, name)| name.trim().to_lowercase() == wanted);
        match exact.as_slice() {
            [(id, _)] => Ok(id.to_string()),
            [] if partial.is_empty() => {
                Err(Error::Invalid(FieldErrors::at(field, format!("no {} has this name or id", self.noun()))))
            }
            [] => Err(ambiguous(field, self, "no record has exactly this name; send the id of one of", &partial)),
            several => Err(ambiguous(field, self, "several records have this name; send the id of one of", several)),
        }
    }
}

fn ambiguous(field: &str, named: Named, what: &str, candidates: &[(Id, String)]) -> Error {
    let shown: Vec<_> = candidates.iter().take(CANDIDATES).map(|(id, name)| format!("{id} ({name})")).collect();
    let more = candidates.len().saturating_sub(CANDIDATES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let noun = named.noun();
    Error::Invalid(FieldErrors::at(field, format!("{noun}: {what}: {}{more}", shown.join(", "))))
}

/// The argument `id` of a tool whose records may be given by name.
///
/// # Errors
/// `Invalid` where it is missing, no text or ambiguous.
pub(super) async fn own_id(cx: &Cx, arguments: &mut Arguments, named: Option<Named>) -> Result<Id, Error> {
    let Some(text) = arguments.take_text("id")? else { return Err(Error::invalid("id", "required")) };
    let text = match named {
        Some(named) => named.resolve(cx, "id", &text, None).await?,
        None => text,
    };
    // What is no UUID stands for no record, as in a path.
    Ok(text.parse().unwrap_or(Id::NONE))
}

/// Replaces names by ids wherever the arguments lead to a client, a project or a task, also inside a batch.
///
/// # Errors
/// `Invalid` with the candidates of the first ambiguous name.
pub(super) async fn replace(cx: &Cx, arguments: &mut Arguments) -> Result<(), Error> {
    replace_in(cx, arguments.pairs_mut()).await?;
    for (_, value) in arguments.pairs_mut().iter_mut().filter(|(name, _)| name == "timeEntries") {
        let Json::List(items) = value else { continue };
        for item in items {
            if let Json::Object(pairs) = item {
                replace_in(cx, pairs).await?;
            }
        }
    }
    Ok(())
}

async fn replace_in(cx: &Cx, pairs: &mut [(String, Json)]) -> Result<(), Error> {
    // Projects before tasks: a task's name is looked for on its project.
    let mut project = None;
    for (field, named) in [("clientId", Named::Client), ("projectId", Named::Project), ("taskId", Named::Task)] {
        for (_, value) in pairs.iter_mut().filter(|(name, _)| name == field) {
            let texts: Vec<&mut String> = match value {
                Json::Text(text) => vec![text],
                Json::List(items) => {
                    let texts = items.iter_mut().filter_map(|item| match item {
                        Json::Text(text) => Some(text),
                        _ => None,
                    });
                    texts.collect()
                }
                _ => vec![],
            };
            for text in texts.into_iter().filter(|text| !text.trim().is_empty()) {
                *text = named.resolve(cx, field, text, project.as_deref()).await?;
                if named == Named::Project {
                    project = Some(text.clone());
                }
            }
        }
    }
    Ok(())
}
