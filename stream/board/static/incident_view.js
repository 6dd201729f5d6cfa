// One incident: what fired and how that compares, who says what, what happened to it, who was told.

import { path } from "./addresses.js";
import { about, standing } from "./alerts.js";
import { address, get } from "./api.js";
import { h, name } from "./dom.js";
import { clockTime, count, decimal, duration, fullTime, languageName, percent, span } from "./formats.js";
import { actsPanel } from "./incident_acts.js";
import { deliveriesPanel, lifeList } from "./incident_life.js";
import { nothing, panel } from "./panel.js";
import { tellingList } from "./post_lists.js";
import { stepOf, written } from "./ranges.js";
import { routeTo } from "./routes.js";
import { series } from "./series.js";
import { translated } from "./server_lines.js";
import { serviceNow } from "./state.js";
import { flagOf, timeline } from "./timeline.js";
import { t } from "./words.js";

const AROUND = 3; // lengths of the counted time before it, on the chart …
const LEAST_BEFORE = 6 * 3_600_000; // … and no less than this
const NOTABLE = 2; // standard errors

/** The arithmetic in sentences; what the evidence does not tell is left out. */
function reasoning({ incident, evidence }) {
  const told = [];
  if (incident.kind === "no_data") return h("p", {}, translated(evidence.summary ?? "") || t("noDataIncident"));
  if (evidence.mentions != null && evidence.minutes != null) {
    told.push(t("whyCounted", count(evidence.negative), count(evidence.mentions),
      span(new Date(evidence.since), new Date(evidence.until)), duration(evidence.minutes * 60)));
    told.push(t("whyExpected", decimal(evidence.expected), decimal(evidence.expected_low), decimal(evidence.expected_high)));
  } else {
    told.push(t("firedPlain", decimal(incident.observed), decimal(incident.expected)));
  }
  if (evidence.share != null) told.push(t("whyShare", percent(evidence.share), percent(evidence.expected_share ?? 0)));
  if (evidence.condition) told.push(t("whyCondition", t(`condition_${evidence.condition}`)));
  if (evidence.count_evidence != null) {
    told.push(t("whyStatistic", decimal(evidence.count_evidence), decimal(evidence.share_evidence)));
  }
  if (evidence.posts_counted != null) {
    told.push(t("whyWho", count(evidence.posts_counted), count(evidence.texts), count(evidence.authors)));
  }
  const by = evidence.carried_by ?? {};
  if (by.few_authors) told.push(t("carriedAuthors", count(by.authors), percent(by.authors_share)));
  if (by.one_text) told.push(t("carriedCopies", count(by.near_copies), count(by.looked_at)));
  return h("ul", { class: "reasoning" }, told.map((words) => h("li", {}, words)));
}

/** Where it comes from, against where it usually comes from. */
function driving(rows, title, nameOf = (text) => text) {
  if (!rows?.length) return null;
  return h("table", { class: "driving" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, title),
      h("th", { scope: "col", class: "number" }, t("negative")),
      h("th", { scope: "col", class: "number" }, t("partNow")),
      h("th", { scope: "col", class: "number" }, t("partUsual")))),
    h("tbody", {}, rows.map((row) => h("tr", { class: row.z >= NOTABLE ? "strong" : "" },
      h("th", { scope: "row" }, name(nameOf(row.name) || t("unnamed")),
        row.z >= NOTABLE && h("span", { class: "negative", title: t("grown") }, " ▲", h("span", { class: "hidden" }, t("grown")))),
      h("td", { class: "number" }, count(row.negative)),
      h("td", { class: "number" }, percent(row.share)),
      h("td", { class: "number" }, row.usual_share == null ? "–" : percent(row.usual_share))))));
}

function words(evidence) {
  const terms = evidence.term_details ?? [];
  if (!terms.length) return null;
  return h("div", {}, h("h3", {}, t("termsTitle")), h("ul", { class: "words" }, terms.map((one) =>
    h("li", { title: t("textsWith", count(one.texts), count(one.usual_texts)) },
      name(one.term), h("span", { class: "number" }, ` ${count(one.texts)}`)))));
}

