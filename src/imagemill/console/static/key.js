/** The API key: kept for this tab and nowhere else. */

const NAME = "imagemill-key";

/** Keep what is written into `field` until the tab is closed or `forget` is pressed. */
export function keepKey(field, forget) {
  field.value = shownKey();
  field.form.addEventListener("submit", (event) => event.preventDefault());
  field.addEventListener("input", () => sessionStorage.setItem(NAME, field.value.trim()));
  forget.addEventListener("click", () => {
    sessionStorage.removeItem(NAME);
    field.value = "";
    field.focus();
  });
}

function shownKey() {
  return sessionStorage.getItem(NAME) ?? "";
}

/** Give the headers that show the key, none when there is none. */
export function keyHeaders() {
  const key = shownKey();
  return key ? { "X-API-Key": key } : {};
}
