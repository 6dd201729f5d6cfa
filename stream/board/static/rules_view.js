// What watches what: the rules in force, what each would look at again, and a try over the past.

import { address, get } from "./api.js";
import { backtestPanel } from "./backtest.js";
import { h, name } from "./dom.js";
import { count, duration, fine } from "./formats.js";
import { nothing, panel } from "./panel.js";
import { routeTo } from "./routes.js";
import { translated } from "./server_lines.js";
import { t } from "./words.js";

const SHOWN = 8;
const FRESH_MS = 60_000; // it goes through a week of windows

const listed = (names, any = t("any")) =>
  names.map((one) => (one === "*" ? any : one || t("asAWhole"))).join(", ");

function terms(rule) {
  const facts = [
    ["brands", listed(rule.brands)], ["topics", listed(rule.topics, t("eachTopic"))],
    ["sources", listed(rule.sources)], ["languages", listed(rule.languages)],
    ["stepLength", duration(rule.granularity)],
    ["putUpWith", t("falseAlarms", fine(rule.sensitivity))],
    ["toldWho", rule.receivers.length ? rule.receivers.join(", ") : t("nobody")],
  ];
  return h("dl", { class: "facts-list" }, facts.map(([key, value]) =>
    h("div", {}, h("dt", {}, t(key)), h("dd", {}, name(value)))));
}

function seriesTable(rows) {
  const draw = (some) => some.map((row) => h("tr", {},
    h("th", { scope: "row" }, h("a", { href: routeTo("brand", [row.brand], { topic: row.topic, last: "7d" }) }, name(row.brand)),
      row.topic && h("span", { class: "topic" }, " ", name(row.topic))),
    h("td", { class: "number" }, row.mentions === null ? t("unknown") : count(row.mentions)),
    h("td", { class: "number" }, row.negative === null ? t("unknown") : count(row.negative)),
    h("td", { class: "number" }, fine(row.false_alarms))));
  const body = h("tbody", {}, draw(rows.slice(0, SHOWN)));
  const more = rows.length > SHOWN && h("button", { type: "button", class: "more", onclick: () => {
    body.append(...draw(rows.slice(SHOWN)));
    more.remove();
  } }, t("allSeries", count(rows.length)));
  return h("div", {}, h("table", { class: "watched" }, h("thead", {}, h("tr", {},
    ["series", "mentionsWeek", "negativeWeek", "falseAlarmsWeek"].map((key, at) =>
      h("th", { scope: "col", class: at ? "number" : "" }, t(key))))), body), more);
}

function drawRules({ rows, refused }) {
  const parts = [];
  if (refused) parts.push(h("div", { class: "failed", role: "alert" }, h("p", {}, t("rulesRefused"), " ", refused)));
  if (!rows.length) parts.push(nothing(t("noRules"), t("noRulesText")));
  for (const one of rows) {
    parts.push(h("section", { class: "rule" }, h("h3", {}, name(one.name)), terms(one.rule),
      one.doubts.length > 0 && h("ul", { class: "doubts" }, one.doubts.map((doubt) =>
        h("li", {}, h("span", { "aria-hidden": "true" }, "! "), name(translated(doubt))))),
      one.series.length > 0 && seriesTable(one.series)));
  }
  return parts;
}

export function rulesView() {
  const rules = panel({
    title: t("inForce"), className: "wide-two", load: () => get("rules"), draw: drawRules,
    csv: () => address("rules/series", { format: "csv" }),
  });
  const tried = backtestPanel();
  let askedAt = performance.now();
  const refresh = () => {
    if (performance.now() - askedAt < FRESH_MS) return;
    askedAt = performance.now();
    rules.refresh();
  };
  return {
    title: t("rules"), open: rules.refresh, refresh,
    element: h("article", { class: "rules-view" },
      h("header", { class: "lead" }, h("div", { class: "what" }, h("h2", { tabindex: "-1" }, t("rulesTitle")))),
      h("div", { class: "panels" }, rules.element, tried)),
  };
}
