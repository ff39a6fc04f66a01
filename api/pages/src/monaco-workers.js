// The editor's workers are separate files of the same origin.
const files = {
  json: '/assets/graphiql-json.worker.js',
  graphql: '/assets/graphiql-graphql.worker.js',
};

globalThis.MonacoEnvironment = {
  getWorker: (_id, label) =>
    new Worker(files[label] ?? '/assets/graphiql-editor.worker.js', { name: label }),
};
