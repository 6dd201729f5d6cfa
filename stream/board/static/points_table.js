// The same numbers as a table, for screen readers and for whoever wants to copy them.

import { h } from "./dom.js";
import { count, signed, span } from "./formats.js";
import { wide } from "./panel.js";
import { t } from "./words.js";

const NAMES = ["mentions", "negative", "neutral", "positive"];
const MOST_ROWS = 200;

function row(point, step) {
  const at = Date.parse(point.at);
  const unknown = point.mentions === null;
  return h("tr", {},
    h("th", { scope: "row" }, span(new Date(at), new Date(at + step * 1000))),
    NAMES.map((name) => h("td", { class: "number" }, unknown ? t("unknown") : count(point[name]))),
    h("td", { class: "number" }, point.net === null || point.net === undefined ? "–" : signed(point.net)),
    h("td", { class: "number" }, point.high === null || point.high === undefined
      ? "–" : `${count(Math.round(point.low))}–${count(Math.round(point.high))}`));
}

/** Drawn when it is opened; the newest steps first. */
export function pointsTable(points, step) {
  const box = wide(t("asTable"));
  const draw = () => box.replaceChildren(h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("time")),
      [...NAMES.map((name) => t(name === "mentions" ? "all" : name)), t("net"), t("expected")].map((words) =>
        h("th", { scope: "col", class: "number" }, words)))),
    h("tbody", {}, points.slice(-MOST_ROWS).reverse().map((point) => row(point, step)))));
  return h("details", { class: "numbers", ontoggle: (event) => event.target.open && draw() },
    h("summary", {}, t("asTable")), box);
}
