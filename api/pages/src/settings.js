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
