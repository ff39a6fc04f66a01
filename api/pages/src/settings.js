// The settings pages work without this. It copies, shows times in the visitor's zone, refreshes what changes, and speaks to
// passkeys, which a page cannot do otherwise.
import { copy } from './copy.js'

const all = (selector, root = document) => root.querySelectorAll(selector)

function local(root) {
  // The form of Sweden is that of the page without script: 2026-11-30 18:29, and then the zone.
  const number = '2-digit'
  const parts = { year: 'numeric', month: number, day: number, hour: number, minute: number, timeZoneName: 'shortOffset' }
  const shown = new Intl.DateTimeFormat('sv', parts)
  for (const time of all('time', root)) time.textContent = shown.format(new Date(time.dateTime)).replace('GMT', 'UTC').replace(/\+0$/, '')
}
local(document)

for (const button of all('[data-copy]')) {
  button.hidden = false
  button.addEventListener('click', async () => {
    const field = document.getElementById(button.dataset.copy)
    field.select()
    await copy(field.value)
    document.querySelector(`[data-copied="${field.id}"]`).textContent = 'Copied.'
  })
}

// A second click while the first is on its way sends nothing.
for (const form of all('form[method=post]')) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) event.preventDefault()
    form.dataset.sent = '1'
  })
}
addEventListener('pageshow', () => all('form').forEach((form) => delete form.dataset.sent))

// Passkeys: asks the server, then the authenticator, and sends the form with the answer.
for (const form of all('[data-passkey]')) {
  form.hidden = !globalThis.PublicKeyCredential?.parseCreationOptionsFromJSON
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const failed = form.querySelector('[data-failed]')
    failed.textContent = ''
    try {
      const { key } = form.elements
      const body = new URLSearchParams(key && { key: crypto.randomUUID() })
      const started = await fetch(form.dataset.start, { method: 'POST', body })
      if (!started.ok) throw new Error(started.status === 403 ? 'Sign in again first.' : 'The server refused.')
      const { options, state } = await started.json()
      const credential = form.dataset.passkey === 'create'
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) })
      form.elements.state.value = state
      form.elements.credential.value = JSON.stringify(credential)
      form.submit()
    } catch (error) {
      failed.textContent = `This did not work. ${error.message}`
      delete form.dataset.sent
    }
  })
}

// A part that is marked as live is loaded again when the server says that it has changed, while somebody looks at it.
const live = document.querySelector('[data-live]')
let events
let loading = false
let changed = false

async function load() {
  changed = true
  if (loading) return
  loading = true
  while (changed) {
    changed = false
    const answer = await fetch(live.dataset.live.replace('/live', '')).catch(() => ({ status: 0 }))
    const text = answer.ok && !answer.redirected ? await answer.text().catch(() => '') : ''
    const fresh = new DOMParser().parseFromString(text, 'text/html').querySelector('[data-live]')
    if (fresh) {
      local(fresh)
      merge(live, fresh)
    } else if ([0, 429, 503].includes(answer.status)) setTimeout(load, 5000)
  }
  loading = false
}

// Makes a part like a fresh one. What stays the same stays in its place, with the focus, and with what is open, scrolled or typed.
function merge(old, fresh) {
  if (old.isEqualNode(fresh) || old.nodeName === 'INPUT') return
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.data = fresh.data
    return
  }
  for (const { name } of [...old.attributes]) if (name !== 'open' && !fresh.hasAttribute(name)) old.removeAttribute(name)
  for (const { name, value } of fresh.attributes) old.setAttribute(name, value)
  let at = old.firstChild
  for (const child of [...fresh.childNodes]) {
    let same = at
    while (same && (same.nodeName !== child.nodeName || same.id !== child.id)) same = same.nextSibling
    if (same) {
      while (at !== same) at = removed(at)
      merge(same, child)
      at = same.nextSibling
    } else old.insertBefore(child, at)
  }
  while (at) at = removed(at)
}

function removed(node) {
  const next = node.nextSibling
  node.remove()
  return next
}

function follow() {
  events?.close()
  if (document.hidden) return
  events = new EventSource(live.dataset.live)
  events.onopen = load
  events.onmessage = load
}

if (live) {
  follow()
  document.addEventListener('visibilitychange', follow)
  addEventListener('pagehide', () => events.close())
  addEventListener('pageshow', (event) => event.persisted && follow())
}
