// The history: a day or a week as strips, with its episodes and the way to their recordings.

import { api, begin, listen, make, tryTo } from "./common.js";
import { say } from "./texts.js";
import { EMOTIONS } from "../shared/charts.js";

const $ = (id) => document.getElementById(id);
const PARTS = ["all", "night", "morning", "afternoon", "evening"];
const REFRESH_MS = 300_000;
const state = await begin("history");
const form = $("filters");
let shown = null;

// ---- parts of the page ----

const dot = (name) => make("span", { className: `dot is-${name}` });
const cell = (text, kind = "number") => make("td", { className: kind }, text);
const section = (title, ...parts) => make("section", { className: "card" }, make("h2", {}, title), ...parts);
const styled = (element, styles) => { Object.assign(element.style, styles); return element; };

function legend(states) {
  return make("ul", { className: "legend" }, ...states.map(({ state: one, name }) => make("li", {}, dot(one), name)));
}

function strip(slices, label, kind = "") {
  const only = form.emotion.value;
  return make("div", { className: `strip ${kind}`, role: "img", "aria-label": label }, ...slices.map((one) => styled(
    make("i", { className: `is-${one.state}${only && one.state !== only ? " dim" : ""}`, title: one.title }),
    { left: `${one.left}%`, width: `${one.width}%` })));
}

function axis(marks) {
  return make("div", { className: "axis", "aria-hidden": "true" }, ...marks.map(({ left, label }) => styled(
    make("span", { className: left > 97 ? "last" : left < 1 ? "first" : "", textContent: label }), { left: `${left}%` })));
}

/** A table that scrolls by itself; `heads` are texts, or [text, class]. */
function table(label, heads, rows, kind = "") {
  const head = heads.map((one) => {
    const [text, name] = [one].flat();
    return name === "share" ? make("td", { className: name }) : make("th", { scope: "col", className: name ?? "" }, text);
  });
  return make("div", { className: "table", tabIndex: 0, role: "region", "aria-label": label },
    make("table", { className: kind }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)));
}

function hours(data, texts) {
  const columns = `repeat(${data.hours.length},minmax(0,1fr))`;
  const quiet = data.states.filter((one) => !EMOTIONS.includes(one.state));
  const only = form.emotion.value;
  const column = (hour) => make("div", { className: "hour" }, ...hour.parts.map((part) => styled(
    make("div", { className: `is-${part.state}${only && part.state !== only ? " dim" : ""}`, title: `${hour.full_name} ${data.state_names[part.state]} ${hour.times[part.state]}` }),
    { height: `${part.percent}%` })));
  const row = (hour) => make("tr", {}, make("td", {}, hour.full_name), cell(hour.seen),
    make("td", {}, hour.emotion ? dot(hour.emotion) : "", hour.emotion_name), ...quiet.map((one) => cell(hour.times[one.state] ?? "–")));
  return section(texts.hours, make("p", { className: "quiet" }, texts.hours_note),
    styled(make("div", { className: "hours", role: "img", "aria-label": `${texts.hours}: ${data.headline[0]}` }, ...data.hours.map(column)), { gridTemplateColumns: columns }),
    styled(make("div", { className: `hour-labels${data.hours.length > 12 ? "" : " few"}`, "aria-hidden": "true" }, ...data.hours.map((hour) => make("span", {}, hour.name))), { gridTemplateColumns: columns }),
    make("details", {}, make("summary", {}, texts.hours_in_words),
      table(texts.hours_in_words, [texts.hour, [texts.seen, "number"], texts.above_all_column, ...quiet.map((one) => [one.name, "number"])],
        data.hours.filter((hour) => hour.parts.length).map(row), "wide")));
}

function times(data, texts) {
  const row = (one) => make("tr", {}, make("td", {}, dot(one.state), one.name),
    make("td", { className: "share" }, one.percent === null ? null : styled(make("div", { className: `is-${one.state}` }), { width: `${one.percent}%` })),
    cell(one.duration), cell(one.share));
  return section(texts.times,
    table(texts.times, [texts.emotion, ["", "share"], [texts.length, "number"], [texts.share_seen, "number"]], data.totals.map(row), "wide"),
    data.speech ? make("p", { className: "hint" }, data.speech) : null,
    ...(data.gaps.length ? [make("h2", { className: "later" }, texts.gaps), make("ul", { className: "gaps" }, ...data.gaps.map((gap) => make("li", {}, gap)))] : []));
}

function episodes(data, texts) {
  const row = (one) => make("tr", { className: "episode" },
    make("td", {}, one.recording ? make("a", { href: `recordings?play=${one.recording}&at=${one.at_s}`, title: texts.see, "aria-label": `${texts.see} ${one.clock}` }, `▶ ${one.clock}`) : one.clock),
    make("td", {}, dot(one.emotion), one.name), cell(one.duration), cell(one.sure));
  return section(texts.events,
    data.episodes.length
      ? table(texts.events, [texts.when, texts.emotion, [texts.length, "number"], [texts.sure_column, "number"]], data.episodes.map(row), "wide")
      : make("p", { className: "hint" }, form.emotion.value ? say("noSuchEpisode") : texts.no_day_episodes),
    data.left_out ? make("p", { className: "hint" }, data.left_out) : null,
    data.recordings ? make("p", {}, toRecordings(data)) : null);
}

const toRecordings = (data) => make("a", { href: `recordings?from=${data.day}&to=${data.day}` }, say("recordingsOfDay", { count: data.recordings }));

