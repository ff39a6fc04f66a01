//! Clients, projects and tasks by name: an exact name that one record has stands for its id. An ambiguous one is answered
//! with the candidates, never with a guess.

use std::collections::HashMap;

use service::named::Named as Record;
use service::value::{FieldErrors, Id, Json};
use service::{Action, Cx, Error, ListArgs, client, named, project, task, time_entry};

use super::arguments::Arguments;

/// A noun whose records may be given by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Named {
    /// A client.
    Client,
    /// A project.
    Project,
    /// A task.
    Task,
}

/// Candidates that an answer names at most.
const CANDIDATES: u32 = 10;

/// Names that one call looks up at most: those of a batch of 100 entries, each with a project, a task and a client.
const MAX_NAMES: usize = 300;

/// The longest name, in characters.
pub(super) const MAX_NAME: usize = 200;

/// What the names of a call stand for: a batch says the same name a hundred times, and pays for it once.
#[derive(Default)]
struct ResolvedNames(HashMap<(Named, Option<String>, String), Result<String, String>>);

impl ResolvedNames {
    async fn id(
        &mut self,
        cx: &Cx,
        named: Named,
        text: &str,
        on: Option<&str>,
    ) -> Result<Result<String, String>, Error> {
        let on = on.filter(|_| named == Named::Task);
        let key = (named, on.map(str::to_owned), text.to_owned());
        match self.0.get(&key) {
            Some(known) => Ok(known.clone()),
            None if self.0.len() >= MAX_NAMES => Ok(Err(format!("more than {MAX_NAMES} names in one call; send ids"))),
            None => {
                let found = named.resolve(cx, text, on).await?;
                self.0.insert(key, found.clone());
                Ok(found)
            }
        }
    }
}

impl Named {
    const fn noun(self) -> &'static str {
        match self {
            Named::Client => "client",
            Named::Project => "project",
            Named::Task => "task",
        }
    }

    /// The records with exactly this name.
    async fn exact(self, cx: &Cx, name: &str, project: Option<&str>) -> Result<Vec<Record>, Error> {
        // One more than is shown says that there are more.
        let limit = CANDIDATES + 1;
        match self {
            Named::Client => named::clients(cx, name, limit).await,
            Named::Project => named::projects(cx, name, limit).await,
            Named::Task => named::tasks(cx, name, project.and_then(|id| id.parse().ok()), limit).await,
        }
    }

    /// Records whose texts contain what was given, where none has the name: what may have been meant.
    async fn like(self, cx: &Cx, text: &str, project: Option<&str>) -> Result<Vec<Record>, Error> {
        let mut query =
            vec![("search".to_owned(), text.to_owned()), ("limit".to_owned(), (CANDIDATES + 1).to_string())];
        if let (Named::Task, Some(project)) = (self, project) {
            query.push(("projectId".to_owned(), project.to_owned()));
        }
        Ok(match self {
            Named::Client => {
                let page = client::list(cx, &ListArgs::from_query(query)).await?;
                page.items.into_iter().map(|row| Record { id: row.id.any(), name: row.name, of: None }).collect()
            }
            Named::Project => {
                let page = project::list(cx, &ListArgs::from_query(query)).await?;
                let rows = page.items.into_iter();
                rows.map(|row| Record { id: row.id.any(), name: row.name, of: Some(row.client_id.any()) }).collect()
            }
            Named::Task => {
                let page = task::list(cx, &ListArgs::from_query(query)).await?;
                let rows = page.items.into_iter();
                rows.map(|row| Record { id: row.id.any(), name: row.name, of: Some(row.project_id.any()) }).collect()
            }
        })
    }

    /// The id that a text stands for: itself, or that of the one record with this name; or why it stands for none.
    ///
    /// # Errors
    /// Those of the door.
    async fn resolve(self, cx: &Cx, text: &str, project: Option<&str>) -> Result<Result<String, String>, Error> {
        if text.parse::<Id>().is_ok() {
            return Ok(Ok(text.to_owned()));
        }
        let none = format!("no {} has this name or id", self.noun());
        if text.chars().count() > MAX_NAME {
            return Ok(Err(none));
        }
        Ok(match self.exact(cx, text, project).await?.as_slice() {
            [one] => Ok(one.id.to_string()),
            [] => match self.like(cx, text, project).await?.as_slice() {
                [] => Err(none),
                like => {
                    Err(candidates(cx, self, "no record has exactly this name; send the id of one of", like).await?)
                }
            },
            several => {
                Err(candidates(cx, self, "several records have this name; send the id of one of", several).await?)
            }
        })
    }
}

