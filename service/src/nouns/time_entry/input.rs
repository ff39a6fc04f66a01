//! The inputs of time entries, and their checks that need no database.

use entity::value::{Date, Duration, ExternalId, FieldErrors, Instant, Json, Note, ProjectId, TaskId, UserId};
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};

use super::span;
use crate::access::caller::Caller;
use crate::access::policy;
use crate::contract::error::Error;
use crate::contract::input::{
    Field, FromBody, Input, NewExternalId, NonNull, Reference, Required, Validate, external_id, references,
};

crate::input! {
    /// The fields of a new time entry. Its duration is given by `durationSeconds`, by `duration`, by `startedAt`
    /// together with `stoppedAt`, or by `startedAt` together with one of the first two.
    pub struct CreateTimeEntryInput {
        /// Identifier of the time entry in another system: at most 255 characters, unique among live time entries. Null
        /// or an empty text clears it.
        pub external_id: Field<ExternalId>,
        /// User identifier of the person whose time it is; the caller by default. Members log their own time only.
        pub user_id: Field<UserId>,
        /// Identifier of the project that the time was spent on; it must be `ACTIVE` (else 409 `project_not_active`).
        pub project_id: Required<ProjectId>,
        /// Identifier of a task of that project. Null means no task.
        pub task_id: Field<TaskId>,
        /// Duration in seconds, from 0 to 86,400.
        pub duration_seconds: Field<i32>,
        /// Duration as people write it: `1h30m`, `1:30`, `90m` or `1.5h`, at most 24 hours. `durationSeconds` takes
        /// precedence.
        pub duration: Field<Duration>,
        /// Whether the time is billed; by default as the task says, else `true`. Always false on `NON_BILLABLE`
        /// projects.
        pub billable: Field<bool>,
        /// What was done: at most 10,000 characters. Null or an empty text clears it.
        pub note: Field<Note>,
        /// Day that the time counts for. Required unless `startedAt` is sent; then by default its date in the offset as
        /// sent.
        pub entry_date: Field<Date>,
        /// Time at which the work began, with an offset, such as `2026-06-11T09:00:00+02:00`.
        pub started_at: Field<Instant>,
        /// Time at which the work ended, with an offset; at most 24 hours after `startedAt`.
        pub stopped_at: Field<Instant>,
    }
    read_only "id" "orgId" "invoiceId" "version" "createdAt" "updatedAt" "deletedAt"
}

crate::input! {
    /// The fields of a time entry to change. An absent field keeps its value, null clears a nullable one. Of a running
    /// timer only `note`, `billable`, `taskId`, `entryDate` and `startedAt` change.
    pub struct UpdateTimeEntryInput {
        /// Identifier of the time entry in another system: at most 255 characters, unique among live time entries. Null
        /// or an empty text clears it.
        pub external_id: Field<ExternalId>,
        /// User identifier of the person whose time it is. Only Owners and Admins give an entry to another person.
        pub user_id: NonNull<UserId>,
        /// Identifier of the project that the time was spent on; a new project must be `ACTIVE`.
        pub project_id: NonNull<ProjectId>,
        /// Identifier of a task of that project. Null means no task.
        pub task_id: Field<TaskId>,
        /// Duration in seconds, from 0 to 86,400. Of an entry with instants, `stoppedAt` moves.
        pub duration_seconds: NonNull<i32>,
        /// Duration as people write it: `1h30m`, `1:30`, `90m` or `1.5h`, at most 24 hours. `durationSeconds` takes
        /// precedence. Of an entry with instants, `stoppedAt` moves.
        pub duration: NonNull<Duration>,
        /// Whether the time is billed; always false on `NON_BILLABLE` projects.
        pub billable: NonNull<bool>,
        /// What was done: at most 10,000 characters. Null or an empty text clears it.
        pub note: Field<Note>,
        /// Day that the time counts for.
        pub entry_date: NonNull<Date>,
        /// Time at which the work began, with an offset; the duration follows.
        pub started_at: Field<Instant>,
        /// Time at which the work ended, with an offset; the duration follows.
        pub stopped_at: Field<Instant>,
    }
    read_only "id" "orgId" "invoiceId" "version" "createdAt" "updatedAt" "deletedAt"
}

fn refuse_another(caller: &Caller, user: Option<&UserId>, message: &'static str) -> Result<(), Error> {
    match user {
        Some(user) if *user != caller.user_id && !policy::sees_all(caller.role) => {
            Err(Error::Forbidden(message.into()))
        }
        _ => Ok(()),
    }
}

/// The records that an entry refers to.
fn named(project: Option<&ProjectId>, task: Option<&TaskId>, user: Option<&UserId>) -> Vec<(String, Reference)> {
    references(&[
        ("projectId", project.copied().map(Reference::Project)),
        ("taskId", task.copied().map(Reference::Task)),
        ("userId", user.copied().map(Reference::User)),
    ])
}

