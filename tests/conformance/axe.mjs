// axe-core in a real browser: every page that the server has, on a wide and on a narrow screen, light and dark.
// Usage: node axe.mjs BASE TOKEN LINK   BASE is a demo server, TOKEN its Owner's, LINK a login link of theirs.
// Exit code 1 if a page of ours has a serious or critical finding.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'

const [base, token, link] = process.argv.slice(2)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const browser = await chromium.launch({
  executablePath: process.env.HOURSMITH_TEST_CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
})
const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
context.setDefaultTimeout(60_000)
// A script of the browser's own, which the policy of a page does not concern.
await context.addInitScript({ content: axe })
const page = await context.newPage()

// What depends on the colours and on the width; the rest of the rules is run once a page.
const LOOKS = ['color-contrast', 'target-size', 'scrollable-region-focusable', 'meta-viewport', 'link-in-text-block']
const SIZES = [[1280, 'light'], [1280, 'dark'], [390, 'light'], [390, 'dark']]
// What packages of others draw, on the two pages that show them.
const FOREIGN = { '/api-docs': ['#api-docs'], '/graphiql': ['#graphiql'] }

let failures = 0
let looked = 0
async function judge(name) {
  for (const [i, [width, scheme]] of SIZES.entries()) {
    await page.setViewportSize({ width, height: 900 })
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' })
    const findings = await page.evaluate(async ([foreign, rules]) => {
      const options = { resultTypes: ['violations'], ...(rules ? { runOnly: { type: 'rule', values: rules } } : {}) }
      const { violations } = await window.axe.run({ include: ['html'], exclude: foreign.map((part) => [part]) }, options)
      return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))
        .map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`)
    }, [FOREIGN[name] ?? [], i === 0 ? null : LOOKS]).catch((error) => [`axe does not run: ${error.message}`])
    looked += 1
    failures += findings.length
    console.log(findings.length === 0 ? 'ok  ' : 'FAIL', name, width, scheme, ...findings)
  }
}

// A page of ours needs no scrolling to the side, down to 320 pixels.
async function fits(name) {
  await page.setViewportSize({ width: 320, height: 900 })
  const width = await page.evaluate(() => document.documentElement.scrollWidth)
  console.log(width <= 320 ? 'ok  ' : 'FAIL', name, `is ${width} pixels wide at 320`)
  if (width > 320) failures += 1
}

const api = (path, body) => fetch(`${base}/api/v1${path}`, {
  method: 'POST',
  headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': `axe${path}` },
  body: JSON.stringify(body ?? {}),
}).then((answer) => answer.json())

try {
  // Something to see: a delivery to where nobody listens.
  const endpoint = await api('/webhook-endpoints', { url: 'https://nobody.hours.example/hooks', events: ['client.created'] })
  await api(`/webhook-endpoints/${endpoint.data.id}/test`)

  // The public pages; the reference and GraphiQL when they have drawn what is theirs.
  const open = async (path) => {
    await page.goto(base + path)
    await page.setViewportSize({ width: 1280, height: 900 })
  }
  await open('/docs')
  const guides = await page.$$eval('a[href^="/docs/"]', (links) => links.map((one) => one.getAttribute('href').split('#')[0]))
  for (const path of ['/', '/docs', ...new Set(guides)]) {
    await open(path)
    await judge(path)
    await fits(path)
  }
  await open('/api-docs')
  await page.getByRole('heading', { name: 'Get the caller' }).first().waitFor()
  await judge('/api-docs')
  await open('/graphiql')
  await page.locator('.graphiql-query-editor .monaco-editor .view-line').first().waitFor()
  await judge('/graphiql')

  // Before the sign-in, and what is refused.
  for (const path of ['/settings/sign-in', '/settings/sign-in/link?code=wrong', '/settings/nothing']) {
    await open(path)
    await judge(path)
  }
  await open(link.replace(/^https?:\/\/[^/]+/, ''))
  await judge('/settings/sign-in/link')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'Overview' }).waitFor()

  // Every page that a link of a page leads to; of those that differ in the record alone, one.
  const seen = new Map()
  const waiting = ['/settings', '/settings/nothing', '/settings/api/new?done=signed-in']
  while (waiting.length > 0) {
    const path = waiting.shift()
    const kind = path.split('?')[0].replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '{id}')
    if (seen.has(kind) || path.includes('/print?')) continue
    seen.set(kind, path)
    await open(path)
    await judge(kind)
    await fits(kind)
    const links = await page.$$eval('a[href^="/settings"]', (all) => all.map((one) => one.getAttribute('href')))
    waiting.push(...links.filter((one) => !one.startsWith('/settings/sign-in')))
  }
  // Forms that were not accepted, with their errors; an invoice before it is made; a token when it is shown.
  for (const [path, button] of [['/settings/api/new', 'Make the token'], ['/settings/webhooks/new', 'Make the endpoint'],
    ['/settings/members/new', 'Add'], ['/settings/invoices/new', 'Preview']]) {
    await open(path)
    if (path.endsWith('invoices/new')) await page.getByLabel('Tax rate').fill('much')
    await page.evaluate(() => document.querySelectorAll('form').forEach((form) => { form.noValidate = true }))
    await page.getByRole('button', { name: button }).first().click()
    await page.locator('[role=alert]').first().waitFor()
    await judge(`${path} refused`)
  }
  await open('/settings/api/new')
  await page.getByLabel('Name').fill('Seen by axe')
  await page.getByRole('button', { name: 'Make the token' }).click()
  await page.getByLabel('Token', { exact: true }).waitFor()
  await judge('/settings/api/new made')
  console.log(`${looked} looks at ${seen.size} kinds of settings pages: ${[...seen.keys()].join(' ')}`)
} catch (error) {
  failures += 1
  console.log('FAIL', page.url(), error.stack)
} finally {
  await browser.close()
}
process.exit(failures > 0 ? 1 : 0)