/// The candidates, each with the client of its project or the project of its task, since their own names may be equal.
///
/// # Errors
/// Those of the door.
async fn candidates(cx: &Cx, named: Named, what: &str, found: &[Record]) -> Result<String, Error> {
    let shown = &found[..found.len().min(CANDIDATES as usize)];
    let above: HashMap<Id, String> = match named {
        Named::Project if cx.may(Action::GetClient) => {
            let ids: Vec<_> = shown.iter().filter_map(|record| record.of).map(Id::of).collect();
            client::by_ids(cx, &ids).await?.into_iter().map(|row| (row.id.any(), row.name)).collect()
        }
        Named::Task => {
            let ids: Vec<_> = shown.iter().filter_map(|record| record.of).map(Id::of).collect();
            project::by_ids(cx, &ids).await?.into_iter().map(|row| (row.id.any(), row.name)).collect()
        }
        // A client stands for itself, and a Member does not see the clients of projects.
        Named::Client | Named::Project => HashMap::new(),
    };
    let texts: Vec<_> = shown
        .iter()
        .map(|Record { id, name, of }| match of.and_then(|of| above.get(&of)) {
            Some(above) => format!("{id} ({name}, of {above})"),
            None => format!("{id} ({name})"),
        })
        .collect();
    let more = if found.len() > shown.len() { " and more" } else { "" };
    Ok(format!("{}: {what}: {}{more}", named.noun(), texts.join(", ")))
}

/// The project of the entry that a call changes, where the call names a task and no project: the task is one of that project.
///
/// # Errors
/// Those of the door; an entry that is not there has no project, and the operation reports it.
pub(super) async fn project_of_entry(cx: &Cx, arguments: &mut Arguments, id: Id) -> Result<Option<String>, Error> {
    let sent = |wanted: &str, arguments: &mut Arguments| {
        let mut pairs = arguments.pairs_mut().iter();
        pairs.find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
    };
    match (sent("taskId", arguments), sent("projectId", arguments)) {
        (Some(Json::Text(task)), None) if task.parse::<Id>().is_err() => match time_entry::get(cx, id.of()).await {
            Ok(entry) => Ok(Some(entry.project_id.to_string())),
            Err(Error::NotFound(_)) => Ok(None),
            Err(refused) => Err(refused),
        },
        _ => Ok(None),
    }
}

/// The argument `id` of a tool whose records may be given by name.
///
/// # Errors
/// `Invalid` where it is missing, no text or ambiguous.
pub(super) async fn own_id(cx: &Cx, arguments: &mut Arguments, named: Option<Named>) -> Result<Id, Error> {
    let Some(text) = arguments.take_text("id")? else { return Err(Error::invalid("id", "required")) };
    let text = match named {
        Some(named) => named.resolve(cx, &text, None).await?.map_err(|why| Error::invalid("id", why))?,
        None => text,
    };
    // What is no UUID stands for no record, as in a path.
    Ok(text.parse().unwrap_or(Id::NONE))
}

/// Replaces names by ids wherever the arguments lead to a client, a project or a task, also inside a batch. Each name that
/// leads nowhere is reported by its path, and an id of no record stands in its place, so that the operation reports everything
/// else that is wrong. The names of tasks are looked for on `project`, unless the arguments name another one.
///
/// # Errors
/// Those of the door.
pub(super) async fn replace(cx: &Cx, arguments: &mut Arguments, project: Option<String>) -> Result<FieldErrors, Error> {
    let (mut known, mut problems) = (ResolvedNames::default(), FieldErrors::none());
    replace_in(cx, &mut known, arguments.pairs_mut(), "", project, &mut problems).await?;
    for (_, value) in arguments.pairs_mut().iter_mut().filter(|(name, _)| name == "timeEntries") {
        let Json::List(items) = value else { continue };
        for (at, item) in items.iter_mut().enumerate() {
            if let Json::Object(pairs) = item {
                replace_in(cx, &mut known, pairs, &format!("timeEntries[{at}]."), None, &mut problems).await?;
            }
        }
    }
    Ok(problems)
}

async fn replace_in(
    cx: &Cx,
    known: &mut ResolvedNames,
    pairs: &mut [(String, Json)],
    above: &str,
    mut project: Option<String>,
    problems: &mut FieldErrors,
) -> Result<(), Error> {
    // Projects before tasks: a task's name is looked for on its project.
    for (field, named) in [("clientId", Named::Client), ("projectId", Named::Project), ("taskId", Named::Task)] {
        for (_, value) in pairs.iter_mut().filter(|(name, _)| name == field) {
            let texts: Vec<(String, &mut String)> = match value {
                Json::Text(text) => vec![(format!("{above}{field}"), text)],
                Json::List(items) => {
                    let texts = items.iter_mut().enumerate().filter_map(|(at, item)| match item {
                        Json::Text(text) => Some((format!("{above}{field}[{at}]"), text)),
                        _ => None,
                    });
                    texts.collect()
                }
                _ => vec![],
            };
            for (path, text) in texts.into_iter().filter(|(_, text)| !text.trim().is_empty()) {
                // What is refused anyway is not looked into further than is reported.
                if problems.is_full() {
                    return Ok(());
                }
                *text = match known.id(cx, named, text, project.as_deref()).await? {
                    Ok(id) => id,
                    Err(why) => {
                        problems.add(path, why);
                        <Id>::NONE.to_string()
                    }
                };
                if named == Named::Project {
                    project = Some(text.clone());
                }
            }
        }
    }
    Ok(())
}
