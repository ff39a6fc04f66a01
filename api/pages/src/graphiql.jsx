import './monaco-workers.js';
import '@graphiql/react/style.css';
import 'graphiql/graphiql.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-history/style.css';
import './graphiql.css';
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { fetcher, INTROSPECTION } from './fetcher.js';

const tabs = [
  {
    query: `# Type your API token in the bar above, then press Ctrl-Enter.
query Clients {
  viewer { name orgName role }
  clients(first: 5) {
    nodes { id name projects(first: 3) { nodes { id name status } } }
  }
}
`,
  },
  {
    query: `# Put the id of a project into the Variables below, then press Ctrl-Enter.
mutation LogAnHour($projectId: ID!) {
  createTimeEntry(input: { projectId: $projectId, duration: "1h", entryDate: "2026-06-11", note: "From GraphiQL" }) {
    timeEntry { id durationSeconds entryDate }
  }
}
`,
    variables: `{
  "projectId": ""
}
`,
  },
  {
    query: `# A subscription goes on until you stop it: start a timer in another tab, and it is told here.
subscription MyTimer {
  timerChanged {
    timeEntry { id durationSeconds startedAt project { name } }
  }
}
`,
  },
  {
    query: `# Time and what it earns, summed where it lies. Group by one or two.
query ThisYear {
  timeReport(groupBy: [CLIENT, MONTH], filter: { entryDateFrom: "2026-01-01" }, timeZone: "Europe/Helsinki") {
    rows { keys { client { name } month } seconds billableSeconds amounts { currency amount } }
    total { seconds amounts { currency amount } }
  }
}
`,
    headers: `{
  "X-Request-Id": "from-graphiql"
}
`,
  },
];

createRoot(document.getElementById('graphiql')).render(
  <GraphiQL
    fetcher={fetcher}
    introspectionQueryName={INTROSPECTION}
    inputValueDeprecation
    schemaDescription
    defaultTabs={tabs}
    defaultEditorToolsVisibility="variables"
    shouldPersistHeaders={false}
  >
    <GraphiQL.Logo>GraphiQL</GraphiQL.Logo>
  </GraphiQL>,
);
