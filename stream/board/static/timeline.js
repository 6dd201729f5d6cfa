// A brand over time: negative mentions against what was expected, and under them all mentions.
// Dragging over either chooses a range. What is not known is hatched; it is not zero.

import { axes, bars, fill, hatch, ink, unknownRuns } from "./charts.js";
import { h, setText } from "./dom.js";
import { count, percent, span } from "./formats.js";
import { pointsTable } from "./points_table.js";
import { asParams } from "./ranges.js";
import { routeTo } from "./routes.js";
import { summed } from "./series.js";
import { t } from "./words.js";

const HEIGHT = { negative: 190, all: 120 };
let groups = 0;

const column = (points, of) => points.map(of);
const expectedOf = (point) => point.high !== null && point.high !== undefined;

/** Of no mentions nothing is expected: a band of no height is only ink. */
const hasBand = (point) => expectedOf(point) && point.high > 0;

/** In words, for whoever does not see the picture. */
function summary(points) {
  const sum = summed(points);
  if (!sum?.mentions) return t(sum ? "noneInRange" : "nothingKnown");
  return t("inRange", count(sum.negative), count(sum.mentions), percent(sum.negative / sum.mentions));
}

const isAbove = (point) => expectedOf(point) && point.negative > point.high;

/** Above the picture while nothing is pointed at. */
function hint(points, canChoose) {
  const judged = points.filter((point) => point.mentions !== null && expectedOf(point));
  const above = judged.filter(isAbove).length;
  return [judged.length && t("stepsAbove", count(above), count(judged.length)), t("pointHint"), canChoose && t("dragHint")]
    .filter(Boolean).join(" · ");
}

function pointed(point, step) {
  const at = Date.parse(point.at);
  const when = span(new Date(at), new Date(at + step * 1000));
  if (point.mentions === null) return `${when} · ${t("notKnownYet")}`;
  const share = point.mentions ? percent(point.negative / point.mentions) : "–";
  const told = t("pointed", count(point.negative), count(point.mentions), share);
  const usual = expectedOf(point)
    ? ` · ${t("expectedRange", count(point.low), count(point.high))}` : "";
  return `${when} · ${told}${usual}`;
}

/** An incident of the API as a flag. */
export const flagOf = (incident, words) => ({
  id: incident.alert_id, severity: incident.severity, from: incident.opened_at,
  to: incident.resolved ? incident.judged_at : null, words,
});

/** Flags above the chart, one an incident, from its beginning to its end. */
function flags(incidents, range) {
  return (chart) => {
    chart.over.querySelectorAll(".flag").forEach((old) => old.remove());
    for (const incident of incidents) {
      const start = Math.max(range.from, Date.parse(incident.from));
      const end = Math.min(range.to, incident.to ? Date.parse(incident.to) : range.to);
      if (end < start) continue;
      const left = chart.valToPos(start / 1000, "x");
      const flag = h("a", {
        class: `flag ${incident.severity}`, href: routeTo("incident", [incident.id]),
        "aria-label": t("incidentOf", incident.words), title: incident.words,
      });
      flag.style.left = `${left}px`;
      flag.style.width = `${Math.max(6, chart.valToPos(end / 1000, "x") - left)}px`;
      chart.over.append(flag);
    }
  };
}

/**
 * `answer` is that of /api/v1/scores; `incidents` are {id, from, to, severity, words}.
 * `onRange(params)` is told which range was dragged over. Returns {element, destroy}.
 */
export function timeline(answer, { range, incidents = [], onRange = null }) {
  const { points, step, known_to: knownTo } = answer;
  const group = `timeline-${++groups}`;
  const usual = hint(points, onRange);
  const readout = h("p", { class: "readout" }, usual);
  const times = column(points, (point) => Date.parse(point.at) / 1000);
  const unknown = hatch(unknownRuns(points, step, range, knownTo), t("notKnownYet"));

  const hooks = (more = []) => ({
    draw: [unknown, ...more],
    setCursor: [(chart) => setText(readout, chart.cursor.idx == null || chart.cursor.left < 0
      ? usual : pointed(points[chart.cursor.idx], step))],
    setSelect: [(chart) => {
      if (!onRange || chart.select.width < 4) return;
      const edge = (px) => new Date(Math.round(chart.posToVal(px, "x") / step) * step * 1000);
      const [from, to] = [edge(chart.select.left), edge(chart.select.left + chart.select.width)];
      if (from < to) onRange({ ...asParams({ from, to }), last: "" });
    }],
  });
  const shared = (width, height) => ({
    width, height, legend: { show: false }, padding: [8, 20, 0, 0],
    cursor: {
      y: false, points: { show: false }, sync: { key: group },
      drag: { x: Boolean(onRange), y: false, setScale: false },
    },
    scales: {
      x: { time: true, range: () => [range.from / 1000, range.to / 1000] },
      y: { range: (_, __, most) => [0, Math.max(4, (most ?? 0) * 1.08)] },
    },
  });

  const plain = (point) => (point.mentions === null || isAbove(point) ? null : point.negative);
  const stepped = globalThis.uPlot.paths.stepped({ align: 1 });
  const negative = h("div", { class: "chart", role: "group", "aria-label": `${t("negativeOverTime")}. ${summary(points)}` });
  const endNegative = fill(negative, [
    times,
    column(points, (point) => (hasBand(point) ? point.high : null)),
    column(points, (point) => (hasBand(point) ? point.low : null)),
    column(points, plain),
    column(points, (point) => (point.mentions !== null && isAbove(point) ? point.negative : null)),
  ], (width) => ({
    ...shared(width, HEIGHT.negative),
    axes: axes({ clock: false }),
    bands: [{ series: [1, 2], fill: ink("neutral", 0.16) }],
    series: [{},
      { paths: stepped, stroke: ink("neutral", 0.8), width: 1, dash: [4, 3], points: { show: false } },
      { paths: stepped, stroke: "transparent", points: { show: false } },
      { paths: bars(), fill: ink("negative", 0.55, "var(--paper)"), points: { show: false } },
      { paths: bars(), fill: ink("negative"), points: { show: false } }],
    hooks: hooks([flags(incidents, range)]),
  }));

  const stacked = (...names) => column(points, (point) =>
    (point.mentions === null ? null : names.reduce((sum, name) => sum + point[name], 0)));
  const all = h("div", { class: "chart", role: "group", "aria-label": t("allOverTime") });
  const endAll = fill(all, [times, stacked("negative", "neutral", "positive"),
    stacked("negative", "neutral"), stacked("negative")], (width) => ({
    ...shared(width, HEIGHT.all),
    axes: axes(),
    series: [{}, ...["positive", "neutral", "negative"].map((name) =>
      ({ paths: bars(), fill: name === "neutral" ? ink(name, 0.4, "var(--paper)") : ink(name), points: { show: false } }))],
    hooks: hooks(),
  }));

  const key = (name, words) => h("span", { class: `key ${name}` }, words);
  const element = h("div", { class: "timeline" },
    h("div", { class: "caption" }, readout,
      h("p", { class: "legend", "aria-hidden": "true" },
        key("negative", t("negative")), key("middle", t("neutral")), key("positive", t("positive")),
        points.some(expectedOf) && key("band", t("expectedBand")))),
    negative, all, pointsTable(points, step));
  const destroy = () => {
    endNegative();
    endAll();
  };
  return { element, destroy };
}
