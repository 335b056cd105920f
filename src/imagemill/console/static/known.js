/** Ids that came back in answers, offered where the next form asks for one. */

const NAMES = ["image_id", "job_id"];

/** Note the ids of an answer. */
export function remember(content) {
  for (const name of NAMES) {
    const list = listOf(name);
    const value = content?.[name];
    const isNew = value && ![...list.options].some((each) => each.value === value);
    if (isNew) list.prepend(new Option(value, value));
  }
}

/** Give the last id of this name, null while there is none. */
export function lastKnown(name) {
  return NAMES.includes(name) ? (listOf(name).options[0]?.value ?? null) : null;
}

/** Copy an example with the last known ids in place of the made-up ones. */
export function withKnownIds(value, name = "") {
  if (typeof value === "string") return lastKnown(name) ?? value;
  if (Array.isArray(value)) return value.map((each) => withKnownIds(each));
  if (value === null || typeof value !== "object") return value;
  const pairs = Object.entries(value).map(([key, each]) => [key, withKnownIds(each, key)]);
  return Object.fromEntries(pairs);
}

function listOf(name) {
  return document.getElementById(`known-${name}`);
}
