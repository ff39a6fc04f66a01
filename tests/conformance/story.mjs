// The story of the settings pages in a real browser, by mouse, by keyboard alone, or without script.
// Usage: node story.mjs HOW BASE OTHER LINK COLLEAGUE   HOW is mouse, keyboard or noscript; BASE and OTHER are two replicas, LINK
// signs an Owner in and COLLEAGUE a Manager of the same workspace. Exit code 1 if anything is not as promised.
import { createServer } from 'node:http'
import { chromium } from 'playwright-core'

const [how, base, other, link, colleague] = process.argv.slice(2)
const browser = await chromium.launch({
  executablePath: process.env.HOURSMITH_TEST_CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
})
let failures = 0
const check = (holds, what) => {
  console.log(holds ? 'ok  ' : 'FAIL', how, what)
  if (!holds) failures += 1
}

// A receiver that is gone, until it is mended.
let gone = true
let received = 0
const receiver = createServer((request, response) => {
  received += 1
  response.writeHead(gone ? 410 : 200)
  request.resume().on('end', () => response.end(gone ? 'gone' : 'thanks'))
})
await new Promise((ready) => receiver.listen(0, '127.0.0.1', ready))
const hooks = `http://127.0.0.1:${receiver.address().port}/hours`

const newPage = async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, javaScriptEnabled: how !== 'noscript' })
  context.setDefaultTimeout(60_000)
  return context.newPage()
}
const page = await newPage()

