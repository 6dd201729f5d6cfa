// What the rules would have raised over a stretch of the past, and what other rules would have.

import { about } from "./alerts.js";
import { post } from "./api.js";
import { h } from "./dom.js";
import { clockTime, count, decimal, duration } from "./formats.js";
import { incidentPicture } from "./incident_picture.js";
import { nothing, wide } from "./panel.js";
import { local, written } from "./ranges.js";
import { serviceNow } from "./state.js";
import { t } from "./words.js";

const WEEK = 7 * 86_400_000;
const SHOWN = 50;

const label = (number, of) => t(of === 1 ? "theseRules" : number ? "otherRules" : "rulesInForce");

function totals(tried) {
  const line = (key, of) => h("tr", {}, h("th", { scope: "row" }, t(key)),
    tried.map((one) => h("td", { class: "number" }, of(one.totals))));
  return h("table", { class: "totals" }, h("thead", {}, h("tr", {}, h("td", {}),
    tried.map((_, number) => h("th", { scope: "col", class: "number" }, label(number, tried.length))))),
  h("tbody", {},
    line("alertsRaised", (one) => count(one.alerts)), line("aWeek", (one) => decimal(one.a_week)),
    line("daysWithAlerts", (one) => t("daysOf", count(one.days_with_alerts), decimal(one.days))),
    line("openFor", (one) => duration(one.open_minutes * 60))));
}

/** The alerts as a file: made with the answer, for asking again would judge it all again. */
const csvLink = (csv) => h("a", {
  class: "csv", download: "backtest.csv", href: URL.createObjectURL(new Blob([csv], { type: "text/csv" })),
  "aria-label": t("csvOf", t("alertsRaised")),
}, "CSV");

function raised({ tried, csv }) {
  const now = serviceNow();
  const rows = tried.flatMap((one, number) => one.alerts.map((alert) => ({ ...alert, number })))
    .sort((a, b) => Date.parse(a.opened_at) - Date.parse(b.opened_at));
  if (!rows.length) return nothing(t("nothingRaised"), t("nothingRaisedText"));
  const both = tried.length > 1;
  const table = wide(t("alertsRaised"), h("table", {},
    h("thead", {}, h("tr", {}, ["opened", "series", "label_severity", "observed", "expected", ...(both ? ["raisedBy"] : [])].map((key) =>
      h("th", { scope: "col" }, t(key))))),
    h("tbody", {}, rows.slice(0, SHOWN).map((row) => h("tr", {},
      h("td", {}, clockTime(new Date(row.opened_at), now)),
      h("th", { scope: "row" }, about(row)),
      h("td", {}, t(row.severity)),
      h("td", { class: "number" }, decimal(row.observed)), h("td", { class: "number" }, decimal(row.expected)),
      both && h("td", {}, row.same_as ? t("bothRules") : label(row.number, 2)))))));
  const more = rows.length > SHOWN && h("p", { class: "hint" }, t("moreInCsv", count(rows.length - SHOWN)));
  return h("div", {}, h("div", { class: "head" }, h("h3", {}, t("alertsRaised")), csvLink(csv)), table, more);
}

/** A form and, once asked, what came of it. */
export function backtestPanel() {
  const now = serviceNow();
  const moment = (of, time) => h("label", {}, h("span", {}, t(of)),
    h("input", { type: "datetime-local", name: of, required: true, value: local(time) }));
  const against = h("textarea", { name: "against", rows: 5, spellcheck: "false", placeholder: t("againstHint") });
  const found = h("div", { class: "found", "aria-live": "polite" });
  const button = h("button", { type: "submit", class: "main" }, t("tryRules"));

  async function submit(event) {
    event.preventDefault();
    const [from, to] = ["from", "to"].map((key) => written(new Date(form.elements[key].value)));
    button.disabled = true;
    const old = found.querySelector("a[download]");
    if (old) URL.revokeObjectURL(old.href);
    found.replaceChildren(h("p", { class: "soft" }, t("trying")));
    try {
      const answer = await post("backtest", { from, to, ...(against.value.trim() && { against: against.value }) });
      found.replaceChildren(totals(answer.tried), incidentPicture(answer), raised(answer));
    } catch (error) {
      found.replaceChildren(h("p", { class: "failed", role: "alert" }, error.message));
    }
    button.disabled = false;
  }

  const form = h("form", { class: "act", onsubmit: submit },
    h("p", { class: "hint" }, t("tryText")),
    h("div", { class: "buttons" }, moment("from", new Date(now - WEEK)), moment("to", now)),
    h("label", {}, h("span", {}, t("against")), against), h("div", {}, button));
  const title = h("h2", { id: "try-title" }, t("tryTitle"));
  return h("section", { class: "panel", "aria-labelledby": "try-title" }, h("div", { class: "head" }, title), form, found);
}
