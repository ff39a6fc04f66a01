// Runs the server audits of graphql-http: the GraphQL-over-HTTP text, sentence by sentence.
// Usage: node audits.mjs URL TOKEN   Exit code 1 if one does not pass, a "should" and a "may" included.
import { auditServer } from 'graphql-http'

const [url, token] = process.argv.slice(2)
const fetchFn = (input, init = {}) => fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } })
const results = await auditServer({ url, fetchFn })
for (const { status, name, reason } of results) console.log(status === 'ok' ? 'ok  ' : 'FAIL', name, reason ?? '')
console.log(`${results.filter(({ status }) => status === 'ok').length} of ${results.length} audits`)
process.exit(results.every(({ status }) => status === 'ok') ? 0 : 1)
