// The settings: a form made from the schema; what is wrong is said at the field.

import { api, begin, listen, make, showNotices, toast, tryTo } from "./common.js";
import { say } from "./texts.js";

const $ = (id) => document.getElementById(id);
const TESTS = { camera: "camera", microphone: "microphone", mqtt: "broker", speech: "speech" };
const state = await begin("settings");
const full = state.access === "full";
let shown = null;

const definition = (reference) => shown.schema.$defs[reference.split("/").pop()];

// A key may be nullable: {"anyOf": [{"type": "string"}, {"type": "null"}]}.
const plain = (field) => (field.anyOf ? { ...field.anyOf.find((one) => one.type !== "null"), ...field } : field);

function control(key, field) {
  const value = shown.values[key];
  const kind = plain(field);
  if (kind.type === "boolean") return make("input", { type: "checkbox", checked: Boolean(value) });
  if (kind.enum) {
    const select = make("select", {}, ...kind.enum.map((one) => make("option", { value: JSON.stringify(one), textContent: String(one) })));
    select.value = JSON.stringify(value);
    return select;
  }
  if (kind.type === "number" || kind.type === "integer") {
    const input = make("input", { type: "number", step: kind.type === "integer" ? "1" : "any", value: value ?? "" });
    if (kind.minimum !== undefined) input.min = kind.minimum;
    if (kind.maximum !== undefined) input.max = kind.maximum;
    return input;
  }
  if (key in shown.values === false) return make("input", { type: "password", autocomplete: "new-password", placeholder: shown.secrets.includes(key) ? say("secretSet") : "" });
  return make("input", { type: "text", value: kind.type === "array" ? JSON.stringify(value) : value ?? "", spellcheck: false });
}

function read(key, field, input) {
  const kind = plain(field);
  if (kind.type === "boolean") return input.checked;
  if (kind.enum) return JSON.parse(input.value);
  if (kind.type === "number" || kind.type === "integer") return input.value === "" ? null : Number(input.value);
  if (kind.type === "array") {
    try { return JSON.parse(input.value); } catch { return input.value; }
  }
  return input.value;
}

const fields = new Map();

function row(key, field) {
  const input = control(key, field);
  const id = `key-${key}`;
  const source = shown.sources[key];
  input.id = id;
  input.setAttribute("aria-describedby", `${id}-about ${id}-error`);
  input.disabled = !full || source === "environment" || source === "credential";
  const { minimum, exclusiveMinimum, maximum, maxLength } = plain(field);
  const least = minimum ?? (exclusiveMinimum === undefined ? undefined : `> ${exclusiveMinimum}`);
  const limits = least !== undefined || maximum !== undefined ? ` (${least ?? "…"} – ${maximum ?? "…"})` : maxLength ? ` (≤ ${maxLength})` : "";
  const error = make("p", { id: `${id}-error`, className: "wrong", hidden: true, role: "alert" });
  const first = JSON.stringify(read(key, field, input));
  const entry = { input, error, key, field, first, isChanged: () => JSON.stringify(read(key, field, input)) !== first };
  fields.set(key, entry);
  input.addEventListener("input", () => { error.hidden = true; $("save").disabled = ![...fields.values()].some((one) => one.isChanged()); });
  const clear = source === "control" && full ? make("button", { type: "button", className: "act clear", textContent: say("clearControl") }) : null;
  if (clear) clear.onclick = async () => {
    const name = key === "recording.mode" ? "recording_mode" : key.split(".").pop();
    if (await tryTo(() => api(`controls/${name}`, { method: "DELETE" }))) await load();
  };
  return make("div", { className: "field" },
    make("label", { htmlFor: id, textContent: key.split(".").pop() }), input,
    make("p", { id: `${id}-about`, className: "quiet", textContent: `${field.description ?? ""}${limits}${source === "default" ? "" : ` · ${say(`source_${source}`)}`}` }), clear, error);
}

function section(name, properties, description) {
  const box = make("details", { className: "card", id: `section-${name || "general"}`, open: !name },
    make("summary", {}, make("h2", { textContent: name ? `[${name}]` : say("general") }), " ", make("span", { className: "quiet", textContent: description ?? "" })));
  for (const [key, field] of Object.entries(properties)) box.append(row(name ? `${name}.${key}` : key, field));
  if (TESTS[name] && full) {
    const answer = make("p", { className: "quiet", role: "status" });
    const button = make("button", { type: "button", className: "act try", textContent: say("tryIt") });
    button.onclick = async () => {
      button.disabled = true;
      answer.textContent = say("trying");
      const values = Object.fromEntries([...fields.values()].filter((one) => one.key.startsWith(`${name}.`) && one.isChanged()).map((one) => [one.key, read(one.key, one.field, one.input)]));
      try {
        const found = await api("settings/test", { method: "POST", body: { what: TESTS[name], values } });
        answer.textContent = `${say(found.ok ? "ok" : "failed")}: ${found.detail}${found.remedy ? ` (${found.remedy})` : ""}`;
      } catch (error) { answer.textContent = error.message; }
      button.disabled = false;
    };
    box.append(make("div", { className: "row" }, button, answer));
  }
  return box;
}

async function load() {
  shown = await tryTo(() => api("settings"));
  if (!shown) return;
  fields.clear();
  const open = new Set([...document.querySelectorAll("details[open]")].map((one) => one.id));
  const general = {};
  const boxes = [];
  for (const [name, property] of Object.entries(shown.schema.properties)) {
    if (property.$ref) {
      const { properties, description } = definition(property.$ref);
      boxes.push(section(name, properties, description));
    } else general[name] = property;
  }
  boxes.unshift(section("", general));
  for (const box of boxes) box.open = box.open || open.has(box.id);
  $("form").replaceChildren(...boxes);
  $("save").disabled = true;
  document.documentElement.dataset.ready = "settings";
}

$("form").onsubmit = async (event) => {
  event.preventDefault();
  const changes = {};
  for (const one of fields.values()) {
    one.error.hidden = true;
    if (one.isChanged()) changes[one.key] = read(one.key, one.field, one.input);
  }
  try {
    const answer = await api("settings", { method: "PATCH", body: changes, headers: { "If-Match": `"${shown.etag}"` } });
    toast(say("saved"));
    $("restart").hidden = $("restart").hidden && !answer.restart;
    await load();
  } catch (error) {
    if (!error.errors) { toast(error.message); return; }
    let first = null;
    for (const { key, reason } of error.errors) {
      const place = fields.get(key) ?? [...fields.values()].find((one) => one.key.startsWith(`${key}.`));
      if (!place) { toast(`${key}: ${reason}`); continue; }
      place.error.textContent = reason;
      place.error.hidden = false;
      place.input.closest("details").open = true;
      first ??= place.input;
    }
    first?.focus();
  }
};

$("restart").onclick = async () => {
  if (await tryTo(() => api("restart", { method: "POST" }))) {
    $("restart").hidden = true;
    toast(say("restarting"));
  }
};

$("support").hidden = !full;
await load();
const wanted = document.getElementById(location.hash.slice(1));
if (wanted?.matches("details")) {
  wanted.open = true;
  wanted.scrollIntoView();
  wanted.querySelector("summary").focus();
}
listen(state, () => showNotices(state));
