//! The tools: each names its action; one without an action does not compile; the role, scope and plan of the caller decide
//! which of them are listed. The order here is the order of the lists.

use futures_util::future::BoxFuture;
use rmcp::model::{Tool as Listed, ToolAnnotations};
use serde_json::json;
use service::input::{FromBody, OPTIONAL};
use service::{Action, Cx, Error, client, expense, project, task, time_entry};

use super::call::{Call, CallOutcome, Target};
use super::names::Named;
use super::read;
use super::request::McpRequest;
use super::schemas::Schema;

/// Which list of tools a path serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    /// At most 20 tools: the way to everything in few tokens.
    Default,
    /// The whole set, one tool for each operation.
    All,
    /// What only reads.
    ReadOnly,
}

/// The tools for GraphQL documents.
const DOCUMENT_TOOLS: [&str; 2] = ["query", "schema"];

/// What a tool does to the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Reads,
    Creates,
    Changes,
    Destroys,
}

/// One tool.
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) action: Action,
    pub(super) effect: Effect,
    in_default: bool,
    in_all: bool,
    takes: fn() -> Schema,
    pub(super) run: fn(Call) -> BoxFuture<'static, Result<CallOutcome, Error>>,
}

impl List {
    fn holds(self, tool: &Tool) -> bool {
        match self {
            List::Default => tool.in_default,
            List::All => tool.in_all,
            List::ReadOnly => tool.in_default && tool.effect == Effect::Reads,
        }
    }
}

impl Tool {
    /// The tools of a session that its caller may use, in their fixed order.
    pub(super) fn of(session: &McpRequest, cx: &Cx) -> impl Iterator<Item = &'static Tool> {
        TOOLS.iter().filter(move |tool| tool.is_served(session) && cx.may(tool.action))
    }

    /// A tool of a session by its name, whether or not the caller may use it: the door refuses in its own words.
    pub(super) fn find(session: &McpRequest, name: &str) -> Option<&'static Tool> {
        TOOLS.iter().find(|tool| tool.name == name && tool.is_served(session))
    }

    /// Whether the list holds it. A server that executes only the documents of its manifest takes none from an assistant.
    fn is_served(&self, session: &McpRequest) -> bool {
        let is_open = !DOCUMENT_TOOLS.contains(&self.name) || !session.gateway.is_closed();
        session.list.holds(self) && is_open
    }

    /// As the protocol lists it for a caller: without arguments that their role may not send.
    pub(super) fn listed(&self, cx: &Cx) -> Listed {
        let schema = (self.takes)();
        let schema = if cx.may(Action::ListClients) { schema } else { schema.without_clients() };
        let schema = match self.effect {
            Effect::Reads => schema,
            effect => schema.written(effect != Effect::Creates, effect == Effect::Destroys),
        };
        let hints = match self.effect {
            Effect::Reads => ToolAnnotations::new().read_only(true),
            effect => ToolAnnotations::new().destructive(effect == Effect::Destroys).idempotent(true),
        };
        Listed::new(self.name, self.about, schema.into_object()).with_annotations(hints)
    }
}

/// A row of the table: `default` and `all` name the lists that hold the tool.
macro_rules! tools {
    ($($effect:ident $action:ident $name:ident in $($list:ident)+: $about:literal, $takes:expr, $run:expr;)+) => {
        const TOOLS: &[Tool] = &[$(Tool {
            name: stringify!($name),
            about: $about,
            action: Action::$action,
            effect: Effect::$effect,
            in_default: tools!(@default $($list)+),
            in_all: tools!(@all $($list)+),
            takes: || $takes,
            run: |call| Box::pin($run(call)),
        }),+];
    };
    (@default default $($rest:ident)*) => { true };
    (@default all) => { false };
    (@all all) => { true };
    (@all default all) => { true };
    (@all default) => { false };
}

fn none() -> Schema {
    Schema::default()
}

fn id() -> Schema {
    none().with_required("id", json!({"type": "string"}))
}

fn named_id() -> Schema {
    none().with_required("id", json!({"type": "string", "description": "id or exact name"}))
}

fn on<I: service::input::Input>(id: Schema) -> Schema {
    id.and(
        Schema::of::<I>().nullable(I::fields().iter().filter(|field| field.kind == OPTIONAL).map(|field| field.name)),
    )
}

