// A brand's last 24 hours: positive mentions above the line, negative below it, and under them a
// strip that tells the share of negative ones. A half-hour without mentions leaves the strip open.

import { s } from "./dom.js";
import { clockTime, count, percent } from "./formats.js";
import { t } from "./words.js";

const WIDTH = 240;
const HEIGHT = 46;
const STRIP = 4;
const AXIS_GAP = 4;

/** The same in words, for whoever does not see the picture. */
export function describe(day, now) {
  const mentions = day.reduce((sum, slot) => sum + slot.mentions, 0);
  if (!mentions) return t("dayNone");
  const negative = day.reduce((sum, slot) => sum + slot.negative, 0);
  const worst = day.reduce((a, b) => (b.negative > a.negative ? b : a));
  return t("dayOf", count(mentions), percent(negative / mentions),
    clockTime(new Date(worst.at), now), count(worst.negative), count(worst.mentions));
}

export function dayChart(day, now) {
  const up = Math.max(...day.map((slot) => slot.positive), 0);
  const down = Math.max(...day.map((slot) => slot.negative), 0);
  const room = HEIGHT - STRIP - AXIS_GAP;
  const unit = up + down > 0 ? room / Math.max(up + down, 4) : 0;
  // The axis stands where both sides fit at one scale, so that a heavy side reads as heavy.
  const axis = up + down > 0 ? unit * up + (room - unit * (up + down)) / 2 : room / 2;
  const step = WIDTH / day.length;
  const bars = [];
  day.forEach((slot, index) => {
    const x = (index * step + 0.5).toFixed(2);
    const width = (step - 1).toFixed(2);
    const age = index >= day.length - 2 ? " now" : "";
    const bar = (side, y, height) => bars.push(s("rect", {
      class: side + age, x, width, y: y.toFixed(2), height: Math.max(height, 0.8).toFixed(2),
    }));
    if (slot.positive) bar("positive", axis - slot.positive * unit, slot.positive * unit);
    if (slot.negative) bar("negative", axis, slot.negative * unit);
    if (slot.mentions) {
      bars.push(s("rect", {
        class: "share", x, width, y: HEIGHT - STRIP, height: STRIP,
        "fill-opacity": (0.06 + 0.94 * (slot.negative / slot.mentions)).toFixed(2),
      }));
    }
  });
  return s("svg", {
    class: "day", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none",
    role: "img", "aria-label": describe(day, now),
  }, s("line", { class: "axis", x1: 0, x2: WIDTH, y1: axis.toFixed(2), y2: axis.toFixed(2) }), ...bars);
}
