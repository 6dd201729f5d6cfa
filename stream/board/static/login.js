// Who reads, where the board asks for it: the token once, then a cookie that no script can read,
// until they leave.

import { get } from "./api.js";
import { h, setText } from "./dom.js";
import { nameField, rememberName } from "./reader_name.js";
import { translated } from "./server_lines.js";
import { t } from "./words.js";

let dialog = null;

const send = (to, body) => fetch(to, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
}).catch(() => null);

async function enter(wrong, token, name) {
  const response = await send("/login", { token: token.value.trim(), name: name.value.trim() });
  if (response?.ok) {
    rememberName(name.value.trim());
    location.reload();
    return;
  }
  const body = await response?.json().catch(() => null);
  setText(wrong, body?.error ? translated(body.error) : t("noAnswer"));
  token.select();
}

/** Ask for the token, once, above everything else. */
export function askToEnter() {
  if (dialog) return;
  const token = h("input", { type: "password", name: "token", required: true, autocomplete: "current-password" });
  const name = nameField("name");
  const wrong = h("p", { class: "failed", role: "alert" });
  const form = h("form", { class: "act login", onsubmit: (event) => {
    event.preventDefault();
    enter(wrong, token, name);
  } },
  h("h2", { id: "login-title" }, t("enterTitle")), h("p", {}, t("enterText")),
  h("label", {}, h("span", {}, t("token")), token), h("label", {}, h("span", {}, t("yourName")), name),
  h("button", { type: "submit", class: "main" }, t("enter")), wrong);
  dialog = h("dialog", { "aria-labelledby": "login-title" }, form);
  document.body.append(dialog);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.showModal();
}

/** Let whoever signed in on this page leave by `button`; nobody else needs one. */
export async function offerToLeave(button) {
  const who = await get("me").catch(() => null);
  button.hidden = !who?.signed_in;
  if (!who?.signed_in) return;
  setText(button, t("leave"));
  button.title = t("signedInAs", who.name);
  button.onclick = async () => {
    if ((await send("/logout", {}))?.ok) location.reload();
  };
}
