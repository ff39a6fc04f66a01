// What script adds to the guides: a search over an index that is loaded once, and a button to copy each block of code.
// Without script the guides are complete; the page of all topics stands in for the search.
import { addCopyButton } from './copy.js';

const form = document.getElementById('search');
const input = document.getElementById('search-for');
const list = document.getElementById('search-found');
const status = document.getElementById('search-status');
const SHOWN = 12;

let loading;
const index = () =>
  (loading ??= fetch('/docs/search.json')
    .then((response) => response.json())
    .then((entries) => entries.map((entry) => ({ ...entry, head: fold(entry.heading || entry.title), body: fold(entry.text) }))));

const fold = (text) => text.toLowerCase().replaceAll(/[_-]/g, ' ');

/** Words that people search for, and what the guides say in their place. */
const SYNONYMS = {
  'api key': 'token',
  'api keys': 'tokens',
  apikey: 'token',
  pagination: 'all pages',
  paging: 'all pages',
  throttle: 'rate limit',
  throttling: 'rate limit',
  quota: 'rate limit',
  sandbox: 'demo',
  login: 'sign in',
  'log in': 'sign in',
  signin: 'sign in',
  password: 'sign in',
  timezone: 'zone',
  hook: 'webhook',
  swagger: 'openapi',
  sdk: 'generated client',
  signature: 'verify',
  'webhook signature': 'verify',
  etag: 'versions',
  'if match': 'versions',
  'optimistic locking': 'versions',
  bulk: 'batch',
};

/** Every word must occur; a heading counts more than a text, and the whole heading most. */
function score({ head, body, title }, words, whole) {
  let sum = head === whole ? 100 : head.startsWith(whole) ? 40 : 0;
  for (const word of words) {
    if (head.includes(word)) sum += 20;
    else if (fold(title).includes(word)) sum += 6;
    else if (body.includes(word)) sum += 3;
    else return 0;
  }
  return sum;
}

function excerpt({ text, body }, word) {
  const at = Math.max(0, body.indexOf(word) - 30);
  return (at > 0 ? '… ' : '') + text.slice(at, at + 140);
}

/** The entries that a text is found in, the best first; each with the word to show it by. */
function find(entries, whole) {
  const words = whole.split(' ').filter(Boolean);
  const found = entries.map((entry) => ({ entry, points: score(entry, words, whole), word: words[0] }));
  return found.filter(({ points }) => points > 0).sort((a, b) => b.points - a.points);
}

async function search() {
  const whole = fold(input.value).trim().replaceAll(/\s+/g, ' ');
  const words = whole.split(' ').filter(Boolean);
  if (words.length === 0) return close();
  const entries = await index();
  // What a synonym leads to comes first: the guides use that word.
  const meant = Object.hasOwn(SYNONYMS, whole) ? find(entries, SYNONYMS[whole]) : [];
  const others = find(entries, whole).filter(({ entry }) => !meant.some((known) => known.entry === entry));
  const found = [...meant, ...others].slice(0, SHOWN);
  list.replaceChildren(
    ...found.map(({ entry, word }) => {
      const link = document.createElement('a');
      link.href = entry.url;
      const head = document.createElement('strong');
      head.textContent = entry.heading || entry.title;
      const about = document.createElement('span');
      about.textContent = `${entry.heading ? `${entry.title} · ` : ''}${excerpt(entry, word)}`;
      link.append(head, about);
      const item = document.createElement('li');
      item.append(link);
      return item;
    }),
  );
  list.hidden = found.length === 0;
  status.textContent = found.length === 0 ? 'Nothing found' : `${found.length} found`;
  status.classList.toggle('hidden', found.length > 0);
}

function close() {
  list.hidden = true;
  status.textContent = '';
}

form.hidden = false;
form.addEventListener('submit', (event) => {
  event.preventDefault();
  list.querySelector('a')?.click();
});
form.addEventListener('focusout', ({ relatedTarget }) => {
  if (!form.contains(relatedTarget)) close();
});
input.addEventListener('focus', index, { once: true });
input.addEventListener('input', search);
form.addEventListener('keydown', (event) => {
  const links = [...list.querySelectorAll('a')];
  const at = links.indexOf(document.activeElement);
  if (event.key === 'Escape') {
    input.value = '';
    close();
    input.focus();
  } else if (event.key === 'ArrowDown' && links[at + 1]) {
    links[at + 1].focus();
    event.preventDefault();
  } else if (event.key === 'ArrowUp' && at >= 0) {
    (links[at - 1] ?? input).focus();
    event.preventDefault();
  }
});
document.addEventListener('keydown', (event) => {
  const isTyping = /^(input|textarea|select)$/i.test(event.target.tagName);
  if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  input.focus();
});
list.addEventListener('click', close);

// What is shown to be pasted names the server that shows it.
for (const code of document.querySelectorAll('main code')) {
  const text = code.textContent;
  const own = text
    .replaceAll('https://YOUR-SERVER', location.origin)
    .replaceAll('HOURSMITH_URL=http://127.0.0.1:8080', `HOURSMITH_URL=${location.origin}`);
  if (own !== text) code.textContent = own;
}

for (const block of document.querySelectorAll('pre')) addCopyButton(block);
