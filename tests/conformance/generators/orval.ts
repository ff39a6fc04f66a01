// A day's work with orval's client of functions around fetch, which is ./orval-client.ts; it was made for the URL of this server.

import {
  createClient, createProject, createTask, createTimeEntries, getRunningTimer, listTimeEntries, startTimer, stopTimer,
} from './orval-client'
import type { TimeEntry } from './orval-client'

declare const process: { env: Record<string, string | undefined> }

const authorization = `Bearer ${process.env['HOURSMITH_API_TOKEN']}`
const read = { headers: { authorization } }
const write = () => ({ headers: { authorization, 'idempotency-key': crypto.randomUUID() } })

function same(left: unknown, right: unknown, what: string): void {
  if (left !== right) throw new Error(`${what}: ${String(left)} is not ${String(right)}`)
}

/** The answer of a request that must succeed. */
function sure<A extends { status: number }, S extends number>(answer: A, status: S): Extract<A, { status: S }> {
  if (answer.status !== status) throw new Error(`${answer.status}: ${JSON.stringify(answer)}`)
  return answer as Extract<A, { status: S }>
}

// A retry with the same key is one client.
const once = write()
const wanted = { name: 'Globex', currency: 'USD', defaultRate: '120.00' }
const client = sure(await createClient(wanted, once), 201).data.data
const again = sure(await createClient(wanted, once), 201)
same(again.data.data.id, client.id, 'id of the retry')
same(again.headers.get('idempotent-replayed'), 'true', 'the retry says so')

const project = sure(await createProject({ clientId: client.id, name: 'Website', dueDate: '2026-09-30' }, write()), 201).data.data
same(project.hourlyRate, '120.00', 'copied rate')
const work = { projectId: project.id, name: 'Wireframes', estimatedHours: '12.5', tags: ['design'] }
const task = sure(await createTask(work, write()), 201).data.data

// A problem names its fields.
const refused = sure(await createProject({ clientId: project.id, name: 'x' }, write()), 422).data.error
same(refused.code, 'validation_error', 'code')
same(refused.fields?.['clientId'], 'not found', 'the field')

const timer = sure(await startTimer({ projectId: project.id, note: 'Call' }, write()), 201).data.data
same(sure(await getRunningTimer(read), 200).data.data?.id, timer.id, 'running')
same(typeof sure(await stopTimer(timer.id, undefined, write()), 200).data.data.stoppedAt, 'string', 'stopped')

const batch = [1, 2, 3, 4].map((n) => ({ projectId: project.id, taskId: task.id, durationSeconds: n * 900, entryDate: '2026-06-10' }))
sure(await createTimeEntries({ timeEntries: batch }, write()), 201)

const seen: TimeEntry[] = []
for (let cursor: string | null | undefined; cursor !== null; ) {
  const query = { projectId: [project.id], limit: 2, sort: '-createdAt' as const, ...(cursor ? { cursor } : {}) }
  const page = sure(await listTimeEntries(query, read), 200).data
  seen.push(...page.data)
  cursor = page.pagination.nextCursor
}
same(new Set(seen.map((entry) => entry.id)).size, seen.length, 'distinct entries')
console.log(JSON.stringify({ client: client.name, entries: seen.length }))
