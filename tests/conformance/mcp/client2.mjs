// @modelcontextprotocol/client 2.x: the current protocol, without a session; it asks its person when the server asks.
// Usage: node client2.mjs http URL TOKEN | node client2.mjs stdio COMMAND…   (with the program's settings in the environment)
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { day } from './day.mjs'

const [way, ...rest] = process.argv.slice(2)
const transport = way === 'http'
  ? new StreamableHTTPClientTransport(new URL(rest[0]), { requestInit: { headers: { authorization: `Bearer ${rest[1]}` } } })
  : new StdioClientTransport({ command: rest[0], args: rest.slice(1), env: process.env })
const client = new Client(
  { name: 'client2', version: '2.0.0' },
  { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: { pin: '2026-07-28' } } },
)
const asked = []
client.setRequestHandler('elicitation/create', (request) => {
  asked.push(request.params.message)
  return { action: 'accept', content: { confirm: true } }
})
await client.connect(transport)
await day({
  list: async () => (await client.listTools()).tools,
  call: (name, input) => client.callTool({ name, arguments: input }),
}, `client2-${way}`, true)
if (asked.length !== 1 || !asked[0].startsWith('Delete the time entry')) throw new Error(`asked: ${asked}`)
await client.close()
