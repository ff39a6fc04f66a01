//! The tools that read, and the few writes whose record is named in a way of their own.

use std::sync::OnceLock;

use schema::{Kind, Refused, Sent};
use serde::Serialize;
use serde_json::{Value, json};
use service::input::FromBody;
use service::report::TimeReportArgs;
use service::value::{FieldErrors, Id, Json};
use service::{
    Cx, Error, ListArgs, Page, Reason, client as clients_of, expense as expenses_of, invoice as invoices_of,
    member as members_of, organization as workspace, project as projects_of, report, task as tasks_of,
    time_entry as entries_of,
};

use super::arguments::to_value;
use super::call::{Call, CallOutcome, Target};
use super::names::{self, Named};
use super::reply::{MAX_ANSWER, Reply};
use super::schemas::Schema;

/// Points that the tool `query` may cost.
pub(super) const QUERY_POINTS: u32 = 100;
/// Rows of each noun that `find` gives.
const FOUND: usize = 5;
/// Lines that `schema` gives.
const SCHEMA_LINES: usize = 120;

fn page<T: Serialize>(page: &Page<T>) -> Result<CallOutcome, Error> {
    let mut value = json!({ "items": page.items, "nextCursor": page.next_cursor() });
    if let Some(total) = page.total {
        value["total"] = total.rows.into();
        if total.capped {
            value["totalIsCapped"] = true.into();
        }
    }
    Ok(Reply::of(&value)?.into())
}

/// Refuses names that lead nowhere.
fn refuse(problems: FieldErrors) -> Result<(), Error> {
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Error::Invalid(problems)),
    }
}

/// A tool that lists a noun.
macro_rules! lists {
    ($($name:ident $module:ident)+) => {
        $(pub(super) async fn $name(mut call: Call) -> Result<CallOutcome, Error> {
            let cx = call.session.reader();
            refuse(names::replace(&cx, &mut call.arguments, None).await?)?;
            page(&$module::list(&cx, &ListArgs::from_query(call.arguments.into_query())).await?)
        })+
    };
}

lists! {
    clients clients_of
    projects projects_of
    tasks tasks_of
    time_entries entries_of
    expenses expenses_of
    invoices invoices_of
    members members_of
}

/// A tool that gets one record.
macro_rules! gets {
    ($($name:ident $module:ident $noun:literal $named:expr;)+) => {
        $(pub(super) async fn $name(mut call: Call) -> Result<CallOutcome, Error> {
            let cx = call.session.reader();
            let id = names::own_id(&cx, &mut call.arguments, $named).await?;
            let record = $module::get(&cx, id.of()).await?;
            // After the role, as over REST.
            call.arguments.refuse_rest()?;
            Ok(Reply::record($noun, id, &record)?.into())
        })+
    };
}

gets! {
    client clients_of "client" Some(Named::Client);
    project projects_of "project" Some(Named::Project);
    task tasks_of "task" Some(Named::Task);
    time_entry entries_of "time_entry" None;
    expense expenses_of "expense" None;
    invoice invoices_of "invoice" None;
}

pub(super) async fn me(call: Call) -> Result<CallOutcome, Error> {
    call.arguments.refuse_rest()?;
    Ok(Reply::of(&members_of::me(&call.session.reader()).await?)?.into())
}

pub(super) async fn organization(call: Call) -> Result<CallOutcome, Error> {
    call.arguments.refuse_rest()?;
    Ok(Reply::of(&workspace::get(&call.session.reader()).await?)?.into())
}

pub(super) async fn running_timer(call: Call) -> Result<CallOutcome, Error> {
    call.arguments.refuse_rest()?;
    let running = entries_of::running(&call.session.reader()).await?;
    Ok(match running {
        Some(entry) => Reply::record("time_entry", entry.id.any(), &entry)?.into(),
        None => Reply::of(&json!({ "running": false }))?.into(),
    })
}

