// The page: follows /api/events and draws what changed. The shapes are those of board/shapes.py.

import { announce, drawAlerts } from "./alerts.js";
import { get } from "./api.js";
import { drawBanner } from "./banner.js";
import { drawBrandFilter, drawBrands, onBrandChosen } from "./brands.js";
import { askToEnter, offerToLeave } from "./login.js";
import { drawAges, drawPosts, followPosts, startPosts } from "./posts.js";
import { changePosts, setPosts, setStatus, state } from "./state.js";
import { drawStatus } from "./status.js";
import { refreshView, showRoute, startViews } from "./views.js";
import { currentLanguage, otherLanguage, remember, setLanguage, t } from "./words.js";

const SILENT_FOR_MS = 8_000; // a status comes twice a second: so long a silence is a lost line
const TRY_AGAIN_MS = 2_000;
let heard = performance.now();

function drawAll() {
  drawBrandFilter();
  drawStatus();
  drawBrands();
  drawAlerts();
  drawBanner();
  drawPosts();
}

const HANDLERS = {
  snapshot(all) {
    const before = state.alerts;
    const first = state.status === null;
    setPosts(all.posts);
    setStatus(all.status);
    state.brands = all.brands;
    state.alerts = all.alerts;
    if (!first) announce(before);
    drawAll();
    if (first) startViews();
    else refreshView();
  },
  posts(change) {
    followPosts(changePosts(change), change);
  },
  brands(brands) {
    state.brands = brands;
    drawBrandFilter();
    drawBrands();
  },
  alerts(alerts) {
    const before = state.alerts;
    state.alerts = alerts;
    announce(before);
    drawAlerts();
    drawBrands(); // whether one is quiet, or not heard
    drawBanner();
    refreshView();
  },
  status(status) {
    const freshness = (s) => `${s?.data} ${s?.problem} ${s?.stored > 0}`;
    const turned = freshness(status) !== freshness(state.status);
    setStatus(status);
    drawStatus();
    if (!turned) return;
    drawBrands();
    drawAlerts();
    if (!state.posts.size) drawPosts();
  },
};

function setConnected(connected) {
  if (state.connected === connected) return;
  state.connected = connected;
  if (!state.status) return;
  drawStatus();
  drawBrands();
  drawAlerts();
}

let lastId = "";

function connect() {
  const source = new EventSource(`/api/events${lastId ? `?after=${encodeURIComponent(lastId)}` : ""}`);
  for (const [kind, handle] of Object.entries(HANDLERS)) {
    source.addEventListener(kind, (event) => {
      heard = performance.now();
      lastId = event.lastEventId;
      setConnected(true);
      handle(JSON.parse(event.data));
    });
  }
  // The browser tries again by itself, unless the server refused: then we do.
  source.addEventListener("error", () => {
    setConnected(false);
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(connect, TRY_AGAIN_MS);
    checkAccess();
  });
}

/** An event stream does not tell why it was refused; a plain question does. */
async function checkAccess() {
  const who = await get("me").catch(() => null);
  if (who?.needs_token) askToEnter();
}

const $ = (id) => document.getElementById(id);

function setFilter(change) {
  Object.assign(state.filter, change);
  $("filter-brand").value = state.filter.brand;
  drawBrands();
  drawPosts();
}

function clearFilters() {
  $("filter-text").value = "";
  document.querySelector('input[name="label"][value=""]').checked = true;
  setFilter({ brand: "", label: "", text: "" });
}

function startFilters() {
  const form = $("stream-filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", (event) => {
    if (event.target.name === "label") setFilter({ label: event.target.value });
    if (event.target.id === "filter-brand") setFilter({ brand: event.target.value });
  });
  $("filter-text").addEventListener("input", (event) => setFilter({ text: event.target.value.trim() }));
  onBrandChosen((brand) => setFilter({ brand }));
  startPosts(clearFilters);
}

const systemDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme ?? (systemDark.matches ? "dark" : "light")) === "dark";

function drawTools() {
  const theme = $("theme");
  theme.textContent = t(isDark() ? "light" : "dark");
  theme.setAttribute("aria-label", t(isDark() ? "toLight" : "toDark"));
  $("language").textContent = otherLanguage() === "zh" ? "中文" : "English";
  $("language").lang = otherLanguage();
}

function startTools() {
  $("theme").addEventListener("click", () => {
    const next = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    remember("undertone.theme", next);
    drawLook();
  });
  systemDark.addEventListener("change", drawLook);
  $("language").addEventListener("click", () => {
    const next = otherLanguage();
    remember("undertone.language", next);
    setLanguage(next);
    if (state.status) drawAll();
    drawLook();
    offerToLeave($("leave"));
  });
  // A skip link's own address would be taken for a view's.
  $("skip").addEventListener("click", (event) => {
    event.preventDefault();
    $("main").focus();
  });
  addEventListener("undertone:login", askToEnter);
}

/** After a change of language or theme: what is drawn on a canvas keeps neither. */
function drawLook() {
  drawTools();
  if (state.status) showRoute({ anew: true });
}

setLanguage(currentLanguage());
startTools();
drawTools();
offerToLeave($("leave"));
startFilters();
connect();
setInterval(() => {
  if (performance.now() - heard > SILENT_FOR_MS) setConnected(false);
  drawStatus();
}, 1_000);
setInterval(() => {
  if (!state.status) return;
  drawAges();
  drawAlerts(); // for how long they last
}, 2_000);
