// The first run: one step after the other, nothing saved before the end.

import { api, begin, listen, make, showNotices, size, toast, tryTo } from "./common.js";
import { placement } from "./placement.js";
import { SETUP_TEXTS } from "./setup_texts.js";
import { addTexts, chooseLanguage, currentLanguage, fillIn, say } from "./texts.js";

addTexts(SETUP_TEXTS);
const $ = (id) => document.getElementById(id);
const STEPS = ["name", "lawful", "camera", "microphone", "broker", "speech", "keep", "access", "summary"];
const TOO_LONG_S = 180;
const state = await begin("setup");
const settings = await api("settings");
const chosen = { ...settings.values, device_id: settings.values.device_id, language: currentLanguage() };
const KEPT = "setup-values";
const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
Object.assign(chosen, kept.values);
let informed = kept.informed ?? false;
let notice = chosen.language;
let failures = {};
let devices = null;
let waitsFor = null;
let heard = () => {};

const paragraph = (name, values) => make("p", { textContent: say(name, values) });

function input(label, properties, key, hint) {
  const field = make("input", { id: `set-${key}`, ...properties });
  field.oninput = () => { chosen[key] = field.type === "checkbox" ? field.checked : field.type === "number" ? Number(field.value) : field.value.trim(); };
  const box = field.type === "checkbox" ? make("label", { className: "choice" }, field, make("span", { textContent: label }))
    : make("label", { className: "input" }, make("span", { textContent: label }), field);
  const parts = [box];
  if (hint) {
    field.setAttribute("aria-describedby", `${field.id}-hint`);
    parts.push(make("p", { className: "quiet", id: `${field.id}-hint`, textContent: hint }));
  }
  if (failures[key]) parts.push(make("p", { className: "wrong", role: "alert", textContent: failures[key] }));
  return make("div", {}, ...parts);
}

function radio(name, value, text, isChosen, choose) {
  const field = make("input", { type: "radio", name, value, checked: isChosen });
  field.onchange = () => choose(value);
  return make("label", { className: "choice" }, field, make("span", { textContent: text }));
}

function wrong(text) {
  $("step").querySelector(".step-error")?.remove();
  $("next").parentElement.before(make("p", { className: "wrong step-error", role: "alert", textContent: text }));
}

// ---- the steps: each returns its elements ----

function nameStep() {
  const languages = make("fieldset", {}, make("legend", { textContent: say("languageLegend") }),
    ...[["es", "spanish"], ["en", "english"]].map(([value, name]) => radio("language", value, say(name), chosen.language === value, (language) => {
      chosen.language = notice = language;
      chooseLanguage(language, language);
      fillIn();
      show("name", false);
      document.querySelector(`input[value=${language}]`).focus();
    })));
  return [languages, input(say("nameLabel"), { type: "text", value: chosen.device_id, required: true, maxLength: 64, spellcheck: false, autocomplete: "off" }, "device_id", say("nameHint"))];
}

function sheet() {
  const before = currentLanguage();
  chooseLanguage(notice, notice);
  const isSent = chosen["mqtt.enabled"];
  const lines = [paragraph("sheet1", { name: chosen.device_id }),
    chosen["recording.mode"] === "off" ? paragraph("sheetNotKept") : paragraph("sheetKept", { days: chosen["recording.keep_days"] }),
    isSent ? paragraph(chosen["publish.image"] ? "sheetImage" : "sheetSent", { host: chosen["mqtt.host"] }) : paragraph("sheetNotSent"),
    isSent && chosen["publish.transcript"] ? paragraph("sheetWords") : null,
    chosen["web.picture"] ? paragraph("sheetPicture", { seconds: chosen["web.picture_s"] }) : null, paragraph("sheetPrivacy"), paragraph("sheetQuestions")];
  const box = make("div", { className: "sheet", lang: notice, id: "sheet" }, make("h3", { textContent: say("sheetTitle") }), ...lines);
  chooseLanguage(before, before);
  return box;
}

