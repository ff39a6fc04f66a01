// A day's work with the client of @hey-api/openapi-ts, which lies in ./hey-client.

import { client as http } from './hey-client/client.gen'
import {
  createClient, createProject, createTask, createTimeEntries, getRunningTimer, listTimeEntries, startTimer, stopTimer,
} from './hey-client/sdk.gen'
import type { TimeEntry } from './hey-client/types.gen'

declare const process: { env: Record<string, string | undefined> }

http.setConfig({ baseUrl: `${process.env['HOURSMITH_URL']}/api/v1`, auth: process.env['HOURSMITH_API_TOKEN'] ?? '' })
const key = () => ({ 'Idempotency-Key': crypto.randomUUID() })

function same(left: unknown, right: unknown, what: string): void {
  if (left !== right) throw new Error(`${what}: ${String(left)} is not ${String(right)}`)
}

// A retry with the same key is one client.
const once = { headers: key(), body: { name: 'Globex', currency: 'USD', defaultRate: '120.00' } }
const client = (await createClient({ ...once, throwOnError: true })).data.data
const again = await createClient({ ...once, throwOnError: true })
same(again.data.data.id, client.id, 'id of the retry')
same(again.response.headers.get('idempotent-replayed'), 'true', 'the retry says so')

const planned = { clientId: client.id, name: 'Website', dueDate: '2026-09-30' }
const project = (await createProject({ headers: key(), body: planned, throwOnError: true })).data.data
same(project.hourlyRate, '120.00', 'copied rate')
const work = { projectId: project.id, name: 'Wireframes', estimatedHours: '12.5', tags: ['design'] }
const task = (await createTask({ headers: key(), body: work, throwOnError: true })).data.data

// A problem names its fields.
const refused = await createProject({ headers: key(), body: { clientId: project.id, name: 'x' } })
same(refused.error?.error.code, 'validation_error', 'code')
same(refused.error?.error.fields?.['clientId'], 'not found', 'the field')

const timer = (await startTimer({ headers: key(), body: { projectId: project.id, note: 'Call' }, throwOnError: true })).data.data
same((await getRunningTimer({ throwOnError: true })).data.data?.id, timer.id, 'running')
const stopped = (await stopTimer({ path: { id: timer.id }, headers: key(), throwOnError: true })).data.data
same(typeof stopped.stoppedAt, 'string', 'stopped')

const batch = [1, 2, 3, 4].map((n) => ({ projectId: project.id, taskId: task.id, durationSeconds: n * 900, entryDate: '2026-06-10' }))
await createTimeEntries({ headers: key(), body: { timeEntries: batch }, throwOnError: true })

const seen: TimeEntry[] = []
for (let cursor: string | null | undefined; cursor !== null; ) {
  const query = { projectId: [project.id], limit: 2, sort: '-createdAt' as const, ...(cursor ? { cursor } : {}) }
  const page = (await listTimeEntries({ query, throwOnError: true })).data
  seen.push(...page.data)
  cursor = page.pagination.nextCursor
}
same(new Set(seen.map((entry) => entry.id)).size, seen.length, 'distinct entries')
console.log(JSON.stringify({ client: client.name, entries: seen.length }))
