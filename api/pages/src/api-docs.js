// The API reference: same-origin only, nothing that calls another host.
Scalar.createApiReference('#api-docs', {
  url: '/api/openapi.json',
  // Relative server URLs of the document are meant for this origin.
  baseServerURL: window.location.origin,
  proxyUrl: '',
  telemetry: false,
  withDefaultFonts: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  documentDownloadType: 'direct',
  defaultOpenAllTags: true,
  showDeveloperTools: 'never',
  // The token stays in memory: it goes away with the page.
  persistAuth: false,
  authentication: { preferredSecurityScheme: 'bearerAuth' },
  defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
  favicon: '/assets/favicon.svg',
  customCss: `
    :root {
      --scalar-font: system-ui, sans-serif;
      --scalar-font-code: ui-monospace, 'Cascadia Code', Menlo, Consolas, 'DejaVu Sans Mono', monospace;
    }
  `,
});
