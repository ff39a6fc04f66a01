// Everything the GraphiQL bundles want from Prettier, in one file that is
// loaded on demand (see build.mjs).
import * as babel from 'prettier/plugins/babel';
import * as estree from 'prettier/plugins/estree';
import * as graphql from 'prettier/plugins/graphql';

export { format } from 'prettier/standalone';
export const languages = graphql.languages;
export const parsers = { ...babel.parsers, ...graphql.parsers };
export const printers = { ...estree.printers, ...graphql.printers };
