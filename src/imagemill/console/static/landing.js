/** The landing page: tell how the system is, and write commands for the address it was asked at. */

import { addCopyButtons } from "./copy.js";

const WORDS = {
  ready: "ready for work",
  waiting: "up, but waiting for a part that does not answer",
};

for (const place of document.querySelectorAll("[data-origin]")) {
  place.textContent = location.origin;
}
addCopyButtons(document);
tellState(document.getElementById("state"));

/** Ask whether every part is ready and write the answer into `place`. */
async function tellState(place) {
  const word = await askState();
  place.textContent = WORDS[word] ?? "not reachable";
  place.dataset.state = word;
}

async function askState() {
  try {
    const answer = await fetch("/health/ready", { cache: "no-store" });
    return await answer.text();
  } catch {
    return "unreachable";
  }
}
