// The recordings: list, filters, player with the curves, keep, delete with undo.

import { api, begin, listen, make, size, toast, tryTo } from "./common.js";
import { currentLanguage, emotionNames, say } from "./texts.js";
import { EMOTIONS, bandBlock, clockLabel, draw, percent, stackPaths } from "../shared/charts.js";

const $ = (id) => document.getElementById(id);
const UNDO_S = 9;
const state = await begin("recordings");
const full = state.access === "full";
let cursor = null;

const when = (moment) => new Date(moment).toLocaleString(currentLanguage(), { dateStyle: "medium", timeStyle: "medium" });

function filters() {
  const form = $("filters");
  const found = new URLSearchParams();
  if (form.from.value) found.set("from", form.from.value);
  if (form.to.value) {
    const next = new Date(`${form.to.value}T00:00:00`);
    next.setDate(next.getDate() + 1);
    found.set("to", next.toISOString());
  }
  if (form.emotion.value) found.set("emotion", form.emotion.value);
  return found;
}

async function load(isMore) {
  const query = filters();
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

async function play(id, isNew) {
  data = await tryTo(() => api(`recordings/${id}`));
  if (!data) return;
  shown = id;
  if (isNew) history.pushState({ id }, "", `?play=${id}`);
  $("player").hidden = false;
  $("player-title").textContent = when(data.started);
  $("video").src = `api/recordings/${id}/video`;
  const duration = data.duration_s || data.named.length * data.step_s;
  draw($("curve"), stackPaths(data.curves.fused, data.step_s, duration), "stack");
  $("band").replaceChildren(...data.episodes.map((episode) => {
    const block = bandBlock({ emotion: episode.emotion, start: episode.start_s, end: episode.end_s, sure: episode.confidence }, duration, emotionNames());
    block.onclick = () => { $("video").currentTime = episode.start_s; };
    return block;
  }));
  $("files").replaceChildren(
    make("a", { className: "button", href: `api/recordings/${id}/video?download`, textContent: say("download") }),
    make("a", { className: "button", href: `api/recordings/${id}/report`, target: "_blank", rel: "noopener", textContent: say("report") }),
    make("a", { className: "button", href: `api/recordings/${id}/csv?download`, textContent: say("csv") }));
  $("player").scrollIntoView({ block: "start" });
  $("close").focus();
}

function close(isNew) {
  shown = data = null;
  $("video").removeAttribute("src");
  $("video").load();
  $("player").hidden = true;
  if (isNew) history.pushState({}, "", location.pathname);
}

function follow() {
  if (!data || !$("video").duration) return;
  $("cursor").style.left = `${(100 * $("video").currentTime) / $("video").duration}%`;
}

$("video").ontimeupdate = follow;
$("video").onseeked = follow;
$("plots").onclick = (event) => {
  const box = $("plots").getBoundingClientRect();
  $("video").currentTime = (($("video").duration || 0) * (event.clientX - box.left)) / box.width;
};
$("wrong-here").hidden = !full;
$("instead").append(make("option", { value: "", textContent: say("noEmotion") }), ...EMOTIONS.map((one) => make("option", { value: one, textContent: say(one) })));
$("label").onclick = async () => {
  const at = $("video").currentTime;
  const episode = data.episodes.find((one) => one.start_s <= at && at <= one.end_s) ?? { start_s: Math.max(0, at - 1), end_s: at + 1 };
  const body = { from_s: episode.start_s, to_s: episode.end_s, emotion: $("instead").value || null, note: "" };
  if (await tryTo(() => api(`recordings/${shown}/labels`, { method: "POST", body }))) toast(say("labelled"));
};
$("close").onclick = () => close(true);
addEventListener("popstate", () => {
  const id = new URLSearchParams(location.search).get("play");
  if (id) play(id, false);
  else close(false);
});

const select = $("filters").emotion;
select.append(make("option", { value: "", textContent: say("any") }), ...EMOTIONS.map((one) => make("option", { value: one, textContent: say(one) })));
$("filters").onsubmit = (event) => { event.preventDefault(); load(false); };
$("more").onclick = () => load(true);
await load(false);
const wanted = new URLSearchParams(location.search).get("play");
if (wanted) play(wanted, false);
listen(state, (name, change) => { if (name === "recording" && change.type === "finished") load(false); });
