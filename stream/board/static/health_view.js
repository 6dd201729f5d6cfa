// Whether what is shown can be believed: how fresh it is, what is refused, and who does the work.

import { address, get } from "./api.js";
import { h, name } from "./dom.js";
import { count, decimal, duration } from "./formats.js";
import { moment } from "./moment.js";
import { panel } from "./panel.js";
import { translated } from "./server_lines.js";
import { serviceNow } from "./state.js";
import { t } from "./words.js";

const HASH_SHOWN = 12;
const LATE_SECONDS = 120;

/** One fact: good, bad or merely told. A sign and a word say which, beside the colour. */
const fact = (words, value, bad = null, more = "") =>
  h("div", { class: `fact${bad === null ? "" : bad ? " bad" : " good"}` },
    h("dt", {}, bad === null ? null : h("span", { class: "sign-word" }, h("span", { "aria-hidden": "true" }, bad ? "! " : "✓ "),
      h("span", { class: "hidden" }, t(bad ? "inTrouble" : "inOrder"), " "))
    , words),
    h("dd", {}, value, more && h("small", {}, more)));

const unknown = () => h("span", { class: "soft" }, t("notKnownHere"));
const orUnknown = (value, write) => (value === null || value === undefined ? unknown() : write(value));

/** A time of the service's clock, or for `wall` of the receivers' and the database's. */
const at = (text, wall = false) => moment(text, wall ? new Date() : serviceNow(), true);

function verdict({ problems, no_data: silent }) {
  const told = [...problems.map(translated), ...(silent ? [t("silentSources", count(silent))] : [])];
  return told.length
    ? h("ul", { class: "doubts" }, told.map((one) => h("li", {}, h("span", { "aria-hidden": "true" }, "! "), name(one))))
    : h("p", { class: "verdict" }, h("span", { "aria-hidden": "true" }, "✓ "), t("allWell"));
}

function freshness(one) {
  const behind = one.behind_seconds;
  return h("dl", { class: "facts-grid" },
    fact(t("countedTo"), one.known_to ? at(one.known_to) : t("nothingYet"), one.known_to === null),
    fact(t("readTo"), one.read_to ? at(one.read_to) : t("nothingYet"),
      behind === null || behind > LATE_SECONDS, behind === null ? "" : t("behind", duration(behind))),
    fact(t("lag"), orUnknown(one.lag, (lag) => t("messages", count(lag)))),
    fact(t("newestMention"), orUnknown(one.newest_mention, at)),
    fact(t("rate"), decimal(one.posts_per_second)),
    fact(t("storedPosts"), count(one.posts)));
}

function refusals({ dead_letters: dead, rules_refused: refused, sweep_differences: differences, deliveries }) {
  return h("dl", { class: "facts-grid" },
    fact(t("deadLetters"), orUnknown(dead, (one) => count(one.count)), null,
      dead ? Object.entries(dead.by_reason).map(([reason, number]) => `${reason}: ${count(number)}`).join(" · ") : ""),
    fact(t("sweepDifferences"), orUnknown(differences, count), differences === null ? null : differences > 0),
    fact(t("noticesOpen"), count(deliveries.open), deliveries.open > 0),
    fact(t("noticesFailed"), count(deliveries.failed), deliveries.failed > 0, t("inAWeek")),
    fact(t("rulesFile"), refused ? t("refusedNow") : t("taken"), Boolean(refused), refused ?? ""));
}

function work({ model, last_pass: pass, leader, jobs }) {
  const hash = (text) => h("code", { title: text }, text.slice(0, HASH_SHOWN) || "–");
  return h("dl", { class: "facts-grid" },
    fact(t("model"), model ? model.name || hash(model.model_hash) : t("nothingYet"), null,
      model ? t("generationOf", count(model.generation)) : ""),
    ...(model ? [fact(t("modelHash"), hash(model.model_hash)), fact(t("catalogueHash"), hash(model.catalogue_hash))] : []),
    fact(t("lastPass"), orUnknown(pass, (one) => at(one.at, true)), null,
      pass ? t("passOf", decimal(pass.seconds), count(pass.windows)) : ""),
    fact(t("leads"), t(leader ? "yes" : "no")),
    ...Object.entries(jobs).map(([job, last]) => fact(t("jobOf", job), at(last, true))));
}

function partitions({ partitions: rows }) {
  if (!rows.length) return h("p", { class: "soft" }, t("noPartitions"));
  return h("table", {}, h("thead", {}, h("tr", {},
    h("th", { scope: "col" }, t("partition")), h("th", { scope: "col", class: "number" }, t("readTo")),
    h("th", { scope: "col", class: "number" }, t("nextOffset")))),
  h("tbody", {}, rows.map((row) => h("tr", {}, h("th", { scope: "row" }, count(row.partition)),
    h("td", { class: "number" }, at(row.read_to)), h("td", { class: "number" }, count(row.next_offset))))));
}

export function healthView() {
  let answer = null; // one question for all parts
  const part = (title, draw, className = "", csv = null) =>
    panel({ title: t(title), className, draw, csv, load: () => (answer ??= get("health")) });
  const panels = [part("verdict", verdict, "full"), part("fresh", freshness), part("refused", refusals),
    part("work", work), part("partitions", partitions, "", () => address("health/partitions", { format: "csv" }))];
  const refresh = () => {
    answer = null;
    for (const one of panels) one.refresh();
  };
  return {
    title: t("health"), open: refresh, refresh,
    element: h("article", { class: "health-view" },
      h("header", { class: "lead" }, h("div", { class: "what" }, h("h2", { tabindex: "-1" }, t("healthTitle")))),
      h("div", { class: "panels" }, panels.map((one) => one.element))),
  };
}
