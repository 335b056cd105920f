/** Read JSON schemas as OpenAPI 3.1 has them: types in words, limits in words, and examples. */

const DEEPEST_EXAMPLE = 6;
const TEXTS = {
  "date-time": "2026-01-31T12:00:00Z",
  date: "2026-01-31",
  uuid: "00000000-0000-4000-8000-000000000000",
  "uri-reference": "/path",
};

/** Follow a schema's reference, keeping what stands beside it. */
export function resolved(schema, document) {
  if (!schema?.$ref) return schema ?? {};
  const { $ref, ...beside } = schema;
  const found = $ref
    .replace(/^#\//, "")
    .split("/")
    .reduce((place, name) => place?.[name], document);
  return { ...resolved(found, document), ...beside };
}

/** Name the schema that a reference leads to. */
function nameOf(reference) {
  return reference.split("/").at(-1);
}

/** List a schema's fields in the order of the document, required ones known by `isRequired`. */
export function fieldsOf(schema, document) {
  const full = resolved(schema, document);
  const required = new Set(full.required ?? []);
  return Object.entries(full.properties ?? {}).map(([name, field]) => ({
    name,
    schema: field,
    isRequired: required.has(name),
  }));
}

/** Say a type in words: texts, and `{schema}` for a name that has a place of its own. */
export function typeParts(schema) {
  if (schema.$ref) return [{ schema: nameOf(schema.$ref) }];
  const kinds = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (kinds) return joined(kinds.map(typeParts));
  if (Array.isArray(schema.type)) return [schema.type.join(" or ")];
  if (schema.type === "array") return ["list of ", ...typeParts(schema.items ?? {})];
  if (isMap(schema)) return ["object of ", ...typeParts(schema.additionalProperties)];
  if (schema.format === "binary") return ["file"];
  if (schema.format) return [`${schema.type}, ${schema.format}`];
  return [schema.type ?? "any value"];
}

function joined(parts) {
  return parts.flatMap((each, index) => (index ? [" or ", ...each] : each));
}

function isMap(schema) {
  const rest = schema.additionalProperties;
  return schema.type === "object" && !schema.properties && rest && typeof rest === "object";
}

/** Say in short phrases what a value must be. */
export function limitsOf(schema, document) {
  const full = resolved(schema, document);
  const members = full.anyOf ?? full.oneOf ?? [];
  return [full, ...members.map((each) => resolved(each, document))].flatMap(ownLimits);
}

function ownLimits(schema) {
  return [
    range(schema.minimum, schema.maximum, ""),
    schema.exclusiveMinimum === undefined ? null : `more than ${schema.exclusiveMinimum}`,
    schema.exclusiveMaximum === undefined ? null : `less than ${schema.exclusiveMaximum}`,
    range(schema.minLength, schema.maxLength, " characters"),
    range(schema.minItems, schema.maxItems, " items"),
    schema.pattern ? `matches \`${schema.pattern}\`` : null,
    schema.const === undefined ? null : `always \`${JSON.stringify(schema.const)}\``,
    schema.enum ? `one of ${schema.enum.map((each) => `\`${each}\``).join(", ")}` : null,
  ].filter((each) => each !== null);
}

function range(least, most, unit) {
  if (least !== undefined && most !== undefined) return `${least} to ${most}${unit}`;
  if (least !== undefined) return `at least ${least}${unit}`;
  return most === undefined ? null : `at most ${most}${unit}`;
}

/** Give the choices of a schema, null where it leaves the value free. */
export function choicesOf(schema, document) {
  const full = simple(schema, document);
  if (full.type === "boolean") return ["true", "false"];
  return full.enum ? full.enum.map(String) : null;
}

/** Resolve a schema and leave out that its value may be null. */
export function simple(schema, document) {
  const full = resolved(schema, document);
  const member = (full.anyOf ?? full.oneOf ?? full.allOf ?? []).find(
    (each) => each.type !== "null",
  );
  return member ? { ...full, ...resolved(member, document) } : full;
}

/** Make up a value that fits: a written example where there is one, else the default, else a word. */
export function exampleOf(schema, document, depth = 0) {
  const full = resolved(schema, document);
  if (full.examples?.length) return full.examples[0];
  if (full.example !== undefined) return full.example;
  if (full.const !== undefined) return full.const;
  if (full.default !== undefined) return full.default;
  return depth > DEEPEST_EXAMPLE ? null : madeUp(simple(full, document), document, depth + 1);
}

function madeUp(schema, document, depth) {
  if (schema.enum) return schema.enum[0];
  if (schema.type === "array") return [exampleOf(schema.items ?? {}, document, depth)];
  if (schema.type === "object") return madeUpObject(schema, document, depth);
  if (schema.type === "boolean") return true;
  if (schema.type === "integer" || schema.type === "number") return schema.minimum ?? 1;
  return schema.type === "string" ? (TEXTS[schema.format] ?? "text") : null;
}

function madeUpObject(schema, document, depth) {
  if (isMap(schema)) return { result: exampleOf(schema.additionalProperties, document, depth) };
  const fields = fieldsOf(schema, document);
  return Object.fromEntries(
    fields.map((each) => [each.name, exampleOf(each.schema, document, depth)]),
  );
}

/** List a body's examples, each with a title and a value; made up where none is written. */
export function bodyExamples(media, document) {
  if (media.example !== undefined) return [{ title: "example", value: media.example }];
  const written = Object.entries(media.examples ?? {});
  if (written.length) {
    return written.map(([name, each]) => ({ title: each.summary ?? name, value: each.value }));
  }
  return [{ title: "example", value: exampleOf(media.schema ?? {}, document) }];
}
