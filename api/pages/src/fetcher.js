import { buildSchema, graphql } from 'graphql';
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
 *
 * To add subscriptions: return an async iterable of results from here when the
 * operation is a subscription (`options.documentAST` holds the parsed document)
 * and GraphiQL shows each result as it comes.
 */
export async function fetcher(params, options) {
  if (params.operationName === INTROSPECTION) {
    return graphql({ schema: await loadSchema(), source: params.query });
  }
  return post(params, options?.headers);
}

async function loadSchema() {
  const response = await fetch(SCHEMA_URL, { cache: 'no-cache' });
  if (!response.ok) throw new Error(`The schema could not be loaded: ${SCHEMA_URL} answered ${response.status}.`);
  return buildSchema(await response.text());
}

async function post(params, extraHeaders) {
  const headers = new Headers({
    Accept: 'application/graphql-response+json, application/json',
    'Content-Type': 'application/json',
  });
  const bearer = token();
  if (bearer) headers.set('Authorization', `Bearer ${bearer}`);
  // The Headers editor has the last word.
  for (const [name, value] of Object.entries(extraHeaders ?? {})) headers.set(name, String(value));

  const response = await fetch(GRAPHQL_URL, { method: 'POST', headers, body: JSON.stringify(params) });
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
