// Opens the pages in a real browser, as somebody does who has just started the server.
// Usage: node pages.mjs BASE TOKEN FOLDER   Screenshots go into FOLDER. Exit code 1 if anything is not as promised.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const [base, token, folder] = process.argv.slice(2)
mkdirSync(folder, { recursive: true })
const profile = mkdtempSync(join(tmpdir(), 'hoursmith-browser-'))
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.HOURSMITH_TEST_CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  viewport: { width: 1400, height: 900 },
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
})
context.setDefaultTimeout(30_000)

let failures = 0
const check = (holds, what) => {
  console.log(holds ? 'ok  ' : 'FAIL', what)
  if (!holds) failures += 1
}

// No page asks another host, breaks the policy, or complains.
context.on('request', (request) => {
  const url = new URL(request.url())
  if (!['data:', 'blob:'].includes(url.protocol) && url.origin !== base) check(false, `asks ${url.origin}${url.pathname}`)
})
let stopped = false
const open = async (path) => {
  const page = await context.newPage()
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (e) => console.error('policy', e.violatedDirective, e.blockedURI))
  })
  page.on('console', (message) => {
    if (message.type() === 'error') check(false, `console of ${path}: ${message.text()}`)
  })
  page.on('pageerror', (error) => check(false, `error on ${path}: ${error.message}`))
  page.on('requestfailed', (request) => {
    // What a person stops is cut.
    if (!stopped || request.failure()?.errorText !== 'net::ERR_ABORTED') check(false, `failed on ${path}: ${request.url()}`)
  })
  await page.goto(base + path)
  return page
}

try {
  const home = await open('/')
  for (const link of ['/api-docs', '/graphiql', '/api/openapi.json', '/graphql/schema.graphql']) {
    check(await home.locator(`a[href="${link}"]`).count() === 1, `home leads to ${link}`)
  }
  await home.screenshot({ path: join(folder, 'home.png') })
  await home.close()

  // Scalar shows the operations and sends a real request with a token.
  const docs = await open('/api-docs')
  await docs.getByRole('heading', { name: 'Get the caller' }).first().waitFor()
  check(true, 'the reference shows operations')
  await docs.getByLabel('Bearer Token').first().fill(token)
  await docs.screenshot({ path: join(folder, 'api-docs.png') })
  await docs.getByRole('button', { name: /test request/i }).first().click()
  const asked = docs.waitForResponse((response) => response.url() === `${base}/api/v1/me`)
  await docs.getByRole('dialog').getByRole('button', { name: /^send/i }).first().click()
  const answered = await asked
  check(answered.status() === 200, `the reference sends a request: ${answered.status()}`)
  check((await answered.json()).data.role === 'OWNER', 'and the token goes with it')
  await docs.waitForFunction(() => document.querySelector('[role=dialog]')?.innerText.includes('OWNER'))
  check(true, 'and the answer is shown')
  await docs.screenshot({ path: join(folder, 'api-docs-sent.png') })
  await docs.close()

  // GraphiQL completes a field, runs a query and a mutation.
  const page = await open('/graphiql')
  const editor = page.locator('.graphiql-query-editor .monaco-editor').first()
  await editor.locator('.view-line', { hasText: 'orgName' }).first().waitFor()
  await page.getByLabel('API token').fill(token)
  const clear = async () => {
    await editor.locator('.view-lines').click()
    await page.keyboard.press('Control+A')
    await page.keyboard.press('Delete')
  }
  const result = (text) => page.waitForFunction((wanted) => {
    const shown = document.querySelector('.graphiql-response .view-lines')?.innerText.replaceAll('\u00a0', ' ')
    return shown?.includes(wanted)
  }, text)
  await clear()
  await page.keyboard.type('{ viewer { orgN')
  await page.locator('.suggest-widget.visible .monaco-list-row', { hasText: 'orgName' }).first().waitFor()
  await page.screenshot({ path: join(folder, 'graphiql-completes.png') })
  await page.keyboard.press('Enter')
  await editor.locator('.view-line', { hasText: 'orgName' }).first().waitFor()
  check(true, 'GraphiQL completes a field')
  await page.keyboard.press('Control+Enter')
  await result('Hazel & Finch')
  check(true, 'GraphiQL runs a query')
  await clear()
  await page.keyboard.insertText('mutation { createClient(input: { name: "From the browser" }) { client { name version } } }')
  await page.getByRole('button', { name: 'Execute query' }).click()
  await result('From the browser')
  check(true, 'GraphiQL runs a mutation')
  await page.screenshot({ path: join(folder, 'graphiql.png') })

  // A subscription receives what happens elsewhere, and stops on request.
  await clear()
  await page.keyboard.insertText('subscription { events(types: ["client.created"]) { type data } }')
  await page.getByRole('button', { name: 'Execute query' }).click()
  await page.getByRole('button', { name: 'Stop query' }).waitFor()
  const caused = setInterval(() => fetch(`${base}/api/v1/clients`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
    body: '{"name":"Received in the browser"}',
  }), 300)
  try {
    await result('Received in the browser')
  } finally {
    clearInterval(caused)
  }
  check(true, 'GraphiQL hears a subscription')
  await page.screenshot({ path: join(folder, 'graphiql-subscription.png') })
  stopped = true
  await page.getByRole('button', { name: 'Stop query' }).click()
  await page.getByRole('button', { name: 'Execute query' }).waitFor()
  check(true, 'and stops it')
  check(await page.getByRole('tab', { name: 'MyTimer' }).count() === 1, 'examples are open')
  check(await page.getByRole('button', { name: 'Headers', exact: true }).count() === 1, 'and there is a place for headers')
} catch (error) {
  check(false, error.stack)
  for (const [i, page] of context.pages().entries()) await page.screenshot({ path: join(folder, `failed-${i}.png`) })
} finally {
  await context.close()
  rmSync(profile, { recursive: true, force: true })
}
process.exit(failures > 0 ? 1 : 0)
