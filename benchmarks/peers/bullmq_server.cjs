// An express service that stores an upload and queues it for `bullmq_worker.cjs`.
"use strict";

const { randomUUID } = require("node:crypto");
const { createWriteStream } = require("node:fs");
const { join } = require("node:path");
const { pipeline } = require("node:stream/promises");
const express = require("express");
const { Queue } = require("bullmq");

const folder = process.env.BENCH_FOLDER;
const connection = { host: "127.0.0.1", port: Number(process.env.BENCH_REDIS_PORT) };
const queue = new Queue("shrink", { connection });
const app = express();

app.get("/ready", async (request, response) => {
  const workers = await queue.getWorkers();
  response.status(workers.length ? 200 : 503).json({ ready: workers.length > 0 });
});

app.post("/jobs", async (request, response) => {
  const name = randomUUID();
  await pipeline(request, createWriteStream(join(folder, name)));
  const { width, height, format, quality } = request.query;
  const wanted = { width: Number(width), height: Number(height), format, quality: Number(quality) };
  const job = await queue.add("shrink", { name, ...wanted });
  response.status(202).json({ id: job.id });
});

app.get("/jobs/:id", async (request, response) => {
  const job = await queue.getJob(request.params.id);
  const status = job.failedReason ? "failed" : job.finishedOn ? "completed" : "queued";
  response.json({ status });
});

app.listen(Number(process.env.BENCH_PORT), "127.0.0.1");