function noticeParts() {
  const language = make("fieldset", {}, make("legend", { textContent: say("noticeLanguage") }),
    ...[["es", "spanish"], ["en", "english"]].map(([value, name]) => radio("notice", value, say(name), notice === value, (one) => { notice = one; $("sheet").replaceWith(sheet()); })));
  const print = make("button", { type: "button", className: "act", id: "print", textContent: say("print") });
  print.onclick = () => window.print();
  return [make("h3", { textContent: say("noticeTitle") }), language, sheet(), make("div", { className: "row" }, print)];
}

function lawfulStep() {
  const agree = make("input", { type: "checkbox", id: "informed", checked: informed });
  agree.onchange = () => { informed = agree.checked; };
  return [paragraph("lawfulIntro"), make("ul", {}, ...[1, 2, 3, 4].map((one) => make("li", { textContent: say(`lawful${one}`) }))),
    make("p", { className: "quiet", textContent: say("lawfulMore") }), ...noticeParts(), make("label", { className: "choice" }, agree, make("span", { textContent: say("informed") }))];
}

async function tryIt(what, section, answer, button) {
  button.disabled = true;
  answer.textContent = say("trying");
  const values = Object.fromEntries(Object.entries(changes()).filter(([key]) => key.startsWith(`${section}.`)));
  try {
    const found = await api("settings/test", { method: "POST", body: { what, values } });
    answer.textContent = `${say(found.ok ? "ok" : "failed")}: ${found.detail}${found.remedy ? ` (${found.remedy})` : ""}`;
    answer.dataset.ok = found.ok;
  } catch (error) { answer.textContent = error.message; answer.dataset.ok = false; }
  button.disabled = false;
}

function tryRow(what, section) {
  const answer = make("p", { role: "status", className: "answer" });
  const button = make("button", { type: "button", className: "act", id: "try", textContent: say("tryIt") });
  button.onclick = () => tryIt(what, section, answer, button);
  return [make("div", { className: "row" }, button), answer];
}

function deviceStep(kind, list, name) {
  const key = `${kind}.source`;
  const known = ["auto", ...list.filter((one) => one.usable !== false).map((one) => one.source), "none"];
  const isOther = !known.includes(chosen[key]);
  const other = input(say("otherLabel"), { type: "text", value: isOther ? chosen[key] ?? "" : "", spellcheck: false, autocomplete: "off" }, key, say("otherHint"));
  other.hidden = !isOther;
  const choose = (value) => {
    other.hidden = value !== "other";
    chosen[key] = value === "other" ? $(`set-${key}`).value.trim() : value;
    if (value === "other") $(`set-${key}`).focus();
  };
  const again = make("button", { type: "button", className: "act", textContent: say("again") });
  again.onclick = () => { devices = null; show(kind, false); };
  return [paragraph(`${kind}Intro`),
    make("fieldset", {}, make("legend", { textContent: say(`step_${kind}`) }), radio(kind, "auto", say("deviceAuto"), chosen[key] === "auto", choose),
      ...list.map((one) => {
        const label = radio(kind, one.source, name(one), chosen[key] === one.source, choose);
        label.firstChild.disabled = one.usable === false;
        return label;
      }),
      radio(kind, "other", say("deviceOther"), isOther, choose), radio(kind, "none", say("deviceNone"), chosen[key] === "none", choose)),
    other, ...(list.length ? [] : [make("p", { className: "quiet", textContent: say("noDevices") })]), make("div", { className: "row" }, again), ...tryRow(kind, kind), ...(kind === "camera" ? pictureParts() : [])];
}

/** The picture of the camera in use, on demand as on the page of the moment: announced, and over after its time. */
function pictureParts() {
  if (!state.picture_s) return [];
  const image = make("img", { id: "picture", alt: say("picture"), hidden: true });
  const button = make("button", { type: "button", className: "act", id: "ask-picture", textContent: say("pictureAsk", { seconds: state.picture_s }) });
  button.onclick = async () => {
    const answer = await tryTo(() => api("picture", { method: "POST" }));
    if (!answer) return;
    state.picture = { on: true, ...answer };
    image.src = `api/picture/stream?${Date.now()}`;
    image.hidden = false;
  };
  heard = (name) => {
    if (image.hidden || (state.picture?.on && !state.privacy && state.daemon === "running")) return;
    if (name !== "picture" && name !== "control" && name !== "daemon") return;
    image.hidden = true;
    image.removeAttribute("src");
  };
  return [paragraph("pictureInUse"), make("div", { className: "row" }, button), image];
}

