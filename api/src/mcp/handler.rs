//! What the protocol asks of a server: the lists, the calls, the prompts and the resources.

use std::sync::Arc;

use poem::http::request::Parts;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CustomRequest, CustomResult, ErrorCode,
    GetPromptRequestParams, GetPromptResponse, Implementation, ListPromptsResult, ListResourceTemplatesResult,
    ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult,
    ResourceContents, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use service::observed;

use super::arguments::Arguments;
use super::call::{Call, CallOutcome};
use super::confirm::Confirmation;
use super::request::McpRequest;
use super::tools::{List, Tool};
use super::{prompts, reply};

/// How long a client may keep a list, in milliseconds: roles change seldom.
const LIST_TTL: u64 = 60_000;

/// The methods that are served.
const METHODS: [&str; 9] = [
    "initialize",
    "ping",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/read",
    "resources/templates/list",
    "tools/call",
    "tools/list",
];

/// What the server says of itself to an assistant: where it reads, by the tools that the list holds.
fn instructions(list: List, runs_documents: bool) -> String {
    let reads = match (list, runs_documents) {
        (List::All, _) => "Every read has a tool of its own.",
        (_, true) => "Records are found by name with `find`; other reads go through `query` (GraphQL, see `schema`).",
        (_, false) => "Records are found by name with `find`; /mcp/x/all lists a tool for every other read.",
    };
    let writes = match list {
        List::ReadOnly => "",
        List::Default | List::All => {
            " Give every write an idempotencyKey of its own and send the same one again when you retry."
        }
    };
    format!("Time tracking and billing. {reads}{writes} Money is a decimal string.")
}

/// Serves every request from the session that came with it.
#[derive(Clone, Copy)]
pub(crate) struct Handler {
    /// The list whose tools it serves.
    pub(super) list: List,
    /// Whether an assistant may send documents of GraphQL.
    pub(super) runs_documents: bool,
}

fn session(context: &RequestContext<RoleServer>) -> Result<Arc<McpRequest>, ErrorData> {
    let parts = context.extensions.get::<Parts>();
    let session = parts.and_then(|parts| parts.extensions.get::<Arc<McpRequest>>()).cloned();
    session.ok_or_else(|| ErrorData::internal_error("the request was not admitted", None))
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_prompts().enable_resources().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("hoursmith", env!("CARGO_PKG_VERSION")))
            .with_instructions(instructions(self.list, self.runs_documents))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let session = session(&context)?;
        let cx = session.reader();
        let tools = Tool::of(&session, &cx).map(|tool| tool.listed(&cx)).collect();
        let list = ListToolsResult::with_all_items(tools);
        Ok(list.with_ttl_ms(LIST_TTL).with_cache_scope(CacheScope::Private))
    }

    async fn call_tool(
        &self,
        mut request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let session = session(&context)?;
        let Some(tool) = Tool::find(&session, &request.name) else {
            return Err(ErrorData::invalid_params(format!("there is no tool {}", request.name), None));
        };
        observed::note_operation(tool.name);
        let asked = Confirmation::of(&mut request, &context);
        let request_id = session.request_id().to_owned();
        let outcome = match Arguments::read(request.arguments) {
            Ok(arguments) => (tool.run)(Call::new(session, tool, arguments, asked)).await,
            Err(error) => Err(error),
        };
        let outcome = outcome.and_then(|outcome| match outcome {
            CallOutcome::Reply(reply) => Ok(reply.into_result(tool.effect)?.into()),
            CallOutcome::Ask(ask) => Ok(CallToolResponse::from(ask)),
        });
        Ok(match outcome {
            Ok(response) => response,
            Err(error) => reply::refusal(&error, &request_id).into(),
        })
    }

    /// What the library could not read as a request that it knows: a known method with wrong params, or another method.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let method = request.method;
        match METHODS.contains(&method.as_str()) {
            true => Err(ErrorData::invalid_params(format!("the params of {method} are not what it takes"), None)),
            false => Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, method, None)),
        }
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(prompts::list()).with_ttl_ms(LIST_TTL))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        Ok(prompts::get(&request)?.into())
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(prompts::templates()).with_ttl_ms(LIST_TTL))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let session = session(&context)?;
        match prompts::read(&session.reader(), &request.uri).await {
            Ok(text) => {
                let contents = ResourceContents::text(text, request.uri).with_mime_type("application/json");
                Ok(ReadResourceResult::new(vec![contents]).into())
            }
            Err(error) => {
                error.log();
                Err(ErrorData::resource_not_found(error.to_string(), None))
            }
        }
    }
}
