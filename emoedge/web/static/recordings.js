// The recordings: list, filters, player with the curves, keep, delete with undo.

import { api, begin, listen, make, size, toast, tryTo } from "./common.js";
import { currentLanguage, emotionNames, say } from "./texts.js";
import { EMOTIONS, bandBlock, clockLabel, draw, linePaths, percent, stackPaths, ticks } from "../shared/charts.js";

const $ = (id) => document.getElementById(id);
const UNDO_S = 9;
const state = await begin("recordings");
const full = state.access === "full";
let cursor = null;

const when = (moment) => new Date(moment).toLocaleString(currentLanguage(), { dateStyle: "medium", timeStyle: "medium" });

const FILTERS = ["from", "to", "emotion"];

/** The filters of the address into the form. */
function readFilters() {
  const given = new URLSearchParams(location.search);
  for (const name of FILTERS) $("filters")[name].value = given.get(name) ?? "";
}

function filters() {
  const found = new URLSearchParams();
  for (const name of FILTERS) if ($("filters")[name].value) found.set(name, $("filters")[name].value);
  return found;
}

/** The same as the API takes them: until a day means until the next one begins. */
function asked() {
  const found = filters();
  if (found.has("to")) {
    const next = new Date(`${found.get("to")}T00:00:00Z`);
    next.setUTCDate(next.getUTCDate() + 1);
    found.set("to", next.toISOString().slice(0, 10));
  }
  return found;
}

function address(place = {}) {
  const query = filters();
  for (const [name, value] of Object.entries(place)) query.set(name, value);
  return query.size ? `recordings?${query}` : "recordings";
}

async function load(isMore) {
  const query = asked();
  query.set("limit", "24");
  if (isMore && cursor) query.set("cursor", cursor);
  const page = await tryTo(() => api(`recordings?${query}`));
  if (!page) return;
  if (!isMore) $("list").replaceChildren();
  $("list").append(...page.items.map(card));
  cursor = page.next;
  $("more").hidden = !cursor;
  $("none").hidden = $("list").children.length > 0;
  document.documentElement.dataset.ready = "recordings";
}

function card(item) {
  const names = emotionNames();
  const total = Object.values(item.emotions).reduce((sum, seconds) => sum + seconds, 0);
  const mix = make("div", { className: "mix" });
  for (const emotion of EMOTIONS) {
    if (!item.emotions[emotion]) continue;
    const part = make("span", { className: `is-${emotion}`, title: names[emotion] });
    part.style.width = `${(100 * item.emotions[emotion]) / total}%`;
    mix.append(part);
  }
  const felt = EMOTIONS.filter((one) => item.emotions[one]).map((one) => `${names[one]} ${clockLabel(item.emotions[one])}`).join(", ");
  const keep = make("button", { type: "button", className: "act keep" });
  const showKeep = () => {
    keep.textContent = say(item.keep ? "kept" : "keep");
    keep.classList.toggle("on", item.keep);
    keep.setAttribute("aria-pressed", String(item.keep));
  };
  showKeep();
  keep.onclick = async () => {
    const answer = await tryTo(() => api(`recordings/${item.id}`, { method: "PATCH", body: { keep: !item.keep } }));
    if (answer) item.keep = answer.keep;
    showKeep();
  };
  const article = make("article", { id: item.id },
    make("img", { src: `api/recordings/${item.id}/thumbnail`, alt: "", loading: "lazy" }),
    make("div", { className: "body" },
      make("p", {}, make("strong", { textContent: when(item.started) })),
      make("p", { className: "quiet", textContent: say("length", { duration: item.duration_s === null ? "?" : clockLabel(item.duration_s), size: size(item.bytes) }) }),
      mix, make("p", { textContent: felt || say("noEmotion") }),
      item.peak ? make("p", { className: "quiet", textContent: say("peak", { emotion: names[item.peak.emotion], percent: percent(item.peak.confidence), at: clockLabel(item.peak.at_s) }) }) : null,
      make("div", { className: "row" },
        make("button", { type: "button", className: "act play", textContent: say("play"), onclick: () => play(item.id, true) }),
        full ? keep : null,
        full ? make("button", { type: "button", className: "act remove", textContent: say("remove"), onclick: () => remove(item, article) }) : null)));
  return article;
}

async function remove(item, article) {
  const answer = await tryTo(() => api(`recordings/${item.id}`, { method: "DELETE" }));
  if (!answer) return;
  if (shown === item.id) close(true);
  article.hidden = true;
  toast(say("removed"), say("undo"), async () => {
    const back = await tryTo(() => api(`recordings/${item.id}/restore`, { method: "POST" }));
    if (back) article.hidden = false;
  }, UNDO_S);
}

// ---- the player ----

let shown = null;
let data = null;

