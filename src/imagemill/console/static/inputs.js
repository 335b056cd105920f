/** The fields of a form, made from a route's parameters and its body's schema. */

import { freshId, make } from "./elements.js";
import { lastKnown, withKnownIds } from "./known.js";
import { exampleFor, isBytes, parametersBeside, schemaOf } from "./routes.js";
import { bodyExamples, choicesOf, exampleOf, fieldsOf, resolved, simple } from "./schema.js";

const LINES = 8;
const STRUCTURED = new Set(["object", "array"]);

/** Make one labelled field for each parameter and each part of the body. */
export function inputsOf(route, body, reference) {
  const parameters = parametersBeside(route, body, reference).map((each) => {
    const isRequired = each.in === "path" || (each.required ?? false);
    const field = { name: each.name, schema: schemaOf(each), isRequired };
    const value = exampleFor(each) ?? (each.in === "path" ? lastKnown(each.name) : null);
    return labelled(field, each.in, value ?? "", reference);
  });
  return [...parameters, ...bodyInputs(body, reference)];
}

function bodyInputs(body, reference) {
  if (!body) return [];
  if (isBytes(body)) return [fileInput("", "The file", true)];
  const [example] = bodyExamples(body, reference);
  if (!body.type.startsWith("multipart/")) {
    const text = JSON.stringify(withKnownIds(example.value), null, 2);
    return [wrapped("JSON body", area({ "data-place": "body", required: true }, text))];
  }
  const values = (body.examples ?? body.example) ? example.value : {};
  return fieldsOf(body.schema, reference).map((field) => {
    const value = values[field.name] ?? initial(field, reference);
    return labelled(field, "body", value, reference);
  });
}

/** Begin a field with nothing, save for JSON that is required and that nobody could guess. */
function initial(field, reference) {
  const isStructured = STRUCTURED.has(simple(field.schema, reference).type);
  return isStructured && field.isRequired ? exampleOf(field.schema, reference) : "";
}

function labelled(field, place, value, reference) {
  const schema = simple(field.schema, reference);
  if (schema.format === "binary") return fileInput(field.name, field.name, field.isRequired);
  const attributes = { name: field.name, "data-place": place, required: field.isRequired };
  const input = inputFor(schema, attributes, value, reference);
  const star = field.isRequired ? " (required)" : "";
  return wrapped([make("code", {}, field.name), star], input);
}

function inputFor(schema, attributes, value, reference) {
  const choices = choicesOf(schema, reference);
  if (choices) return select(choices, schema, attributes, value);
  if (STRUCTURED.has(schema.type)) {
    return area(attributes, value === "" ? "" : JSON.stringify(value, null, 2));
  }
  const isNumber = schema.type === "integer" || schema.type === "number";
  const limits = {
    type: isNumber ? "number" : "text",
    min: schema.minimum,
    max: schema.maximum,
    step: schema.type === "integer" ? 1 : "any",
    minlength: isNumber ? null : schema.minLength,
    maxlength: isNumber ? null : schema.maxLength,
    list: attributes.name.endsWith("_id") ? `known-${attributes.name}` : null,
    placeholder: resolved(schema, reference).default ?? null,
  };
  return make("input", { ...limits, ...attributes, value });
}

function select(choices, schema, attributes, value) {
  const nothing = schema.default === undefined ? "" : `(${schema.default})`;
  const options = choices.map((each) =>
    make("option", { value: each, selected: each === String(value) }, each),
  );
  return make("select", attributes, make("option", { value: "" }, nothing), options);
}

function area(attributes, text) {
  return make("textarea", { rows: LINES, spellcheck: "false", ...attributes }, text);
}

function fileInput(name, label, isRequired) {
  const attributes = { type: "file", name, "data-place": "body", required: isRequired };
  return wrapped([label, isRequired ? " (required)" : ""], make("input", attributes));
}

function wrapped(label, input) {
  const id = freshId("field");
  input.id = id;
  return make("div", { class: "field" }, make("label", { for: id }, label), input);
}
