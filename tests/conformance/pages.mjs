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
  for (const link of ['/docs', '/docs/start', '/api-docs', '/graphiql', '/api/openapi.json', '/graphql/schema.graphql']) {
    check(await home.locator(`a[href="${link}"]`).count() === 1, `home leads to ${link}`)
  }
  check((await home.locator('.origin').innerText()) === base, 'home shows a first request to this server')
  await home.screenshot({ path: join(folder, 'home.png') })
  await home.close()

  // The guides: search without asking the server, headings with anchors, and a phone of 320 pixels.
  const guides = await open('/docs')
  await guides.getByLabel('Search the guides').fill('invoiced')
  await guides.locator('#search-found a[href="/docs/errors#invoiced"]').click()
  await guides.waitForURL(`${base}/docs/errors#invoiced`)
  check(await guides.locator('#invoiced:target').count() === 1, 'the search of the guides leads to a section')
  // A section is searched to its end, however a word is spelt; and by the words that others use.
  for (const [words, target] of [
    ['cors-origins', '/docs/operating#settings'],
    ['HOURSMITH_TRUSTED_PROXIES', '/docs/operating#settings'],
    ['pagination', '/docs/lists#all-pages'],
    ['api key', '/docs/authentication#tokens'],
    ['loopback', '/docs/webhooks#develop'],
    ['throttle', '/docs/api-design#rate-limits'],
    ['login', '/docs/settings#the-first-link'],
    ['sandbox', '/docs/start#1-a-token'],
  ]) {
    await guides.getByLabel('Search the guides').fill(words)
    const found = guides.locator(`#search-found a[href="${target}"]`)
    await found.waitFor({ timeout: 5000 }).catch(() => {})
    check(await found.count() === 1, `the search for ${words} leads to ${target}`)
    await guides.getByLabel('Search the guides').fill('')
  }
  await guides.screenshot({ path: join(folder, 'guides.png') })
  await guides.close()
  // What is to be pasted names this server, and nothing covers it.
  const start = await open('/docs/start')
  check((await start.locator('main').innerText()).includes(`HOURSMITH_URL=${base}`), 'the samples name this server')
  const covers = await start.evaluate(() => [...document.querySelectorAll('.block')].filter((block) => {
    const [button, code] = ['button', 'pre'].map((part) => block.querySelector(part).getBoundingClientRect())
    return button.bottom > code.top + 1 && button.top < code.bottom
  }).length)
  check(covers === 0, `no button covers code: ${covers}`)
  await start.close()
  const phone = async (path, width, scheme) => {
    const page = await open(path)
    await page.setViewportSize({ width, height: 800 })
    await page.emulateMedia({ colorScheme: scheme })
    return page
  }
  for (const path of ['/', '/docs', '/docs/errors', '/docs/webhooks', '/docs/permissions', '/docs/all-topics']) {
    const page = await phone(path, 320, 'dark')
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    check(wider <= 0, `${path} fits a phone: ${wider} pixels wider`)
    if (path === '/docs/webhooks') await page.screenshot({ path: join(folder, 'guides-phone.png') })
    await page.close()
  }
  const plain = await (await context.browser()?.newContext({ javaScriptEnabled: false }))?.newPage()
  if (plain) {
    await plain.goto(`${base}/docs/errors`)
    check(await plain.locator('#stale').isVisible() && !(await plain.locator('#search').isVisible()), 'a guide reads without script')
    await plain.close()
  }

  // Scalar shows the operations and sends a real request with a token.
  const docs = await open('/api-docs')
  await docs.getByRole('heading', { name: 'Get the caller' }).first().waitFor()
  check(true, 'the reference shows operations')
  check(!(await docs.locator('body').innerText()).includes('CREATED_AT_DESC'), 'with the values that requests take')
  for (const link of ['/', '/docs', '/graphiql', '/settings']) {
    check(await docs.locator(`header.bar a[href="${link}"]`).isVisible(), `the reference leads to ${link}`)
  }
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

  // A link to an operation shows it in the sidebar too.
  const linked = await open('/api-docs#tag/webhooks/POST/webhook-endpoints')
  await linked.waitForFunction(() => {
    const entry = [...document.querySelectorAll('aside a')].find((link) => link.getAttribute('href') === location.hash)
    const box = entry?.getBoundingClientRect()
    return box && box.height > 0 && box.top >= 0 && box.bottom <= innerHeight
  })
  check(true, 'the sidebar shows the operation that a link leads to')
  await linked.close()

  // On a phone a POST can be sent, with a new key each time.
  const small = await phone('/api-docs#tag/clients/POST/clients', 390, 'light')
  await small.locator('section[id$="POST/clients"] button').filter({ hasText: 'Test Request' }).first().click()
  const form = small.getByRole('dialog')
  const send = form.getByRole('button', { name: /^send/i }).first()
  await form.getByLabel('Bearer Token').first().fill(token)
  const keys = []
  for (let i = 0; i < 2; i += 1) {
    const sending = small.waitForRequest((request) => request.method() === 'POST')
    await send.click()
    const request = await sending
    keys.push((await request.allHeaders())['idempotency-key'])
    const status = (await request.response()).status()
    check(status === 201, `the reference sends a POST from a phone: ${status}`)
  }
  check(keys[0] !== keys[1], 'each with an idempotency key of its own')
  const box = await send.boundingBox()
  check(box.x >= 0 && box.x + box.width <= 390, `the button is on the screen: ${box.x} + ${box.width}`)
  await small.screenshot({ path: join(folder, 'api-docs-phone.png') })
  await small.close()

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
  check(await page.getByRole('button', { name: 'Headers', exact: true }).count() === 1, 'and there is a place for headers')

  // A browser has six connections to a server: stopped subscriptions give theirs back at once.
  await clear()
  await page.keyboard.insertText('subscription { timerChanged { timeEntry { id } } }')
  for (let i = 0; i < 20; i += 1) {
    const streaming = page.waitForResponse((response) => response.headers()['content-type']?.startsWith('text/event-stream'))
    await page.getByRole('button', { name: 'Execute query' }).click()
    await streaming
    await page.getByRole('button', { name: 'Stop query' }).click()
    await page.getByRole('button', { name: 'Execute query' }).waitFor()
  }
  await clear()
  await page.keyboard.insertText('{ viewer { orgName } }')
  await page.getByRole('button', { name: 'Execute query' }).click()
  await result('Hazel & Finch')
  check(true, 'after twenty subscriptions a query runs')

  // The examples run one after the other as they are; the second takes the project of the first.
  const run = async (tab, wanted) => {
    await page.getByRole('tab', { name: tab }).click()
    await page.waitForFunction((name) => document.querySelector('.graphiql-query-editor .view-lines')?.innerText.includes(name), tab)
    await page.getByRole('button', { name: 'Execute query' }).click()
    await result(wanted)
    check(true, `the example ${tab} runs as it is`)
  }
  await page.evaluate(() => {
    localStorage.clear()
    sessionStorage.clear()
  })
  await page.reload()
  await page.getByLabel('API token').fill(token)
  await run('Projects', '"totalCount"')
  const logging = page.waitForRequest((request) => request.postData()?.includes('LogAnHour'))
  await run('LogAnHour', '"durationSeconds": 3600')
  const logged = await logging
  check(/^[0-9a-f-]{36}$/.test((await logged.allHeaders())['idempotency-key']), 'a mutation is sent with a new key')
  check(/"projectId":"[0-9a-f-]{36}"/.test(logged.postData()), 'and with the project of the first example')
  await run('ThisYear', '"amounts"')

  // Leaving the tab of a subscription ends it.
  await page.getByRole('tab', { name: 'MyTimer' }).click()
  const cut = page.waitForEvent('requestfailed')
  const begun = page.waitForResponse((response) => response.headers()['content-type']?.startsWith('text/event-stream'))
  await page.getByRole('button', { name: 'Execute query' }).click()
  await begun
  await page.getByRole('tab', { name: 'Projects' }).click()
  await cut
  check(true, 'a subscription ends when its tab is left')

  // A link carries an operation, which is shown and not run.
  await page.getByRole('button', { name: /^Share/ }).click()
  await page.waitForURL(/\?query=/)
  const other = await open(new URL(page.url()).pathname + new URL(page.url()).search)
  await other.waitForFunction(() => document.querySelector('.graphiql-query-editor .view-lines')?.innerText.includes('totalCount'))
  check(true, 'a shared link shows the operation')
  check((await other.locator('.graphiql-response .view-lines').innerText()).trim() === '', 'and does not run it')
  await other.close()
  await page.getByRole('button', { name: 'Show GraphiQL Explorer' }).click()
  await page.getByText('Explorer', { exact: true }).first().waitFor()
  check(true, 'the explorer opens')
  await page.close()

  // On a phone the panes lie below each other.
  const narrow = await phone('/graphiql', 390, 'dark')
  await narrow.getByLabel('API token').fill(token)
  await narrow.getByRole('tab', { name: 'Projects' }).click()
  await narrow.getByRole('button', { name: 'Execute query' }).click()
  await narrow.waitForFunction(() => document.querySelector('.graphiql-response .view-lines')?.innerText.includes('Hazel'))
  const [editors, response] = await Promise.all(['.graphiql-editors', '.graphiql-response'].map((pane) => narrow.locator(pane).boundingBox()))
  check(editors.width > 300 && response.width > 300 && response.y >= editors.y + editors.height, 'GraphiQL stacks its panes')
  check(await narrow.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'and fits a phone')
  await narrow.screenshot({ path: join(folder, 'graphiql-phone.png'), fullPage: true })
} catch (error) {
  check(false, error.stack)
  for (const [i, page] of context.pages().entries()) await page.screenshot({ path: join(folder, `failed-${i}.png`) })
} finally {
  await context.close()
  rmSync(profile, { recursive: true, force: true })
}
process.exit(failures > 0 ? 1 : 0)
