// A day's work with openapi-generator's client `typescript-fetch`, which lies in ./client.

import { ClientsApi, Configuration, ProjectsApi, ResponseError, TasksApi, TimeEntriesApi, TimeEntrySort } from './client/index.js'
import type { TimeEntry } from './client/index.js'

declare const process: { env: Record<string, string | undefined> }

const settings = new Configuration({
  basePath: `${process.env['HOURSMITH_URL']}/api/v1`,
  accessToken: process.env['HOURSMITH_API_TOKEN'] ?? '',
})
const [clients, projects] = [new ClientsApi(settings), new ProjectsApi(settings)]
const [tasks, timeEntries] = [new TasksApi(settings), new TimeEntriesApi(settings)]
const key = () => crypto.randomUUID()

function same(left: unknown, right: unknown, what: string): void {
  if (left !== right) throw new Error(`${what}: ${String(left)} is not ${String(right)}`)
}

// A retry with the same key is one client.
const once = { idempotencyKey: key(), createClientInput: { name: 'Globex', currency: 'USD', defaultRate: '120.00' } }
const client = (await clients.createClient(once)).data
const again = await clients.createClientRaw(once)
same((await again.value()).data.id, client.id, 'id of the retry')
same(again.raw.headers.get('idempotent-replayed'), 'true', 'the retry says so')

const dueDate = new Date('2026-09-30')
const project = (await projects.createProject({
  idempotencyKey: key(),
  createProjectInput: { clientId: client.id, name: 'Website', dueDate },
})).data
same(project.hourlyRate, '120.00', 'copied rate')
same(project.dueDate?.toISOString(), dueDate.toISOString(), 'day')
const task = (await tasks.createTask({
  idempotencyKey: key(),
  createTaskInput: { projectId: project.id, name: 'Wireframes', estimatedHours: '12.5', tags: ['design'] },
})).data

// A problem names its fields.
const refused = await projects.createProject({
  idempotencyKey: key(),
  createProjectInput: { clientId: project.id, name: 'x' },
}).catch((error: unknown) => error)
if (!(refused instanceof ResponseError)) throw new Error(`not refused: ${String(refused)}`)
same(refused.response.status, 422, 'status')
same((await refused.response.json()).error.fields.clientId, 'not found', 'the field')

const timer = (await timeEntries.startTimer({
  idempotencyKey: key(),
  startTimerInput: { projectId: project.id, note: 'Call' },
})).data
same((await timeEntries.getRunningTimer()).data?.id, timer.id, 'running')
const stopped = (await timeEntries.stopTimer({ id: timer.id, idempotencyKey: key() })).data
same(stopped.stoppedAt instanceof Date, true, 'stopped')

const entryDate = new Date('2026-06-10')
const batch = [1, 2, 3, 4].map((n) => ({ projectId: project.id, taskId: task.id, durationSeconds: n * 900, entryDate }))
await timeEntries.createTimeEntries({ idempotencyKey: key(), createTimeEntriesInput: { timeEntries: batch } })

const seen: TimeEntry[] = []
for (let cursor: string | null | undefined; cursor !== null; ) {
  const page = await timeEntries.listTimeEntries({
    projectId: [project.id],
    limit: 2,
    sort: TimeEntrySort.CREATED_AT_DESC,
    ...(cursor ? { cursor } : {}),
  })
  seen.push(...page.data)
  cursor = page.pagination.nextCursor
}
same(new Set(seen.map((entry) => entry.id)).size, seen.length, 'distinct entries')
console.log(JSON.stringify({ client: client.name, entries: seen.length }))
