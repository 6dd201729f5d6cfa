// Choosing the stretch of time of a view: up to now, or from one minute to another.

import { h } from "./dom.js";
import { zone } from "./formats.js";
import { asParams, LASTS, local } from "./ranges.js";
import { t } from "./words.js";

/** Calls `choose(params)` with what the link shall say; `update(range)` shows a range. */
export function rangePicker(choose) {
  const buttons = Object.keys(LASTS).map((last) =>
    h("button", { type: "button", "data-last": last, onclick: () => choose({ last, from: "", to: "" }) },
      t(`last_${last}`)));
  const moment = (of) => h("input", { type: "datetime-local", "aria-label": t(of), required: true });
  const [from, to] = [moment("from"), moment("to")];
  const place = h("span", { class: "zone" });
  const wrong = h("p", { class: "wrong", role: "alert" });

  function submit(event) {
    event.preventDefault();
    const range = { from: new Date(from.value), to: new Date(to.value) };
    wrong.textContent = range.from < range.to ? "" : t("rangeWrong");
    if (range.from < range.to) choose({ ...asParams(range), last: "" });
  }

  const form = h("form", { class: "range", onsubmit: submit, "aria-label": t("range") },
    h("div", { class: "choices", role: "group", "aria-label": t("upToNow") }, buttons),
    h("div", { class: "moments" }, from, h("span", { "aria-hidden": "true" }, "–"), to, place,
      h("button", { type: "submit" }, t("show"))), wrong);

  function update(range) {
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.last === range.last));
    }
    if (form.contains(document.activeElement) && document.activeElement.tagName === "INPUT") return;
    [from.value, to.value] = [local(range.from), local(range.to)];
    place.textContent = zone(range.to);
  }

  return { element: form, update };
}
