// Makes the pictures of the guides: node pictures.mjs BASE LINK FOLDER   See tests/pictures.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const [base, link, folder] = process.argv.slice(2)
const browser = await chromium.launch({
  executablePath: process.env.HOURSMITH_TEST_CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update'],
})
const context = await browser.newContext({ viewport: { width: 960, height: 640 }, colorScheme: 'light', timezoneId: 'Europe/Berlin' })
context.setDefaultTimeout(20_000)
const page = await context.newPage()
const studio = await context.newPage()

// A browser can write WebP too: no other tool is needed.
const save = async (name, height) => {
  const png = await page.screenshot({ clip: { x: 0, y: 0, width: 960, height }, fullPage: true })
  const webp = await studio.evaluate(async (data) => {
    const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob())
    const canvas = document.createElement('canvas')
    Object.assign(canvas, { width: picture.width, height: picture.height })
    canvas.getContext('2d').drawImage(picture, 0, 0)
    return canvas.toDataURL('image/webp', 0.7).split(',')[1]
  }, png.toString('base64'))
  const bytes = Buffer.from(webp, 'base64')
  writeFileSync(join(folder, `settings-${name}.webp`), bytes)
  console.log(`settings-${name}.webp`, bytes.length)
}
const open = (path) => page.goto(`${base}/settings${path}`)

try {
  await page.goto(link)
  await save('sign-in', 300)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  await open('')
  await save('overview', 620)
  await open('/api/new')
  await page.getByLabel('Name').fill('Accounting export')
  await page.getByRole('button', { name: 'Make the token' }).click()
  await page.getByLabel('Token', { exact: true }).waitFor()
  await save('token', 420)
  await open('/webhooks')
  await page.getByRole('link', { name: /127\.0\.0\.1/ }).first().click()
  await page.locator('svg.chart').waitFor()
  await save('webhook', 560)
  await open('/webhooks/deliveries?status=failed')
  await open('/webhooks/deliveries')
  await save('deliveries', 560)
  await open('/invoices')
  await page.locator('tbody th a').first().click()
  await page.getByRole('link', { name: 'Print view' }).waitFor()
  await save('invoice', 620)
} finally {
  await browser.close()
}
