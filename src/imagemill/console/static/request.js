/** Turn what a form holds into a request, and into the cURL line that sends the same. */

const PLACEHOLDER_FILE = "photo.jpg";
const RISKY_FORM_VALUE = /^[@<]|;/;

/**
 * Make the address. Empty query values are left out; an empty part of the path stays a word to
 * replace, such as `JOB_ID`.
 */
export function addressOf(route, entries) {
  const given = entries.filter((each) => each.place === "path");
  const path = given.reduce(
    (text, each) => text.replace(`{${each.name}}`, encoded(each)),
    route.path,
  );
  const query = new URLSearchParams(
    entries.filter((each) => each.place === "query").map((each) => [each.name, each.value]),
  );
  return query.size ? `${path}?${query}` : path;
}

function encoded({ name, value }) {
  return value === "" ? name.toUpperCase() : encodeURIComponent(value);
}

/** Make what `fetch` takes beside the address. */
export function requestOf(route, body, entries, headers) {
  if (!body) return { method: route.method, headers };
  const given = entries.filter((each) => each.place === "body");
  if (body.type.startsWith("multipart/")) {
    return { method: route.method, headers, body: formOf(given) };
  }
  const [only] = given;
  const file = only?.value;
  const type = file instanceof File ? file.type || "application/octet-stream" : body.type;
  return { method: route.method, headers: { ...headers, "Content-Type": type }, body: file };
}

function formOf(entries) {
  const form = new FormData();
  for (const { name, value } of entries) form.append(name, value);
  return form;
}

/** Write the command that sends the same request; the key stands in the shell's `$KEY`. */
export function curlOf(route, body, entries, origin) {
  const implied = body ? "POST" : "GET";
  const parts = [
    route.method === implied ? "" : `-X ${route.method}`,
    route.isOpen ? "" : '-H "X-API-Key: $KEY"',
    ...(body ? bodyWords(body, entries.filter((each) => each.place === "body")) : []),
    isDownload(route) ? "-o result" : "",
    quoted(`${origin}${addressOf(route, entries)}`),
  ];
  return `curl ${parts.filter(Boolean).join(" \\\n  ")}`;
}

function bodyWords(body, entries) {
  if (body.type.startsWith("multipart/")) return entries.map(formWord);
  const value = entries[0]?.value;
  if (body.type.endsWith("json")) {
    return [`-H 'Content-Type: ${body.type}'`, `-d ${quoted(compact(value ?? ""))}`];
  }
  return [`--data-binary ${quoted(`@${fileName(value)}`)}`];
}

function formWord({ name, value, isFile }) {
  if (isFile) return `-F ${quoted(`${name}=@${fileName(value)}`)}`;
  const option = RISKY_FORM_VALUE.test(value) ? "--form-string" : "-F";
  return `${option} ${quoted(`${name}=${compact(value)}`)}`;
}

function fileName(value) {
  return value instanceof File ? value.name : PLACEHOLDER_FILE;
}

/** Write JSON in one line; what is no JSON stays as it is. */
function compact(text) {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

/** Quote a word for a shell, where it needs that. */
function quoted(word) {
  return /^[\w@=:/.-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function isDownload(route) {
  const wanted = Object.entries(route.operation.responses ?? {}).find(([name]) => /^2/.test(name));
  return Object.keys(wanted?.[1].content ?? {}).some((type) => type.startsWith("image/"));
}
