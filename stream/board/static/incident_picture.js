// Incidents over time, a line for each series; of two sets of rules, one above the other.

import { about } from "./alerts.js";
import { h, s } from "./dom.js";
import { clockTime, tick } from "./formats.js";
import { serviceNow } from "./state.js";
import { t } from "./words.js";

const WIDTH = 600;
const ROW = 10;
const SHOWN = 20; // series
const MARKS = 4;

function track(rows, { from, to }, sets) {
  const x = (time) => (WIDTH * (Math.min(to, Math.max(from, time)) - from)) / (to - from);
  const bars = rows.map((row) => {
    const start = x(Date.parse(row.opened_at));
    const end = x(row.ended_at ? Date.parse(row.ended_at) : to);
    return s("rect", {
      class: `raised ${row.severity} set-${row.number}`, x: start, width: Math.max(3, end - start),
      y: row.number * (ROW + 2) + 1, height: ROW,
    }, s("title", {}, `${t(row.severity)} · ${clockTime(new Date(row.opened_at), serviceNow())}`));
  });
  return s("svg", {
    viewBox: `0 0 ${WIDTH} ${sets * (ROW + 2)}`, height: sets * (ROW + 2), preserveAspectRatio: "none", role: "img", class: "track",
    "aria-label": t("raisedTimes", rows.length),
  }, ...bars);
}

/** `answer` is that of /api/v1/backtest. */
export function incidentPicture({ from, to, tried }) {
  const range = { from: Date.parse(from), to: Date.parse(to) };
  const series = new Map();
  tried.forEach((one, number) => {
    for (const alert of one.alerts) {
      const key = JSON.stringify([alert.brand, alert.topic]);
      series.set(key, [...(series.get(key) ?? []), { ...alert, number }]);
    }
  });
  if (!series.size) return null;
  const step = (range.to - range.from) / MARKS;
  const axis = h("div", { class: "marks", "aria-hidden": "true" }, Array.from({ length: MARKS + 1 }, (_, number) =>
    h("span", {}, tick(new Date(range.from + number * step), step / 1000))));
  const lines = [...series.entries()].sort((a, b) => b[1].length - a[1].length).slice(0, SHOWN).map(([key, rows]) => {
    const [brand, topic] = JSON.parse(key);
    return h("div", { class: "line" }, h("p", {}, about({ brand, topic })),
      track(rows, range, tried.length));
  });
  return h("figure", { class: "picture" }, lines, axis);
}
