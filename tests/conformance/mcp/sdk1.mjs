// @modelcontextprotocol/sdk 1.x, the client that most assistants still have.
// Usage: node sdk1.mjs http URL TOKEN | node sdk1.mjs stdio COMMAND…   (with the program's settings in the environment)
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { day } from './day.mjs'

const [way, ...rest] = process.argv.slice(2)
const transport = way === 'http'
  ? new StreamableHTTPClientTransport(new URL(rest[0]), { requestInit: { headers: { authorization: `Bearer ${rest[1]}` } } })
  : new StdioClientTransport({ command: rest[0], args: rest.slice(1), env: process.env })
const client = new Client({ name: 'sdk1', version: '1.0.0' })
await client.connect(transport)
await client.ping()
await day({
  list: async () => (await client.listTools()).tools,
  call: (name, input) => client.callTool({ name, arguments: input }),
}, `sdk1-${way}`, false)
await client.close()
