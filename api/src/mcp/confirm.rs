//! Destructive tools ask the person once. The question goes back as `input_required` with a sealed state that binds it to
//! the token, the tool and its arguments for five minutes; a client that cannot ask sends `confirm: true`.

use std::collections::BTreeMap;

use rmcp::RoleServer;
use rmcp::model::{
    CallToolRequestParams, ElicitRequest, ElicitRequestParams, ElicitationSchema, InputRequest, InputRequiredResult,
    InputResponses, ProtocolVersion,
};
use rmcp::service::RequestContext;
use serde_json::Value;
use service::value::Id;
use service::{Cx, Error, client, expense, project, task, time_entry};

/// How long a question may wait for its answer, in milliseconds.
const VALID: i64 = 5 * 60 * 1000;
/// The name of the question among the inputs that are asked for.
const QUESTION: &str = "confirm";

/// What the client brings back, and whether it can ask a person at all.
#[derive(Default)]
pub(super) struct Confirmation {
    responses: Option<InputResponses>,
    state: Option<String>,
    can_ask: bool,
}

impl Confirmation {
    /// Reads it from a call.
    pub(super) fn of(request: &mut CallToolRequestParams, context: &RequestContext<RoleServer>) -> Confirmation {
        let modern = context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
        let client = context.client_capabilities();
        // A client that names no way of asking can ask by a form; one that names URLs alone cannot.
        let asks_by_form = client.and_then(|client| client.elicitation);
        let can_ask = modern && asks_by_form.is_some_and(|ways| ways.form.is_some() || ways.url.is_none());
        Confirmation { responses: request.input_responses.take(), state: request.request_state.take(), can_ask }
    }

    fn accepted(&self) -> bool {
        let answer = self.responses.as_ref().and_then(|responses| responses.get(QUESTION));
        let accepted = answer.and_then(|answer| answer.get("action")).and_then(Value::as_str) == Some("accept");
        let confirmed = answer.and_then(|answer| answer.pointer("/content/confirm"));
        accepted && confirmed.is_none_or(|flag| flag.as_bool() == Some(true))
    }
}

/// The question, unless the person has said yes to it.
///
/// # Errors
/// `Invalid` where nobody can be asked, the person has declined, or the state that came back is not ours or too old.
pub(super) async fn ask(
    cx: &Cx,
    asked: &Confirmation,
    digest: &[u8; 32],
    noun: &'static str,
    id: Id,
) -> Result<Option<InputRequiredResult>, Error> {
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let purpose = format!("mcp confirmation {} {digest}", cx.caller().token_id());
    if let Some(state) = &asked.state {
        match cx.open_state(&purpose, state).as_deref().and_then(question_of) {
            Some((until, _)) if cx.now().millis() <= until && !asked.accepted() => {
                return Err(Error::invalid("confirm", "the person did not confirm, so nothing was deleted"));
            }
            Some((until, asked_about)) if cx.now().millis() <= until && asked_about == id => return Ok(None),
            // The name leads to another record by now, of which nobody has been asked.
            Some((until, _)) if cx.now().millis() <= until => {}
            _ => {
                let over = "the confirmation is over or belongs to another call; call again";
                return Err(Error::invalid("confirm", over));
            }
        }
    }
    let question = format!("Delete the {} {}?", noun.replace('_', " "), describe(cx, noun, id).await?);
    if !asked.can_ask {
        return Err(Error::invalid(
            "confirm",
            format!("{question} Ask the person, then call again with confirm: true"),
        ));
    }
    let schema = ElicitationSchema::builder().required_bool(QUESTION).build();
    let schema = schema.map_err(|e| Error::bug(format!("the question has no schema: {e}")))?;
    let params = ElicitRequestParams::FormElicitationParams { meta: None, message: question, requested_schema: schema };
    let questions = BTreeMap::from([(QUESTION.to_owned(), InputRequest::Elicitation(ElicitRequest::new(params)))]);
    let state = cx.seal_state(&purpose, &format!("{} {id}", cx.now().millis() + VALID))?;
    Ok(Some(InputRequiredResult::new(Some(questions), Some(state))))
}

/// Until when a question may be answered, and the record that it was about.
fn question_of(state: &str) -> Option<(i64, Id)> {
    let (until, id) = state.split_once(' ')?;
    Some((until.parse().ok()?, id.parse().ok()?))
}

/// What goes, in the words of the person: its name, and its id.
async fn describe(cx: &Cx, noun: &str, id: Id) -> Result<String, Error> {
    let name = match noun {
        "client" => client::get(cx, id.of()).await?.name,
        "project" => project::get(cx, id.of()).await?.name,
        "task" => task::get(cx, id.of()).await?.name,
        "expense" => expense::get(cx, id.of()).await?.description,
        _ => {
            let entry = time_entry::get(cx, id.of()).await?;
            let seconds = entry.duration_seconds.unwrap_or_default();
            format!("of {} ({seconds} s)", entry.entry_date)
        }
    };
    Ok(format!("“{name}” ({id})"))
}
