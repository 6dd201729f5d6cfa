// The words of the page in English and Chinese, and how numbers and times read in each.

const WORDS = {
  en: {
    skip: "Skip to posts", status: "Status", filters: "Filter posts",
    moodNow: "Mood in the last hour", per24h: "last 24 h", shareKey: "share negative", alerts: "Alerts", posts: "Posts",
    brand: "Brand", label: "Label", all: "all", allBrands: "All brands",
    negative: "negative", neutral: "neutral", positive: "positive",
    search: "Search in posts", pause: "Pause", resume: (n) => (n ? `Resume · ${n} new` : "Resume"),
    light: "Light", dark: "Dark", toLight: "Switch to light theme", toDark: "Switch to dark theme",
    live: "live", late: "late", none: "no data", offline: "reconnecting",
    serviceTime: (zone) => `Service time, ${zone}`, rate: "Posts/s", dataTo: "Data up to", deadLetters: "Dead letters",
    faster: (n) => `×${n}`, fasterLong: (n) => `The demo's clock runs ${n} times as fast`,
    mentions: (n, f) => `${f} ${n === 1 ? "mention" : "mentions"}`,
    shareNegative: (p) => `${p} negative`,
    change: (d) => `${d} vs 23 h before`, unchanged: "as the 23 h before",
    noMentions: "no mentions in the last hour", noData: "no data",
    notKnown: "the last hour is not known",
    incident: "Incident", net: "Net sentiment",
    dayOf: (n, p, at, a, b) => `Last 24 hours: ${n} mentions, ${p} negative.`
      + (a ? ` Most negative half-hour ${at}: ${a} of ${b}.` : ""),
    dayNone: "Last 24 hours: no mentions.",
    showOnly: (b) => `Show only posts about ${b}`,
    shown: (n, m) => (n === m ? `latest ${n}` : `${n} of the latest ${m}`),
    followers: (n) => `${n} followers`, edited: "edited", rating: (n) => `${n} of 5`,
    open: (host) => `${host} ↗`,
    likes: (n) => `${n} likes`, shares: (n) => `${n} shares`, replies: (n) => `${n} replies`,
    openCount: (n) => (n ? `${n} open` : "none open"), past: (n) => `Past alerts (${n})`,
    firedCount: (a, b, m, e) => `${a} negative of ${b} mentions in ${m}, expected\u00a0${e}`,
    firedShare: (p, b, m, e) => `${p} negative of ${b} mentions in ${m}, expected\u00a0${e}`,
    firedPlain: (o, e) => `observed ${o}, expected\u00a0${e}`,
    since: (t, d) => `since ${t} · for ${d}`, lasted: (t, d) => `${t} · lasted ${d}`,
    voices: (a, x) => `${a} authors, ${x} distinct texts`, terms: "Words that stand out: ",
    carriedAuthors: (n, p) => `${p} of it by ${n === "1" ? "one author" : `${n} authors`}`,
    carriedCopies: (n, m) => `${n} of ${m} are near-copies of one text`,
    unusual: (name, p, u) => `${p} from ${name}, usually ${u}`,
    telling: "Telling posts", observed: "observed", expected: "expected",
    critical: "critical", high: "high", warning: "warning",
    acknowledged: "acknowledged", resolved: "resolved", silenced: "silenced", inState: "open",
    sent: (r, at) => `${r}: delivered ${at}`.trimEnd(), waiting: (r) => `${r}: not sent yet`,
    retrying: (r, n, c) => `${r}: attempt ${n} failed${c}, will retry`,
    gaveUp: (r, n) => `${r}: gave up after ${n} attempts`, disabled: (r) => `${r}: disabled`,
    noReceivers: "no receiver is set",
    announceOpen: (b, w) => `New alert for ${b}: ${w}`, announceClosed: (b) => `Resolved: ${b}`,
    calm: "No incident", calmText: "An alert shows here when the negative mentions of a brand rise "
      + "clearly above what is usual for it, with the posts that tell why.",
    unknownText: "Nothing is known right now, so nothing can be ruled out.",
    noBrands: "No brand yet", noBrandsText: "Brands are listed in config/brands.yaml. A brand shows "
      + "here with its first mention.",
    noPosts: "No posts yet", noPostsText: "Send some to the topic, or watch the sample scenario:",
    noneNamed: "No post names a brand", noneNamedText: "Posts are stored, but none of them names a "
      + "brand of config/brands.yaml. Check its aliases:",
    noMatch: "No post matches", noMatchText: "Nothing among the latest posts fits these filters.",
    clear: "Clear filters",
    noticeOffline: (t) => `Connection lost. What you see is of ${t}; it goes on by itself.`,
    noticeProblem: (p) => `The board cannot read: ${p}. What you see may be old.`,
    noticeLate: (t) => `Data only up to ${t}. What happened since is unknown, not calm.`,
    noticeNone: "No data: nothing has been read from the topic yet.",
  },
  zh: {
    skip: "跳到帖子", status: "状态", filters: "筛选帖子",
    moodNow: "近一小时口碑", per24h: "近 24 小时", shareKey: "负面占比", alerts: "告警", posts: "帖子",
    brand: "品牌", label: "情感", all: "全部", allBrands: "全部品牌",
    negative: "负面", neutral: "中性", positive: "正面",
    search: "搜索帖子", pause: "暂停", resume: (n) => (n ? `继续 · ${n} 条新帖` : "继续"),
    light: "浅色", dark: "深色", toLight: "切换到浅色主题", toDark: "切换到深色主题",
    live: "实时", late: "滞后", none: "无数据", offline: "重新连接中",
    serviceTime: (zone) => `服务时间，${zone}`, rate: "帖/秒", dataTo: "数据截至", deadLetters: "死信",
    faster: (n) => `×${n}`, fasterLong: (n) => `演示时钟以 ${n} 倍速运行`,
    mentions: (n, f) => `${f} 次提及`, shareNegative: (p) => `${p} 负面`,
    change: (d) => `${d} 对比前 23 小时`, unchanged: "与前 23 小时持平",
    noMentions: "近一小时无提及", noData: "无数据", notKnown: "近一小时情况未知",
    incident: "告警中", net: "净情感值",
    dayOf: (n, p, at, a, b) => `近 24 小时：${n} 次提及，${p} 负面。`
      + (a ? `负面最多的半小时 ${at}：${b} 次中 ${a} 次。` : ""),
    dayNone: "近 24 小时无提及。",
    showOnly: (b) => `只看关于 ${b} 的帖子`,
    shown: (n, m) => (n === m ? `最新 ${n} 条` : `最新 ${m} 条中的 ${n} 条`),
    followers: (n) => `${n} 粉丝`, edited: "已编辑", rating: (n) => `${n} / 5 分`,
    open: (host) => `${host} ↗`,
    likes: (n) => `${n} 赞`, shares: (n) => `${n} 转发`, replies: (n) => `${n} 回复`,
    openCount: (n) => (n ? `${n} 个进行中` : "无进行中"), past: (n) => `历史告警（${n}）`,
    firedCount: (a, b, m, e) => `${m}内 ${b} 次提及中 ${a} 次负面，预期 ${e} 次`,
    firedShare: (p, b, m, e) => `${m}内 ${b} 次提及中负面占 ${p}，预期 ${e}`,
    firedPlain: (o, e) => `观测 ${o}，预期 ${e}`,
    since: (t, d) => `自 ${t} 起 · 已持续 ${d}`, lasted: (t, d) => `${t} · 持续 ${d}`,
    voices: (a, x) => `${a} 位作者，${x} 种不同文本`, terms: "突出的词：",
    carriedAuthors: (n, p) => `其中 ${p} 出自 ${n} 位作者`,
    carriedCopies: (n, m) => `${m} 条中有 ${n} 条是同一文本的近似副本`,
    unusual: (name, p, u) => `${p} 来自 ${name}，平时为 ${u}`,
    telling: "代表性帖子", observed: "观测", expected: "预期",
    critical: "严重", high: "高", warning: "警告",
    acknowledged: "已确认", resolved: "已恢复", silenced: "已静默", inState: "进行中",
    sent: (r, at) => `${r}：${at}已送达`, waiting: (r) => `${r}：尚未发送`,
    retrying: (r, n, c) => `${r}：第 ${n} 次发送失败${c}，将重试`,
    gaveUp: (r, n) => `${r}：${n} 次后放弃`, disabled: (r) => `${r}：已停用`,
    noReceivers: "未设置接收方",
    announceOpen: (b, w) => `${b} 新告警：${w}`, announceClosed: (b) => `${b} 已恢复`,
    calm: "没有告警", calmText: "当某品牌的负面提及明显高于其平常水平时，告警会出现在这里，并附上说明原因的帖子。",
    unknownText: "目前没有数据，无法判断是否平静。",
    noBrands: "还没有品牌", noBrandsText: "品牌列在 config/brands.yaml 中，首次被提及后显示在这里。",
    noPosts: "还没有帖子", noPostsText: "向主题发送帖子，或观看示例场景：",
    noneNamed: "没有帖子提到品牌", noneNamedText: "帖子已入库，但都没有提到 config/brands.yaml 中的品牌。请检查别名：",
    noMatch: "没有符合的帖子", noMatchText: "最新帖子中没有符合筛选条件的。",
    clear: "清除筛选",
    noticeOffline: (t) => `连接已断开，当前内容截至 ${t}，将自动恢复。`,
    noticeProblem: (p) => `看板无法读取：${p}。当前内容可能已过时。`,
    noticeLate: (t) => `数据仅截至 ${t}。此后的情况未知，并非平静。`,
    noticeNone: "无数据：尚未从主题读到任何内容。",
  },
};

function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage is forbidden: the choice lasts as long as the page.
  }
}

const chosen = remembered("undertone.language");
let language = chosen in WORDS ? chosen : navigator.language.startsWith("zh") ? "zh" : "en";

export const currentLanguage = () => language;
export const otherLanguage = () => (language === "en" ? "zh" : "en");

/** The word for `key`, called with `values` if it takes any. An unknown key reads as itself. */
export function t(key, ...values) {
  const word = WORDS[language][key];
  return typeof word === "function" ? word(...values) : word ?? key;
}

/** Change the language and the words that stand in the HTML. */
export function setLanguage(next) {
  language = next;
  document.documentElement.lang = next === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-t]")) {
    element.textContent = t(element.dataset.t);
  }
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", t(element.dataset.label));
  }
  for (const element of document.querySelectorAll("[data-placeholder]")) {
    element.placeholder = t(element.dataset.placeholder);
  }
}
