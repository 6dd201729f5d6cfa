// A time of the API as an element: the clock to read, the whole time on a closer look.

import { h } from "./dom.js";
import { clockTime, fullTime } from "./formats.js";

export function moment(text, now, seconds = false) {
  const time = new Date(text);
  return h("time", { datetime: text, title: fullTime(time) }, clockTime(time, now, seconds));
}
