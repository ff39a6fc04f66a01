import { ToolbarButton, useGraphiQL } from '@graphiql/react';
import { useState } from 'react';
import { copy } from './copy.js';

/** The operation that the address of this page carries. It is shown, never run by itself. */
export function shared() {
  const parameters = new URLSearchParams(location.search);
  const query = parameters.get('query');
  return query ? { query, variables: parameters.get('variables') ?? undefined } : undefined;
}

/** The address of this page with an operation in it; without headers, which may hold secrets. */
function link(query, variables) {
  const url = new URL(location.pathname, location.href);
  url.searchParams.set('query', query);
  if (variables.trim()) url.searchParams.set('variables', variables);
  return url.href;
}

/** A button that puts a link to the operation into the address bar and onto the clipboard. */
export function Share() {
  const [isCopied, setCopied] = useState(false);
  const { queryEditor, variableEditor } = useGraphiQL(({ queryEditor, variableEditor }) => ({ queryEditor, variableEditor }));
  const share = async () => {
    const url = link(queryEditor?.getValue() ?? '', variableEditor?.getValue() ?? '');
    history.replaceState(null, '', url);
    await copy(url);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <ToolbarButton onClick={share} label={isCopied ? 'The link is copied' : 'Share: copy a link to this operation'}>
      <svg className="graphiql-toolbar-icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="2" aria-hidden="true">
        {isCopied ? (
          <path d="M4 12l5 5L20 6" />
        ) : (
          <path d="M12 15V3m0 0L8 7m4-4l4 4M5 12v7a2 2 0 002 2h10a2 2 0 002-2v-7" />
        )}
      </svg>
    </ToolbarButton>
  );
}