/// The first records of every noun that the caller may list whose texts contain what was given.
pub(super) async fn find(mut call: Call) -> Result<CallOutcome, Error> {
    use service::Action;
    let Some(text) = call.arguments.take_text("text")? else { return Err(Error::invalid("text", "required")) };
    call.arguments.refuse_rest()?;
    if text.trim().is_empty() {
        return Err(Error::invalid("text", "required"));
    }
    if text.chars().count() > names::MAX_NAME {
        return Err(Error::invalid("text", format!("must have at most {} characters", names::MAX_NAME)));
    }
    let cx = call.session.reader();
    // One search, whatever number of nouns it looks through.
    cx.prepay(2).await?;
    let query = || vec![("search".to_owned(), text.clone()), ("limit".to_owned(), FOUND.to_string())];
    let mut found = Vec::new();
    let mut add = |noun: &str, id: Id, name: &str| found.push(json!({ "noun": noun, "id": id, "name": name }));
    if cx.may(Action::ListClients) {
        let page = clients_of::list(&cx, &ListArgs::from_query(query())).await?;
        page.items.iter().for_each(|row| add("client", row.id.any(), &row.name));
    }
    let page = projects_of::list(&cx, &ListArgs::from_query(query())).await?;
    page.items.iter().for_each(|row| add("project", row.id.any(), &row.name));
    let page = tasks_of::list(&cx, &ListArgs::from_query(query())).await?;
    page.items.iter().for_each(|row| add("task", row.id.any(), &row.name));
    if cx.may(Action::ListMembers) {
        let page = members_of::list(&cx, &ListArgs::from_query(query())).await?;
        page.items.iter().for_each(|row| add("member", row.user_id.any(), &row.name));
    }
    if cx.may(Action::ListInvoices) {
        let page = invoices_of::list(&cx, &ListArgs::from_query(query())).await?;
        page.items.iter().for_each(|row| add("invoice", row.id.any(), &row.number));
    }
    Ok(Reply::of(&json!({ "items": found }))?.into())
}

/// One GraphQL query, priced and bounded as over `/graphql`.
pub(super) async fn query(mut call: Call) -> Result<CallOutcome, Error> {
    let Some(text) = call.arguments.take_text("query")? else { return Err(Error::invalid("query", "required")) };
    let variables = match call.arguments.take("variables") {
        None => Value::Null,
        Some(json @ Json::Object(_)) => to_value(json),
        Some(other) => return Err(Error::invalid("variables", format!("must be an object, not {}", other.kind()))),
    };
    call.arguments.refuse_rest()?;
    let sent = Sent { query: text, variables: async_graphql::Variables::from_json(variables), ..Sent::default() };
    let gateway = call.session.gateway.clone();
    let prepared = match gateway.prepare_within(QUERY_POINTS, sent) {
        Ok(prepared) => prepared,
        Err(Refused::Over(error)) => return Err(error),
        Err(unreadable) => {
            let answer = unreadable.into_response(call.session.request_id());
            let why = answer.errors.first().map(|error| error.message.clone()).unwrap_or_default();
            return Err(Error::invalid("query", why));
        }
    };
    if prepared.kind() != Kind::Query {
        return Err(Error::invalid("query", "must be a query; the tools create_… and update_… change records"));
    }
    let cx = call.session.reader();
    cx.prepay(prepared.points()).await?;
    let answer = gateway.execute_within(MAX_ANSWER, &prepared, cx).await;
    if let Some(error) = answer.errors.iter().find(|error| is_too_large(error)) {
        return Err(Error::BadRequest(error.message.clone().into()));
    }
    if let Some(error) = answer.errors.first().filter(|_| answer.data == async_graphql::Value::Null) {
        // The whole document is refused: the types and fields of the schema help where it does not validate.
        return Err(Error::invalid("query", format!("{}; the tool schema shows types and fields", error.message)));
    }
    let written = schema::write(&answer, true).and_then(|written| serde_json::from_slice::<Value>(&written));
    Ok(Reply::of(&written.map_err(|cause| Error::bug(format!("an answer does not serialize: {cause}")))?)?.into())
}

/// Whether an answer was given up because of its size: the document itself is in order then.
fn is_too_large(error: &async_graphql::ServerError) -> bool {
    let fields = error.extensions.as_ref().and_then(|extensions| extensions.get("fields"));
    matches!(fields, Some(async_graphql::Value::Object(fields)) if fields.contains_key("query"))
}

/// The SDL without descriptions, one definition per element.
fn definitions() -> &'static [String] {
    static DEFINITIONS: OnceLock<Vec<String>> = OnceLock::new();
    DEFINITIONS.get_or_init(|| {
        let sdl = schema::sdl();
        let mut plain = String::new();
        let mut described = false;
        for line in sdl.lines() {
            let quotes = line.matches("\"\"\"").count();
            if quotes == 1 {
                described = !described;
            } else if quotes == 0 && !described {
                plain.push_str(line.trim_end());
                plain.push('\n');
            }
        }
        plain.split("\n\n").map(|definition| definition.trim().to_owned()).filter(|text| !text.is_empty()).collect()
    })
}

