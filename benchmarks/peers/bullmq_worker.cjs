// A BullMQ worker that shrinks stored uploads with sharp, two at a time.
"use strict";

const { unlink } = require("node:fs/promises");
const { join } = require("node:path");
const { Worker } = require("bullmq");
const sharp = require("sharp");

const folder = process.env.BENCH_FOLDER;
const connection = { host: "127.0.0.1", port: Number(process.env.BENCH_REDIS_PORT) };

// One thread for each picture and no cache: two pictures at once fill two cores.
sharp.concurrency(1);
sharp.cache(false);

async function shrink(job) {
  const { name, width, height, format, quality } = job.data;
  const target = `${name}.${format}`;
  await sharp(join(folder, name))
    .autoOrient()
    .resize({ width, height: height || null, fit: "cover", withoutEnlargement: true })
    .toFormat(format, { quality })
    .toFile(join(folder, target));
  await unlink(join(folder, name));
  return target;
}

new Worker("shrink", shrink, { connection, concurrency: 2 });
