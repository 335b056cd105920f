// A BullMQ worker whose job does nothing; its result is kept with the job, as BullMQ does by default.
"use strict";

const { Worker } = require("bullmq");

const connection = { host: "127.0.0.1", port: Number(process.env.BENCH_REDIS_PORT) };
const concurrency = Number(process.env.BENCH_AT_ONCE);

new Worker("noop", async (job) => job.data.number, { connection, concurrency });
