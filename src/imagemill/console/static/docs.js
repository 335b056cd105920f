/** The API reference: read the OpenAPI document, show it, find routes in it, follow deep links. */

import { make } from "./elements.js";
import { keepKey } from "./key.js";
import { inline, prose } from "./prose.js";
import { routeView, schemaView } from "./reference.js";
import { groupsOf, isFound } from "./routes.js";

const NARROW = "(max-width: 60rem)";
const groupsPlace = document.getElementById("groups");

await start();

async function start() {
  keepKey(document.getElementById("key"), document.getElementById("forget"));
  document.getElementById("contents").open = !matchMedia(NARROW).matches;
  try {
    show(await read());
  } catch (error) {
    const text = `The reference cannot be read: ${error.message}`;
    groupsPlace.replaceChildren(make("p", { role: "alert", class: "problem" }, text));
  }
}

async function read() {
  const answer = await fetch("/openapi.json");
  if (!answer.ok) throw new Error(`/openapi.json answered ${answer.status}.`);
  return answer.json();
}

function show(reference) {
  const groups = groupsOf(reference);
  const schemas = Object.keys(reference.components?.schemas ?? {});
  document.getElementById("contents-list").append(...contents(groups));
  groupsPlace.replaceChildren(
    make("div", { class: "about" }, prose(reference.info.description)),
    ...groups.map((group) => groupView(group, reference)),
    schemasView(schemas, reference),
  );
  listenToSearch(groups.flatMap((group) => group.routes));
  addEventListener("hashchange", openTarget);
  openTarget();
}

function contents(groups) {
  const lists = groups.map((group) => [
    make("h2", {}, make("a", { href: `#group-${group.name}` }, titled(group.name))),
    make("ul", {}, group.routes.map(entry)),
  ]);
  const schemas = make("h2", {}, make("a", { href: "#schemas" }, "Schemas"));
  return [...lists.flat(), schemas];
}

function entry(route) {
  const link = make("a", { href: `#${route.id}` }, badge(route), breakable(route.path));
  return make("li", { "data-route": route.id }, link);
}

function groupView(group, reference) {
  const heading = `group-${group.name}`;
  return make(
    "section",
    { "aria-labelledby": heading, "data-group": group.name },
    make("h2", { id: heading }, titled(group.name)),
    make("div", { class: "about" }, prose(group.description)),
    group.routes.map((route) => routePart(route, reference)),
  );
}

function routePart(route, reference) {
  const heading = make(
    "h3",
    {},
    badge(route),
    make("code", { class: "path" }, breakable(route.path)),
    make("span", { class: "summary" }, inline(route.operation.summary ?? "")),
  );
  const part = make("details", { id: route.id, class: "route", "data-route": route.id });
  part.append(make("summary", {}, heading));
  fillOnOpening(part, () => routeView(route, reference));
  return part;
}

function schemasView(names, reference) {
  const parts = names.map((name) => {
    const part = make("details", { id: `schema-${name}`, class: "route schema" });
    part.append(make("summary", {}, make("h3", {}, make("code", { class: "path" }, name))));
    fillOnOpening(part, () => schemaView(name, reference));
    return part;
  });
  return make(
    "section",
    { "aria-labelledby": "schemas", "data-group": "schemas" },
    make("h2", { id: "schemas" }, "Schemas"),
    parts,
  );
}

/** Fill a part when it is first opened: by hand, by a link, or by a search of the browser's own. */
function fillOnOpening(part, fill) {
  part.addEventListener(
    "toggle",
    () => part.append(make("div", { class: "inside" }, fill())),
    { once: true },
  );
}

function badge(route) {
  return make("span", { class: `method ${route.method.toLowerCase()}` }, route.method);
}

/** Let a long path break after its slashes. */
function breakable(path) {
  return path.split("/").flatMap((part, index) => (index ? ["/", make("wbr"), part] : [part]));
}

function titled(name) {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** Show only the routes that a search finds; `/` leads to the search, Escape empties it. */
function listenToSearch(routes) {
  const search = document.getElementById("search");
  search.addEventListener("input", () => filter(routes, search.value));
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !isTyping(event.target)) {
      event.preventDefault();
      search.focus();
    }
  });
}

function isTyping(target) {
  return target.closest("input, textarea, select") !== null;
}

function filter(routes, words) {
  const found = new Set(routes.filter((route) => isFound(route, words)).map((each) => each.id));
  for (const part of document.querySelectorAll("[data-route]")) {
    part.hidden = !found.has(part.dataset.route);
  }
  for (const group of document.querySelectorAll("[data-group]")) {
    const isEmpty = group.querySelector("[data-route]:not([hidden])") === null;
    group.hidden = words.trim() !== "" && isEmpty;
  }
  const text = words.trim() ? `${found.size} of ${routes.length} routes found.` : "";
  document.getElementById("found").textContent = text;
}

/** Open the part that the address names, and bring it into view. */
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target === null) return;
  if (target instanceof HTMLDetailsElement) {
    target.hidden = false;
    target.open = true;
    target.querySelector("summary").focus({ preventScroll: true });
  }
  requestAnimationFrame(() => target.scrollIntoView());
  if (matchMedia(NARROW).matches) document.getElementById("contents").open = false;
}