async function find() {
  devices ??= (await tryTo(() => api("devices"))) ?? { cameras: [], microphones: [] };
  return devices;
}

function brokerStep() {
  const on = input(say("brokerOn"), { type: "checkbox", checked: chosen["mqtt.enabled"] }, "mqtt.enabled");
  const set = (key) => settings.secrets.includes(key) ? say("secretSet") : "";
  const details = make("div", {}, input(say("host"), { type: "text", value: chosen["mqtt.host"], spellcheck: false, autocomplete: "off" }, "mqtt.host"),
    input(say("port"), { type: "number", min: 1, max: 65535, value: chosen["mqtt.port"] }, "mqtt.port"),
    input(say("username"), { type: "text", value: chosen["mqtt.username"] ?? "", spellcheck: false, autocomplete: "off", placeholder: set("mqtt.username") }, "mqtt.username"),
    input(say("password"), { type: "password", autocomplete: "new-password", value: chosen["mqtt.password"] ?? "", placeholder: set("mqtt.password") }, "mqtt.password"),
    input(say("tls"), { type: "checkbox", checked: chosen["mqtt.tls"] }, "mqtt.tls"), ...tryRow("broker", "mqtt"));
  const check = on.querySelector("input");
  details.hidden = !check.checked;
  check.addEventListener("input", () => { details.hidden = !check.checked; });
  return [paragraph("brokerIntro"), on, details];
}

async function speechStep() {
  const on = input(say("speechOn"), { type: "checkbox", checked: chosen["speech.enabled"] }, "speech.enabled");
  const { models } = await api("models");
  const model = models.find((one) => one.name === chosen["speech.model"]);
  const words = make("p", { role: "status", id: "model" });
  const details = make("div", {}, words);
  if (model) words.textContent = say(model.installed ? "modelThere" : "modelMissing", { name: model.name, size: size(model.fetch_bytes) });
  if (model && !model.installed) {
    const bar = make("progress", { hidden: true, max: 1, "aria-label": say("fetch") });
    const button = make("button", { type: "button", className: "act", id: "fetch", textContent: say("fetch") });
    const failed = (reason) => { words.textContent = say("fetchFailed", { reason }); button.disabled = false; bar.hidden = true; };
    heard = (name, data) => {
      if (name !== "model" || data.name !== model.name) return;
      bar.hidden = data.state !== "fetching";
      if (data.state === "fetching") {
        bar.value = data.total ? data.done / data.total : 0;
        words.textContent = say("fetching", { done: size(data.done), total: size(data.total ?? 0) });
      } else if (data.state === "installed") { words.textContent = say("fetched", { name: model.name }); button.hidden = true; } else failed(data.remedy ? `${data.reason} (${data.remedy})` : data.reason);
    };
    button.onclick = async () => {
      button.disabled = true;
      try { await api(`models/${encodeURIComponent(model.name)}/fetch`, { method: "POST" }); } catch (error) { failed(error.message); }
    };
    details.append(make("div", { className: "row" }, button), bar);
  }
  details.append(...tryRow("speech", "speech"));
  const check = on.querySelector("input");
  details.hidden = !check.checked;
  check.addEventListener("input", () => { details.hidden = !check.checked; });
  return [paragraph("speechIntro"), on, details];
}

