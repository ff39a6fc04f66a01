// The settings pages in a real browser, with a virtual authenticator for passkeys.
// Usage: node settings.mjs BASE LINK OTHER_LINK FOLDER   Screenshots go into FOLDER. Exit code 1 if anything is not as promised.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const [base, link, otherLink, folder] = process.argv.slice(2)
mkdirSync(folder, { recursive: true })
const browser = await chromium.launch({
  executablePath: process.env.HOURSMITH_TEST_CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
})

let failures = 0
const check = (holds, what) => {
  console.log(holds ? 'ok  ' : 'FAIL', what)
  if (!holds) failures += 1
}

const newPage = async (options) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  context.setDefaultTimeout(20_000)
  const page = await context.newPage()
  if (options?.javaScriptEnabled !== false) {
    await page.addInitScript(() => {
      addEventListener('securitypolicyviolation', (e) => console.error('policy', e.violatedDirective, e.blockedURI))
    })
  }
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== base) check(false, `asks ${request.url()}`)
  })
  page.on('console', (message) => {
    // A token that was revoked and a form that is refused are errors on purpose.
    if (message.type() === 'error' && !message.text().includes('status of')) check(false, `console: ${message.text()}`)
  })
  page.on('pageerror', (error) => check(false, `error: ${error.message}`))
  return page
}
const status = async (token) => (await fetch(`${base}/api/v1/me`, { headers: { authorization: `Bearer ${token}` } })).status

try {
  const page = await newPage()
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('WebAuthn.enable')
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  const button = (name) => page.getByRole('button', { name, exact: true })
  const says = (text) => page.getByText(text).first().waitFor()

  // By a link, and from then on with a passkey.
  await page.goto(link)
  await button('Sign in').click()
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  check(true, 'a link signs in')
  await page.getByRole('link', { name: 'Sessions and passkeys' }).click()
  await page.getByLabel('Name of the new passkey').fill('Laptop')
  await button('Add a passkey').click()
  await says('The passkey is added.')
  check(await page.getByRole('heading', { name: 'Laptop' }).count() === 1, 'a passkey is added')
  await page.screenshot({ path: join(folder, 'settings-sessions.png') })
  await button('Sign out').click()
  await page.getByRole('heading', { name: 'Sign in', exact: true }).waitFor()
  await page.goto(`${base}/settings/api`)
  check(page.url().includes('/settings/sign-in?next='), 'a page leads to the sign-in')
  await button('Sign in with a passkey').click()
  await page.getByRole('heading', { name: 'API tokens' }).waitFor()
  check(page.url().startsWith(`${base}/settings/api`), 'a passkey signs in, back to where one was')

  // A token is made by a double click, works, and is revoked.
  await page.getByRole('link', { name: 'New token' }).click()
  await page.getByLabel('Name').fill('From the browser')
  await page.getByLabel('What it may do').selectOption('write')
  await button('Make the token').dblclick()
  const token = await page.getByLabel('Token', { exact: true }).inputValue()
  check(await status(token) === 200, 'the token works')
  await button('Copy').waitFor()
  check(true, 'there is a button that copies')
  await page.screenshot({ path: join(folder, 'settings-token.png') })
  await page.getByRole('link', { name: 'All tokens' }).click()
  check(await page.getByRole('row', { name: /From the browser/ }).count() === 1, 'a double click makes one')
  // The page with the token is in no cache, so that the browser has nothing to go back to.
  await page.goBack().catch(async (error) => {
    check(error.message.includes('ERR_CACHE_MISS'), 'the page of the token is not stored')
    await page.waitForURL(/^chrome-error:/)
  })
  check(!(await page.content().catch(() => '')).includes(token), 'going back does not show it again')
  await page.goto(`${base}/settings/api`)
  await page.getByRole('row', { name: /From the browser/ }).getByRole('link').click()
  await button('Revoke this token').click()
  await says('The token is revoked.')
  check(await status(token) === 401, 'a token that is revoked is refused')

  // Every page fits a narrow screen, by day and by night.
  for (const path of ['', '/api', '/api/new', '/webhooks', '/webhooks/new', '/webhooks/deliveries', '/sessions']) {
    for (const [width, scheme] of [[1280, 'light'], [390, 'dark'], [320, 'light']]) {
      await page.setViewportSize({ width, height: 900 })
      await page.emulateMedia({ colorScheme: scheme })
      await page.goto(`${base}/settings${path}`)
      const wide = await page.evaluate(() => document.documentElement.scrollWidth)
      check(wide <= width, `settings${path} fits ${width}: ${wide}`)
      const hides = await page.evaluate(() => [...document.querySelectorAll('.scroll')].some((table) => table.scrollWidth > table.clientWidth))
      check(!hides, `settings${path}: no column is beyond the edge at ${width}`)
      const unnamed = await page.evaluate(() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
        .filter((field) => field.labels.length === 0).length)
      check(unnamed === 0, `settings${path}: every field has a label`)
      const name = `settings${path.replaceAll('/', '-')}-${width}-${scheme}.png`
      await page.screenshot({ path: join(folder, name), fullPage: true })
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 })
  await page.goto(`${base}/settings`)
  await page.keyboard.press('Tab')
  check(await page.evaluate(() => document.activeElement.className) === 'skip', 'the keyboard begins with the way to the content')

  // Without script everything but passkeys works.
  const plain = await newPage({ javaScriptEnabled: false })
  await plain.goto(`${base}/settings/sign-in`)
  await plain.getByLabel('Login link').fill(otherLink)
  await plain.getByRole('button', { name: 'Sign in', exact: true }).click()
  await plain.getByRole('heading', { name: 'Overview' }).waitFor()
  await plain.goto(`${base}/settings/api/new`)
  await plain.getByLabel('Name').fill('Without script')
  await plain.getByRole('button', { name: 'Make the token' }).click()
  check(await status(await plain.getByLabel('Token', { exact: true }).inputValue()) === 200, 'a token is made without script')
  await plain.getByRole('button', { name: 'Sign out' }).click()
  await plain.goto(`${base}/settings`)
  check(plain.url().includes('/settings/sign-in'), 'signed out without script')
} catch (error) {
  check(false, error.stack)
  for (const [i, page] of browser.contexts().flatMap((context) => context.pages()).entries()) {
    await page.screenshot({ path: join(folder, `settings-failed-${i}.png`) }).catch(() => {})
  }
} finally {
  await browser.close()
}
process.exit(failures > 0 ? 1 : 0)
