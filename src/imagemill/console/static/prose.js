/**
 * Show descriptions, which are written in a small part of Markdown: paragraphs, lists, fenced and
 * inline code, strong words, links. Whatever else there is stays as it was written.
 */

import { make } from "./elements.js";

const INLINE =
  /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\(([^)\s]+)\)|\b(https?:\/\/[^\s<>)\]]*[^\s<>)\].,;:])/g;
const SAFE_TARGET = /^(https?:\/\/|\/(?!\/)|#)/;
const ITEM = /^[-*] /;

/** Make the elements of a text with several blocks. */
export function prose(text) {
  return blocks(text ?? "").map(block);
}

/** Make the parts of one line, for a place that holds no blocks. */
export function inline(text) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(INLINE)) {
    parts.push(text.slice(end, found.index), marked(found));
    end = found.index + found[0].length;
  }
  return [...parts, text.slice(end)].filter((part) => part !== "");
}

function marked([whole, quoted, strong, words, target, bare]) {
  if (quoted) return make("code", {}, quoted);
  if (strong) return make("strong", {}, strong);
  const where = target ?? bare;
  if (!SAFE_TARGET.test(where)) return whole;
  return make("a", { href: where, rel: "noopener noreferrer" }, words ?? bare);
}

/** Part a text at its empty lines, but not within a fence. */
function blocks(text) {
  const found = [[]];
  let isFenced = false;
  for (const line of text.split("\n")) {
    if (line.startsWith("```")) isFenced = !isFenced;
    if (line.trim() === "" && !isFenced) found.push([]);
    else found.at(-1).push(line);
  }
  return found.filter((lines) => lines.length > 0);
}

function block(lines) {
  if (lines[0].startsWith("```")) {
    const written = lines.slice(1, lines.at(-1).startsWith("```") ? -1 : undefined);
    return make("pre", { tabindex: "0" }, make("code", {}, written.join("\n")));
  }
  const first = lines.findIndex((line) => ITEM.test(line));
  if (first === -1) return make("p", {}, inline(lines.join(" ")));
  const before = lines.slice(0, first).join(" ");
  const list = make("ul", {}, items(lines.slice(first)).map((item) => make("li", {}, inline(item))));
  return before ? make("div", {}, make("p", {}, inline(before)), list) : list;
}

/** Join each item with the indented lines that continue it. */
function items(lines) {
  const found = [];
  for (const line of lines) {
    if (ITEM.test(line)) found.push(line.slice(2));
    else found.push(`${found.pop()} ${line.trim()}`);
  }
  return found;
}
