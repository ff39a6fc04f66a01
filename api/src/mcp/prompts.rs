//! Prompts and resources: what a person picks from a menu, and the records that answers link to.

use rmcp::ErrorData;
use rmcp::model::{
    GetPromptRequestParams, GetPromptResult, Prompt, PromptArgument, PromptMessage, ResourceTemplate, Role,
};
use serde_json::Value;
use service::value::Id;
use service::{Cx, Error, client, expense, invoice, project, task, time_entry};

use super::reply::without_nulls;

/// Name, description, arguments with their descriptions, and the text with the arguments in braces.
type Template = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

/// The longest argument of a prompt, in characters: that of a name.
const MAX_ARGUMENT: usize = 200;

const PROMPTS: &[Template] = &[
    (
        "weekly_timesheet",
        "Sum up a week and log what is missing.",
        &[("week", "Monday of the week, YYYY-MM-DD")],
        "Make my timesheet for the week that begins on {week}. Call time_report with groupBy project and day for that \
         week and for my own entries. Show hours per project and day. Name the days under 8 hours, ask me what is \
         missing, and log it with create_time_entries after I have agreed.",
    ),
    (
        "what_is_not_billed",
        "Billable time and expenses that are on no invoice.",
        &[("client", "name of the client")],
        "Find what is not billed yet for {client}. Call time_report with groupBy project, invoiced false and billable \
         true for that client, and query for its expenses that are not invoiced. Show the sums per project and the \
         total, and what would be on the next invoice.",
    ),
    (
        "prepare_invoice",
        "Check a client's open time before it is billed.",
        &[("client", "name of the client"), ("month", "YYYY-MM")],
        "Prepare the invoice of {client} for {month}. List its billable entries and expenses that are not invoiced. \
         Name entries without a note, running timers and projects without a rate, propose corrections, and make them \
         only after I have agreed. Invoices themselves are made in the settings pages.",
    ),
];

/// The prompts, in their fixed order.
pub(super) fn list() -> Vec<Prompt> {
    let arguments = |arguments: &[(&str, &str)]| {
        let one =
            |(name, about): &(&str, &str)| PromptArgument::new(*name).with_description(*about).with_required(true);
        arguments.iter().map(one).collect::<Vec<_>>()
    };
    PROMPTS.iter().map(|(name, about, takes, _)| Prompt::new(*name, Some(*about), Some(arguments(takes)))).collect()
}

/// A prompt with its arguments filled in.
///
/// # Errors
/// Invalid parameters where there is no such prompt or an argument is missing.
pub(super) fn get(request: &GetPromptRequestParams) -> Result<GetPromptResult, ErrorData> {
    let found = PROMPTS.iter().find(|(name, ..)| *name == request.name);
    let Some((_, about, takes, text)) = found else {
        return Err(ErrorData::invalid_params(format!("there is no prompt {}", request.name), None));
    };
    let mut filled = Vec::new();
    for (name, _) in *takes {
        let value = request.arguments.as_ref().and_then(|arguments| arguments.get(*name)).and_then(Value::as_str);
        let Some(value) = value else {
            return Err(ErrorData::invalid_params(format!("the argument {name} is required"), None));
        };
        if value.chars().count() > MAX_ARGUMENT {
            let why = format!("the argument {name} must have at most {MAX_ARGUMENT} characters");
            return Err(ErrorData::invalid_params(why, None));
        }
        filled.push((*name, value));
    }
    let message = PromptMessage::new_text(Role::User, fill(text, &filled));
    Ok(GetPromptResult::new(vec![message]).with_description(*about))
}

/// A text with its arguments in place of their names in braces. What an argument says is not read again: braces in it would
/// multiply what the others say.
fn fill(text: &str, arguments: &[(&str, &str)]) -> String {
    let mut parts = text.split('{');
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or((part, ""));
        whole.push_str(arguments.iter().find(|(own, _)| *own == name).map_or(name, |(_, value)| value));
        whole.push_str(rest);
    }
    whole
}

/// Where records are read by their address.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new("hoursmith://{noun}/{id}", "record")
            .with_description("A client, project, task, time_entry, expense or invoice by its id.")
            .with_mime_type("application/json"),
    ]
}

/// The record at an address, as compact JSON.
///
/// # Errors
/// `NotFound` for what is no address of ours, and the errors of the read.
pub(super) async fn read(cx: &Cx, uri: &str) -> Result<String, Error> {
    let parts = uri.strip_prefix("hoursmith://").and_then(|rest| rest.split_once('/'));
    let Some((noun, id)) = parts else { return Err(Error::NotFound("resource")) };
    let id: Id = id.parse().unwrap_or(Id::NONE);
    let value = match noun {
        "client" => serde_json::to_value(client::get(cx, id.of()).await?),
        "project" => serde_json::to_value(project::get(cx, id.of()).await?),
        "task" => serde_json::to_value(task::get(cx, id.of()).await?),
        "time_entry" => serde_json::to_value(time_entry::get(cx, id.of()).await?),
        "expense" => serde_json::to_value(expense::get(cx, id.of()).await?),
        "invoice" => serde_json::to_value(invoice::get(cx, id.of()).await?),
        _ => return Err(Error::NotFound("resource")),
    };
    let value = value.map_err(|e| Error::bug(format!("a record does not serialize: {e}")))?;
    Ok(without_nulls(value).to_string())
}
