//! The statements of the bare servers. Parameters are numbered; on SQLite `?` stands before the number.

/// The columns of an entry, in the order of its answer.
pub(super) const COLUMNS: &str = "e.id, e.organization_id, e.external_id, e.user_id, e.project_id, e.task_id, \
    e.invoice_id, e.duration_seconds, e.billable, e.note, e.entry_date, e.started_at, e.stopped_at, e.version, \
    e.created_at, e.updated_at, e.deleted_at";

const NEWEST: &str = "e.deleted_at IS NULL ORDER BY e.created_at DESC, e.id DESC LIMIT 51";

/// The newest 51 of a workspace.
pub(super) fn list() -> String {
    format!("SELECT {COLUMNS} FROM time_entry e WHERE e.organization_id = $1 AND {NEWEST}")
}

/// The 51 after a row.
pub(super) fn after() -> String {
    format!(
        "SELECT {COLUMNS} FROM time_entry e WHERE e.organization_id = $1 AND (e.created_at, e.id) < ($2, $3) AND {NEWEST}"
    )
}

/// The newest 51 with a text in their note.
pub(super) fn search() -> String {
    format!("SELECT {COLUMNS} FROM time_entry e WHERE e.organization_id = $1 AND e.search_key LIKE $2 AND {NEWEST}")
}

/// One.
pub(super) fn get() -> String {
    format!("SELECT {COLUMNS} FROM time_entry e WHERE e.organization_id = $1 AND e.id = $2 AND e.deleted_at IS NULL")
}

/// A new entry: id, workspace, person, project, seconds, note, its key, day, now.
pub(super) const INSERT: &str = "INSERT INTO time_entry (id, organization_id, user_id, project_id, duration_seconds, \
    billable, note, search_key, entry_date, version, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, TRUE, $6, $7, $8, 1, $9, $9)";

/// An event: id, workspace, body, now.
pub(super) const EVENT: &str = "INSERT INTO event (id, organization_id, kind, body, created_at) \
    VALUES ($1, $2, 'time_entry.created', $3, $4)";

/// The answer of a key: workspace, person, key, fingerprint, record, body, until when.
pub(super) const REPLY: &str = "INSERT INTO idempotency_key (organization_id, user_id, key, fingerprint, role, \
    record_id, record_version, created, body, expires_at) VALUES ($1, $2, $3, $4, 10, $5, 1, TRUE, $6, $7)";

/// The newest 20 clients, and one.
pub(super) const CLIENTS: &str = "SELECT id, name FROM client WHERE organization_id = $1 AND deleted_at IS NULL \
    ORDER BY created_at DESC, id DESC LIMIT 21";

/// The newest 5 projects of each client, and one: workspace, clients.
pub(super) const PROJECTS: &str = "SELECT p.client_id, p.id, p.name FROM unnest($2::uuid[]) AS parent(id) \
    CROSS JOIN LATERAL (SELECT client_id, id, name FROM project WHERE organization_id = $1 AND client_id = parent.id \
    AND deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 6) p";

/// The newest 5 entries of each project, and one: workspace, projects.
pub(super) const ENTRIES: &str = "SELECT e.project_id, e.id, e.duration_seconds, e.note, e.entry_date \
    FROM unnest($2::uuid[]) AS parent(id) CROSS JOIN LATERAL (SELECT project_id, id, duration_seconds, note, entry_date \
    FROM time_entry WHERE organization_id = $1 AND project_id = parent.id AND deleted_at IS NULL \
    ORDER BY created_at DESC, id DESC LIMIT 6) e";

/// The same of one parent, for SQLite, which has no round trips to save.
pub(super) const PROJECTS_OF: &str = "SELECT client_id, id, name FROM project WHERE organization_id = $1 \
    AND client_id = $2 AND deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 6";

/// The same of one parent.
pub(super) const ENTRIES_OF: &str = "SELECT project_id, id, duration_seconds, note, entry_date FROM time_entry \
    WHERE organization_id = $1 AND project_id = $2 AND deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 6";

/// What a year of entries sums up to, by project.
pub(super) const REPORT: &str = "SELECT p.id, p.name, CAST(s.seconds AS BIGINT), CAST(s.billable AS BIGINT), s.entries, \
    c.currency, p.hourly_rate FROM (SELECT project_id, SUM(duration_seconds) AS seconds, \
    SUM(CASE WHEN billable THEN duration_seconds ELSE 0 END) AS billable, COUNT(*) AS entries FROM time_entry \
    WHERE organization_id = $1 AND deleted_at IS NULL AND duration_seconds IS NOT NULL \
    AND entry_date >= '2025-06-12' AND entry_date <= '2026-06-11' GROUP BY project_id) s \
    JOIN project p ON p.organization_id = $1 AND p.id = s.project_id \
    JOIN client c ON c.organization_id = $1 AND c.id = p.client_id ORDER BY p.name_key, p.id";
