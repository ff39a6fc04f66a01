// Builds dist/ from src/ and the pinned npm packages. Run: npm ci && npm run build
//
// dist/ is flat, its names are stable (no hashes), and the server publishes
// dist/<file> at /assets/<file>.
import { build } from 'esbuild';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const root = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const modules = path.join(root, 'node_modules');
const dist = path.join(root, 'dist');
const src = (name) => path.join(root, 'src', name);

/** name@version -> { name, version, dir } of every npm package that ends up in dist/ */
const bundled = new Map();
/** name@version, and name alone for any one version, -> folder of every installed package */
const installed = new Map();
await findInstalled(modules);

// Prettier is needed only when somebody presses "Prettify", so every bundle
// loads it from one shared file on demand instead of carrying its own copy.
const sharePrettier = {
  name: 'share-prettier',
  setup(b) {
    b.onResolve({ filter: /^prettier\// }, () => ({
      path: '/assets/graphiql-prettier.js',
      external: true,
    }));
  },
};

const common = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  target: 'es2022',
  outdir: dist,
  publicPath: '/assets/',
  assetNames: '[name]',
  entryNames: '[name]',
  loader: { '.ttf': 'file' },
  define: { 'process.env.NODE_ENV': '"production"' },
  jsx: 'automatic',
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
};

await rm(dist, { recursive: true, force: true });
await mkdir(dist);

const results = [
  await build({
    ...common,
    format: 'iife',
    plugins: [sharePrettier],
    entryPoints: [
      { in: src('graphiql.jsx'), out: 'graphiql' },
      { in: src('docs.js'), out: 'docs' },
      { in: src('home.js'), out: 'home' },
      { in: src('settings.js'), out: 'settings' },
      { in: 'monaco-editor/esm/vs/editor/editor.worker.js', out: 'graphiql-editor.worker' },
      { in: 'monaco-editor/esm/vs/language/json/json.worker.js', out: 'graphiql-json.worker' },
      { in: 'monaco-graphql/esm/graphql.worker.js', out: 'graphiql-graphql.worker' },
    ],
  }),
  await build({
    ...common,
    format: 'esm',
    entryPoints: [{ in: src('graphiql-prettier.js'), out: 'graphiql-prettier' }],
  }),
];
for (const { metafile } of results) {
  for (const output of Object.values(metafile.outputs)) {
    for (const input of Object.keys(output.inputs)) await noteInput(input);
  }
}

for (const name of ['theme.css', 'home.css', 'docs.css', 'settings.css', 'favicon.svg', 'api-docs.html', 'api-docs.js', 'graphiql.html']) {
  await cp(src(name), path.join(dist, name));
}

// The home page of a server without a workspace says how to make one; the other leaves that out.
const home = await readFile(src('index.html'), 'utf8');
await writeFile(path.join(dist, 'index-empty.html'), home);
await writeFile(path.join(dist, 'index.html'), home.replace(/\n *<!--empty-->[^]*<!--\/empty-->/, ''));

// The API reference comes ready-made from its package. The pointer to the source
// map, which is not shipped, is taken off, and Zod inside it is configured not to try
// whether it may compile code from strings: the content security policy forbids
// that, and the mere try would be reported as a violation.
const zodWithoutEval = 'globalThis.__zod_globalConfig={...globalThis.__zod_globalConfig,jitless:true};\n';
const standalone = path.join(modules, '@scalar/api-reference/dist/browser/standalone.js');
const scalar = zodWithoutEval + (await readFile(standalone, 'utf8')).replace(/\n?\/\/# sourceMappingURL=\S*\s*$/, '\n');
await writeFile(path.join(dist, 'scalar.js'), scalar);
await noteScalar(JSON.parse(await readFile(`${standalone}.map`, 'utf8')).sources);

await writeFile(path.join(dist, 'LICENSES.txt'), await licences());

// The server sends each file as it is compressed here; for the few clients that do not
// take brotli it decompresses it.
let total = 0;
for (const name of (await readdir(dist)).sort()) {
  const file = path.join(dist, name);
  const bytes = await readFile(file);
  const brotli = brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
  await writeFile(`${file}.br`, brotli);
  await rm(file);
  total += brotli.length;
  console.log(...[bytes, brotli].map(({ length }) => String(length).padStart(9)), name);
}
console.log(String(total).padStart(9), 'bytes in all (columns: plain, brotli)');

async function manifest(dir) {
  return JSON.parse(await readFile(path.join(dir, 'package.json'), 'utf8'));
}

async function findInstalled(folder, scope = '') {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
    const dir = path.join(folder, entry.name);
    if (entry.name.startsWith('@')) {
      await findInstalled(dir, `${entry.name}/`);
      continue;
    }
    if (!existsSync(path.join(dir, 'package.json'))) continue;
    const name = scope + entry.name;
    const { version } = await manifest(dir);
    installed.set(`${name}@${version}`, dir);
    if (!installed.has(name)) installed.set(name, dir);
    const nested = path.join(dir, 'node_modules');
    if (existsSync(nested)) await findInstalled(nested);
  }
}

