/** Show one route, or one schema: what goes in, what comes out, and a form to try it. */

import { code, folded, make } from "./elements.js";
import { inline, prose } from "./prose.js";
import { answersOf, isBytes, parametersBeside, schemaOf } from "./routes.js";
import { bodyExamples, exampleOf, fieldsOf, limitsOf, resolved, typeParts } from "./schema.js";
import { tryView } from "./try.js";

/** Make everything that stands below a route's heading. */
export function routeView(route, reference) {
  const changing = make("div");
  const show = (body) => changing.replaceChildren(...requestView(route, body, reference));
  show(route.bodies[0]);
  return [
    prose(route.operation.description),
    route.isOpen ? make("p", { class: "quiet" }, "Answers without a key.") : null,
    bodyChoice(route, show),
    changing,
    answersView(route, reference),
  ];
}

/** Make everything that stands below a schema's heading. */
export function schemaView(name, reference) {
  const schema = reference.components.schemas[name];
  return [
    prose(schema.description),
    fieldList(fieldsOf(schema, reference), reference) ?? limits(schema, reference),
    code(JSON.stringify(exampleOf(schema, reference), null, 2), `Example of ${name}`),
  ];
}

/** Let the reader choose among the ways in which a body can be sent. */
function bodyChoice(route, show) {
  if (route.bodies.length < 2) return null;
  const choices = route.bodies.map((body, index) => {
    const input = make("input", { type: "radio", name: `body-${route.id}`, checked: index === 0 });
    input.addEventListener("change", () => show(body));
    return make("label", {}, input, " ", bodyTitle(body), " ", make("code", {}, body.type));
  });
  const legend = make("legend", {}, "Send as");
  return make("fieldset", { class: "choice" }, legend, choices);
}

function bodyTitle(body) {
  if (body.type.startsWith("multipart/")) return "a form";
  return isBytes(body) ? "the file itself" : "JSON";
}

function requestView(route, body, reference) {
  const parameters = parametersBeside(route, body, reference).map((each) => ({
    name: each.name,
    schema: { description: each.description, ...schemaOf(each) },
    isRequired: each.required ?? false,
    place: each.in,
  }));
  return [
    ...part("Parameters", fieldList(parameters, reference)),
    ...bodyParts(route, body, reference),
    ...tryView(route, body, reference),
  ];
}

function bodyParts(route, body, reference) {
  if (!body) return [];
  const about = prose(resolved(route.operation.requestBody, reference).description);
  if (isBytes(body)) return part("Body", [about, make("p", {}, "The bytes of the file.")]);
  const fields = fieldList(fieldsOf(body.schema, reference), reference);
  return [...part("Body", [about, fields]), ...examplesView(body, reference)];
}

function examplesView(body, reference) {
  if (!body.type.endsWith("json")) return [];
  return bodyExamples(body, reference).map((each) =>
    folded({ class: "example" }, ["Example: ", inline(each.title)], () =>
      code(JSON.stringify(each.value, null, 2), each.title),
    ),
  );
}

function part(title, content) {
  return content === null ? [] : [make("h4", {}, title), content].flat(Infinity);
}

/** List fields with type, limits, default and meaning; null when there are none. */
function fieldList(fields, reference) {
  if (fields.length === 0) return null;
  return make("dl", { class: "fields" }, fields.map((each) => fieldView(each, reference)));
}

function fieldView({ name, schema, isRequired, place }, reference) {
  const full = resolved(schema, reference);
  const mark = isRequired ? make("strong", { class: "required" }, "required") : null;
  const where = place ? make("span", { class: "quiet" }, `in the ${place}`) : null;
  const type = make("span", { class: "type" }, typeParts(schema).map(typePart));
  return make(
    "div",
    {},
    make("dt", {}, make("code", {}, name), " ", type, " ", where, " ", mark),
    make("dd", {}, prose(full.description), limits(schema, reference)),
  );
}

function typePart(part) {
  return typeof part === "string" ? part : make("a", { href: `#schema-${part.schema}` }, part.schema);
}

function limits(schema, reference) {
  const full = resolved(schema, reference);
  const said = limitsOf(schema, reference);
  const hasDefault = full.default !== undefined && full.default !== null;
  if (hasDefault) said.push(`default \`${JSON.stringify(full.default)}\``);
  return said.length ? make("p", { class: "limits" }, inline(said.join("; "))) : null;
}

function answersView(route, reference) {
  const { wanted, problems } = answersOf(route, reference);
  return [
    make("h4", {}, "Answers"),
    wanted.map((answer) => answerView(answer, reference)),
    problems.length ? problemsView(problems) : null,
  ];
}

function answerView(answer, reference) {
  const bodies = Object.entries(answer.content ?? {});
  const title = [status(answer.status), " ", inline(answer.description)];
  const headers = Object.entries(answer.headers ?? {}).map(([name, header]) => ({
    name,
    schema: { type: "string", ...resolved(header, reference) },
    place: "headers",
  }));
  if (bodies.length + headers.length === 0) return make("p", { class: "answer" }, title);
  return folded({ class: "answer" }, title, () => [
    fieldList(headers, reference),
    bodies.map(([type, media]) => answerBody(type, media, reference)),
  ]);
}

function answerBody(type, media, reference) {
  const schema = media.schema ?? {};
  const named = typeParts(schema).map(typePart);
  const heading = make("p", {}, make("code", {}, type), " ", make("span", { class: "type" }, named));
  if (isBytes(media)) return heading;
  const examples = bodyExamples(media, reference).map((each) =>
    code(JSON.stringify(each.value, null, 2), `Example of ${type}`),
  );
  return [heading, fieldList(fieldsOf(schema, reference), reference), examples];
}

function problemsView(problems) {
  const rows = problems.map((each) =>
    make("div", {}, make("dt", {}, status(each.status)), make("dd", {}, inline(each.description))),
  );
  const link = make("a", { href: "#schema-Problem" }, "problem");
  return folded({ class: "answer" }, "When it cannot be done", () => [
    make("p", {}, "Each is a ", link, " with a stable ", make("code", {}, "code"), "."),
    make("dl", { class: "fields problems" }, rows),
  ]);
}

function status(number) {
  return make("span", { class: `status s${number.charAt(0)}` }, number);
}
