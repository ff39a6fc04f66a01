// A day through MCP, the same for every client in JavaScript: list, call, fail, retry, confirm.
// A client is given as { list, call }: `list()` gives tools, `call(name, arguments)` the raw result.

const same = (left, right, what) => {
  if (left !== right) throw new Error(`${what}: ${JSON.stringify(left)} is not ${JSON.stringify(right)}`)
}

/** The JSON of a result's text, which an assistant reads; it comes once, not as structured content too. */
const read = (result) => {
  same(result.structuredContent, undefined, 'structured content')
  return JSON.parse(result.content[0].text)
}

/** Runs the day; `confirms` says that the client can ask its person, so that no flag is sent. */
export async function day({ list, call }, name, confirms) {
  const make = async (tool, input, again) => {
    const result = await call(tool, { ...input, idempotencyKey: `${name}-${again ?? crypto.randomUUID()}` })
    same(result.isError ?? false, false, `${tool}: ${result.content[0].text}`)
    return read(result)
  }
  const tools = await list()
  if (tools.length === 0 || tools.length > 20) throw new Error(`${tools.length} tools`)
  same(tools.every((tool) => tool.inputSchema.type === 'object'), true, 'schemas')
  same(read(await call('get_me', {})).role, 'MANAGER', 'role')

  // A retry with the same key is one client.
  const client = await make('create_client', { name: `Globex ${name}`, defaultRate: '120.00' }, 'client')
  const again = await make('create_client', { name: `Globex ${name}`, defaultRate: '120.00' }, 'client')
  same(again.id, client.id, 'id of the retry')
  same(again.replayed, true, 'the retry says so')

  // Names stand for ids.
  const project = await make('create_project', { clientId: client.name, name: `Website ${name}` })
  const task = await make('create_task', { projectId: project.name, name: 'Wireframes', tags: ['design'] })
  const entry = await make('create_time_entry', {
    projectId: project.name, taskId: task.name, duration: '1h30m', entryDate: '2026-06-11', note: 'Wireframes',
  })
  same(entry.durationSeconds, 5400, 'seconds')
  await make('start_timer', { projectId: project.id })
  same((await make('stop_timer', {})).projectId, project.id, 'project of the timer')

  // A problem is an answer with a next step, not an exception.
  const wrong = await call('create_time_entry', { projectId: project.id, idempotencyKey: `${name}-wrong` })
  same(wrong.isError, true, 'refused')
  const why = read(wrong)
  same(why.code, 'validation_error', 'code')
  same(typeof why.fields.entryDate, 'string', 'the field')
  same(typeof why.next, 'string', 'the next step')

  const report = read(await call('time_report', { groupBy: ['project'], projectId: project.name }))
  same(report.total.billableSeconds >= 5400, true, 'reported seconds')

  // What destroys asks once.
  const gone = await call('delete_time_entry', {
    id: entry.id, idempotencyKey: `${name}-delete`, ...(confirms ? {} : { confirm: true }),
  })
  same(gone.isError ?? false, false, `delete: ${JSON.stringify(gone)}`)
  console.log(JSON.stringify({ tools: tools.length, project: project.name }))
}