/// The duration that was sent, with its field; `durationSeconds` wins over `duration`.
pub(super) fn duration_sent(seconds: Option<&i32>, words: Option<&Duration>) -> Option<(&'static str, i32)> {
    match (seconds, words) {
        (Some(seconds), _) => Some(("durationSeconds", *seconds)),
        (None, Some(words)) => Some(("duration", words.seconds())),
        (None, None) => None,
    }
}

/// Checks that the parts of a span fit together.
fn check_span(
    duration: Option<(&str, i32)>,
    start: Option<&Instant>,
    stop: Option<&Instant>,
    problems: &mut FieldErrors,
) {
    if let (Some((field, _)), Some(_)) = (duration, stop) {
        problems.add("stoppedAt", "send either stoppedAt or a duration; with startedAt, the other follows");
        if start.is_some() {
            problems.add(field, "send either stoppedAt or a duration; with startedAt, the other follows");
        }
    }
    if let Some((field, seconds)) = duration {
        span::check_duration(field, seconds, problems);
    }
    if let (None, Some(start), Some(stop)) = (duration, start, stop)
        && let Err(wrong) = span::between(start.utc(), stop.utc())
    {
        problems.nest("", wrong);
    }
}

impl Validate for CreateTimeEntryInput {
    fn external_ids(&self) -> Vec<NewExternalId> {
        external_id("time_entry", &self.external_id)
    }

    /// Members log their own time only.
    fn refuse(&self, caller: &Caller) -> Result<(), Error> {
        refuse_another(caller, self.user_id.get(), "your role logs its own time only; leave userId out")
    }

    fn references(&self) -> Vec<(String, Reference)> {
        named(self.project_id.get(), self.task_id.get(), self.user_id.get())
    }

    fn problems(&self) -> FieldErrors {
        let mut problems = self.field_problems();
        if problems.names("body") {
            return problems;
        }
        let (start, stop) = (self.started_at.get(), self.stopped_at.get());
        let duration = duration_sent(self.duration_seconds.get(), self.duration.get());
        let bad = ["durationSeconds", "duration", "startedAt", "stoppedAt"].iter().any(|field| problems.names(field));
        check_span(duration, start, stop, &mut problems);
        match (start, stop) {
            _ if duration.is_some() || bad => {}
            (Some(_), None) => problems.add("stoppedAt", "required with startedAt, unless a duration is sent"),
            (None, Some(_)) => problems.add("startedAt", "required with stoppedAt"),
            (None, None) => problems
                .add("durationSeconds", "required: send durationSeconds, or duration, or startedAt with stoppedAt"),
            _ => {}
        }
        if self.entry_date.get().is_none() && self.started_at.get().is_none() && !problems.names("startedAt") {
            problems.add("entryDate", "required, unless startedAt is sent");
        }
        problems
    }
}

impl Validate for UpdateTimeEntryInput {
    /// A Member cannot give an entry to another person.
    fn refuse(&self, caller: &Caller) -> Result<(), Error> {
        refuse_another(caller, self.user_id.get(), "only Owner and Admin give an entry to another person")
    }

    fn references(&self) -> Vec<(String, Reference)> {
        named(self.project_id.get(), self.task_id.get(), self.user_id.get())
    }

    /// Checks what was sent together; what also depends on the row is checked once it is locked.
    fn problems(&self) -> FieldErrors {
        let mut problems = self.field_problems();
        let duration = duration_sent(self.duration_seconds.get(), self.duration.get());
        check_span(duration, self.started_at.get(), self.stopped_at.get(), &mut problems);
        match (&self.started_at, &self.stopped_at) {
            (Field::Value(_), Field::Null) if duration.is_none() => problems.add("stoppedAt", NO_STOP),
            (Field::Null, Field::Value(_)) => problems.add("startedAt", NO_START),
            _ => {}
        }
        problems
    }
}

/// The error for a start without a stop.
pub(super) const NO_STOP: &str = "the entry would have a start without a stop; send stoppedAt or a duration, too";
/// The error for a stop without a start.
pub(super) const NO_START: &str = "the entry would have a stop without a start; send both";

impl UpdateTimeEntryInput {
    /// The fields that were sent and cannot be changed while the timer runs.
    pub(super) fn refused_while_running(&self) -> FieldErrors {
        let mut problems = FieldErrors::none();
        for (field, sent) in [
            ("externalId", self.external_id.is_sent()),
            ("userId", self.user_id.is_sent()),
            ("projectId", self.project_id.is_sent()),
            ("durationSeconds", self.duration_seconds.is_sent()),
            ("duration", self.duration.is_sent()),
            ("stoppedAt", self.stopped_at.is_sent()),
        ] {
            if sent {
                problems.add(field, "cannot be changed while the timer runs; stop it first");
            }
        }
        if matches!(self.started_at, Field::Null) {
            problems.add("startedAt", "must not be null while the timer runs");
        }
        problems
    }
}

