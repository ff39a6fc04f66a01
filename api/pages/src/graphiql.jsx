import './monaco-workers.js';
import '@graphiql/react/style.css';
import 'graphiql/graphiql.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-explorer/style.css';
import '@graphiql/plugin-history/style.css';
import './graphiql.css';
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { FIRST_PROJECT, fetcher, INTROSPECTION, NEW_KEY } from './fetcher.js';
import { Share, shared } from './share.jsx';

const today = new Date().toISOString().slice(0, 10);
const headers = `{
  "Idempotency-Key": "${NEW_KEY}"
}
`;

const isNarrow = matchMedia('(max-width: 700px)').matches;

// They run one after the other as they are: FIRST_PROJECT is the first project of the first example.
const examples = [
  {
    query: `# Type a token above, then press
# Ctrl-Enter or the button \u25b6.
# The answer appears ${isNarrow ? 'below' : 'on the right'}.
query Projects {
  viewer { name orgName role }
  projects(first: 5, filter: { status: ACTIVE }) {
    totalCount
    nodes { id name client { name } }
  }
}
`,
  },
  {
    query: `# Logs an hour. ${FIRST_PROJECT} below stands for
# the first project of the first example.
mutation LogAnHour($projectId: ID!) {
  createTimeEntry(
    input: {
      projectId: $projectId
      duration: "1h"
      entryDate: "${today}"
      note: "From GraphiQL"
    }
  ) {
    timeEntry { id durationSeconds entryDate }
  }
}
`,
    variables: `{
  "projectId": "${FIRST_PROJECT}"
}
`,
  },
  {
    query: `# Goes on until you stop it or leave this tab.
# Start a timer elsewhere, and it is shown here.
subscription MyTimer {
  timerChanged {
    timeEntry { id durationSeconds startedAt }
  }
}
`,
  },
  {
    query: `# Time and what it earns, added up by the server.
query ThisYear {
  timeReport(
    groupBy: [PROJECT, MONTH]
    filter: { entryDateFrom: "${today.slice(0, 4)}-01-01" }
  ) {
    rows {
      keys { project { name } month }
      seconds
      amounts { currency amount }
    }
    total { seconds amounts { currency amount } }
  }
}
`,
  },
].map((tab) => ({ headers, ...tab }));

const link = shared();

createRoot(document.getElementById('graphiql')).render(
  <GraphiQL
    fetcher={fetcher}
    introspectionQueryName={INTROSPECTION}
    inputValueDeprecation
    schemaDescription
    initialQuery={link?.query}
    initialVariables={link?.variables}
    defaultTabs={link ? [{ headers, ...link }, ...examples] : examples}
    defaultHeaders={headers}
    defaultEditorToolsVisibility={isNarrow ? false : 'variables'}
    shouldPersistHeaders={false}
    plugins={[HISTORY_PLUGIN, explorerPlugin({ showAttribution: false })]}
  >
    <GraphiQL.Logo>GraphiQL</GraphiQL.Logo>
    <GraphiQL.Toolbar>
      {({ prettify, merge, copy }) => (
        <>
          {prettify}
          {merge}
          {copy}
          <Share />
        </>
      )}
    </GraphiQL.Toolbar>
  </GraphiQL>,
);