/** The time around what was counted, so that the rise is seen against what was before. */
function around({ incident, evidence }) {
  const opened = Date.parse(incident.opened_at);
  const since = evidence.since ? Date.parse(evidence.since) : opened;
  const until = Math.max(evidence.until ? Date.parse(evidence.until) : opened, Date.parse(incident.judged_at));
  const before = Math.max(LEAST_BEFORE, AROUND * (until - since));
  const now = serviceNow();
  const after = Math.max(until + 1_800_000, incident.resolved ? 0 : now.getTime());
  return { from: new Date(since - before), to: new Date(Math.min(after, Math.max(until, now))) };
}

function heading({ incident }) {
  const opened = new Date(incident.opened_at);
  const end = incident.resolved ? new Date(incident.judged_at) : serviceNow();
  return h("header", { class: "lead" },
    h("div", { class: "what" },
      h("h2", { tabindex: "-1" }, about(incident)),
      h("span", { class: `severity ${incident.severity}` }, t(incident.severity)),
      h("span", { class: `state ${incident.state}` }, standing(incident))),
    h("p", { class: "when" }, h("time", { datetime: incident.opened_at, title: fullTime(opened) },
      t(incident.resolved ? "lasted" : "since", clockTime(opened, serviceNow()), duration((end - opened) / 1000))),
    incident.acknowledged_by && h("span", {}, " · ", t("takenBy", incident.acknowledged_by)),
    " · ", t("byRule", incident.rule)));
}

export function incidentView({ parts: [id = ""] }) {
  let life = null; // asked for once a refresh, told to all parts
  const shared = () => (life ??= get(path("incidents", id)));
  const file = (rows) => address(path("incidents", id, rows), { format: "csv" });

  const head = panel({ title: t("incident"), className: "bare full", load: shared, draw: heading });
  const why = panel({
    title: t("why"), load: shared,
    draw: ({ incident, evidence }) => [reasoning({ incident, evidence }), words(evidence)],
  });
  let chart = null;
  const over = panel({
    title: t("aroundIt"), className: "full",
    load: async () => {
      const found = await shared();
      if (found.incident.kind === "no_data") return null;
      const range = around(found);
      const { brand, topic, rule } = found.incident;
      const asked = { brand, topic, rule, from: written(range.from), to: written(range.to), step: stepOf(range) };
      return { found, range: asked, scores: await series(asked) };
    },
    draw: (given) => {
      chart?.destroy();
      if (!given) return nothing(t("noChart"));
      const { incident } = given.found;
      const flag = flagOf(incident, `${t(incident.severity)} · ${standing(incident)}`);
      const range = { from: new Date(given.range.from), to: new Date(given.range.to) };
      chart = timeline(given.scores, { range, incidents: [flag], onRange: (params) => {
        location.hash = routeTo("brand", [incident.brand], { ...params, topic: incident.topic });
      } });
      return [chart.element, h("p", { class: "hint" }, h("a", { href: routeTo("brand", [incident.brand],
        { topic: incident.topic, from: given.range.from, to: given.range.to }) }, t("postsAround")))];
    },
  });
  const drivers = panel({
    title: t("drivers"), load: shared, csv: () => file("drivers"),
    draw: ({ evidence }) => {
      const tables = [driving(evidence.topic_shares, t("topic")), driving(evidence.source_shares, t("source")),
        driving(evidence.language_shares, t("lang"), languageName)].filter(Boolean);
      return tables.length ? tables : nothing(t("noDrivers"));
    },
  });
  const telling = panel({
    title: t("telling"), load: shared,
    draw: ({ posts }) => (posts.length ? tellingList(posts) : nothing(t("noTelling"))),
  });
  const story = panel({ title: t("life"), load: shared, draw: lifeList, csv: () => file("transitions") });
  const refresh = () => {
    life = null;
    return Promise.all(panels.map((one) => one.refresh()));
  };
  const acts = actsPanel({ id, load: shared, done: refresh });
  const panels = [head, why, acts, over, telling, drivers, story, deliveriesPanel(id)];
  return {
    title: t("incident"), refresh, open: refresh,
    element: h("article", { class: "incident-view" }, h("div", { class: "panels" }, panels.map((one) => one.element))),
    close: () => chart?.destroy(),
  };
}