async function play(id, isNew, at = 0) {
  data = await tryTo(() => api(`recordings/${id}`));
  if (!data) return;
  shown = id;
  if (isNew) history.pushState({ id }, "", address({ play: id }));
  $("player").hidden = false;
  $("player-title").textContent = when(data.started);
  $("video").src = `api/recordings/${id}/video${at ? `#t=${at}` : ""}`;
  const duration = length();
  $("curves").replaceChildren(...["fused", "face", "voice", "text"].filter((name) => data.curves[name]?.some(Boolean)).map((name) => plot(name, duration)));
  $("axis").replaceChildren(...ticks(duration).map((second) => {
    const mark = make("span", { textContent: clockLabel(second) });
    mark.style.left = `${(100 * second) / duration}%`;
    if (second === 0) mark.className = "first";
    else if (second > 0.97 * duration) mark.className = "last";
    return mark;
  }));
  $("band").replaceChildren(...data.episodes.map((episode) => {
    const block = bandBlock({ emotion: episode.emotion, start: episode.start_s, end: episode.end_s, sure: episode.confidence }, duration, emotionNames());
    block.onclick = () => { $("video").currentTime = episode.start_s; };
    return block;
  }));
  if (!data.episodes.length) $("band").append(make("p", { className: "nothing", textContent: say("noEmotion") }));
  $("words").hidden = !data.words.length;
  $("words").textContent = data.words.map((word) => word.text).join(" ");
  $("files").replaceChildren(
    make("a", { className: "button", href: `api/recordings/${id}/video?download`, textContent: say("download") }),
    make("a", { className: "button", href: `api/recordings/${id}/report`, target: "_blank", rel: "noopener", textContent: say("report") }),
    make("a", { className: "button", href: `api/recordings/${id}/csv?download`, textContent: say("csv") }));
  showParts();
  showLabels();
  $("player").scrollIntoView({ block: "start" });
  $("close").focus();
}

const length = () => data.duration_s || data.named.length * data.step_s;

/** The curve of a modality as the report draws it. */
function plot(name, duration) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [key, value] of [["viewBox", "0 0 1000 100"], ["preserveAspectRatio", "none"], ["role", "img"], ["aria-label", say(name)]]) svg.setAttribute(key, value);
  const isStack = name === "fused";
  draw(svg, (isStack ? stackPaths : linePaths)(data.curves[name], data.step_s, duration), isStack ? "stack" : "lines");
  return make("div", {}, make("h3", {}, say(name)), make("div", { className: `chart is-unknown history-chart${isStack ? "" : " lines small"}` }, svg));
}

function close(isNew) {
  shown = data = null;
  $("video").removeAttribute("src");
  $("video").load();
  $("player").hidden = true;
  if (isNew) history.pushState({}, "", address());
}

function follow() {
  if (!data || !$("video").duration) return;
  $("cursor").style.left = `${(100 * $("video").currentTime) / $("video").duration}%`;
  offerPart();
}

$("video").ontimeupdate = follow;
$("video").onseeked = follow;
$("plots").onclick = (event) => {
  if (event.target.closest("button")) return;
  const box = $("plots").getBoundingClientRect();
  $("video").currentTime = (($("video").duration || 0) * (event.clientX - box.left)) / box.width;
};
// ---- what was wrong ----

const wrong = $("wrong-here");
wrong.hidden = !full;
wrong.instead.append(...EMOTIONS.map((one) => make("option", { value: one, textContent: say(one) })), make("option", { value: "", textContent: say("noneOfThem") }));

const span = (from, to) => `${clockLabel(from)}–${clockLabel(to)}`;

/** Parts of the recording that can be corrected: its episodes, and all of it. */
function showParts() {
  const parts = data.episodes.map((one) => [one.start_s, one.end_s, `${span(one.start_s, one.end_s)} ${say(one.emotion)}`]);
  parts.push([0, length(), say("wholeRecording")]);
  wrong.part.replaceChildren(...parts.map(([from, to, text]) => make("option", { value: `${from} ${to}`, textContent: text })));
}

/** Offer the episode that is being played. */
function offerPart() {
  if (document.activeElement === wrong.part) return;
  const at = $("video").currentTime;
  const index = data.episodes.findIndex((one) => one.start_s <= at && at <= one.end_s);
  if (index >= 0) wrong.part.selectedIndex = index;
}

function showLabels() {
  $("labels").replaceChildren(...data.marks.map((one) => make("li", { textContent:
    `${say("saidWrong", { span: span(one.from_s, one.to_s), emotion: one.emotion ? say(one.emotion) : say("noneOfThem") })}${one.note ? `: ${one.note}` : ""}` })));
}

wrong.onsubmit = async (event) => {
  event.preventDefault();
  const [from, to] = wrong.part.value.split(" ").map(Number);
  const body = { from_s: from, to_s: to, emotion: wrong.instead.value || null, note: wrong.note.value };
  if (!(await tryTo(() => api(`recordings/${shown}/labels`, { method: "POST", body })))) return;
  data.marks.push(body);
  wrong.note.value = "";
  showLabels();
  toast(say("labelled"));
};
$("close").onclick = () => close(true);
/** What the address says: filters, and the recording that is played. */
async function show() {
  readFilters();
  await load(false);
  const query = new URLSearchParams(location.search);
  const id = query.get("play");
  if (id) await play(id, false, Number(query.get("at")) || 0);
  else if (shown) close(false);
}

addEventListener("popstate", show);

const select = $("filters").emotion;
select.append(make("option", { value: "", textContent: say("any") }), ...EMOTIONS.map((one) => make("option", { value: one, textContent: say(one) })));
$("legend").append(...EMOTIONS.map((one) => make("li", {}, make("span", { className: `dot is-${one}` }), say(one))));
$("filters").onsubmit = (event) => {
  event.preventDefault();
  history.pushState({}, "", address());
  load(false);
};
$("more").onclick = () => load(true);
await show();
listen(state, (name, change) => { if (name === "recording" && change.type === "finished") load(false); });
