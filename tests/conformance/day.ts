// A day's work, typed by what openapi-typescript makes of our document: nothing here is cast, nothing is `any`.

import createClient from 'openapi-fetch'
import type { components, paths } from './api.js'

type Entry = components['schemas']['TimeEntry']
type ErrorCode = components['schemas']['ErrorCode']

declare const process: { env: Record<string, string | undefined> }

const url = process.env['HOURSMITH_URL'] ?? ''
const token = process.env['HOURSMITH_API_TOKEN'] ?? ''
const api = createClient<paths>({
  baseUrl: `${url}/api/v1`,
  headers: { authorization: `Bearer ${token}` },
})

let keys = 0
const run = Date.now()
const key = () => ({ 'Idempotency-Key': `ts-${run}-${keys++}` })

function sure<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`no ${what}`)
  return value
}

function same(left: unknown, right: unknown, what: string): void {
  if (left !== right) throw new Error(`${what}: ${String(left)} is not ${String(right)}`)
}

const { data: me } = await api.GET('/me')
const role: components['schemas']['Role'] = sure(me, 'caller').data.role
same(role, 'MANAGER', 'role')

// A client and a project for it; the same key makes nothing twice.
const header = key()
const body: components['schemas']['CreateClientInput'] = { name: 'Globex', currency: 'USD', defaultRate: '120.00', notes: null }
const first = await api.POST('/clients', { params: { header }, body })
const again = await api.POST('/clients', { params: { header }, body })
const client = sure(first.data, 'client').data
same(sure(again.data, 'replay').data.id, client.id, 'replayed id')
same(again.response.headers.get('idempotent-replayed'), 'true', 'replay')
const made = await api.POST('/projects', {
  params: { header: key() },
  body: { clientId: client.id, name: 'Website', budgetHours: 80, dueDate: '2026-09-30' },
})
const project = sure(made.data, 'project').data
same(project.hourlyRate, '120.00', 'copied rate')

// A task with a tag, and what the journey to the client cost.
const tasked = await api.POST('/tasks', {
  params: { header: key() },
  body: { projectId: project.id, name: 'Wireframes', estimatedHours: '12.5', assigneeIds: [sure(me, 'me').data.userId], tags: ['design'] },
})
const task = sure(tasked.data, 'task').data
same(task.tags[0], 'design', 'tag')
const travelled = await api.POST('/expenses', {
  params: { header: key() },
  body: { clientId: client.id, category: 'TRAVEL', description: 'Train', amount: 64.2, expenseDate: '2026-06-09' },
})
same(sure(travelled.data, 'expense').data.amount, '64.20', 'amount')

// Problems are reported field by field.
const wrong = await api.POST('/projects', { params: { header: key() }, body: { clientId: project.id, name: ' ' } })
const refused = sure(wrong.error, 'refusal').error
const code: ErrorCode = refused.code
same(wrong.response.status, 422, 'status')
same(code, 'validation_error', 'code')
same(refused.fields?.['clientId'], 'not found', 'clientId')
same(refused.fields?.['name'], 'required', 'name')

// A timer; on the same project it goes on.
const timer = { projectId: project.id, note: 'Call' }
const started = await api.POST('/time-entries/start', { params: { header: key() }, body: timer })
const goesOn = await api.POST('/time-entries/start', { params: { header: key() }, body: timer })
same(started.response.status, 201, 'started')
same(goesOn.response.status, 200, 'goes on')
const running = await api.GET('/time-entries/running')
const id = sure(started.data, 'timer').data.id
same(sure(running.data, 'answer').data?.id, id, 'running')
const stop = { params: { path: { id }, header: key() } }
same(sure((await api.POST('/time-entries/{id}/stop', stop)).data, 'stopped').data.startedAt !== null, true, 'started')

// Time, alone and together.
await api.POST('/time-entries', {
  params: { header: key() },
  body: { projectId: project.id, taskId: task.id, duration: '1h30m', entryDate: '2026-06-11', note: 'Wireframes' },
})
const finished = await api.PATCH('/tasks/{id}', { params: { path: { id: task.id } }, body: { status: 'DONE' } })
same(sure(finished.data, 'task').data.completedAt !== null, true, 'completed')
const batch = [1, 2, 3].map((hours) => ({ projectId: project.id, durationSeconds: hours * 3600, entryDate: '2026-06-10' }))
const together = await api.POST('/time-entries/batch', { params: { header: key() }, body: { timeEntries: batch } })
same(sure(together.data, 'batch').data.length, 3, 'batch')

// Page by page.
const entries: Entry[] = []
for (let cursor: string | null | undefined; cursor !== null; ) {
  const query = { projectId: [project.id], sort: '-durationSeconds' as const, limit: 2, ...(cursor ? { cursor } : {}) }
  const page = sure((await api.GET('/time-entries', { params: { query } })).data, 'page')
  entries.push(...page.data)
  cursor = page.pagination.nextCursor
}
same(entries.length, 5, 'entries')
same(new Set(entries.map((entry) => entry.id)).size, 5, 'distinct entries')
const longest = sure(entries[0], 'longest entry')
same(longest.durationSeconds, 10800, 'longest')

// Change it, only as it was read; then it is gone.
const path = { id: longest.id }
const changes = { note: 'Longer than planned' }
const stale = await api.PATCH('/time-entries/{id}', { params: { path, header: { 'If-Match': '"99"' } }, body: changes })
same(stale.response.status, 412, 'stale')
same(sure(stale.error, 'refusal').error.reason, 'stale', 'reason')
const current = `"${longest.version}"`
const fresh = await api.PATCH('/time-entries/{id}', { params: { path, header: { 'If-Match': current } }, body: changes })
same(sure(fresh.data, 'changed').data.note, changes.note, 'note')
const gone = await api.DELETE('/time-entries/{id}', { params: { path } })
same(gone.response.status, 204, 'deleted')
const missing = await api.GET('/time-entries/{id}', { params: { path } })
same(sure(missing.error, 'refusal').error.code, 'not_found', 'after')

console.log(JSON.stringify({ client: client.name, entries: entries.length }))
