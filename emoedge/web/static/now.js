// The page of the moment.

import { api, begin, listen, make, showNotices, toast, tryTo } from "./common.js";
import { remedyOf, sayModel } from "./remedies.js";
import { emotionNames, partName, say } from "./texts.js";
import { EMOTIONS, clockLabel, draw, linePaths, percent, setBars, stackPaths } from "../shared/charts.js";

const SECONDS = 300;
const $ = (id) => document.getElementById(id);
const seven = (probabilities) => (probabilities ? EMOTIONS.map((name) => probabilities[name] ?? 0) : null);

const state = await begin("now");
const full = state.access === "full";

function makeBars(list) {
  for (const emotion of EMOTIONS) {
    list.append(make("li", {}, make("span", { className: "name", textContent: say(emotion) }),
      make("span", { className: "rail" }, make("span", { className: `fill is-${emotion}` })), make("span", { className: "value" })));
  }
  return [...list.children];
}

const bars = Object.fromEntries([["fused", "bars"], ["face", "bars-face"], ["voice", "bars-voice"], ["text", "bars-text"]]
  .map(([name, id]) => [name, makeBars($(id))]));

// ---- what is felt ----

function showEmotion() {
  const emotion = state.emotion;
  const names = emotionNames();
  if (state.privacy) $("named").textContent = say("privacyReason");
  else if (!emotion || state.daemon !== "running") $("named").textContent = say(state.daemon === "running" ? "waiting" : "offlineReason");
  else $("named").textContent = emotion.emotion ? names[emotion.emotion] : say(emotion.reason || "no_opinion");
  let text = "";
  if (!state.privacy && state.daemon === "running" && emotion) {
    if (emotion.emotion) {
      text = say("sureness", { percent: percent(emotion.confidence) });
      if (!emotion.certain && emotion.candidates.length > 1) text += `, ${say("doubt", { names: emotion.candidates.map((one) => names[one]).join(", ") })}`;
      else if (emotion.decided_by === "text") text += `, ${say("decidedBy")}`;
    } else if (emotion.reason) text = say(`why_${emotion.reason}`) === `why_${emotion.reason}` ? "" : say(`why_${emotion.reason}`);
  }
  $("sure").textContent = text;
}

function showBars(payload) {
  const isShown = payload && !state.privacy && state.daemon === "running";
  const chosen = isShown && state.emotion?.emotion ? EMOTIONS.indexOf(state.emotion.emotion) : null;
  setBars(bars.fused, isShown ? seven(payload.probabilities) : null, chosen);
  for (const name of ["face", "voice", "text"]) {
    setBars(bars[name], isShown ? seven(payload.modalities?.[name]?.probabilities) : null, null);
  }
}

function showPeople() {
  const faces = state.privacy ? [] : state.face?.faces ?? [];
  const rows = faces.map((face) => make("li", {}, `${say("person", { id: face.id })}: ${face.emotion ? say(face.emotion) : say(face.quality_reasons?.[0] ?? "no_opinion")}`
    + (face.primary && faces.length > 1 ? ` (${say("primary")})` : "")));
  $("people").replaceChildren(...(rows.length ? rows : [make("li", { textContent: say("noPeople") })]));
  const speaker = state.privacy ? null : state.voice?.speaker;
  $("speaker").textContent = Number.isInteger(speaker) ? say("voiceOf", { id: speaker }) : speaker === "unseen" ? say("voiceUnseen") : "";
}

function showHealth() {
  const parts = Object.entries(state.health?.parts ?? {}).filter(([, part]) => part.state === "failed" || part.state === "degraded");
  const text = JSON.stringify([state.daemon, full, parts.map(([name, part]) => [name, part.state, part.reason])]);
  if ($("health").dataset.shown === text) return; // a button that somebody is about to press stays
  $("health").dataset.shown = text;
  const rows = parts.map(([name, part]) => make("li", {}, make("span", { className: "state", textContent: `${partName(name)}, ${say(part.state)}: ` }), part.reason_text || part.reason, full ? remedyOf(name, part) : null));
  $("health").replaceChildren(...(rows.length ? rows : [make("li", { textContent: state.daemon === "running" ? say("healthOk") : say(state.daemon) })]));
}

function showText() {
  const words = state.text?.transcript;
  $("said").hidden = !words || !state.transcript;
  $("said").textContent = words ? `«${words}»` : "";
}

// ---- sound ----

const levels = [];
function takeLevel({ rms_dbfs: values, speech }) {
  levels.push(...values.map((level) => ({ level, speech })));
  levels.splice(0, Math.max(0, levels.length - 300));
  $("speech").textContent = say(speech ? "speaking" : "silence");
  drawLevels();
}

/** The last thirty seconds; where somebody spoke in the accent. */
function drawLevels() {
  const canvas = $("level");
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  const style = getComputedStyle(document.body);
  const [spoken, silent] = ["--accent", "--muted"].map((name) => style.getPropertyValue(name));
  const step = canvas.width / 300;
  levels.forEach(({ level, speech }, index) => {
    pen.fillStyle = speech ? spoken : silent;
    const height = Math.max(1, canvas.height * Math.min(1, Math.max(0, (level + 70) / 70)));
    pen.fillRect((300 - levels.length + index) * step, (canvas.height - height) / 2, Math.max(1, step - 0.5), height);
  });
}

// ---- the last minutes ----

