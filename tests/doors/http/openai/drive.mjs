// Drives an agent with OpenAI's JavaScript client: a stream, then a request in the background. Prints JSON.
import { createRequire } from "node:module";

const [folder, baseURL, apiKey] = process.argv.slice(2);
const { default: OpenAI } = await import(createRequire(`${folder}/`).resolve("openai"));
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });

const streamed = [];
const stream = await client.responses.create({ model: "helper", input: "Where?", stream: true });
for await (const event of stream) {
  streamed.push(event.type);
}

let response = await client.responses.create({ model: "helper", input: "Where?", background: true });
const first = response.status;
for await (const event of await client.responses.retrieve(response.id, { stream: true })) {
  response = event.response ?? response;
}

const waiting = await client.responses.create({ model: "payer", input: "pay" });
const request = waiting.output.find((item) => item.type === "mcp_approval_request");
const paid = await client.responses.create({
  model: "payer",
  previous_response_id: waiting.id,
  input: [{ type: "mcp_approval_response", approval_request_id: request.id, approve: true }],
});

let refused = null;
try {
  await client.responses.create({ model: "nobody", input: "hello" });
} catch (error) {
  refused = { status: error.status, code: error.code };
}

const text = (told) => told.output.filter((item) => item.type === "message").map((item) => item.content[0].text).join("");
console.log(JSON.stringify({ streamed, first, last: response.status, text: text(response), paid: text(paid), refused }));
