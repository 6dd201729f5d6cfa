// One part of a view that asks for its own rows: loading, there, empty or failed, and says which.

import { h } from "./dom.js";
import { t } from "./words.js";

let numbers = 0;

/** What stands where there is nothing to show. */
export const nothing = (lead, text = "") =>
  h("div", { class: "empty" }, h("p", { class: "lead" }, lead), text && h("p", {}, text));

/** A box for a table that may be wider than its place: it scrolls, by the keyboard too. */
export const wide = (label, ...children) =>
  h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": label }, ...children);

function failure(error, again) {
  return h("div", { class: "failed", role: "alert" },
    h("p", {}, error.message),
    h("button", { type: "button", onclick: again }, t("tryAgain")));
}

/**
 * A section with a title. `load()` gives the rows, `draw(rows)` an element or several. Rows that
 * came again as they were change nothing on the page, so focus and selection stay. When asking
 * fails, what was known stays under the reason. `csv()` is where the same rows are as a file.
 */
export function panel({ title, className = "", load, draw, csv = null }) {
  const id = `panel-${++numbers}`;
  const problem = h("div");
  const body = h("div", { class: "body" }, h("p", { class: "empty" }, t("loading")));
  const file = csv && h("a", { class: "quiet", href: "#", download: "", "aria-label": t("csvOf", title) }, "CSV");
  const element = h("section", { class: `panel ${className}`, "aria-labelledby": id, "aria-busy": "true" },
    h("div", { class: "head" }, h("h2", { id }, title), h("div", { class: "legend" }, file)),
    problem, body);
  let asked = 0;
  let picture = null;

  /** What is shown is of another question than the next one. */
  function forget() {
    picture = null;
    element.setAttribute("aria-busy", "true");
  }

  async function refresh() {
    const mine = ++asked;
    if (file) file.href = csv();
    try {
      const rows = await load();
      if (mine !== asked) return;
      const next = JSON.stringify(rows);
      if (next !== picture) body.replaceChildren(...[draw(rows)].flat().filter(Boolean));
      picture = next;
      problem.replaceChildren();
    } catch (error) {
      if (mine !== asked) return;
      problem.replaceChildren(failure(error, refresh));
      if (picture === null) body.replaceChildren();
    } finally {
      if (mine === asked) element.setAttribute("aria-busy", "false");
    }
  }

  return { element, refresh, forget };
}
