// The stretch of time a view is of: the last hours up to now, or a fixed range. Pure.

const HOUR = 3_600_000;

/** Lengths one can choose, in milliseconds. */
export const LASTS = { "1h": HOUR, "6h": 6 * HOUR, "24h": 24 * HOUR, "7d": 168 * HOUR, "30d": 720 * HOUR };
const USUAL = "24h";

const STEPS = [60, 300, 900, 1_800, 3_600, 10_800, 21_600, 86_400]; // seconds
const STEPS_SHOWN = 150;

/** {from, to, last}: dates, and which length it is, "" for a fixed range. What is wrong is the last day. */
export function rangeOf({ from, to, last }, now) {
  const fixed = [Date.parse(from), Date.parse(to)];
  if (fixed[0] < fixed[1]) return { from: new Date(fixed[0]), to: new Date(fixed[1]), last: "" };
  const length = last in LASTS ? last : USUAL;
  return { from: new Date(now - LASTS[length]), to: now, last: length };
}

/** After how many milliseconds such a range is asked for anew: a month changes little in a minute. */
export const freshFor = ({ from, to }) => Math.min(60_000, Math.max(4_500, (to - from) / 7_200));

/** As the API and links want it. */
export const written = (time) => time.toISOString().replace(/\.\d+Z$/, "Z");
export const asParams = ({ from, to }) => ({ from: written(from), to: written(to) });

/** Seconds of a step so that a chart of the range is fine and readable. */
export function stepOf({ from, to }) {
  const seconds = (to - from) / 1000;
  return STEPS.find((step) => seconds / step <= STEPS_SHOWN) ?? STEPS.at(-1);
}

/** A time as an <input type="datetime-local"> writes it, in the reader's zone. */
export function local(time) {
  const shifted = new Date(time - time.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}
