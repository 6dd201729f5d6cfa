// A series through time, with the step that has begun and not ended as far as it is known.

import { get } from "./api.js";

const NAMES = ["mentions", "negative", "neutral", "positive"];
const FINEST = 60; // seconds

/** {mentions, negative, neutral, positive, net} of all known points; null where none is known. */
export function summed(points) {
  const known = points.filter((point) => point.mentions !== null);
  if (!known.length) return null;
  const sum = (of) => known.reduce((total, point) => total + of(point), 0);
  const counts = Object.fromEntries(NAMES.map((name) => [name, sum((point) => point[name])]));
  const net = counts.mentions ? sum((point) => (point.net ?? 0) * point.mentions) / counts.mentions : null;
  return { ...counts, net };
}

/**
 * The answer of /api/v1/scores. A step that is not over has no counts there; here it has those of
 * its known minutes, and no expectation: an hour's range would make ten minutes look calm.
 */
export async function series(params) {
  const answer = await get("scores", params);
  const { points, step, known_to: knownTo } = answer;
  const known = knownTo === null ? NaN : Date.parse(knownTo);
  const running = points.findIndex((point) => {
    const at = Date.parse(point.at);
    return point.mentions === null && at < known && known < at + step * 1000;
  });
  if (running < 0) return answer;
  const { at } = points[running];
  const minutes = await get("scores", { ...params, from: at, to: knownTo, step: FINEST, rule: "" });
  const sum = summed(minutes.points);
  if (sum) points[running] = { at, ...sum, low: null, high: null, score: null };
  return answer;
}
