// The settings pages work without this. It copies, shows times in the visitor's zone, keeps a list up to date, and speaks to
// passkeys, which a page cannot do otherwise.
const all = (selector, root = document) => root.querySelectorAll(selector)

function local(root) {
  const shown = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
  for (const time of all('time', root)) time.textContent = shown.format(new Date(time.dateTime))
}
local(document)

for (const button of all('[data-copy]')) {
  button.hidden = false
  button.addEventListener('click', async () => {
    const field = document.getElementById(button.dataset.copy)
    field.select()
    await navigator.clipboard.writeText(field.value)
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

// What is marked as live is asked for again while somebody looks at it.
const live = document.querySelector('[data-live]')
if (live) {
  setInterval(async () => {
    if (document.hidden || live.contains(document.activeElement)) return
    const answer = await fetch(location.href, { headers: { accept: 'text/html' } })
    if (!answer.ok || answer.redirected) return
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('[data-live]')
    if (!fresh) return
    local(fresh)
    if (fresh.innerHTML !== live.innerHTML) live.innerHTML = fresh.innerHTML
  }, 5000)
}