async function showCurves() {
  if (document.hidden) return;
  let live;
  try {
    live = await api(`live?seconds=${SECONDS}`);
  } catch { return; }
  draw($("stack"), stackPaths(live.fused, 1, SECONDS), "stack");
  draw($("lines-face"), linePaths(live.face, 1, SECONDS), "lines");
  draw($("lines-voice"), linePaths(live.voice, 1, SECONDS), "lines");
  const strip = $("speech-strip");
  strip.replaceChildren(...live.speech.flatMap((speaks, index) => {
    if (!speaks) return [];
    const box = document.createElementNS(strip.namespaceURI, "rect");
    for (const [name, value] of [["x", index], ["width", 1], ["y", 0], ["height", 1]]) box.setAttribute(name, value);
    return [box];
  }));
}

// ---- controls ----

const isOn = (name) => state.controls?.[name] === "ON";
const send = (name, value) => tryTo(() => api(`controls/${name}`, { method: "PUT", body: { value } }));
let recordedSince = null;

function showControls() {
  const button = $("privacy");
  button.textContent = say(state.privacy ? "privacyTurnOff" : "privacyTurnOn");
  button.classList.toggle("on", Boolean(state.privacy));
  button.setAttribute("aria-pressed", String(Boolean(state.privacy)));
  const runs = state.daemon === "running";
  button.disabled = !runs || (!full && state.privacy);
  for (const id of ["record", "snapshot", "face_weight", "margin", "recording_mode"]) $(id).disabled = !runs || !full || (state.privacy && (id === "record" || id === "snapshot"));
  for (const id of ["face_weight", "margin"]) {
    const value = state.controls?.[id];
    if (value !== undefined && document.activeElement !== $(id)) $(id).value = value;
    $(`${id}-value`).textContent = value === undefined ? "" : Number($(id).value).toFixed(2);
  }
  const mode = state.controls?.recording_mode;
  if (mode && document.activeElement !== $("recording_mode")) $("recording_mode").value = mode;
  if (state.recording?.on) recordedSince ??= Date.now() - 1000 * (state.recording.seconds ?? 0);
  else recordedSince = null;
  showRecord();
}

function showRecord() {
  const records = isOn("record") || recordedSince !== null;
  const seconds = recordedSince === null ? 0 : (Date.now() - recordedSince) / 1000;
  $("record").textContent = records ? say("recordStop", { clock: clockLabel(seconds) }) : say("record");
  $("record").classList.toggle("on", records);
}

for (const mode of ["off", "manual", "events", "continuous"]) $("recording_mode").append(make("option", { value: mode, textContent: say(`mode_${mode}`) }));
$("privacy").onclick = () => send("privacy", state.privacy ? "OFF" : "ON");
$("record").onclick = () => send("record", isOn("record") || recordedSince !== null ? "OFF" : "ON");
$("snapshot").onclick = async () => { if (await send("snapshot", "PRESS")) toast(say("snapshotDone")); };
$("recording_mode").onchange = (event) => send("recording_mode", event.target.value);
for (const id of ["face_weight", "margin"]) {
  $(id).oninput = (event) => { $(`${id}-value`).textContent = Number(event.target.value).toFixed(2); };
  $(id).onchange = (event) => send(id, event.target.value);
}

// ---- the picture, on demand ----

let watching = false;

function watch(on) {
  if (watching === on) return;
  watching = on;
  for (const [id, kind] of [["picture", "stream"], ["crop", "crop"]]) {
    const image = $(id);
    image.hidden = !on;
    image.alt = on ? say(kind === "crop" ? "crop" : "picture") : "";
    if (on) image.src = `api/picture/${kind}?${Date.now()}`;
    else image.removeAttribute("src");
  }
  showPicture();
}

function showPicture() {
  const seconds = state.picture_s;
  const left = state.picture?.until ? Math.max(0, Math.ceil((new Date(state.picture.until) - Date.now()) / 1000)) : 0;
  const ask = $("ask-picture");
  const why = !full ? "pictureView" : seconds === null ? "pictureOff" : state.privacy ? "picturePrivacy" : "pictureNot";
  ask.hidden = !full || seconds === null;
  ask.disabled = Boolean(state.privacy) || state.daemon !== "running";
  ask.textContent = watching ? `${say("pictureStop")} (${left} s)` : say("pictureAsk", { seconds });
  $("without").hidden = watching;
  $("without").textContent = say(why);
}

$("ask-picture").onclick = async () => {
  if (watching) {
    watch(false);
    await tryTo(() => api("picture", { method: "DELETE" }));
    return;
  }
  const answer = await tryTo(() => api("picture", { method: "POST" }));
  if (!answer) return;
  state.picture = { on: true, ...answer };
  watch(true);
};

// ---- all of it ----

function showAll() {
  showEmotion();
  showBars(state.emotion);
  showPeople();
  showHealth();
  showText();
  showControls();
  if (state.privacy || state.daemon !== "running" || !state.picture?.on) watch(false);
  showPicture();
}

function changed(name, data) {
  if (name === "level") takeLevel(data);
  else if (name === "fused") showBars(data);
  else if (name === "face" || name === "voice") showPeople();
  else if (name === "emotion") { showEmotion(); if (!state.emotion?.probabilities) showBars(state.emotion); }
  else if (name === "health") showHealth();
  else if (name === "text") showText();
  else if (name === "model") sayModel(data);
  else {
    if (name === "control" || name === "state" || name === "daemon") { levels.length = state.privacy ? 0 : levels.length; drawLevels(); }
    showAll();
    showNotices(state);
  }
  document.documentElement.dataset.events = Number(document.documentElement.dataset.events ?? 0) + 1;
}

showAll();
listen(state, changed);
showCurves();
setInterval(showCurves, 2000);
setInterval(() => { if (recordedSince !== null || isOn("record")) showRecord(); if (watching) showPicture(); }, 1000);
document.documentElement.dataset.ready = "now";
