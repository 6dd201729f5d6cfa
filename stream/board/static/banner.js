// Above every view: who is in trouble now, each with the way to its incident.

import { inWords, subject } from "./alerts.js";
import { h, name, reconcile } from "./dom.js";
import { routeTo } from "./routes.js";
import { state } from "./state.js";
import { currentLanguage, t } from "./words.js";

const SHOWN = 3;
const banner = document.getElementById("banner");
let drawn = "";

export function drawBanner() {
  const open = state.alerts.filter((alert) => alert.open);
  const picture = JSON.stringify([open, currentLanguage()]);
  if (picture === drawn) return;
  drawn = picture;
  banner.hidden = open.length === 0;
  reconcile(banner, open.slice(0, SHOWN), (alert) => alert.id, (alert) =>
    h("a", { href: routeTo("incident", [alert.id]) },
      h("span", { class: "severity" }, "● ", t(alert.severity)),
      h("b", {}, name(subject(alert)), alert.brand && alert.topic && h("span", {}, " · ", name(alert.topic))),
      h("span", { class: "fired" }, inWords(alert))));
  if (open.length > SHOWN) banner.append(h("a", { href: "#/now" }, t("andMore", open.length - SHOWN)));
}
