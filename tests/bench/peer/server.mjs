// The peer of the laboratory: the same rows as people would serve them by hand with Fastify and pg, with named (prepared)
// statements and answers by schema. As the bare server it has a static token and neither limits nor permissions.
import Fastify from "fastify";
import pg from "pg";
import { randomBytes } from "node:crypto";

const [url, port] = process.argv.slice(2);
pg.types.setTypeParser(20, Number);
pg.types.setTypeParser(1082, (text) => text);
const pool = new pg.Pool({ connectionString: url, max: 10 });

const columns = `id, organization_id, external_id, user_id, project_id, task_id, invoice_id, duration_seconds, billable,
  note, entry_date, started_at, stopped_at, version, created_at, updated_at, deleted_at`;
const newest = "deleted_at IS NULL ORDER BY created_at DESC, id DESC";
const instant = (millis) => (millis === null ? null : new Date(millis).toISOString());

const shown = (row) => ({
  id: row.id,
  orgId: row.organization_id,
  externalId: row.external_id,
  userId: row.user_id,
  projectId: row.project_id,
  taskId: row.task_id,
  invoiceId: row.invoice_id,
  durationSeconds: row.duration_seconds,
  billable: row.billable,
  note: row.note,
  entryDate: row.entry_date,
  startedAt: instant(row.started_at),
  stoppedAt: instant(row.stopped_at),
  version: row.version,
  createdAt: instant(row.created_at),
  updatedAt: instant(row.updated_at),
  deletedAt: instant(row.deleted_at),
});

const text = { type: "string" };
const maybe = { type: ["string", "null"] };
const entry = {
  type: "object",
  properties: {
    id: text, orgId: text, externalId: maybe, userId: text, projectId: text, taskId: maybe, invoiceId: maybe,
    durationSeconds: { type: ["integer", "null"] }, billable: { type: "boolean" }, note: maybe, entryDate: text,
    startedAt: maybe, stoppedAt: maybe, version: { type: "integer" }, createdAt: text, updatedAt: text, deletedAt: maybe,
  },
};
const object = (properties) => ({ type: "object", properties });
const array = (items) => ({ type: "array", items });
const one = object({ data: entry });
const list = object({
  data: array(entry),
  pagination: object({ nextCursor: maybe, limit: { type: "integer" } }),
});
const nodes = (properties) => object({ nodes: array(object(properties)) });
const nested = object({
  data: object({
    clients: nodes({
      id: text,
      name: text,
      projects: nodes({
        id: text,
        name: text,
        timeEntries: nodes({ id: text, durationSeconds: { type: ["integer", "null"] }, note: maybe, entryDate: text }),
      }),
    }),
  }),
});

const app = Fastify();
app.addHook("onRequest", async (request, reply) => {
  if (!request.headers.authorization?.startsWith("Bearer ")) return reply.code(401).send({});
});

app.get("/list/:workspace", { schema: { response: { 200: list } } }, async (request) => {
  const { rows } = await pool.query({
    name: "list",
    text: `SELECT ${columns} FROM time_entry WHERE organization_id = $1 AND ${newest} LIMIT 51`,
    values: [request.params.workspace],
  });
  const nextCursor = rows.length > 50 ? "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" : null;
  return { data: rows.slice(0, 50).map(shown), pagination: { nextCursor, limit: 50 } };
});

app.get("/get/:workspace/:id", { schema: { response: { 200: one } } }, async (request) => {
  const { rows } = await pool.query({
    name: "get",
    text: `SELECT ${columns} FROM time_entry WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL`,
    values: [request.params.workspace, request.params.id],
  });
  return { data: shown(rows[0]) };
});

// Ids that grow with time, as UUID v7 do.
const newId = (now) => {
  const hex = now.toString(16).padStart(12, "0") + "7" + randomBytes(10).toString("hex").slice(1);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};
const body = object({ projectId: text, durationSeconds: { type: "integer" }, entryDate: text, note: text });