function keepStep() {
  return [paragraph("keepIntro"), make("fieldset", {}, make("legend", { textContent: say("mode") }),
    ...["off", "manual", "events", "continuous"].map((mode) => radio("mode", mode, say(`mode_${mode}`), chosen["recording.mode"] === mode, (value) => { chosen["recording.mode"] = value; }))),
  input(say("keepDays"), { type: "number", min: 1, value: chosen["recording.keep_days"] }, "recording.keep_days"),
  input(say("historyOn"), { type: "checkbox", checked: chosen["history.enabled"] }, "history.enabled")];
}

function accessStep() {
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  const command = `ssh -L ${location.port || 80}:127.0.0.1:${location.port || 80} pi@${settings.values.device_id}`;
  const items = ["accessKey", "accessView", "accessPassword", ...(local ? ["accessTunnel", "accessLan"] : []), ...(location.protocol === "https:" ? [] : ["accessTls"])];
  return [paragraph("accessIntro"), make("ul", {}, ...items.map((one) => make("li", { textContent: say(one, { command }) })))];
}

/** What differs from the settings as they are; name and language always. */
function changes() {
  const found = {};
  for (const [key, value] of Object.entries(chosen)) {
    const before = settings.values[key] ?? null;
    const empty = value === "" && (before === null || before === "");
    if (!empty && JSON.stringify(value) !== JSON.stringify(before)) found[key] = value;
  }
  for (const key of ["device_id", "language"]) if (!["environment", "credential"].includes(settings.sources[key])) found[key] = chosen[key];
  return found;
}

/** Keep what was chosen over a reload of the page; no password. */
function keep() {
  const values = Object.fromEntries(Object.entries(changes()).filter(([key]) => !key.endsWith("password")));
  sessionStorage.setItem(KEPT, JSON.stringify({ values, informed }));
}

const LABELS = {
  device_id: "nameLabel", language: "languageLegend", "camera.source": "step_camera", "microphone.source": "step_microphone", "mqtt.enabled": "brokerOn", "mqtt.host": "host", "mqtt.port": "port",
  "mqtt.username": "username", "mqtt.password": "password", "mqtt.tls": "tls", "speech.enabled": "speechOn", "recording.mode": "mode", "recording.keep_days": "keepDays", "history.enabled": "historyOn",
};
const plainValue = (key, value) => key.endsWith("password") ? "••••••" : typeof value === "boolean" ? say(value ? "isOn" : "isOff") : String(value);

function summaryStep() {
  const rows = Object.entries(changes()).map(([key, value]) => make("li", {}, make("strong", { textContent: say(LABELS[key] ?? key) }), `: ${plainValue(key, value)} `, make("code", { className: "quiet", textContent: key }),
    ...(failures[key] ? [make("p", { className: "wrong", role: "alert", textContent: failures[key] })] : [])));
  return [paragraph("summaryIntro"), make("ul", { className: "summary" }, ...rows), ...noticeParts()];
}

async function save() {
  failures = {};
  try {
    const answer = await api("settings", { method: "PATCH", body: changes(), headers: { "If-Match": `"${settings.etag}"` } });
    settings.etag = answer.etag;
  } catch (error) {
    if (!error.errors) { wrong(error.message); return; }
    failures = Object.fromEntries(error.errors.map(({ key, reason }) => [key, reason]));
    await show("summary");
    const unknown = error.errors.find(({ key }) => !(key in changes()));
    if (unknown) wrong(`${unknown.key}: ${unknown.reason}`);
    return;
  }
  if (await tryTo(() => api("setup", { method: "POST", body: { finished: true } })) === undefined) return;
  state.setup = false;
  sessionStorage.removeItem(KEPT);
  await done();
}

const toNow = () => make("div", { className: "row" }, make("a", { href: "./", className: "button", id: "to-now", textContent: say("toNow") }));

async function done() {
  const words = make("p", { role: "status", id: "restarting", textContent: say(state.daemon === "running" ? "waitRestart" : "waitStart") });
  render("done", [words], null);
  const back = new Promise((resolve) => { waitsFor = { isGone: state.daemon !== "running", resolve }; });
  if (state.daemon === "running" && await tryTo(() => api("restart", { method: "POST" })) === undefined) return;
  const timer = setTimeout(() => { words.textContent = say("tooLong"); }, 1000 * TOO_LONG_S);
  await back;
  clearTimeout(timer);
  words.textContent = say("doneText");
  $("step").append(placement(), ...pictureParts(), toNow());
  document.documentElement.dataset.step = "finished";
}

