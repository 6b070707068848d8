// Serves aimock on a free loopback port, for as long as standard input is open.
//
// Usage: node launch.cjs FOLDER KEY, where FOLDER holds node_modules/@copilotkit/aimock and KEY is the right API key.
// It writes its address, then obeys lines of JSON. A list of fixtures: forget everything and behave by these. null: as
// before. Each line is answered with a JSON list of the requests that it has seen. aimock's own control API would do,
// but refuses fixtures that no honest provider would answer with: an empty message, arguments that are no JSON.
"use strict";

const { createRequire } = require("node:module");
const { join, resolve } = require("node:path");
const { createInterface } = require("node:readline");

const [folder, key] = process.argv.slice(2);
const { LLMock } = createRequire(join(resolve(folder), "package.json"))("@copilotkit/aimock");
const server = new LLMock({ host: "127.0.0.1", port: 0, auth: { apiKeys: [key] }, journalMaxEntries: 0 });

function seen(entry) {
  return { path: entry.path, body: entry.body, status: entry.response.status };
}

async function serve() {
  console.log(await server.start());
  for await (const line of createInterface({ input: process.stdin })) {
    const fixtures = JSON.parse(line);
    if (fixtures) server.reset().addFixtures(fixtures);
    console.log(JSON.stringify(server.getRequests().map(seen)));
  }
  process.exit(0);
}

serve();