/// Entries in a batch at most.
const MAX_BATCH: usize = 100;

/// Up to 100 entries at once.
#[derive(Debug)]
pub struct Batch {
    /// At most one more than a batch may have: what is beyond is refused and not read.
    entries: Vec<CreateTimeEntryInput>,
    /// How many were sent.
    sent: usize,
    not_taken: FieldErrors,
}

impl From<Vec<CreateTimeEntryInput>> for Batch {
    fn from(entries: Vec<CreateTimeEntryInput>) -> Batch {
        Batch { sent: entries.len(), entries, not_taken: FieldErrors::none() }
    }
}

impl Batch {
    pub(super) fn into_entries(self) -> Vec<CreateTimeEntryInput> {
        self.entries
    }
}

impl FromBody for Batch {
    fn from_json(json: Json) -> Batch {
        let mut batch = Batch::from(vec![]);
        let Json::Object(pairs) = json else {
            batch.not_taken.add("body", format!("must be a JSON object, not {}", json.kind()));
            return batch;
        };
        let mut found = false;
        for (key, value) in pairs {
            match (key.as_str(), value) {
                ("timeEntries", Json::List(items)) => {
                    found = true;
                    batch.sent = items.len();
                    let first = items.into_iter().take(MAX_BATCH + 1);
                    batch.entries = first.map(CreateTimeEntryInput::from_json).collect();
                }
                ("timeEntries", other) => {
                    batch.not_taken.add(key, format!("must be an array, not {}", other.kind()));
                }
                _ => batch.not_taken.add(key, "unknown"),
            }
        }
        if !found {
            batch.not_taken.add("timeEntries", "required");
        }
        batch
    }
}

impl Validate for Batch {
    /// One point per entry.
    fn points(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    fn refuse(&self, caller: &Caller) -> Result<(), Error> {
        self.entries.iter().try_for_each(|entry| entry.refuse(caller))
    }

    fn external_ids(&self) -> Vec<NewExternalId> {
        let of = |(i, entry): (usize, &CreateTimeEntryInput)| {
            let placed =
                move |new: NewExternalId| NewExternalId { path: format!("timeEntries[{i}].{}", new.path), ..new };
            entry.external_ids().into_iter().map(placed)
        };
        self.entries.iter().take(MAX_BATCH).enumerate().flat_map(of).collect()
    }

    fn references(&self) -> Vec<(String, Reference)> {
        let of = |(i, entry): (usize, &CreateTimeEntryInput)| {
            entry.references().into_iter().map(move |(path, reference)| (format!("timeEntries[{i}].{path}"), reference))
        };
        self.entries.iter().take(MAX_BATCH).enumerate().flat_map(of).collect()
    }

    fn problems(&self) -> FieldErrors {
        let mut problems = self.not_taken.clone();
        if problems.is_empty() && !(1..=MAX_BATCH).contains(&self.sent) {
            problems.add("timeEntries", format!("must have 1 to {MAX_BATCH} entries, not {}", self.sent));
        }
        for (i, entry) in self.entries.iter().enumerate().take(MAX_BATCH) {
            let path = format!("timeEntries[{i}]");
            match entry.not_taken.iter().find(|(key, _)| *key == "body") {
                Some((_, reason)) => problems.add(path, reason),
                None => problems.nest(&path, entry.problems()),
            }
        }
        problems
    }
}

impl poem_openapi::types::Type for Batch {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> std::borrow::Cow<'static, str> {
        "CreateTimeEntriesInput".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference("CreateTimeEntriesInput".into())
    }

    fn register(registry: &mut Registry) {
        CreateTimeEntryInput::register(registry);
        registry.create_schema::<Batch, _>("CreateTimeEntriesInput".into(), |_| {
            let entries = MetaSchema {
                description: Some("The time entries to create, 1 to 100; all are created or none."),
                items: Some(Box::new(CreateTimeEntryInput::schema_ref())),
                min_items: Some(1),
                max_items: Some(MAX_BATCH),
                ..MetaSchema::new("array")
            };
            MetaSchema {
                description: Some("Time entries to create at once, all or nothing."),
                required: vec!["timeEntries"],
                properties: vec![("timeEntries", MetaSchemaRef::Inline(Box::new(entries)))],
                additional_properties: Some(Box::new(MetaSchemaRef::Inline(Box::new(MetaSchema::new("never"))))),
                ..MetaSchema::new("object")
            }
        });
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}