// ---- going through them ----

const BUILD = {
  name: nameStep, lawful: lawfulStep, broker: brokerStep, speech: speechStep, keep: keepStep, access: accessStep, summary: summaryStep,
  camera: async () => deviceStep("camera", (await find()).cameras, (one) => one.problem ? `${one.name || one.source}: ${one.problem}` : one.name || one.source),
  microphone: async () => deviceStep("microphone", (await find()).microphones, (one) => one.source),
};
let shown = 0;

function render(name, parts, number) {
  $("steps").replaceChildren(...[...STEPS, "done"].map((one) => {
    const item = make("li", { textContent: say(`step_${one}`) });
    if (one === name) item.setAttribute("aria-current", "step");
    return item;
  }));
  const buttons = make("div", { className: "row" });
  if (number > 0) {
    const back = make("button", { type: "button", className: "act", id: "back", textContent: say("back") });
    back.onclick = () => history.back();
    buttons.append(back);
  }
  if (number !== null) {
    buttons.append(make("button", { type: "submit", className: "act on", id: "next", textContent: say(name === "summary" ? "saveAll" : "next") }));
    const later = make("button", { type: "button", className: "act", id: "later", textContent: say("later") });
    later.onclick = () => { sessionStorage.setItem("setup-later", "1"); location.assign("./"); };
    if (number === 0) buttons.append(later);
  }
  const title = make("h2", { tabIndex: -1, textContent: say(`step_${name}`) });
  $("step").replaceChildren(...(number === null ? [] : [make("p", { className: "quiet", textContent: say("step", { number: number + 1, count: STEPS.length }) })]), title, ...parts, buttons);
  return title;
}

async function show(name, focus = true) {
  heard = () => {};
  delete document.documentElement.dataset.step;
  shown = STEPS.indexOf(name);
  if ((name === "camera" || name === "microphone") && !devices) render(name, [make("p", { role: "status", textContent: say("looking") })], null);
  const parts = await BUILD[name]();
  const title = render(name, parts, shown);
  if (focus) title.focus();
  document.documentElement.dataset.step = name;
}

function problemOf(name) {
  if (name === "name" && !/^[^\s/+#]{1,64}$/u.test(chosen.device_id ?? "")) return say("nameWrong");
  if (name === "lawful" && !informed) return say("informedWrong");
  return "";
}

$("step").onsubmit = async (event) => {
  event.preventDefault();
  const name = STEPS[shown];
  const problem = problemOf(name);
  if (problem) { wrong(problem); return; }
  if (name === "summary") { await save(); return; }
  location.hash = STEPS[shown + 1];
};

for (const name of ["input", "change"]) $("step").addEventListener(name, keep);

// A step needs those before it: who opens its address begins at the first one.
addEventListener("hashchange", () => {
  const name = location.hash.slice(1) || STEPS[0];
  const first = STEPS.find((one) => STEPS.indexOf(one) < STEPS.indexOf(name) && problemOf(one));
  if (STEPS.includes(name)) show(first ?? name);
});

if (state.setup) chooseLanguage(chosen.language, chosen.language);
fillIn();
const isPlacing = location.hash === "#placement";
if (!isPlacing) history.replaceState(null, "", location.pathname);
listen(state, (name, data) => {
  heard(name, data);
  if (name === "daemon" && waitsFor) {
    waitsFor.isGone ||= data.daemon !== "running";
    if (waitsFor.isGone && data.daemon === "running") waitsFor.resolve();
  }
  showNotices(state);
});
if (isPlacing) {
  $("steps").hidden = true;
  $("step").replaceChildren(placement(), ...pictureParts(), toNow());
} else if (state.access === "full") await show("name", false);
else toast(say("needsFull"));
document.documentElement.dataset.ready = "setup";
