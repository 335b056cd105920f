/** Show what came back: status, headers, body or picture, problems, and a job until its end. */

import { code, folded, make } from "./elements.js";
import { keyHeaders } from "./key.js";
import { remember } from "./known.js";
import { inline } from "./prose.js";

const ENDED = new Set(["completed", "failed", "cancelled"]);
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
const LONGEST_TEXT = 200_000;

/** Show one answer; `content` is its JSON, null where it has none. */
export async function answerView(answer, milliseconds) {
  const type = answer.headers.get("content-type") ?? "";
  const content = /[/+]json\b/.test(type) ? JSON.parse((await answer.text()) || "null") : null;
  remember(content);
  const words = `${answer.status} ${answer.statusText}`.trim();
  const line = make(
    "p",
    { class: "line" },
    make("span", { class: `status s${String(answer.status).charAt(0)}` }, words),
    ` in ${milliseconds} ms`,
  );
  const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  const shownHeaders = folded({ class: "headers" }, "Headers", () => code(headers, "Headers"));
  return { view: [line, shownHeaders, ...(await bodyView(answer, type, content))], content };
}

async function bodyView(answer, type, content) {
  if (type.startsWith("application/problem+json")) return [problemView(content), json(content)];
  if (content !== null) return [json(content)];
  if (type.startsWith("image/")) return [pictureView(await answer.blob(), "result")];
  const text = await answer.text();
  return text ? [code(text.slice(0, LONGEST_TEXT), "Body")] : [];
}

function json(content) {
  return code(JSON.stringify(content, null, 2), "Body");
}

/** Show a problem for people: its code, what happened, and each field that is wrong. */
function problemView(problem) {
  const fields = problem.errors ?? [];
  const limits = Object.entries(problem.limit ?? {});
  return make(
    "div",
    { class: "problem", role: "alert" },
    make("p", {}, make("strong", {}, problem.code), ": ", inline(problem.detail ?? problem.title)),
    fields.length ? make("ul", {}, fields.map(fieldView)) : null,
    limits.map(([name, value]) => make("p", {}, make("code", {}, name), ` ${value}`)),
  );
}

function fieldView({ field, problem }) {
  return make("li", {}, make("code", {}, field), " ", inline(problem));
}

/** Show a picture, its size in pixels and a link to save it. */
function pictureView(blob, name) {
  const address = URL.createObjectURL(blob);
  const ending = blob.type.split("/")[1] ?? "bin";
  const caption = make("figcaption", {}, `${name}: ${blob.type}, ${blob.size} bytes `);
  const picture = make("img", { src: address, alt: `The picture ${name}` });
  picture.addEventListener("load", () => {
    caption.prepend(`${picture.naturalWidth} × ${picture.naturalHeight} px, `);
  });
  picture.addEventListener("error", () => {
    picture.replaceWith(make("p", {}, "This browser cannot show the format."));
  });
  caption.append(make("a", { href: address, download: `${name}.${ending}` }, "save"));
  return make("figure", {}, picture, caption);
}

/** Ask about a job until it ended, and show its results. */
export async function followJob(answer, accepted, place, signal) {
  const address = sameOrigin(answer.headers.get("location") ?? accepted.url);
  const state = make("p", { class: "line", role: "status" }, `Job: ${accepted.status}`);
  place.append(make("h5", {}, "The job"), state);
  const job = await ended(address, state, signal);
  place.append(folded({ class: "headers" }, "All that is known of the job", () => json(job)));
  if (job.error) place.append(problemView(job.error));
  for (const [name, output] of Object.entries(job.outputs ?? {})) {
    if (output.url) place.append(...(await resultView(name, output.url, signal)));
  }
}

async function ended(address, state, signal) {
  let pause = FIRST_PAUSE_MS;
  for (;;) {
    const answer = await fetch(address, { headers: keyHeaders(), signal, cache: "no-store" });
    const job = await answer.json();
    if (!answer.ok) throw new Error(job.detail ?? `the job's page answered ${answer.status}.`);
    state.textContent = `Job: ${job.status}`;
    if (ENDED.has(job.status)) return job;
    await new Promise((resolve) => setTimeout(resolve, pause));
    signal.throwIfAborted();
    pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS);
  }
}

async function resultView(name, address, signal) {
  const answer = await fetch(sameOrigin(address), { headers: keyHeaders(), signal });
  const type = answer.headers.get("content-type") ?? "";
  if (type.startsWith("image/")) return [pictureView(await answer.blob(), name)];
  return [make("p", {}, name), code((await answer.text()).slice(0, LONGEST_TEXT), name)];
}

/** Keep the key at home: only the path of an address is followed. */
function sameOrigin(address) {
  const { pathname, search } = new URL(address, location.origin);
  return pathname + search;
}
