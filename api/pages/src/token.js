// The API token typed into the bar at the top of the GraphiQL page. It is kept
// in sessionStorage only: it goes away with the browser tab.
const KEY = 'hoursmith.apiToken';
const input = document.getElementById('token');
const show = document.getElementById('token-show');
const forget = document.getElementById('token-forget');
const status = document.getElementById('token-status');

// People paste whole header values too.
const clean = (text) => text.trim().replace(/^(authorization:\s*)?bearer\s+/i, '');

export const token = () => clean(input.value);

function changed() {
  const value = token();
  try {
    if (value) sessionStorage.setItem(KEY, value);
    else sessionStorage.removeItem(KEY);
  } catch {
    // No storage: the token lives as long as the page.
  }
  forget.disabled = !input.value;
  status.textContent = value
    ? 'Kept in this browser tab only.'
    : 'Needed to run operations.';
}

try {
  input.value = sessionStorage.getItem(KEY) ?? '';
} catch {
  // No storage: start empty.
}
input.addEventListener('input', changed);
show.addEventListener('change', () => {
  input.type = show.checked ? 'text' : 'password';
});
forget.addEventListener('click', () => {
  input.value = '';
  changed();
  input.focus();
});
changed();
