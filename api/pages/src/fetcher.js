import { buildSchema, graphql, parse } from 'graphql';
import { token } from './token.js';

const SCHEMA_URL = '/graphql/schema.graphql';
const GRAPHQL_URL = '/graphql';

/** The name GraphiQL gives to its own introspection query (see graphiql.jsx). */
export const INTROSPECTION = 'GatewaySchemaFromSdl';

/**
 * GraphiQL's fetcher. GraphiQL asks for the schema with an introspection query,
 * also when "Re-fetch GraphQL schema" is pressed; that one query is answered
 * here from the public SDL and never goes to the server, so that the docs and
 * the completion work before a token is typed. Everything else is POSTed.
 * A subscription is POSTed too, and answered as server-sent events: the one way
 * in which a page can send a header with it.
 */
export async function fetcher(params, options) {
  if (params.operationName === INTROSPECTION) {
    return graphql({ schema: await loadSchema(), source: params.query });
  }
  if (isSubscription(params)) return events(params, options?.headers);
  return post(params, options?.headers);
}

/** By the text that is sent: what GraphiQL knows of the document lags behind the typing. */
function isSubscription({ query, operationName }) {
  let document;
  try {
    document = parse(query);
  } catch {
    return false; // The server tells what is wrong with it.
  }
  const operations = document.definitions.filter(({ kind }) => kind === 'OperationDefinition');
  const chosen = operationName ? operations.find(({ name }) => name?.value === operationName) : operations[0];
  return chosen?.operation === 'subscription';
}

async function loadSchema() {
  const response = await fetch(SCHEMA_URL, { cache: 'no-cache' });
  if (!response.ok) throw new Error(`The schema could not be loaded: ${SCHEMA_URL} answered ${response.status}.`);
  return buildSchema(await response.text());
}

function send(params, accept, extraHeaders, signal) {
  const headers = new Headers({ Accept: accept, 'Content-Type': 'application/json' });
  const bearer = token();
  if (bearer) headers.set('Authorization', `Bearer ${bearer}`);
  // The Headers editor has the last word.
  for (const [name, value] of Object.entries(extraHeaders ?? {})) headers.set(name, String(value));
  return fetch(GRAPHQL_URL, { method: 'POST', headers, body: JSON.stringify(params), signal });
}

/** Each result of a subscription as it comes, until it is complete or GraphiQL stops it. */
async function* events(params, extraHeaders) {
  const stop = new AbortController();
  try {
    const response = await send(params, 'text/event-stream', extraHeaders, stop.signal);
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
  } finally {
    stop.abort();
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
  if (result !== null && typeof result === 'object') return result;
  throw new Error(`${GRAPHQL_URL} answered ${response.status} without JSON: ${text.slice(0, 500)}`);
}