function week(data, texts) {
  const day = (one) => make("div", { className: "week-day" }, make("h3", {}, inPage(make("a", { href: address({ day: one.day }) }, one.name))),
    strip(one.strip, one.label), make("p", {}, one.emotion ? dot(one.emotion) : "", one.emotion ? `${one.emotion_name} · ` : "", one.seen));
  const row = (one) => make("tr", {}, make("td", {}, dot(one.state), one.name), cell(one.duration), cell(one.share), cell(one.old_duration), cell(one.old_share));
  return [
    section(texts.days, legend(data.states), ...data.days.map(day),
      make("div", { className: "week-day" }, make("span"), axis(data.marks), make("span"))),
    section(texts.times,
      table(texts.times, [texts.emotion, [texts.this_week, "number"], [texts.share_seen, "number"], [texts.week_before, "number"], [texts.share_seen, "number"]],
        [...data.compared.map(row), make("tr", {}, make("td", {}, texts.events), cell(data.episodes[0]), cell(""), cell(data.episodes[1]), cell(""))], "wide compared"),
      data.is_first ? make("p", { className: "hint" }, texts.no_week_before) : null)];
}

function emptiness(data) {
  const why = data.is_future ? "notYet" : !data.enabled ? "historyOff" : form.span.value === "week" ? "nothingOfWeek" : "nothingOfDay";
  return make("section", { className: "card" }, make("p", { className: "headline" }, say(why, { days: data.keep_days })),
    data.recordings ? make("p", {}, toRecordings(data)) : null);
}

// ---- addresses: every day, week and filter has its own ----

function address(place) {
  const query = new URLSearchParams(place);
  for (const name of ["part", "emotion"]) if (form[name].value && form[name].value !== "all") query.set(name, form[name].value);
  return `history?${query}`;
}

function go(to) {
  history.pushState(null, "", to);
  show();
}

function inPage(link) {
  link.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || !link.href) return;
    event.preventDefault();
    go(link.href);
  });
  return link;
}

function point(link, place, text) {
  link.textContent = text;
  // A link without an address is none: it can be neither clicked nor reached by the keyboard.
  if (place) link.href = address(place);
  else link.removeAttribute("href");
  link.toggleAttribute("aria-disabled", !place);
}

async function show() {
  const query = new URLSearchParams(location.search);
  const span = query.has("week") ? "week" : "day";
  form.span.value = span;
  form.part.value = PARTS.includes(query.get("part")) ? query.get("part") : "all";
  form.emotion.value = EMOTIONS.includes(query.get("emotion")) ? query.get("emotion") : "";
  const asked = new URLSearchParams({ part: form.part.value });
  if (query.get(span)) asked.set(span, query.get(span));
  if (span === "day" && form.emotion.value) asked.set("emotion", form.emotion.value);
  const data = await tryTo(() => api(`history/${span}?${asked}`));
  if (!data) return;
  shown = data;
  if (data.day) form.day.value = data.day;
  else if (!data.days.some((one) => one.day === form.day.value)) form.day.value = data.days[0].day;
  point($("previous"), { [span]: data.previous }, say(span === "day" ? "previousDay" : "previousWeek"));
  point($("next"), data.next ? { [span]: data.next } : null, say(span === "day" ? "nextDay" : "nextWeek"));
  $("content").replaceChildren(
    make("h2", { className: "name" }, data.name), make("p", { className: "quiet facts" }, data.facts.slice(1).join(" · ")),
    ...(data.is_empty ? [emptiness(data)] : [
      make("p", { className: "headline" }, data.headline[0]),
      ...(data.headline.length > 1 ? [make("p", { className: "more" }, data.headline.slice(1).join(" "))] : []),
      ...data.warnings.map((warning) => make("p", { className: "warning" }, warning)),
      ...(span === "week" ? week(data, data.texts) : [
        section(data.texts.day, legend(data.states), strip(data.strip, data.headline[0], "tall"), axis(data.marks)),
        hours(data, data.texts),
        make("div", { className: "columns" }, times(data, data.texts), episodes(data, data.texts))])]));
  $("estimate").textContent = data.texts.estimate;
  document.title = `${data.name} · ${state.device}`;
  document.documentElement.dataset.ready = "history";
  document.documentElement.dataset.shown = data.day ?? data.week;
}

/** ISO week of a date, such as "2026-W48". */
function weekOf(text) {
  const thursday = new Date(`${text}T00:00:00Z`);
  thursday.setUTCDate(thursday.getUTCDate() + 3 - ((thursday.getUTCDay() + 6) % 7));
  const year = thursday.getUTCFullYear();
  const number = 1 + Math.floor((thursday - Date.UTC(year, 0, 1)) / 604_800_000);
  return `${year}-W${String(number).padStart(2, "0")}`;
}

form.part.append(...PARTS.map((part) => make("option", { value: part, textContent: say(`part_${part}`) })));
form.emotion.append(make("option", { value: "", textContent: say("any") }), ...EMOTIONS.map((one) => make("option", { value: one, textContent: say(one) })));
form.onsubmit = (event) => event.preventDefault();
form.onchange = () => {
  if (!form.day.value) return;
  go(address(form.span.value === "week" ? { week: weekOf(form.day.value) } : { day: form.day.value }));
};
inPage($("previous"));
inPage($("next"));
addEventListener("popstate", show);
await show();
setInterval(() => { if (shown && !shown.next && !document.hidden) show(); }, REFRESH_MS);
listen(state, () => {});
