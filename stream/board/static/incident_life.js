// What happened to an incident, in order, and which notices went where.

import { address, get } from "./api.js";
import { h, name } from "./dom.js";
import { clockTime, count } from "./formats.js";
import { moment } from "./moment.js";
import { nothing, panel, wide } from "./panel.js";
import { routeTo } from "./routes.js";
import { serviceNow } from "./state.js";
import { t } from "./words.js";

/** The transitions, the newest first, and the incidents that belong together with this one. */
export function lifeList({ transitions, related = [] }) {
  const now = serviceNow();
  const list = h("ol", { class: "life", role: "list" }, [...transitions].reverse().map((row) =>
    h("li", { class: row.transition },
      moment(row.changed_at, now),
      h("div", {},
        h("p", {}, h("b", {}, t(`did_${row.transition}`)), " ",
          row.actor ? name(row.actor) : t("watcher"),
          row.reason && h("span", { class: "soft" }, ` · ${t(`reason_${row.reason}`)}`)),
        row.comment && h("p", { class: "comment" }, row.comment),
        row.receivers.length > 0 && h("p", { class: "soft" }, t("toldTo", row.receivers.join(", ")))))));
  const others = related.length > 0 && h("div", { class: "related" }, h("h3", {}, t("relatedTitle")),
    h("ul", {}, related.map((one) => h("li", {}, h("a", { href: routeTo("incident", [one.alert_id]) },
      name(one.brand), one.topic && ` · ${one.topic}`, ` · ${t(one.severity)}`, ` · ${clockTime(new Date(one.opened_at), now)}`)))));
  return [list, others];
}

function outcome(row) {
  const words = t(`outcome_${row.outcome}`);
  return row.status_code ? `${words} (${row.status_code})` : words;
}

/** Every attempt to tell somebody. Receivers live on the wall clock, whatever the service's time is. */
export function deliveriesPanel(id) {
  const asked = { alert: id };
  return panel({
    title: t("deliveries"),
    load: () => get("deliveries", asked),
    csv: () => address("deliveries", { ...asked, format: "csv" }),
    draw(rows) {
      if (!rows.length) return nothing(t("noDeliveries"), t("noDeliveriesText"));
      const heads = ["time", "receiver", "notice", "attempt", "outcome"].map((key) => h("th", { scope: "col" }, t(key)));
      const cells = (row) => [
        h("td", {}, moment(row.attempted_at, new Date())),
        h("th", { scope: "row" }, name(row.receiver)),
        h("td", {}, t(`did_${row.transition}`)),
        h("td", { class: "number" }, count(row.attempt)),
        h("td", { class: row.outcome === "sent" ? "" : "negative" }, outcome(row), row.reason && h("span", { class: "soft" }, ` ${row.reason}`)),
      ];
      return wide(t("deliveries"),
        h("table", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows.map((row) => h("tr", {}, cells(row))))));
    },
  });
}
