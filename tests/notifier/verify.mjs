// Verify deliveries with the reference library of Standard Webhooks for Node: one JSON object on each
// line of stdin (`secret`, `headers`, `body`), one word on each line of stdout.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(process.argv[2] + "/");
const { Webhook } = require("standardwebhooks");

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  try {
    new Webhook(secret).verify(body, headers);
    console.log("accepted");
  } catch (error) {
    console.log(`refused: ${error.message}`);
  }
}
