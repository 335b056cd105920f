/** A form that sends a route's request for real, beside the cURL line that sends the same. */

import { answerView, followJob } from "./answer.js";
import { copyButton } from "./copy.js";
import { make } from "./elements.js";
import { inputsOf } from "./inputs.js";
import { keyHeaders } from "./key.js";
import { withKnownIds } from "./known.js";
import { addressOf, curlOf, requestOf } from "./request.js";
import { bodyExamples } from "./schema.js";

/** Make the cURL line and the form of a route, for one way of sending its body. */
export function tryView(route, body, reference) {
  const line = make("code");
  const form = make("form", { class: "try", novalidate: true, autocomplete: "off" });
  const refresh = () => {
    line.textContent = curlOf(route, body, entriesOf(form), location.origin);
  };
  form.append(
    ...presets(form, body, reference, refresh),
    ...inputsOf(route, body, reference),
    make("button", { type: "submit" }, "Send"),
    make("div", { class: "came", "aria-live": "polite" }),
  );
  form.addEventListener("input", refresh);
  listenToSending(form, route, body);
  refresh();
  const pre = make("pre", { tabindex: "0", role: "region", "aria-label": "cURL command" }, line);
  const command = make("div", { class: "command" }, pre, copyButton(() => line.textContent));
  const part = make("details", { class: "trying" }, make("summary", {}, "Try it"), form);
  return [make("h4", {}, "cURL"), command, part];
}

/** Offer the written examples, where there are several, to fill the form with. */
function presets(form, body, reference, refresh) {
  const examples = body?.examples ? bodyExamples(body, reference) : [];
  if (examples.length < 2) return [];
  const options = examples.map((each, index) => make("option", { value: index }, each.title));
  const select = make("select", { "data-preset": true }, options);
  select.addEventListener("change", () => {
    fill(form, withKnownIds(examples[Number(select.value)].value));
    refresh();
  });
  return [make("label", { class: "field" }, "Example", select)];
}

/** Put an example's values into the fields of a form, or all of it into the field of a JSON body. */
function fill(form, value) {
  for (const input of form.elements) {
    if (input.dataset.place !== "body" || input.type === "file") continue;
    const part = input.name ? value[input.name] : value;
    const isPlain = part === null || typeof part !== "object";
    input.value = isPlain ? (part ?? "") : JSON.stringify(part, null, 2);
  }
}

/** List what the form holds; empty values count only in the path, for a cURL line needs a word. */
function entriesOf(form) {
  return [...form.elements]
    .filter((input) => input.dataset.place)
    .map((input) => ({
      name: input.name,
      place: input.dataset.place,
      isRequired: input.required,
      isFile: input.type === "file",
      value: input.type === "file" ? (input.files[0] ?? "") : input.value,
    }))
    .filter((each) => each.value !== "" || each.place === "path" || (each.isFile && each.isRequired));
}

/** Send when asked, one request at a time: a new one ends the following of the last one's job. */
function listenToSending(form, route, body) {
  let sending = new AbortController();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!form.reportValidity()) return;
    sending.abort();
    sending = new AbortController();
    const place = form.querySelector(".came");
    place.replaceChildren(make("p", {}, "Sending …"));
    try {
      await send(form, route, body, place, sending.signal);
    } catch (error) {
      if (error.name !== "AbortError") place.replaceChildren(failure(error));
    }
  });
}

async function send(form, route, body, place, signal) {
  const entries = entriesOf(form);
  const request = requestOf(route, body, entries, keyHeaders());
  const started = performance.now();
  const answer = await fetch(addressOf(route, entries), { ...request, signal, cache: "no-store" });
  const milliseconds = Math.round(performance.now() - started);
  const { view, content } = await answerView(answer, milliseconds);
  place.replaceChildren(...view);
  if (answer.status === 202 && content?.job_id) await followJob(answer, content, place, signal);
}

function failure(error) {
  return make("p", { class: "problem" }, `The server could not be reached: ${error.message}`);
}
