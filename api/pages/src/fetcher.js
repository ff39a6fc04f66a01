import { buildSchema, graphql, parse } from 'graphql';
import { token } from './token.js';

const SCHEMA_URL = '/graphql/schema.graphql';
const GRAPHQL_URL = '/graphql';

/** The name GraphiQL gives to its own introspection query (see graphiql.jsx). */
export const INTROSPECTION = 'GatewaySchemaFromSdl';

/** What the first page of the documentation says. */
const INTRODUCTION = `Time tracking and billing: the same records, rules and errors as over REST.

Every request needs a token, \`Authorization: Bearer hsk_…\`: type it into the bar above, or see
[where a token comes from](/docs/authentication#tokens).

The [guide to GraphQL](/docs/graphql) describes lists, errors, cost, subscriptions, and clients such as Apollo, urql and
Relay. The REST reference is at [/api-docs](/api-docs).`;

/** Stands in the Headers editor for an idempotency key that is made anew at each run of a mutation. */
export const NEW_KEY = '(a new one at each run)';

/**
 * GraphiQL's fetcher. GraphiQL asks for the schema with an introspection query,
 * also when "Re-fetch GraphQL schema" is pressed; that one query is answered
 * here from the public SDL and never goes to the server, so that the docs and
 * the completion work before a token is typed. Everything else is POSTed.
 * A subscription is POSTed too, and answered as server-sent events: the one way
 * in which a page can send a header with it.
 */
export async function fetcher(sent, options) {
  if (sent.operationName === INTROSPECTION) {
    return graphql({ schema: await loadSchema(), source: sent.query });
  }
  const [params, kind] = chosenOperation(sent);
  const headers = withKey(options?.headers, kind);
  if (kind === 'subscription') return events(params, headers);
  return post(await withProject(params), headers);
}

/**
 * The request and the kind of its operation, by the text that is sent: what GraphiQL knows of the document lags behind the
 * typing and behind a change of the tab.
 */
function chosenOperation(params) {
  let document;
  try {
    document = parse(params.query);
  } catch {
    return [params]; // The server reports what is wrong with it.
  }
  const operations = document.definitions.filter(({ kind }) => kind === 'OperationDefinition');
  const named = operations.find(({ name }) => name?.value === params.operationName);
  const [chosen, operationName] = named ? [named, params.operationName] : [operations[0], operations[0]?.name?.value];
  return [{ ...params, operationName }, chosen?.operation];
}

/** Fills in a key where the Headers editor asks for a new one; only a mutation takes a key. */
function withKey(headers, kind) {
  const entries = Object.entries(headers ?? {}).filter(([, value]) => value !== NEW_KEY || kind === 'mutation');
  return Object.fromEntries(entries.map(([name, value]) => [name, value === NEW_KEY ? newKey() : value]));
}

/** A random UUID, also where a page is not served over https and the browser's own is missing. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

let lastProject;

/** What stands for a project in the examples, which follow each other without editing: that of the last answer, or any. */
export const FIRST_PROJECT = 'FIRST_PROJECT';

async function withProject(params) {
  if (params.variables?.projectId !== FIRST_PROJECT) return params;
  lastProject ??= await anyProject();
  return lastProject ? { ...params, variables: { ...params.variables, projectId: lastProject } } : params;
}

async function anyProject() {
  const { data } = await post({ query: '{ projects(first: 1, filter: { status: [ACTIVE] }) { nodes { id } } }' });
  return data?.projects?.nodes[0]?.id;
}

async function loadSchema() {
  const response = await fetch(SCHEMA_URL, { cache: 'no-cache' });
  if (!response.ok) throw new Error(`The schema could not be loaded: ${SCHEMA_URL} answered ${response.status}.`);
  return buildSchema((await response.text()).replace(/^schema {/m, `"""\n${INTRODUCTION}\n"""\nschema {`));
}

function send(params, accept, extraHeaders, signal) {
  const headers = new Headers({ Accept: accept, 'Content-Type': 'application/json' });
  const bearer = token();
  if (bearer) headers.set('Authorization', `Bearer ${bearer}`);
  // The Headers editor has the last word.
  for (const [name, value] of Object.entries(extraHeaders ?? {})) headers.set(name, String(value));
  return fetch(GRAPHQL_URL, { method: 'POST', headers, body: JSON.stringify(params), signal });
}

/**
 * Each result of a subscription as it comes, until it is complete or GraphiQL stops it. `return()` cuts the connection at
 * once: that of a generator would wait for the next event, and a browser has but six connections to a server.
 */
function events(params, extraHeaders) {
  const stop = new AbortController();
  const results = read(params, extraHeaders, stop.signal);
  const done = { done: true, value: undefined };
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      try {
        return stop.signal.aborted ? done : await results.next();
      } catch (error) {
        if (stop.signal.aborted) return done;
        throw error;
      }
    },
    async return() {
      stop.abort();
      return done;
    },
  };
}

async function* read(params, extraHeaders, signal) {
  const response = await send(params, 'text/event-stream', extraHeaders, signal);
  if (!response.headers.get('Content-Type')?.startsWith('text/event-stream')) {
    yield await response.json();
    return;
  }
  let text = '';
  const decoder = new TextDecoder();
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const parts = text.split('\n\n');
    text = parts.pop();
    for (const part of parts) {
      const [, name, data] = part.match(/^event: (\w+)\ndata: (.*)$/s) ?? [];
      if (name === 'complete') return;
      if (name === 'next') yield JSON.parse(data);
    }
  }
}

async function post(params, extraHeaders) {
  const response = await send(params, 'application/graphql-response+json, application/json', extraHeaders);
  const text = await response.text();
  let result;
  try {
    result = JSON.parse(text);
  } catch {
    // Not JSON: say so below.
  }
  if (result !== null && typeof result === 'object') {
    lastProject = result.data?.projects?.nodes?.[0]?.id ?? lastProject;
    return result;
  }
  throw new Error(`${GRAPHQL_URL} answered ${response.status} without JSON: ${text.slice(0, 500)}`);
}