function note(name, version) {
  const dir = installed.get(`${name}@${version}`) ?? installed.get(name);
  if (!dir) throw new Error(`${name} ${version} is bundled, but no version of it is installed to take its licence from`);
  bundled.set(`${name}@${version}`, { name, version, dir });
}

async function noteInput(input) {
  const found = input.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//);
  if (!found) return;
  const { name, version } = await manifest(path.join(root, found[1]));
  note(name, version);
}

// What is inside the ready-made API reference is read off its source map: other
// packages by their name and version, packages of its own project by folder.
async function noteScalar(sources) {
  const version = async (name) => (await manifest(installed.get(name))).version;
  note('@scalar/api-reference', await version('@scalar/api-reference'));
  for (const source of sources) {
    const foreign = source.match(/\.pnpm\/(?:@[^+/]+\+)?[^@/]+@([^_/(]+)[^/]*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//);
    const sibling = source.match(/^(?:\.\.\/)+([^./][^/]*)\/dist\//);
    if (foreign) note(foreign[2], foreign[1]);
    else if (sibling) note(`@scalar/${sibling[1]}`, await version(`@scalar/${sibling[1]}`));
  }
  // Some packages carry copies of others in their own files, where the source map
  // does not show them: the syntax highlighter (all it depends on), the icons and
  // the style sheet.
  await noteDependencies('@scalar/code-highlight');
  for (const name of ['@phosphor-icons/core', 'tailwindcss']) note(name, await version(name));
}

async function noteDependencies(name, seen = new Set()) {
  const { dependencies = {} } = await manifest(installed.get(name));
  for (const dependency of Object.keys(dependencies)) {
    if (seen.has(dependency) || dependency.startsWith('@types/')) continue;
    seen.add(dependency);
    note(dependency, (await manifest(installed.get(dependency))).version);
    await noteDependencies(dependency, seen);
  }
}

async function licences() {
  const parts = [
    'Third-party software in the static pages of Hoursmith\'s gateway\n' +
      '\n' +
      'This file is generated by the build. For each package: name, version, SPDX\n' +
      'licence identifier, then the licence text where the package carries one.\n' +
      'Identical texts are printed once.\n',
  ];
  parts.push(
    `${'='.repeat(78)}\nCodicons, the icon font of the code editor (codicon.ttf, shipped in monaco-editor)\n` +
      'Licence: CC-BY-4.0 (https://creativecommons.org/licenses/by/4.0/)\nAuthor: Microsoft Corporation\n',
  );
  const texts = new Map();
  const list = [...bundled.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1));
  for (const { name, version, dir } of list) {
    const { license, licenses, author } = await manifest(dir);
    const spdx = license?.type ?? license ?? licenses?.map((l) => l.type).join(' OR ') ?? 'see text';
    const files = (await readdir(dir))
      .filter((f) => /^(licen[cs]e|copying|notice|third-?party-?notices)(\b|[-_.]|$)/i.test(f) && !/\.(js|ts|json)$/i.test(f))
      .sort();
    let part = `${'='.repeat(78)}\n${name} ${version}\nLicence: ${spdx}\n`;
    const by = author?.name ?? author;
    if (by) part += `Author: ${by}\n`;
    for (const file of files) {
      const text = (await readFile(path.join(dir, file), 'utf8')).replace(/\r\n?/g, '\n').trim();
      const first = texts.get(text);
      if (first) part += `\nLicence text: the same as printed for ${first}\n`;
      else {
        texts.set(text, `${name} ${version}`);
        part += `\n${text}\n`;
      }
    }
    parts.push(part);
  }
  return parts.join('\n');
}
