/** A button beside every command that puts it on the clipboard. */

import { make } from "./elements.js";

const SHOWN_MS = 1500;

/** Give each `.command` within `root` its button. */
export function addCopyButtons(root) {
  for (const command of root.querySelectorAll(".command")) {
    command.append(copyButton(() => command.querySelector("pre").textContent));
  }
}

/** Make a button that copies what `read` gives when it is pressed, and says how that went. */
export function copyButton(read) {
  const button = make("button", { type: "button", class: "copy" }, "Copy");
  const said = make("span", { class: "unseen", role: "status" });
  button.addEventListener("click", async () => {
    const isCopied = await copied(read());
    button.textContent = isCopied ? "Copied" : "Select and copy by hand";
    said.textContent = button.textContent;
    setTimeout(() => {
      button.textContent = "Copy";
      said.textContent = "";
    }, SHOWN_MS);
  });
  return make("span", { class: "copying" }, button, said);
}

/** Copy, where the browser lets us: only over HTTPS or on the machine itself. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
