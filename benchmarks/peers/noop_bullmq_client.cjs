// The client of the no-op benchmark for BullMQ; its orders are those of `noop_orders.py`.
"use strict";

const { createInterface } = require("node:readline");
const { Queue } = require("bullmq");

const connection = { host: "127.0.0.1", port: Number(process.env.BENCH_REDIS_PORT) };
const queue = new Queue("noop", { connection });

async function one(count) {
  for (let number = 0; number < count; number++) await queue.add("noop", { number });
}

async function bulk(count) {
  await queue.addBulk(Array.from({ length: count }, (_, number) => ({ name: "noop", data: { number } })));
}

async function timed(submit, count) {
  const began = process.hrtime.bigint();
  await submit(count);
  return (Number(process.hrtime.bigint() - began) / 1e9).toFixed(6);
}

async function main() {
  await queue.waitUntilReady();
  console.log("ready");
  for await (const line of createInterface({ input: process.stdin })) {
    const [order, count] = line.split(" ");
    const answer =
      order === "done" ? queue.getCompletedCount() : timed(order === "one" ? one : bulk, Number(count));
    console.log(String(await answer));
  }
  await queue.close();
}

main();
