//! What the official conformance suite of MCP asks a server for: fixed tools, prompts and resources that no product has, served by the
//! transport and behind the door of ours.

use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, CompleteRequestParams, CompleteResult,
    GetPromptRequestParams, GetPromptResponse, GetPromptResult, Implementation, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, LoggingLevel, LoggingMessageNotificationParam,
    PaginatedRequestParams, ProgressNotificationParam, ReadResourceRequestParams, ReadResourceResponse,
    ReadResourceResult, ServerCapabilities, ServerConfig, SetLevelRequestParams, SubscribeRequestParams,
    UnsubscribeRequestParams,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};

use super::protocol_parts::{IMAGE, SOUND, answers, asks, filled, form, made, part, roots, sample, says, text};

/// The tools, in the order of the list.
const TOOLS: [&str; 22] = [
    "test_simple_text",
    "test_image_content",
    "test_audio_content",
    "test_embedded_resource",
    "test_multiple_content_types",
    "test_tool_with_logging",
    "test_tool_with_progress",
    "test_error_handling",
    "test_missing_capability",
    "test_streaming_elicitation",
    "test_logging_tool",
    "test_input_required_result_elicitation",
    "test_input_required_result_sampling",
    "test_input_required_result_list_roots",
    "test_input_required_result_request_state",
    "test_input_required_result_multiple_inputs",
    "test_input_required_result_multi_round",
    "test_input_required_result_tampered_state",
    "test_input_required_result_capabilities",
    "json_schema_2020_12_tool",
    "test_custom_headers",
    "test_custom_headers_null",
];

/// The handler. Its states carry a secret of this run, so that one that was tampered with is not taken.
#[derive(Clone)]
pub struct ProtocolFixture(Arc<str>);

impl ProtocolFixture {
    /// With a secret.
    pub fn new(secret: &str) -> ProtocolFixture {
        ProtocolFixture(secret.into())
    }

    fn state(&self, round: &str) -> String {
        format!("{round}.{}", self.0)
    }

    /// Whether a state is the one of a round; one that is none of ours is an error of the protocol.
    fn opens(&self, state: Option<&str>, round: &str) -> Result<bool, ErrorData> {
        match state {
            None => Ok(false),
            Some(state) if state.ends_with(&format!(".{}", self.0)) => Ok(state == self.state(round)),
            Some(_) => Err(ErrorData::invalid_params("requestState is not one of this server's", None)),
        }
    }
}