tools! {
    Reads GetMe get_me in default all: "Who you act for: member, workspace, role, plan, projects.", none(), read::me;
    Reads GetOrganization get_organization in all: "The workspace.", none(), read::organization;
    Reads GetMe find in default: "Find clients, projects, tasks, members and invoices by part of a name; gives their ids.",
        none().with_required("text", json!({"type": "string"})), read::find;
    Reads GetMe query in default:
        "Run one read-only GraphQL query (cost up to 100) for whatever no other tool reads; see schema for its types.",
        none().with_required("query", json!({"type": "string"})).with("variables", json!({"type": "object"})), read::query;
    Reads GetMe schema in default: "GraphQL types and fields whose name contains a word; without a word, the root fields.",
        none().with("word", json!({"type": "string"})), read::schema;
    Reads GetTimeReport time_report in default: "Sum time (and amounts, where you see them) by one to three groups.",
        read::report_schema(), read::time_report;

    Reads ListClients list_clients in all: "List clients.", Schema::of::<client::ClientFilter>().listed(), read::clients;
    Reads GetClient get_client in all: "Get a client.", named_id(), read::client;
    Creates CreateClient create_client in default all: "Create a client.", Schema::of::<client::CreateClientInput>(),
        async |call: Call| call.write("client", Target::New("/clients"), async |cx, write| {
            client::create(cx, FromBody::from_json(write.body)).await
        }).await;
    Changes UpdateClient update_client in default all: "Change a client; null clears a field.",
        on::<client::UpdateClientInput>(named_id()),
        async |call: Call| call.write("client", Target::Change("/clients", Some(Named::Client)), async |cx, write| {
            client::update(cx, write.id.of(), &write.expected, FromBody::from_json(write.body)).await
        }).await;
    Destroys DeleteClient delete_client in all: "Delete a client.", named_id(),
        async |call: Call| call.write("client", Target::Delete("/clients", Some(Named::Client)), async |cx, write| {
            client::delete(cx, write.id.of(), &write.expected).await
        }).await;

    Reads ListProjects list_projects in all: "List projects.", Schema::of::<project::ProjectFilter>().listed(),
        read::projects;
    Reads GetProject get_project in all: "Get a project.", named_id(), read::project;
    Creates CreateProject create_project in default all: "Create a project for a client.",
        Schema::of::<project::CreateProjectInput>(),
        async |call: Call| call.write("project", Target::New("/projects"), async |cx, write| {
            project::create(cx, FromBody::from_json(write.body)).await
        }).await;
    Changes UpdateProject update_project in default all: "Change a project; null clears a field.",
        on::<project::UpdateProjectInput>(named_id()),
        async |call: Call| call.write("project", Target::Change("/projects", Some(Named::Project)), async |cx, write| {
            project::update(cx, write.id.of(), &write.expected, FromBody::from_json(write.body)).await
        }).await;
    Changes ArchiveProject archive_project in all: "Archive a project: it takes no new time.", named_id(),
        async |call: Call| call.write("project", Target::Act("/projects", "/archive", Some(Named::Project)),
            async |cx, write| project::archive(cx, write.id.of(), &write.expected).await).await;

    Reads ListTasks list_tasks in all: "List tasks.", Schema::of::<task::TaskFilter>().listed(), read::tasks;
    Reads GetTask get_task in all: "Get a task.", named_id(), read::task;
    Creates CreateTask create_task in default all: "Create a task on a project.", Schema::of::<task::CreateTaskInput>(),
        async |call: Call| call.write("task", Target::New("/tasks"), async |cx, write| {
            task::create(cx, FromBody::from_json(write.body)).await
        }).await;
    Changes UpdateTask update_task in default all: "Change a task; null clears a field.",
        on::<task::UpdateTaskInput>(named_id()),
        async |call: Call| call.write("task", Target::Change("/tasks", Some(Named::Task)), async |cx, write| {
            task::update(cx, write.id.of(), &write.expected, FromBody::from_json(write.body)).await
        }).await;
    Destroys ArchiveTask archive_task in all: "Archive a task: it leaves every list.", named_id(),
        async |call: Call| call.write("task", Target::Act("/tasks", "/archive", Some(Named::Task)),
            async |cx, write| task::archive(cx, write.id.of(), &write.expected).await).await;

    Reads ListTimeEntries list_time_entries in all: "List time entries.",
        Schema::of::<time_entry::TimeEntryFilter>().listed(), read::time_entries;
    Reads GetTimeEntry get_time_entry in all: "Get a time entry.", id(), read::time_entry;
    Reads GetRunningTimer get_running_timer in all: "The timer that is running, if one is.", none(), read::running_timer;
    Creates CreateTimeEntry create_time_entry in default all:
        "Log time on a project: a duration, or durationSeconds, or startedAt with stoppedAt.",
        Schema::of::<time_entry::CreateTimeEntryInput>().with("entryDate", json!({
            "type": "string", "description": "YYYY-MM-DD; required without startedAt",
        })),
        async |call: Call| call.write("time_entry", Target::New("/time-entries"), async |cx, write| {
            time_entry::create(cx, FromBody::from_json(write.body)).await
        }).await;
    Creates CreateTimeEntries create_time_entries in default all: "Log up to 100 entries at once, all or none.",
        none().with_required("timeEntries", json!({
            "type": "array", "maxItems": 100,
            "items": {"type": "object", "description": "the arguments of create_time_entry, without idempotencyKey"},
        })),
        async |call: Call| call.write("time_entry", Target::New("/time-entries/batch"), async |cx, write| {
            time_entry::create_batch(cx, FromBody::from_json(write.body)).await
        }).await;
    Changes UpdateTimeEntry update_time_entry in default all: "Change a time entry; null clears a field.",
        on::<time_entry::UpdateTimeEntryInput>(id()),
        async |call: Call| call.write("time_entry", Target::Change("/time-entries", None), async |cx, write| {
            time_entry::update(cx, write.id.of(), &write.expected, FromBody::from_json(write.body)).await
        }).await;
    Destroys DeleteTimeEntry delete_time_entry in default all: "Delete a time entry.", id(),
        async |call: Call| call.write("time_entry", Target::Delete("/time-entries", None), async |cx, write| {
            time_entry::delete(cx, write.id.of(), &write.expected).await
        }).await;
    Creates StartTimer start_timer in default all: "Start a timer; your running one is stopped first.",
        Schema::of::<time_entry::StartTimerInput>(),
        async |call: Call| call.write("time_entry", Target::New("/time-entries/start"), async |cx, write| {
            time_entry::start(cx, FromBody::from_json(write.body)).await
        }).await;
    Creates StopTimer stop_timer in default all: "Stop a timer; without an id, your running one.",
        none().with("id", json!({"type": "string"})).and(Schema::of::<time_entry::StopTimerInput>()), read::stop_timer;

    Reads ListExpenses list_expenses in all: "List expenses.", Schema::of::<expense::ExpenseFilter>().listed(),
        read::expenses;
    Reads GetExpense get_expense in all: "Get an expense.", id(), read::expense;
    Creates CreateExpense create_expense in default all: "Record an expense for a client.",
        Schema::of::<expense::CreateExpenseInput>(),
        async |call: Call| call.write("expense", Target::New("/expenses"), async |cx, write| {
            expense::create(cx, FromBody::from_json(write.body)).await
        }).await;
    Changes UpdateExpense update_expense in default all: "Change an expense; null clears a field.",
        on::<expense::UpdateExpenseInput>(id()),
        async |call: Call| call.write("expense", Target::Change("/expenses", None), async |cx, write| {
            expense::update(cx, write.id.of(), &write.expected, FromBody::from_json(write.body)).await
        }).await;
    Destroys DeleteExpense delete_expense in all: "Delete an expense.", id(),
        async |call: Call| call.write("expense", Target::Delete("/expenses", None), async |cx, write| {
            expense::delete(cx, write.id.of(), &write.expected).await
        }).await;
    Destroys DeleteClient delete_record in default: "Delete a client, project, task or expense.",
        none().with_required("noun", json!({"type": "string", "enum": ["client", "project", "task", "expense"]}))
            .and(named_id()), read::delete_record;

    Reads ListInvoices list_invoices in all: "List invoices.",
        Schema::of::<service::invoice::InvoiceFilter>().listed(), read::invoices;
    Reads GetInvoice get_invoice in all: "Get an invoice with its lines.", id(), read::invoice;
    Reads ListMembers list_members in all: "List the members of the workspace.",
        Schema::of::<service::member::MemberFilter>().listed(), read::members;
}
