// Lists of posts of a range: all of them, page by page, and the few that tell most.

import { address, get } from "./api.js";
import { h, name } from "./dom.js";
import { moment } from "./moment.js";
import { nothing, panel } from "./panel.js";
import { marked, postItem } from "./posts.js";
import { routeToPost } from "./routes.js";
import { serviceNow } from "./state.js";
import { t } from "./words.js";

const PAGE = 25;

/** A few posts as quotations, each with its author and the way to all that is known of it. */
export function tellingList(rows) {
  return h("ul", { class: "telling" }, rows.map((row) => h("li", {}, marked(row),
    h("p", { class: "byline" },
      row.author && h("span", { class: "author" }, name(row.author)),
      h("span", {}, row.source),
      h("a", { href: routeToPost(row) }, moment(row.created_at, serviceNow()))))));
}

/** The posts of `asked()`, newest first, with filters of their own and a button for more. */
export function postsPanel({ asked, brand }) {
  let label = "";
  let words = "";
  const question = (more = {}) => asked({ label, q: words, limit: PAGE, ...more });
  const ask = (change) => {
    change();
    own.forget();
    own.refresh();
  };
  const labels = ["", "negative", "neutral", "positive"].map((one) =>
    h("label", {}, h("input", { type: "radio", name: "list-label", value: one, checked: one === "",
      onchange: () => ask(() => { label = one; }) }),
    h("span", { class: one }, t(one || "all"))));
  const search = h("input", { type: "search", maxlength: 100, autocomplete: "off", spellcheck: "false",
    placeholder: t("search"), "aria-label": t("search"), onchange: (event) => ask(() => { words = event.target.value.trim(); }) });
  const filters = h("form", { class: "filters", role: "search", "aria-label": t("filters"),
    onsubmit: (event) => event.preventDefault() },
  h("fieldset", { class: "segments" }, h("legend", { class: "hidden" }, t("label")), labels),
  h("span", { class: "field grow" }, search));

  function draw({ rows, next }) {
    if (!rows.length) return nothing(t("noMatch"), t("noPostsInRange"));
    const list = h("ol", { class: "found", role: "list" }, rows.map((row) => postItem(row, brand)));
    const more = h("button", { type: "button", class: "more", onclick: async () => {
      more.disabled = true;
      try {
        const page = await get("posts", question({ cursor: next }));
        list.append(...page.rows.map((row) => postItem(row, brand)));
        next = page.next;
        more.hidden = !next;
      } catch (error) {
        more.after(h("p", { class: "failed", role: "alert" }, error.message));
      }
      more.disabled = false;
    } }, t("more"));
    more.hidden = !next;
    return [list, more];
  }

  const own = panel({
    title: t("postsInRange"), className: "full",
    load: () => get("posts", question()),
    draw,
    csv: () => address("posts", question({ limit: "", format: "csv" })),
  });
  own.element.querySelector(".head").after(filters);
  return own;
}
