// Numbers and times as the reader's language writes them. Times are in the reader's own zone.

import { currentLanguage } from "./words.js";

const made = new Map();

/** The page's language as the reader's browser has it: British dates for the British. */
const locale = () => navigator.languages.find((one) => one.startsWith(currentLanguage())) ?? currentLanguage();

function format(kind, options) {
  const key = `${currentLanguage()} ${kind} ${JSON.stringify(options)}`;
  if (!made.has(key)) made.set(key, new Intl[kind](locale(), options));
  return made.get(key);
}

export const count = (value) => format("NumberFormat", {}).format(value);
export const compact = (value) =>
  format("NumberFormat", { notation: "compact", maximumFractionDigits: 1 }).format(value);
export const decimal = (value) =>
  format("NumberFormat", { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
/** For what is often well below one. */
export const fine = (value) => format("NumberFormat", { maximumFractionDigits: 2 }).format(value);
export const percent = (value) =>
  format("NumberFormat", { style: "percent", maximumFractionDigits: 0 }).format(value);

/** −1…1 with its sign, a true minus, two digits. */
export function signed(value) {
  const digits = Math.abs(value).toFixed(2);
  if (digits === "0.00") return "0.00";
  return (value < 0 ? "−" : "+") + digits;
}

const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const DAY = { day: "numeric", month: "short" };

const sameDay = (a, b) => a.toDateString() === b.toDateString();

/** The time of day, with the date if it is not that of `now`. */
export function clockTime(time, now, seconds = false) {
  const options = { ...CLOCK };
  if (seconds) options.second = "2-digit";
  if (!sameDay(time, now)) Object.assign(options, DAY);
  if (time.getFullYear() !== now.getFullYear()) options.year = "numeric";
  return format("DateTimeFormat", options).format(time);
}

export const fullTime = (time) =>
  format("DateTimeFormat", { dateStyle: "medium", timeStyle: "long", hourCycle: "h23" }).format(time);

/** The reader's zone in short: UTC, CET, GMT+8. */
export const zone = (time) => format("DateTimeFormat", { timeZoneName: "short" })
  .formatToParts(time).find((part) => part.type === "timeZoneName").value;

const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

/**
 * A length of time in its largest unit: 12 sec, 3 min, 2 days; narrow: 12s, 3m, 2h. Hours are told
 * with their minutes where there is room: 118 minutes are no hour.
 */
export function duration(seconds, unitDisplay = "short") {
  const at = UNITS.findIndex(([, length]) => seconds >= length);
  const [unit, size] = UNITS[at] ?? UNITS[3];
  const options = { style: "unit", unit, unitDisplay, maximumFractionDigits: 0 };
  const text = format("NumberFormat", options).format(Math.max(0, Math.floor(seconds / size))).replace(" ", "\u00a0");
  const rest = seconds % size;
  return unit === "hour" && unitDisplay === "short" && rest >= 60
    ? [text, duration(rest)].join(currentLanguage() === "zh" ? "" : " ") : text;
}

/** The code if it can be a language's, so that a screen reader may trust it; else null. */
export const languageTag = (code) => (/^[a-z]{2,3}(-[A-Za-z\d]{2,8})*$/.test(code) ? code : null);

/** The name of a language code in the reader's language; the code itself if unknown. */
export function languageName(code) {
  try {
    return format("DisplayNames", { type: "language", fallback: "code" }).of(code) ?? code;
  } catch {
    return code;
  }
}

/** A mark of a time axis whose marks are `step` seconds apart: the day where a day begins. */
export function tick(time, step) {
  const midnight = time.getHours() === 0 && time.getMinutes() === 0;
  return format("DateTimeFormat", midnight || step >= 86_400 ? DAY : CLOCK).format(time);
}

/** From one time to another, as short as it can be said; the zone is the reader's. */
export function span(from, to) {
  const date = (time) => format("DateTimeFormat", { ...DAY, ...CLOCK }).format(time);
  if (!sameDay(from, to)) return `${date(from)} – ${date(to)}`;
  return `${date(from)}–${format("DateTimeFormat", CLOCK).format(to)}`;
}