impl ServerHandler for ProtocolFixture {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_prompts().enable_resources();
        let capabilities = capabilities.enable_logging().enable_completions().build();
        ServerConfig::new(capabilities).with_server_info(Implementation::new("fixture", "1.0.0"))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = |name: &str| match name {
            "json_schema_2020_12_tool" => json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "$defs": { "address": { "$anchor": "addressDef", "type": "object", "properties": {
                    "street": { "type": "string" }, "city": { "type": "string" },
                } } },
                "properties": {
                    "name": { "type": "string" },
                    "address": { "$ref": "#/$defs/address" },
                    "contactMethod": { "type": "string", "enum": ["phone", "email"] },
                    "phone": { "type": "string" },
                    "email": { "type": "string" },
                },
                "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
                "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
                "then": { "required": ["phone"] },
                "else": { "required": ["email"] },
                "additionalProperties": false,
            }),
            "test_custom_headers" | "test_custom_headers_null" => json!({ "type": "object", "properties": {
                "region": { "type": "string", "x-mcp-header": "Region" },
            } }),
            _ => json!({ "type": "object", "properties": {} }),
        };
        let tool = |name: &&str| json!({ "name": name, "description": "For the suite.", "inputSchema": schema(name) });
        made(json!({ "tools": TOOLS.iter().map(tool).collect::<Vec<_>>(), "ttlMs": 0, "cacheScope": "private" }))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let responses = request.input_responses.clone().unwrap_or_default();
        let state = request.request_state.as_deref();
        let embedded = |uri: &str, kind: &str, text: &str| json!({ "type": "resource", "resource": { "uri": uri, "mimeType": kind, "text": text } });
        let image = json!({ "type": "image", "data": IMAGE, "mimeType": "image/png" });
        match request.name.as_ref() {
            "test_simple_text" => says("This is a simple text response for testing."),
            "test_image_content" => answers(&json!([image])),
            "test_audio_content" => answers(&json!([{ "type": "audio", "data": SOUND, "mimeType": "audio/wav" }])),
            "test_embedded_resource" => answers(&json!([embedded(
                "test://embedded-resource",
                "text/plain",
                "This is an embedded resource content."
            )])),
            "test_multiple_content_types" => {
                let resource =
                    embedded("test://mixed-content-resource", "application/json", r#"{"test":"data","value":123}"#);
                answers(&json!([text("Multiple content types test:"), image, resource]))
            }
            "test_tool_with_logging" | "test_logging_tool" => log(&request.name, &context).await,
            "test_tool_with_progress" => progress(&context).await,
            "test_error_handling" => {
                let why = text("This tool intentionally returns an error for testing");
                Ok(made::<CallToolResult>(json!({ "content": [why], "isError": true }))?.into())
            }
            "test_missing_capability" => match context.client_capabilities() {
                Some(client) if client.sampling.is_some() => says("the client can sample"),
                _ => Err(ErrorData::missing_required_client_capability(part::<ClientCapabilities>(
                    json!({ "sampling": {} }),
                )?)),
            },
            "test_streaming_elicitation" => match filled(&responses, "user_name", "name") {
                Some(name) => says(&format!("Hello, {name}!")),
                None => Ok(asks(&json!({ "user_name": form("What is your name?", "name", "string") }), None)?.into()),
            },
            "test_input_required_result_elicitation" => match filled(&responses, "user_name", "name") {
                Some(name) => says(&format!("Hello, {name}!")),
                None => Ok(asks(&json!({ "user_name": form("What is your name?", "name", "string") }), None)?.into()),
            },
            "test_input_required_result_sampling" => match responses.get("capital_question") {
                Some(answer) => says(answer.pointer("/content/text").and_then(Value::as_str).unwrap_or("no text")),
                None => {
                    let asked = json!({ "capital_question": sample("What is the capital of France?") });
                    Ok(asks(&asked, None)?.into())
                }
            },
            "test_input_required_result_list_roots" => match responses.get("client_roots") {
                Some(answer) => says(&format!("Roots: {}", answer["roots"])),
                None => Ok(asks(&json!({ "client_roots": roots() }), None)?.into()),
            },
            "test_input_required_result_request_state" | "test_input_required_result_tampered_state" => {
                match self.opens(state, "confirm")? && responses.contains_key("confirm") {
                    true => says("state-ok"),
                    false => {
                        let asked = json!({ "confirm": form("Please confirm", "ok", "boolean") });
                        Ok(asks(&asked, Some(self.state("confirm")))?.into())
                    }
                }
            }
            "test_input_required_result_multiple_inputs" => {
                let all = ["user_name", "greeting", "client_roots"];
                match self.opens(state, "all")? && all.iter().all(|key| responses.contains_key(*key)) {
                    true => says("all inputs are there"),
                    false => {
                        let asked = json!({
                            "user_name": form("What is your name?", "name", "string"),
                            "greeting": sample("Generate a greeting"),
                            "client_roots": roots(),
                        });
                        Ok(asks(&asked, Some(self.state("all")))?.into())
                    }
                }
            }
            "test_input_required_result_multi_round" => {
                if self.opens(state, "second")? && responses.contains_key("step2") {
                    return says("both steps are done");
                }
                if self.opens(state, "first")? && responses.contains_key("step1") {
                    let asked = json!({ "step2": form("Step 2: What is your favorite color?", "color", "string") });
                    return Ok(asks(&asked, Some(self.state("second")))?.into());
                }
                let asked = json!({ "step1": form("Step 1: What is your name?", "name", "string") });
                Ok(asks(&asked, Some(self.state("first")))?.into())
            }
            "test_input_required_result_capabilities" => {
                let client = context.client_capabilities();
                let mut asked = json!({});
                if client.as_ref().is_some_and(|client| client.elicitation.is_some()) {
                    asked["user_name"] = form("What is your name?", "name", "string");
                }
                if client.as_ref().is_some_and(|client| client.sampling.is_some()) {
                    asked["greeting"] = sample("Generate a greeting");
                }
                Ok(asks(&asked, None)?.into())
            }
            "json_schema_2020_12_tool" | "test_custom_headers" | "test_custom_headers_null" => says("taken"),
            name => Err(ErrorData::invalid_params(format!("there is no tool {name}"), None)),
        }
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let argument = |name: &str| json!({ "name": name, "description": "For the suite.", "required": true });
        let prompt = |name: &str, arguments: &[&str]| {
            let arguments: Vec<_> = arguments.iter().map(|name| argument(name)).collect();
            json!({ "name": name, "description": "For the suite.", "arguments": arguments })
        };
        made(json!({ "ttlMs": 0, "cacheScope": "private", "prompts": [
            prompt("test_simple_prompt", &[]),
            prompt("test_prompt_with_arguments", &["arg1", "arg2"]),
            prompt("test_prompt_with_embedded_resource", &["resourceUri"]),
            prompt("test_prompt_with_image", &[]),
            prompt("test_input_required_result_prompt", &[]),
        ] }))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let argument = |name: &str| {
            let given = request.arguments.as_ref().and_then(|given| given.get(name)).and_then(Value::as_str);
            given.unwrap_or_default().to_owned()
        };
        let says = |content: &[Value]| {
            let messages: Vec<_> = content.iter().map(|one| json!({ "role": "user", "content": one })).collect();
            Ok(made::<GetPromptResult>(json!({ "messages": messages }))?.into())
        };
        match request.name.as_str() {
            "test_simple_prompt" => says(&[text("This is a simple prompt for testing.")]),
            "test_prompt_with_arguments" => {
                let (first, second) = (argument("arg1"), argument("arg2"));
                says(&[text(&format!("Prompt with arguments: arg1='{first}', arg2='{second}'"))])
            }
            "test_prompt_with_embedded_resource" => {
                let body = "Embedded resource content for testing.";
                let resource = json!({ "uri": argument("resourceUri"), "mimeType": "text/plain", "text": body });
                let asked = text("Please process the embedded resource above.");
                says(&[json!({ "type": "resource", "resource": resource }), asked])
            }
            "test_prompt_with_image" => says(&[
                json!({ "type": "image", "data": IMAGE, "mimeType": "image/png" }),
                text("Please analyze the image above."),
            ]),
            "test_input_required_result_prompt" => {
                let responses = request.input_responses.clone().unwrap_or_default();
                match filled(&responses, "user_context", "context") {
                    Some(context) => says(&[text(&format!("Use the context {context}"))]),
                    None => {
                        let asked =
                            json!({ "user_context": form("What context should the prompt use?", "context", "string") });
                        Ok(GetPromptResponse::InputRequired(asks(&asked, None)?))
                    }
                }
            }
            name => Err(ErrorData::invalid_params(format!("there is no prompt {name}"), None)),
        }
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let resource = |uri: &str, name: &str, kind: &str| json!({ "uri": uri, "name": name, "mimeType": kind });
        made(json!({ "ttlMs": 0, "cacheScope": "private", "resources": [
            resource("test://static-text", "text", "text/plain"),
            resource("test://static-binary", "binary", "image/png"),
            resource("test://watched-resource", "watched", "text/plain"),
        ] }))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let template =
            json!({ "uriTemplate": "test://template/{id}/data", "name": "data", "mimeType": "application/json" });
        made(json!({ "ttlMs": 0, "cacheScope": "private", "resourceTemplates": [template] }))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri.as_str();
        let content = match uri {
            "test://static-text" => json!({ "uri": uri, "mimeType": "text/plain", "text": "This is the content." }),
            "test://static-binary" => json!({ "uri": uri, "mimeType": "image/png", "blob": IMAGE }),
            "test://watched-resource" => json!({ "uri": uri, "mimeType": "text/plain", "text": "Watched." }),
            _ => {
                let id = uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data"));
                let Some(id) = id else {
                    return Err(ErrorData::resource_not_found(
                        "there is no such resource",
                        Some(json!({ "uri": uri })),
                    ));
                };
                let data = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
                json!({ "uri": uri, "mimeType": "application/json", "text": data.to_string() })
            }
        };
        let result = json!({ "contents": [content], "ttlMs": 0, "cacheScope": "private" });
        Ok(made::<ReadResourceResult>(result)?.into())
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        made(json!({ "completion": { "values": ["test one", "test two"], "total": 2, "hasMore": false } }))
    }

    async fn set_level(&self, _: SetLevelRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn subscribe(&self, _: SubscribeRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(&self, _: UnsubscribeRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }
}

/// Three messages of a log. In the current protocol only a request that asks for them receives them.
async fn log(tool: &str, context: &RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
    let legacy = tool == "test_tool_with_logging";
    if legacy || context.meta.log_level().is_some() {
        for message in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
            let param = LoggingMessageNotificationParam::new(LoggingLevel::Info, json!(message));
            context.peer.notify_logging_message(param).await.map_err(lost)?;
        }
    }
    says("logged")
}

/// Three steps, where the client wants to hear of them.
async fn progress(context: &RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
    if let Some(token) = context.meta.get_progress_token() {
        for done in [0.0, 50.0, 100.0] {
            let param = ProgressNotificationParam::new(token.clone(), done).with_total(100.0);
            context.peer.notify_progress(param).await.map_err(lost)?;
        }
    }
    says("done")
}

fn lost(error: rmcp::ServiceError) -> ErrorData {
    ErrorData::internal_error(format!("the client cannot be reached: {error}"), None)
}