fn name_of(definition: &str) -> &str {
    definition.split_whitespace().nth(1).unwrap_or_default().trim_end_matches('{')
}

/// The definition of this name in full, then the first lines of those whose names contain the word, then single fields that do.
pub(super) async fn schema(mut call: Call) -> Result<CallOutcome, Error> {
    let word = call.arguments.take_text("word")?.unwrap_or_else(|| "Query".to_owned()).to_lowercase();
    call.arguments.refuse_rest()?;
    call.session.reader();
    let mut lines: Vec<String> = Vec::new();
    let (whole, rest): (Vec<_>, Vec<_>) =
        definitions().iter().partition(|definition| name_of(definition).to_lowercase() == word);
    let fields = |definition: &&String| {
        let name = name_of(definition).to_owned();
        let lines: Vec<String> = definition.lines().skip(1).map(|line| format!("{name}.{}", line.trim())).collect();
        lines
    };
    lines.extend(whole.iter().flat_map(|definition| definition.lines().map(str::to_owned)));
    lines.extend(
        rest.iter()
            .filter(|text| name_of(text).to_lowercase().contains(&word))
            .map(|text| text.lines().next().unwrap_or_default().to_owned()),
    );
    lines.extend(rest.iter().flat_map(fields).filter(|line| line.to_lowercase().contains(&word)));
    lines.truncate(SCHEMA_LINES);
    Ok(Reply::of(&json!({ "sdl": lines.join("\n") }))?.into())
}

/// The arguments of the time report.
pub(super) fn report_schema() -> Schema {
    let groups = ["client", "project", "task", "member", "day", "week", "month"];
    Schema::of::<entries_of::TimeEntryFilter>()
        .with_required("groupBy", json!({"type": "array", "items": {"type": "string", "enum": groups}}))
        .with("timeZone", json!({"type": "string", "description": "IANA name"}))
}

pub(super) async fn time_report(mut call: Call) -> Result<CallOutcome, Error> {
    let cx = call.session.reader();
    refuse(names::replace(&cx, &mut call.arguments, None).await?)?;
    let args = TimeReportArgs::from_query(&call.arguments.into_query(), &[]);
    Ok(Reply::of(&report::time(&cx, &args).await?)?.into())
}

fn not_running() -> Error {
    Error::conflict(Reason::NotRunning, "no timer of yours is running")
}

/// Stops a timer; without an id the caller's running one.
pub(super) async fn stop_timer(mut call: Call) -> Result<CallOutcome, Error> {
    if let Some(again) = call.answered("time_entry").await? {
        return Ok(again);
    }
    let sent = call.arguments.take_text("id")?;
    let id = match sent {
        Some(id) => id,
        None => match entries_of::running(&call.session.reader()).await? {
            Some(entry) => entry.id.to_string(),
            // The first call may have stopped it meanwhile.
            None => return call.answered("time_entry").await?.ok_or_else(not_running),
        },
    };
    call.arguments.pairs_mut().push(("id".to_owned(), Json::Text(id)));
    call.write("time_entry", Target::ActWith("/time-entries", "/stop"), async |cx: &Cx, write| {
        entries_of::stop(cx, write.id.of(), FromBody::from_json(write.body)).await
    })
    .await
}

/// Deletes a record of the noun that is named.
pub(super) async fn delete_record(mut call: Call) -> Result<CallOutcome, Error> {
    let noun = call.arguments.take_text("noun")?;
    match noun.as_deref() {
        Some("client") => {
            let target = Target::Delete("/clients", Some(Named::Client));
            call.write("client", target, async |cx: &Cx, write| {
                clients_of::delete(cx, write.id.of(), &write.expected).await
            })
            .await
        }
        Some("project") => {
            let target = Target::Delete("/projects", Some(Named::Project));
            let delete = async |cx: &Cx, write: super::call::Write| {
                projects_of::delete(cx, write.id.of(), &write.expected).await
            };
            call.write("project", target, delete).await
        }
        Some("task") => {
            let target = Target::Delete("/tasks", Some(Named::Task));
            call.write("task", target, async |cx: &Cx, write| {
                tasks_of::delete(cx, write.id.of(), &write.expected).await
            })
            .await
        }
        Some("expense") => {
            let target = Target::Delete("/expenses", None);
            let delete = async |cx: &Cx, write: super::call::Write| {
                expenses_of::delete(cx, write.id.of(), &write.expected).await
            };
            call.write("expense", target, delete).await
        }
        _ => Err(Error::invalid("noun", "must be one of client, project, task, expense")),
    }
}
