// One brand over a stretch of time: how it reads, what was expected, who says what, and where.

import { standing } from "./alerts.js";
import { address, get } from "./api.js";
import { sideOf } from "./brands.js";
import { h, name } from "./dom.js";
import { count, languageName, percent, signed } from "./formats.js";
import { wilson } from "./intervals.js";
import { nothing, panel } from "./panel.js";
import { postsPanel, tellingList } from "./post_lists.js";
import { rangePicker } from "./range_picker.js";
import { asParams, freshFor, rangeOf, stepOf } from "./ranges.js";
import { routeTo } from "./routes.js";
import { series, summed } from "./series.js";
import { sharesTable } from "./shares.js";
import { serviceNow, state } from "./state.js";
import { flagOf, timeline } from "./timeline.js";
import { t } from "./words.js";

const REFUSED = 422;
const FILTERS = ["topic", "source", "lang"];

function headline({ points }) {
  const sum = summed(points);
  if (!sum?.mentions) return h("p", { class: "headline nothing" }, t(sum ? "noneInRange" : "nothingKnown"));
  const { mentions, negative, net } = sum;
  const [low, high] = wilson(negative, mentions);
  const figure = (value, words, kind = "") => h("p", { class: "figure" },
    h("span", { class: `value ${kind}` }, value), h("span", { class: "words" }, words));
  return h("div", { class: "headline" },
    figure(signed(net), t("netOf"), sideOf(net)),
    figure(percent(negative / mentions),
      t("negativeOf", count(negative), count(mentions), t("between", percent(low), percent(high))),
      negative / mentions >= 0.5 ? "negative" : ""),
    figure(count(mentions), t("mentionsIn")));
}

const flagged = (incident) =>
  flagOf(incident, `${t(incident.severity)}${incident.topic ? ` · ${incident.topic}` : ""} · ${standing(incident)}`);

export function brandView(first) {
  let route = first;
  const brand = first.parts[0] ?? "";
  const range = () => rangeOf(route.params, serviceNow());
  /** What is asked of the range, narrowed by what was chosen; a table of choices is not by its own. */
  const asked = (more = {}, own = "") => ({
    brand, ...asParams(range()),
    ...Object.fromEntries(FILTERS.filter((key) => key !== own).map((key) => [key, route.params[key]])), ...more,
  });
  const go = (change) => { location.hash = routeTo("brand", [brand], { ...route.params, ...change }); };
  const choose = (key) => (value) => go({ [key]: value });

  let chart = null;
  const over = panel({
    title: t("overTime"), className: "full",
    load: async () => {
      const scores = await series(asked({ step: stepOf(range()) })).catch((error) => {
        element.classList.toggle("refused", error.status === REFUSED); // all parts would say the same
        throw error;
      });
      element.classList.remove("refused");
      const incidents = await get("incidents", { brand, topic: route.params.topic, ...asParams(range()) });
      const topic = route.params.topic ?? "";
      const own = incidents.filter((one) => one.brand === brand && (!topic || one.topic === topic));
      return { scores, incidents: own.map(flagged), range: asParams(range()) };
    },
    draw: ({ scores, incidents }) => {
      chart?.destroy();
      chart = timeline(scores, { range: range(), incidents, onRange: go });
      return [headline(scores), chart.element];
    },
    csv: () => address("scores", asked({ step: stepOf(range()), format: "csv" })),
  });

  const shares = (title, path, key, what, more = {}, nameOf = undefined) => panel({
    title,
    load: () => get(path, asked(more, key)),
    draw: (rows) => sharesTable(rows.map((row) => ({ ...row, name: row.name ?? row.topic })),
      { what, choose: choose(key), chosen: route.params[key] ?? "", nameOf }),
    csv: () => address(path, asked({ ...more, format: "csv" }, key)),
  });
  const terms = panel({
    title: t("termsTitle"),
    load: () => get("terms", asked()),
    draw: (rows) => (rows.length
      ? [h("p", { class: "hint" }, t("termsText")), h("ul", { class: "words" }, rows.map((row) =>
        h("li", {}, name(row.term), h("span", { class: "number" }, ` ${count(row.count)}`))))]
      : nothing(t("noTerms"), t("noTermsText"))),
    csv: () => address("terms", asked({ format: "csv" })),
  });
  const telling = panel({
    title: t("telling"),
    load: () => get("telling", asked()),
    draw: (rows) => (rows.length ? tellingList(rows) : nothing(t("noTelling"))),
  });
  const posts = postsPanel({ asked, brand });
  const carriers = [shares(t("topics"), "topics", "topic", t("topic")),
    shares(t("sources"), "breakdown", "source", t("source"), { by: "source" }),
    shares(t("languages"), "breakdown", "lang", t("lang"), { by: "lang" }, languageName)];
  const panels = [over, ...carriers, terms, telling, posts];
  const stack = (...parts) => h("div", { class: "stack" }, parts.map((one) => one.element));

  const picker = rangePicker(go);
  const chips = h("p", { class: "chosen" });
  const select = h("select", { "aria-label": t("brand"), onchange: (event) => {
    location.hash = routeTo("brand", [event.target.value], { ...route.params, topic: "" });
  } });
  const element = h("article", { class: "brand-view" },
    h("header", { class: "lead" },
      h("div", { class: "what" }, h("h2", { tabindex: "-1" }, name(brand)), select), picker.element, chips),
    h("div", { class: "panels" }, over.element, stack(...carriers), stack(terms, telling), posts.element));

  function drawHead() {
    const names = [...new Set([brand, ...state.brands.map((one) => one.name)])].sort((a, b) => a.localeCompare(b));
    if (select.options.length !== names.length) {
      select.replaceChildren(...names.map((one) => h("option", { value: one }, one)));
    }
    select.value = brand;
    picker.update(range());
    chips.replaceChildren(...FILTERS.filter((key) => route.params[key]).map((key) =>
      h("button", { type: "button", onclick: () => go({ [key]: "" }), "aria-label": t("without", route.params[key]) },
        `${t(key)}: `, name(route.params[key]), h("span", { "aria-hidden": "true" }, " ×"))));
  }

  let askedAt = 0;
  const refresh = () => {
    askedAt = performance.now();
    drawHead();
    for (const one of panels) one.refresh();
  };
  return {
    title: brand, element,
    refresh() {
      const old = performance.now() - askedAt >= freshFor(range());
      if (range().last && old) refresh();
      else drawHead();
    },
    open: refresh,
    /** The same brand with another range or filter; another brand is another view. */
    update(next) {
      if ((next.parts[0] ?? "") !== brand) return false;
      route = next;
      for (const one of panels) one.forget();
      refresh();
      return true;
    },
    close: () => chart?.destroy(),
  };
}
