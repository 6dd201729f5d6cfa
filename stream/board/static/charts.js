// What all charts over time share: inks, axes in the reader's zone, and the unknown as hatching.

import { h } from "./dom.js";
import { compact, tick } from "./formats.js";

/** A colour of the page as the canvas wants it; `part` of it over what is below, or over `paper`. */
export function ink(name, part = 1, paper = "transparent") {
  const probe = h("span", { class: "hidden" });
  probe.style.color = `color-mix(in srgb, var(--${name}) ${part * 100}%, ${paper})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

const FONT = '12px "Inter", -apple-system, "Segoe UI", Roboto, "Noto Sans CJK SC", sans-serif';

/** Axes: few words, thin lines. Counts start at zero and are whole. */
export function axes({ clock = true } = {}) {
  const shared = { stroke: ink("ink-soft"), font: FONT, ticks: { show: false } };
  return [
    {
      ...shared, size: clock ? 28 : 6, gap: 4, space: 64, grid: { show: false },
      values: (_, splits, __, ___, step) => (clock ? splits.map((at) => tick(new Date(at * 1000), step)) : []),
    },
    {
      ...shared, size: 40, gap: 4, space: 32, grid: { stroke: ink("line"), width: 1 },
      incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7],
      values: (_, splits) => splits.map(compact),
    },
  ];
}

/** [start, end) of the runs of steps that are not known, in seconds; all after `knownTo` is one. */
export function unknownRuns(points, step, { from, to }, knownTo) {
  const end = to / 1000;
  const runs = [];
  for (const point of points) {
    if (point.mentions !== null) continue;
    const at = Date.parse(point.at) / 1000;
    if (runs.length && runs.at(-1)[1] >= at) runs.at(-1)[1] = Math.min(end, at + step);
    else runs.push([at, Math.min(end, at + step)]);
  }
  const known = knownTo === null ? from / 1000 : Math.max(from, Date.parse(knownTo)) / 1000;
  if (known >= end) return runs;
  const before = runs.filter(([start]) => start < known && start + step <= known);
  return [...before, [known, end]];
}

function hatching(context, colour) {
  const tile = document.createElement("canvas");
  const size = 8 * devicePixelRatio;
  tile.width = tile.height = size;
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour;
  pen.lineWidth = devicePixelRatio;
  pen.beginPath();
  for (const shift of [-size, 0, size]) {
    pen.moveTo(shift, size);
    pen.lineTo(shift + size, 0);
  }
  pen.stroke();
  return context.createPattern(tile, "repeat");
}

const NARROW = 3; // px: a run so thin is only the step that has just begun

/** A drawing hook: hatches what is unknown and writes `words` there if they fit. */
export function hatch(runs, words) {
  return (chart) => {
    const { ctx: context, bbox } = chart;
    for (const [start, end] of runs) {
      const left = Math.max(bbox.left, chart.valToPos(start, "x", true));
      const width = Math.min(bbox.left + bbox.width, chart.valToPos(end, "x", true)) - left;
      if (width < NARROW * devicePixelRatio) continue;
      context.save();
      context.fillStyle = ink("raised");
      context.fillRect(left, bbox.top, width, bbox.height);
      context.fillStyle = hatching(context, ink("line-strong", 0.45));
      context.fillRect(left, bbox.top, width, bbox.height);
      context.font = FONT.replace("12px", `${12 * devicePixelRatio}px`);
      const room = context.measureText(words).width + 12 * devicePixelRatio;
      if (room < width) {
        context.fillStyle = ink("raised");
        context.fillRect(left + (width - room) / 2, bbox.top + bbox.height / 2 - 10 * devicePixelRatio,
          room, 20 * devicePixelRatio);
        context.fillStyle = ink("ink-soft");
        context.textAlign = "center";
        context.textBaseline = "middle";
        context.fillText(words, left + width / 2, bbox.top + bbox.height / 2);
      }
      context.restore();
    }
  };
}

/** Bars of [at, at + step), a hair apart. */
export const bars = () => globalThis.uPlot.paths.bars({ size: [0.86, 48, 1], align: 1 });

/**
 * A chart that fills `box` in width. It is made when the box has a width and follows it;
 * `options(width)` are uPlot's. Returns how to end it.
 */
export function fill(box, data, options) {
  let chart = null;
  const watch = new ResizeObserver(([entry]) => {
    const width = Math.floor(entry.contentRect.width);
    if (!width) return;
    if (!chart) chart = new globalThis.uPlot(options(width), data, box);
    else if (chart.width !== width) chart.setSize({ width, height: chart.height });
  });
  watch.observe(box);
  return () => {
    watch.disconnect();
    chart?.destroy();
  };
}
