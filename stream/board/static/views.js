// Which view is shown. The link in the address bar decides; "now" is the page's own first view.

import { brandView } from "./brand_view.js";
import { healthView } from "./health_view.js";
import { incidentView } from "./incident_view.js";
import { nothing } from "./panel.js";
import { postView } from "./post_view.js";
import { parseRoute, routeTo } from "./routes.js";
import { rulesView } from "./rules_view.js";
import { setTitle } from "./state.js";
import { t } from "./words.js";

const REFRESH_MS = 5_000;
const VIEWS = { brand: brandView, incident: incidentView, post: postView, rules: rulesView, health: healthView };

const now = document.getElementById("now");
const box = document.getElementById("view");
const links = document.querySelectorAll("#views a");
let shown = null;
let shownName = "now";

function unknown(route) {
  return { title: t("noSuchView"), element: nothing(t("noSuchView"), `#/${route.view}`) };
}

/** Show what the address names. `anew`: even if it is shown already, for a language or a theme. */
export function showRoute({ anew = false } = {}) {
  const route = parseRoute(location.hash);
  if (!anew && shown?.update && shownName === route.view && shown.update(route)) return;
  const moved = shownName !== route.view || !anew;
  shown?.close?.();
  shown = null;
  shownName = route.view;
  const isNow = route.view === "now";
  now.hidden = !isNow;
  box.hidden = isNow;
  for (const link of links) {
    if (link.dataset.view === route.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (isNow) {
    box.replaceChildren();
    setTitle("");
    return;
  }
  shown = (Object.hasOwn(VIEWS, route.view) ? VIEWS[route.view] : unknown)(route);
  box.replaceChildren(shown.element);
  setTitle(shown.title);
  shown.open?.();
  if (!moved) return;
  scrollTo(0, 0);
  box.querySelector("h2")?.focus({ preventScroll: true });
}

/** Something has changed that the view may show: an alert, say. */
export const refreshView = () => shown?.refresh?.();

/** Follow the address and, while somebody looks, the time. */
export function startViews() {
  const told = new URLSearchParams(location.search).get("alert"); // the link that notices carry
  if (told) history.replaceState(null, "", `/${routeTo("incident", [told])}`);
  addEventListener("hashchange", () => showRoute());
  setInterval(() => {
    if (!document.hidden) refreshView();
  }, REFRESH_MS);
  showRoute();
}