// By keyboard what is wanted is reached by Tab alone, and has a visible focus.
async function reach(target) {
  if (how !== 'keyboard') return
  await target.waitFor()
  for (let i = 0; i < 90; i += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) {
      const outline = await target.evaluate((element) => getComputedStyle(element).outlineStyle)
      if (outline === 'none') check(false, `the focus cannot be seen: ${await target.evaluate((element) => element.outerHTML)}`)
      return
    }
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab does not reach ${target}`)
}
async function press(target) {
  await reach(target)
  const pressed = how === 'keyboard' ? page.keyboard.press('Enter') : target.click()
  await Promise.all([page.waitForEvent('framenavigated'), pressed])
  await page.waitForLoadState()
}
const button = (name) => press(page.getByRole('button', { name, exact: true }))
const follow = (name) => press(page.getByRole('link', { name, exact: true }).first())
async function fill(label, text) {
  const field = page.getByLabel(label, { exact: true })
  await reach(field)
  if (how === 'keyboard') {
    await page.keyboard.press('Control+A')
    await page.keyboard.type(text)
  } else await field.fill(text)
}
async function tick(label) {
  const field = page.getByLabel(label, { exact: true })
  await reach(field)
  if (how === 'keyboard') await page.keyboard.press('Space')
  else await field.check()
}
const says = (text) => page.getByText(text).first().waitFor()
// What changes by itself is shown by script, and else when the page is opened again.
async function becomes(text) {
  for (let i = 0; i < 100; i += 1) {
    if (await page.getByText(text).count() > 0) return
    if (how === 'noscript') await page.reload()
    await new Promise((next) => setTimeout(next, 500))
  }
  throw new Error(`the page does not become ${text}`)
}

try {
  await page.goto(link)
  await button('Sign in')
  await says('You are signed in.')

  // Webhooks: made, failing, mended, replayed.
  await follow('Webhooks')
  await follow('New endpoint')
  await fill('URL', hooks)
  await tick('client.created')
  await button('Make the endpoint')
  const secret = await page.getByLabel('Secret', { exact: true }).inputValue()
  check(secret.startsWith('wsk_'), 'the secret is shown')
  await follow('To the endpoint')
  check(!(await page.content()).includes(secret), 'once')
  const endpoint = page.url()
  await button('Send it')
  await becomes('410')
  check(received === 1, 'a test event is sent')
  check(await page.getByText('Attempt 1').count() === 1, 'its attempt is shown')
  gone = false
  await page.goto(endpoint)
  await button('Enable')
  await says('The endpoint is enabled.')
  check(await page.locator('#health ~ p span.bad').innerText() === '1 failed so far', 'the chart says what failed')
  await follow('Deliveries to this endpoint')
  await follow('client.created')
  await button('Replay')
  await says('The event is on its way again')
  await becomes('succeeded')
  check(received === 2, 'a replay succeeds')

  // People: one is added; another's role is lowered while they are signed in.
  const theirs = await newPage()
  await theirs.goto(colleague)
  await theirs.getByRole('button', { name: 'Sign in' }).click()
  await theirs.goto(`${base}/settings/invoices`)
  check(await theirs.getByRole('heading', { name: 'Invoices' }).count() === 1, 'a Manager sees invoices')
  await follow('Members')
  await follow('Add a person')
  await fill('Email address', `cleo-${how}@example.com`)
  await fill('Name', `Cleo ${how}`)
  await button('Add this person')
  await says('The person is added.')
  check(await page.getByRole('row', { name: new RegExp(`Cleo ${how}`) }).count() === 1, 'a person is added')
  await press(page.getByRole('row', { name: /Bea/ }).getByRole('link', { name: /Change role/ }))
  const role = page.getByLabel('Role', { exact: true })
  await reach(role)
  if (how === 'keyboard') await page.keyboard.type('Member')
  else await role.selectOption('MEMBER')
  await button('Change the role')
  await says('The role is changed.')
  await theirs.reload()
  check(await theirs.getByRole('heading', { name: 'Not allowed' }).count() === 1, 'a role counts from the next page')

  // An invoice: looked at, made, sent, paid.
  await follow('Invoices')
  await follow('New invoice')
  await button('Preview')
  await says('Nothing is stored yet')
  await button('Make this invoice')
  await says('The invoice is made, as a draft.')
  // Another tab shows the same invoice, with the focus on a link in the part that is going to change.
  const tab = how === 'noscript' ? undefined : await page.context().newPage()
  let loads = 0
  tab?.on('request', (request) => { if (request.resourceType() === 'fetch') loads += 1 })
  const followed = tab?.waitForResponse((response) => response.url().includes('/live'))
  await tab?.goto(page.url())
  await followed
  const focused = tab?.getByRole('link', { name: 'Print view' })
  await focused?.focus()
  await page.bringToFront()
  await follow('Mark as sent')
  await button('Mark as sent')
  await says('The invoice is marked as sent.')
  if (tab) {
    await tab.getByRole('link', { name: 'Record a payment' }).waitFor()
    check(await tab.locator('span.badge').first().innerText() === 'sent', 'a tab shows what another has done')
    check(await focused.evaluate((element) => element === document.activeElement), 'the focus stays where it was')
    check(loads <= 3, `a tab loads itself again after a change only: ${loads}`)
  }
  await follow('Record a payment')
  await button('Record the payment')
  await says('The invoice is paid in full.')
  check(await page.getByText('paid', { exact: true }).count() > 0, 'an invoice is made, sent and paid')

  // The session counts at another replica, and ends there too.
  await page.goto(`${other}/settings`)
  check(await page.getByRole('heading', { name: 'Overview' }).count() === 1, 'another replica knows the session')
  // The stream of the other tab ends with the session, and is not opened again.
  const ended = tab?.waitForRequest((request) => request.url().includes('/settings/sign-in'))
  await button('Sign out')
  await ended
  if (tab) check(true, 'a tab that is signed out is refreshed no more')
  await page.goto(`${base}/settings`)
  check(page.url().includes('/settings/sign-in'), 'signed out everywhere')
} catch (error) {
  check(false, `${page.url()} ${error.stack}\n${await page.locator('main').innerText().catch(() => '')}`)
} finally {
  receiver.close()
  await browser.close()
}
process.exit(failures > 0 ? 1 : 0)
