/** Build elements. Text stays text: nothing that was fetched is ever read as markup. */

/**
 * Make an element. `true` sets an attribute without a value; `false`, `null` and `undefined`
 * leave it out, as they do among the children.
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (isGiven(value)) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.flat(Infinity).filter(isGiven));
  return element;
}

/** Make a block of code that can be reached by keyboard, for it may scroll. */
export function code(text, label) {
  return make("pre", { tabindex: "0", role: "region", "aria-label": label }, make("code", {}, text));
}

/** Make a part that opens and closes, filled when it is first opened. */
export function folded(attributes, summary, fill) {
  const details = make("details", attributes, make("summary", {}, summary));
  const open = () => {
    if (details.open && details.children.length === 1) {
      details.append(...[fill()].flat(Infinity).filter(isGiven));
    }
  };
  details.addEventListener("toggle", open);
  return details;
}

let counter = 0;

/** Give an id that no other element of the page has. */
export function freshId(word) {
  counter += 1;
  return `${word}-${counter}`;
}

function isGiven(value) {
  return value !== null && value !== undefined && value !== false;
}
