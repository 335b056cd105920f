/** Read the routes out of an OpenAPI document: groups, ids, parameters and bodies. */

import { fieldsOf, resolved } from "./schema.js";

const METHODS = ["get", "post", "put", "patch", "delete", "head", "options"];
const PROBLEM = "application/problem+json";

/** List the groups in the document's order, each with its routes. */
export function groupsOf(document) {
  const groups = new Map((document.tags ?? []).map((tag) => [tag.name, { ...tag, routes: [] }]));
  for (const route of routesOf(document)) {
    const name = route.operation.tags?.[0] ?? "other";
    if (!groups.has(name)) groups.set(name, { name, routes: [] });
    groups.get(name).routes.push(route);
  }
  return [...groups.values()].filter((group) => group.routes.length > 0);
}

function routesOf(document) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => route(path, method, item, document)),
  );
}

function route(path, method, item, document) {
  const operation = item[method];
  const given = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
  const parameters = given.map((each) => resolved(each, document));
  const bodies = Object.entries(resolved(operation.requestBody, document).content ?? {});
  return {
    id: idOf(method, path),
    path,
    method: method.toUpperCase(),
    operation,
    parameters,
    bodies: bodies.map(([type, media]) => ({ type, ...media })),
    isOpen: isOpen(operation, document),
    words: wordsOf(path, method, operation, parameters),
  };
}

/** Make the part after `#` that leads to a route. */
function idOf(method, path) {
  const words = path.replace(/[{}]/g, "").split(/[^\w.-]+/).filter(Boolean);
  return [method, ...words].join("-");
}

function isOpen(operation, document) {
  const needed = operation.security ?? document.security ?? [];
  return needed.length === 0;
}

/** Collect the words by which a route is found. */
function wordsOf(path, method, operation, parameters) {
  const bodies = Object.values(operation.requestBody?.content ?? {});
  const fields = bodies.flatMap((media) => Object.keys(media.schema?.properties ?? {}));
  const names = parameters.map((each) => each.name);
  const texts = [method, path, operation.summary, operation.description];
  return [...texts, ...(operation.tags ?? []), ...fields, ...names].join(" ").toLowerCase();
}

/** Tell whether a route has every word of a search. */
export function isFound(route, search) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return words.every((word) => route.words.includes(word));
}

/** List the parameters to show beside a body: those that are not that body, or fields of it. */
export function parametersBeside(route, body, document) {
  const whole = body?.schema ?? {};
  const fields = new Set(fieldsOf(whole, document).map((each) => each.name));
  return route.parameters.filter(
    (each) => each.in !== "query" || !(fields.has(each.name) || isSame(schemaOf(each), whole)),
  );
}

function isSame(schema, other) {
  return schema.$ref !== undefined && schema.$ref === other.$ref;
}

/** Give the schema of a parameter, wherever the document keeps it. */
export function schemaOf(parameter) {
  return parameter.schema ?? mediaOf(parameter).schema ?? {};
}

/** Give the example that is written for a parameter, undefined where there is none. */
export function exampleFor(parameter) {
  return parameter.example ?? mediaOf(parameter).example;
}

function mediaOf(parameter) {
  return Object.values(parameter.content ?? {})[0] ?? {};
}

/** Part a route's answers into those that give what was asked for and those that are problems. */
export function answersOf(route, document) {
  const all = Object.entries(route.operation.responses ?? {})
    .map(([status, answer]) => ({ status, ...resolved(answer, document) }))
    .sort((one, other) => one.status.localeCompare(other.status));
  return {
    wanted: all.filter((each) => !isProblem(each)),
    problems: all.filter(isProblem),
  };
}

function isProblem(answer) {
  return PROBLEM in (answer.content ?? {});
}

/** Tell whether a body is the bytes of a file and nothing else. */
export function isBytes(body) {
  return body?.schema?.format === "binary";
}
