// Rows of {name, mentions, negative, share, share_low, share_high} as bars with their interval:
// a share of few mentions is drawn, and said, as unsure as it is.

import { h, name } from "./dom.js";
import { count, percent } from "./formats.js";
import { nothing } from "./panel.js";
import { t } from "./words.js";

const UNSURE = 0.1; // an interval wider than this is written out
const SHOWN = 12;

function bar(row) {
  const fill = h("span", { class: "bar" });
  fill.style.width = `${100 * row.share}%`;
  const interval = h("span", { class: "interval" });
  interval.style.left = `${100 * row.share_low}%`;
  interval.style.width = `${100 * (row.share_high - row.share_low)}%`;
  return h("span", { class: "track", "aria-hidden": "true" }, fill, interval);
}

function figures(row) {
  if (!row.mentions) return h("td", { class: "number share" }, "–");
  const unsure = row.share_high - row.share_low > UNSURE;
  return h("td", { class: "number share" }, percent(row.share),
    unsure && h("small", {}, ` ${t("between", percent(row.share_low), percent(row.share_high))}`));
}

/**
 * A table of `rows`, in the order of the API: the most negative first. Each name is a button that
 * calls `choose(name)`, pressed where it is `chosen`; `nameOf` writes a name for readers.
 */
export function sharesTable(rows, { what, choose, chosen, nameOf = (text) => text }) {
  if (!rows.length) return nothing(t("noneSaid"), t("noneSaidText"));
  const label = (row) => {
    const pressed = chosen === row.name;
    return h("button", {
      type: "button", class: "choice", "aria-pressed": String(pressed),
      onclick: () => choose(pressed ? "" : row.name),
    }, name(nameOf(row.name) || t("unnamed")));
  };
  return h("table", { class: "shares" },
    h("thead", {}, h("tr", {},
      h("th", { scope: "col" }, what),
      h("th", { scope: "col", colspan: 2 }, t("shareOfNegative")),
      h("th", { scope: "col", class: "number" }, t("mentionsOf")))),
    h("tbody", {}, rows.slice(0, SHOWN).map((row) => h("tr", {},
      h("th", { scope: "row" }, label(row)),
      h("td", { class: "drawn" }, row.mentions ? bar(row) : null),
      figures(row),
      h("td", { class: "number" }, count(row.mentions))))));
}