app.post("/create/:workspace", { schema: { body, response: { 201: one } } }, async (request, reply) => {
  const { workspace } = request.params;
  const { projectId, durationSeconds, entryDate, note } = request.body;
  const now = Date.now();
  const person = workspace.slice(0, 4) + "0002" + workspace.slice(8, -1) + "1";
  const row = {
    id: newId(now), organization_id: workspace, external_id: null, user_id: person, project_id: projectId,
    task_id: null, invoice_id: null, duration_seconds: durationSeconds, billable: true, note, entry_date: entryDate,
    started_at: null, stopped_at: null, version: 1, created_at: now, updated_at: now, deleted_at: null,
  };
  const made = shown(row);
  const eventId = newId(now);
  const event = JSON.stringify({
    id: eventId, type: "time_entry.created", created: Math.floor(now / 1000), orgId: workspace, livemode: true,
    data: { timeEntry: made },
  });
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query({
      name: "insert",
      text: `INSERT INTO time_entry (id, organization_id, user_id, project_id, duration_seconds, billable, note,
        search_key, entry_date, version, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, TRUE, $6, $7, $8, 1, $9, $9)`,
      values: [row.id, workspace, person, projectId, durationSeconds, note, note.toLowerCase(), entryDate, now],
    });
    await client.query({
      name: "event",
      text: "INSERT INTO event (id, organization_id, kind, body, created_at) VALUES ($1, $2, 'time_entry.created', $3, $4)",
      values: [eventId, workspace, event, now],
    });
    await client.query({
      name: "reply",
      text: `INSERT INTO idempotency_key (organization_id, user_id, key, fingerprint, role, record_id, record_version,
        created, body, expires_at) VALUES ($1, $2, $3, $4, 10, $5, 1, TRUE, $6, $7)`,
      values: [workspace, person, request.headers["idempotency-key"], Buffer.alloc(32, 7), row.id, JSON.stringify(made), now + 86_400_000],
    });
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
  reply.code(201);
  return { data: made };
});

const below = (rows, parent, shownAs) => {
  const groups = new Map();
  for (const row of rows) {
    const group = groups.get(row[parent]) ?? [];
    if (group.length < 5) group.push(shownAs(row));
    groups.set(row[parent], group);
  }
  return groups;
};

app.post("/graphql/nested/:workspace", { schema: { response: { 200: nested } } }, async (request) => {
  const { workspace } = request.params;
  const ask = async (name, text, ...values) => (await pool.query({ name, text, values: [workspace, ...values] })).rows;
  const clients = (
    await ask("clients", `SELECT id, name FROM client WHERE organization_id = $1 AND ${newest} LIMIT 21`)
  ).slice(0, 20);
  const projects = await ask(
    "projects",
    `SELECT p.client_id, p.id, p.name FROM unnest($2::uuid[]) AS parent(id) CROSS JOIN LATERAL (
      SELECT client_id, id, name FROM project WHERE organization_id = $1 AND client_id = parent.id AND ${newest} LIMIT 6) p`,
    clients.map((client) => client.id),
  );
  const entries = await ask(
    "entries",
    `SELECT e.project_id, e.id, e.duration_seconds, e.note, e.entry_date FROM unnest($2::uuid[]) AS parent(id)
      CROSS JOIN LATERAL (SELECT project_id, id, duration_seconds, note, entry_date FROM time_entry
      WHERE organization_id = $1 AND project_id = parent.id AND ${newest} LIMIT 6) e`,
    projects.map((project) => project.id),
  );
  const entriesOf = below(entries, "project_id", (row) => ({
    id: row.id, durationSeconds: row.duration_seconds, note: row.note, entryDate: row.entry_date,
  }));
  const projectsOf = below(projects, "client_id", (row) => ({
    id: row.id, name: row.name, timeEntries: { nodes: entriesOf.get(row.id) ?? [] },
  }));
  const tree = clients.map(({ id, name }) => ({ id, name, projects: { nodes: projectsOf.get(id) ?? [] } }));
  return { data: { clients: { nodes: tree } } };
});

await app.listen({ host: "127.0.0.1", port: Number(port) });
