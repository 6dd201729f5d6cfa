// A series through time, with the step that has begun and not ended as far as it is known.

import { get } from "./api.js";

const NAMES = ["mentions", "negative", "neutral", "positive"];
const FINEST = 60; // seconds

/** The sum of known points as one point at `at`; null where none is known. */
function summed(points, at) {
  const known = points.filter((point) => point.mentions !== null);
  if (!known.length) return null;
  const sum = (of) => known.reduce((total, point) => total + of(point), 0);
  const counts = Object.fromEntries(NAMES.map((name) => [name, sum((point) => point[name])]));
  const net = counts.mentions ? sum((point) => (point.net ?? 0) * point.mentions) / counts.mentions : null;
  return { at, ...counts, net, low: null, high: null, score: null };
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
  points[running] = summed(minutes.points, at) ?? points[running];
  return answer;
}
