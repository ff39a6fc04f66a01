// Subscribes with the clients that everybody uses, over both transports; makes things happen over REST; survives a
// restart of the server.
// Usage: node subscriptions.mjs BASE TOKEN   It says "restart" when the server may be restarted, and goes on by itself.
import { createClient as overSse } from 'graphql-sse'
import { createClient as overSocket } from 'graphql-ws'
import WebSocket from 'ws'

const [base, token] = process.argv.slice(2)
const authorization = `Bearer ${token}`
const retrying = { retryAttempts: 100, retryWait: () => new Promise((done) => setTimeout(done, 100)), retry: () => new Promise((done) => setTimeout(done, 100)) }
const clients = {
  'graphql-ws': overSocket({ url: base.replace('http', 'ws') + '/graphql', webSocketImpl: WebSocket, connectionParams: { authorization }, shouldRetry: () => true, ...retrying }),
  'graphql-sse': overSse({ url: base + '/graphql', headers: { authorization }, singleConnection: false, ...retrying }),
}

let failures = 0
const check = (holds, what) => {
  console.log(holds ? 'ok  ' : 'FAIL', what)
  if (!holds) failures += 1
}
setTimeout(() => { check(false, 'all of this within a minute'); process.exit(1) }, 60_000)

const seen = {}
for (const [name, client] of Object.entries(clients)) {
  seen[name] = { events: [], timers: [] }
  const collectInto = (list) => ({
    next: (result) => (result.errors ? check(false, `${name}: ${JSON.stringify(result.errors)}`) : list.push(result.data)),
    error: (error) => check(false, `${name}: ${error?.message ?? JSON.stringify(error)}`),
    complete: () => check(false, `${name} was completed, so that it does not come back`),
  })
  client.subscribe({ query: 'subscription { events(types: ["client.created"]) { id type created livemode data } }' }, collectInto(seen[name].events))
  client.subscribe({ query: 'subscription { timerChanged { timeEntry { id durationSeconds project { name } } } }' }, collectInto(seen[name].timers))
}

let keys = 0
const post = async (path, body = {}) => {
  const headers = { authorization, 'content-type': 'application/json', 'idempotency-key': `${process.pid}-${keys++}` }
  const answer = await fetch(base + '/api/v1' + path, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return (await answer.json()).data
}
const all = (holds) => Object.values(seen).every(holds)
const until = async (holds, again = () => {}) => {
  for (;;) {
    if (holds()) return
    await again()
    await new Promise((done) => setTimeout(done, 50))
  }
}
/** A subscription is not acknowledged: clients are created until every subscription has received one. */
const hears = async (name) => {
  const received = () => all(({ events }) => events.some((event) => event.events.data.client.name === name))
  await until(received, () => post('/clients', { name }).catch(() => {}))
}

await hears('Before')
const { events } = seen['graphql-ws']
check(events[0].events.type === 'client.created' && events[0].events.livemode === true, 'an event caused over REST arrives as it is sent')
const mine = await post('/projects', { clientId: events[0].events.data.client.id, name: 'Timed' })
const started = await post('/time-entries/start', { projectId: mine.id })
await until(() => all(({ timers }) => timers.length === 1))
check(all(({ timers: [change] }) => change.timerChanged.timeEntry.id === started.id && change.timerChanged.timeEntry.durationSeconds === null), 'a timer that starts is published')
check(all(({ timers: [change] }) => change.timerChanged.timeEntry.project.name === 'Timed'), 'with what it belongs to')
await post(`/time-entries/${started.id}/stop`)
await until(() => all(({ timers }) => timers.length === 2))
check(all(({ timers: [, change] }) => Number.isInteger(change.timerChanged.timeEntry.durationSeconds)), 'and so is its end')
console.log('restart')
await hears('After')
check(true, 'both come back after a restart')
check(all(({ events }) => new Set(events.map((event) => event.events.id)).size === events.length), 'no event is published twice')
process.exit(failures > 0 ? 1 : 0)
