// The API reference: same-origin only, nothing that calls another host.
const DOCUMENT = '/api/openapi.json';

/** The keys that the document shows. One that is still in place is replaced by a new one at each send. */
const shownKeys = fetch(DOCUMENT)
  .then((response) => response.json())
  .then(({ paths, components }) => {
    const resolve = (item) => (item.$ref ? components.parameters[item.$ref.split('/').pop()] : item);
    const operations = Object.values(paths).flatMap((path) => Object.values(path));
    const parameters = operations.flatMap((operation) => operation.parameters ?? []).map(resolve);
    const keys = parameters.filter(({ name }) => name === 'Idempotency-Key');
    return new Set(keys.flatMap(({ example, schema }) => [example, schema?.example, ...(schema?.examples ?? [])]));
  })
  .catch(() => new Set());

/** A random UUID, also where the page is not served over https and the browser's own is missing. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** The document without the names that generators give to values: the reference would show them beside what a request takes. */
async function fetchShown(input, init) {
  const response = await fetch(input, init);
  if (!response.ok || !String(input?.url ?? input).endsWith(DOCUMENT)) return response;
  const shown = await response.json();
  for (const schema of Object.values(shown.components.schemas)) delete schema['x-enum-varnames'];
  return new Response(JSON.stringify(shown), { headers: { 'Content-Type': 'application/json' } });
}

Scalar.createApiReference('#api-docs', {
  url: DOCUMENT,
  customFetch: fetchShown,
  // The requests of this page go to where it was opened, whatever other address the document names.
  servers: [{ url: `${location.origin}/api/v1`, description: 'This server.' }],
  async onRequestBuilt({ request }) {
    const key = request.headers.get('Idempotency-Key');
    if (key !== null && (await shownKeys).has(key)) request.headers.set('Idempotency-Key', newKey());
  },
  proxyUrl: '',
  telemetry: false,
  withDefaultFonts: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  documentDownloadType: 'direct',
  defaultOpenAllTags: true,
  // What is required comes first, then fields in the order of the document, which is that of their meaning.
  orderSchemaPropertiesBy: 'preserve',
  orderRequiredPropertiesFirst: true,
  showDeveloperTools: 'never',
  // The token stays in memory: it is forgotten with the page.
  persistAuth: false,
  authentication: { preferredSecurityScheme: 'bearerAuth' },
  defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
  favicon: '/assets/favicon.svg',
  customCss: `
    :root {
      --scalar-font: system-ui, sans-serif;
      --scalar-font-code: ui-monospace, 'Cascadia Code', Menlo, Consolas, 'DejaVu Sans Mono', monospace;
    }

    /* Text in these colours has a contrast of at least 4.5 : 1. */
    .light-mode {
      --scalar-color-2: #5c5c5c;
      --scalar-color-3: #6b6b6b;
      --scalar-sidebar-search-color: #6b6b6b;
      --scalar-color-blue: #0868ac;
      --scalar-color-green: #05734c;
      --scalar-color-orange: #b04a00;
      --scalar-color-red: #c8102e;
      --scalar-color-yellow: #8a6100;
    }

    .dark-mode {
      --scalar-color-3: #9a9a9a;
      --scalar-sidebar-search-color: #9a9a9a;
      --scalar-color-red: #ff6b6b;
    }

    /* The bar above the reference. */
    :root {
      --scalar-custom-header-height: 44px;
    }

    /* There is one way to authenticate, so there is nothing to choose. */
    .scalar-reference-intro-auth .bg-b-2 .contents > button.scalar-button {
      display: none;
    }

    /* A contact without an address is no link. */
    .section-header-wrapper .custom-scroll > .group:has(> span:only-child) {
      display: none;
    }

    /* A section that a link leads to is focused; it is no control that needs a frame. */
    section:focus-visible {
      outline: none;
    }

    /* The form of a request fits a phone; a long line of its body scrolls by itself. */
    @media (max-width: 700px) {
      [role='dialog'] .flex,
      [role='dialog'] .grid,
      [role='dialog'] form,
      [role='dialog'] section {
        min-width: 0;
      }
    }
  `,
});

/** Names what the reference shows as an icon alone. */
function nameIcons() {
  for (const [selector, name] of [['.scalar-code-copy', 'Copy'], ['a[href$="/docs"]', 'Guides']]) {
    for (const icon of document.querySelectorAll(`${selector}:not([aria-label])`)) icon.setAttribute('aria-label', name);
  }
}

let isWaiting = false;
new MutationObserver(() => {
  if (isWaiting) return;
  isWaiting = true;
  setTimeout(() => {
    isWaiting = false;
    nameIcons();
  }, 200);
}).observe(document.body, { childList: true, subtree: true });

/** A link to an operation shows it in the sidebar too, as soon as the sidebar is there. */
function showInSidebar() {
  const shown = [...document.querySelectorAll('aside a')].find((link) => link.getAttribute('href') === decodeURI(location.hash));
  shown?.scrollIntoView({ block: 'center' });
  return shown !== undefined;
}

if (location.hash) {
  const observer = new MutationObserver(() => showInSidebar() && observer.disconnect());
  observer.observe(document.body, { childList: true, subtree: true });
}
addEventListener('hashchange', showInSidebar);
