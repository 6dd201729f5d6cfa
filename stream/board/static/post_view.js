// One post: its whole text, what was made of it, and every step it took, as the tables tell it.

import { path } from "./addresses.js";
import { get } from "./api.js";
import { h, name } from "./dom.js";
import { count, fullTime } from "./formats.js";
import { nothing, panel, wide } from "./panel.js";
import { postItem } from "./posts.js";
import { routeTo } from "./routes.js";
import { t } from "./words.js";

const HASH = /^[\da-f]{40,}$/;
const HASH_SHOWN = 12;
const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;
const UNSAID = new Set(["places"]); // the marks in the text show them

/** A fact as text: whatever it holds came from outside. */
function fact(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "number") return Number.isInteger(value) ? count(value) : value.toFixed(2).replace("-", "−");
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (Array.isArray(value)) {
    if (!value.length) return "–";
    return typeof value[0] === "object" && !Array.isArray(value[0])
      ? rowsOf(value) : h("ul", {}, value.map((one) => h("li", {}, fact(one))));
  }
  if (typeof value === "object") return facts(value);
  if (HASH.test(value)) return h("code", { title: value }, value.slice(0, HASH_SHOWN));
  return h("bdi", {}, TIME.test(value) ? fullTime(new Date(value)) : String(value));
}

const called = (key) => t(`fact_${key}`).replace(/^fact_/, "").replaceAll("_", " ");

/** Several of a kind as a table: brands found, scores, windows. */
function rowsOf(rows) {
  const keys = Object.keys(rows[0]).filter((key) => !UNSAID.has(key));
  const head = (key) => (key === "topic" ? t(key) : called(key)); // a brand's, not Kafka's
  const cell = (row, key) => (key === "label" ? t(row[key]) : fact(row[key]));
  return wide(t("details"), h("table", {},
    h("thead", {}, h("tr", {}, keys.map((key) => h("th", { scope: "col" }, head(key))))),
    h("tbody", {}, rows.map((row) => h("tr", {}, keys.map((key) => h("td", {}, cell(row, key))))))));
}

const facts = (values) => h("dl", { class: "facts-list" }, Object.entries(values).map(([key, value]) =>
  h("div", {}, h("dt", { class: Array.isArray(value) ? "hidden" : "" }, called(key) || key), h("dd", {}, fact(value)))));

function steps(rows) {
  return h("ol", { class: "steps", role: "list" }, rows.map((row) => h("li", {},
    h("h3", {}, t(`step_${row.step}`).replace(/^step_/, "")),
    row.at && h("p", { class: "soft" }, h("time", { datetime: row.at }, fullTime(new Date(row.at)))),
    facts(row.facts))));
}

const incidents = (rows) => (rows.length
  ? h("ul", { class: "related" }, rows.map((row) => h("li", {},
    h("a", { href: routeTo("incident", [row.id]) }, name(row.brand), row.topic && ` · ${row.topic}`,
      ` · ${t(row.severity)}`))))
  : nothing(t("noIncidentOfPost")));

export function postView({ parts: [source = "", id = ""] }) {
  let life = null;
  const shared = () => (life ??= get(path("posts", source, id)));
  const one = panel({
    title: t("thePost"), className: "full", load: shared,
    draw: ({ post, deleted }) => (post && !deleted
      ? h("ol", { class: "found whole", role: "list" }, postItem(post))
      : nothing(t("postDeleted"), t("postDeletedText"))),
  });
  const way = panel({ title: t("way"), className: "wide-two", load: shared, draw: (life_) => steps(life_.steps) });
  const where = panel({ title: t("incidentsOfPost"), load: shared, draw: (life_) => incidents(life_.incidents) });
  const panels = [one, way, where];
  const refresh = () => {
    life = null;
    for (const part of panels) part.refresh();
  };
  return {
    title: t("thePost"), open: refresh, refresh,
    element: h("article", { class: "post-view" },
      h("header", { class: "lead" }, h("div", { class: "what" }, h("h2", { tabindex: "-1" }, name(`${source} · ${id}`)))),
      h("div", { class: "panels" }, panels.map((part) => part.element))),
  };
}
