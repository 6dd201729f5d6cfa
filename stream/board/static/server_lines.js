// What the server says in one line, in the reader's language. It says it in English, to programs too;
// a line that is not known here (that of a YAML file, say) is shown as it came.

import { currentLanguage } from "./words.js";

const OF_A_FIELD = { brands: "品牌", topics: "话题", sources: "来源", languages: "语言" };
const doubt = (why) => (field, what) => `${OF_A_FIELD[field]}：${what}：${why}`;

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
/** "27 Nov 18:03 UTC". */
const clock = (at) => at.replace(/^(\d+) (\w+) (.+)$/, (_, day, month, rest) => `${MONTHS.indexOf(month) + 1}月${+day}日 ${rest}`);
const UNITS = { min: "分钟", h: "小时", days: "天" };
/** "43 min", "5.2 h". */
const length = (span) => span.replace(/(min|h|days)$/, (unit) => UNITS[unit]);
const silent = (of) => (who, at, span, posts) =>
  `自 ${clock(at)} 起${of(who)}（${length(span)}），平时约有 ${posts} 条帖子：请检查发送方`;

const CHINESE = [
  // What looks wrong with a rule.
  [/^(brands): (['"].*['"]): brands\.yaml names no such brand$/s, doubt("brands.yaml 中没有这个品牌")],
  [/^(topics): (['"].*['"]): no brand in brands\.yaml has such a topic$/s, doubt("brands.yaml 中没有品牌有此话题")],
  [/^(sources): (['"].*['"]): nothing from there in a week$/s, doubt("一周内没有任何内容")],
  [/^(languages): (['"].*['"]): unheard for a week$/s, doubt("一周内没有出现")],
  [/^it watches nothing$/, () => "没有监测任何内容"],
  [/^nobody spoke of what it watches for a week$/, () => "一周内没有人提及它监测的内容"],
  [/^receivers: none; its alerts show on the board only$/, () => "没有接收方，告警只显示在看板上"],
  [/^(.+) is told of (\d+) series by rule (['"].*['"]) as well$/s, (who, n, rule) => `${who} 还会从规则 ${rule} 收到其中 ${n} 个序列的通知`],

  // Why nothing is known.
  [/^nothing at all since (.+) \((.+)\), when about (\d+) posts are usual: .+$/, (...of) => silent(() => "没有任何内容")("", ...of)],
  [/^nothing from (.+) since (.+) \((.+)\), when about (\d+) posts are usual: .+$/s, silent((who) => `没有来自 ${who} 的内容`)],
  [/^nothing about (.+) since (.+) \((.+)\), when about (\d+) posts are usual: .+$/s, silent((who) => `没有关于 ${who} 的内容`)],
  [/^data is back; nothing was known for (.+)$/, (span) => `数据已恢复；有 ${length(span)} 情况未知`],
  [/^no consumer has read anything of the topic: .+$/, () => "没有消费程序读取过该主题：请启动 undertone consume"],
  [/^of (\d+) partitions nothing is known: .+$/, (n) => `${n} 个分区情况未知：请运行 undertone doctor`],
  [/^no consumer is at work: .+$/, () => "没有消费程序在运行：请查看其日志，或运行 undertone doctor"],
  [/^read up to (.+) only \((.+?) behind(?:; partitions (.+))?\): .+$/,
    (at, span, late) => `仅读取至 ${clock(at)}（落后 ${length(span)}${late ? `；分区 ${late}` : ""}）：请增加消费程序，或查看其 undertone_lag 与 /readyz`],
  [/^the model fails at (.+?)(?: \(and (\d+) more\))?: (.+); `undertone doctor` tries it$/s,
    (where, more, why) => `模型在 ${where}${more ? `（及另外 ${more} 处）` : ""} 出错：${why}；请运行 undertone doctor`],

  // What is not well.
  [/^(.+): starting$/, (part) => `${part}：正在启动`],
  [/^(.+): no sign of life for (\d+) s$/, (part, n) => `${part}：${n} 秒没有动静`],
  [/^(?:board: )?ClickHouse does not answer: (.*?)(?: \((\d+) s\))?$/s,
    (why, n) => `ClickHouse 没有应答${n ? `（${n} 秒）` : ""}：${why}`],

  // What is refused.
  [/^brand: no such brand; there are (.+)$/s, (known) => `没有这个品牌；已有：${known === "none yet" ? "尚无" : known}`],
  [/^topic: the brand has no such topic; see brands\.yaml$/, () => "该品牌没有这个话题，请查看 brands.yaml"],
  [/^posts: no such post; .+$/, () => "没有这个帖子，请核对来源和编号"],
  [/^alert (['"].*['"]): no such alert; .+$/s, (id) => `没有告警 ${id}`],
  [/^alert (['"].*['"]): give at least (\d+) characters of its id$/s, (id, n) => `告警 ${id}：请给出编号的至少 ${n} 个字符`],
  [/^alert (\w+): it is over since (.+); comment on it instead$/, (id, at) => `告警 ${id} 已于 ${at} 结束，可以添加评论`],
  [/^--end (\w+): no silence in force; .+$/, () => "该静默已不再生效"],
  [/^(?:--)?(?:by|name)\b.*: who does it; a name of 1 to (\d+) (?:printable )?characters$/s, (n) => `请填写您的姓名，1 至 ${n} 个字符`],
  [/^(?:--)?comment: longer than (\d+) characters; shorten it$/, (n) => `评论超过 ${n} 个字符，请缩短`],
  [/^(?:--)?comment: is empty; say something$/, () => "评论为空，请填写内容"],
  [/^from: must be before to$/, () => "开始时间必须早于结束时间"],
  [/^(from|to): must lie between 2000 and 2100$/, (field) => `${field === "from" ? "开始" : "结束"}时间必须在 2000 年至 2100 年之间`],
  [/^from: nothing is known from there on; ask for an earlier time$/, () => "从该时间起没有数据，请选择更早的时间"],
  [/^from: (\d+) of (\d+) days were judged in (\d+) s; .+$/, (done, of, s) => `${s} 秒内只回放了 ${of} 天中的 ${done} 天；请缩短时间，或使用命令 undertone backtest`],
  [/^rules: there are none in force; give some$/, () => "没有生效的规则"],
  [/^backtest: another one is under way; .+$/, () => "另一次试运行正在进行，请稍后再试"],
  [/^token: it is not this board's; .+$/, () => "令牌不正确，请查看运行处的 web.token"],
  [/^who asks: .+$/, () => "请先登录"],
  [/^the request is larger than (\d+) bytes$/, (n) => `请求超过 ${n} 字节`],
];

/** The line for readers. */
export function translated(line) {
  if (currentLanguage() !== "zh") return line;
  for (const [known, say] of CHINESE) {
    const found = known.exec(line);
    if (found) return say(...found.slice(1));
  }
  return line;
}
