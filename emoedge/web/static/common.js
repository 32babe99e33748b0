// What every page does: log in, talk to the API, show the head with its notices, listen to events.

import { chooseLanguage, currentLanguage, fillIn, say } from "./texts.js";

export const PAGES = [["./", "now"], ["history", "history"], ["recordings", "recordings"], ["settings", "settings"], ["about", "about"]];

/** A refusal of the API. */
export class Refusal extends Error {
  constructor(status, body) {
    super(body.remedy ? `${body.reason} (${body.remedy})` : body.reason ?? String(status));
    this.status = status;
    this.code = body.error;
    this.errors = body.errors;
  }
}

/** Ask the API; returns its JSON, or null where it sends none. Throws Refusal. */
export async function api(path, { method = "GET", body, headers = {} } = {}) {
  const answer = await fetch(`api/${path}`, {
    method,
    headers: { ...headers, "Accept-Language": currentLanguage(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const isJson = answer.headers.get("content-type")?.includes("json");
  const value = isJson ? await answer.json() : null;
  if (!answer.ok) throw new Refusal(answer.status, value ?? {});
  return value;
}

/** An element with properties, attributes (with a dash or in `attributes`) and children. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-")) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Show a sentence for a while, with a button where there is something to do. */
export function toast(text, label, act, seconds = 6) {
  document.querySelector(".toast")?.remove();
  const box = make("div", { className: "toast", role: "status" }, make("span", { textContent: text }));
  if (label) box.append(make("button", { type: "button", textContent: label, onclick: () => { box.remove(); act(); } }));
  document.body.append(box);
  setTimeout(() => box.remove(), 1000 * seconds);
}

/** Do something that may be refused; the reason is shown. */
export async function tryTo(act) {
  try {
    return await act();
  } catch (error) {
    toast(say("failedGeneric", { reason: error.message }));
    return undefined;
  }
}

async function logInByAddress() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!key) return;
  // The key must not stay in the address, the history or a bookmark.
  history.replaceState(null, "", location.pathname + location.search);
  try {
    await api("login", { method: "POST", body: { key } });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
}

function askForKey() {
  return new Promise((done) => {
    const input = make("input", { type: "password", autocomplete: "current-password", required: true, id: "secret" });
    const wrong = make("p", { className: "wrong", hidden: true, role: "alert" });
    const form = make("form", { className: "login" },
      make("h1", { textContent: say("loginTitle", { device: location.hostname }) }),
      make("p", { textContent: say("loginHint") }),
      make("label", {}, say("secret"), input), wrong,
      make("button", { className: "act", textContent: say("enter") }));
    form.onsubmit = async (event) => {
      event.preventDefault();
      const secret = input.value.trim();
      // A key has 22 characters without spaces; what is not one can only be a password.
      const kinds = /^[\w-]{22}$/.test(secret) ? ["key", "password"] : ["password"];
      for (const kind of kinds) {
        try {
          await api("login", { method: "POST", body: { [kind]: secret } });
          form.remove();
          done();
          return;
        } catch (error) {
          wrong.textContent = error.message;
          wrong.hidden = false;
          if (error.status !== 401) return;
        }
      }
      input.select();
    };
    document.querySelector("main").hidden = true;
    document.body.append(form);
    input.focus();
  });
}

function showHead(state, page) {
  const nav = make("nav", { "aria-label": say("nav") });
  for (const [address, name] of PAGES) {
    const link = make("a", { href: address, "data-say": name });
    if (name === page) link.setAttribute("aria-current", "page");
    nav.append(link);
  }
  const logout = make("button", { className: "act", type: "button", "data-say": "logout" });
  logout.onclick = async () => {
    await tryTo(() => api("logout", { method: "POST" }));
    location.reload();
  };
  const head = make("header", { className: "top" }, make("strong", { textContent: state.device }), nav, logout);
  const notices = make("div", { id: "notices", "aria-live": "polite" });
  document.body.prepend(make("a", { className: "skip", href: "#main", "data-say": "skip" }), head, notices);
  document.title = `${say(page)} · ${state.device}`;
}

const clock = (moment) => new Date(moment).toLocaleTimeString(currentLanguage(), { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** The notices above every page: privacy before all else. */
export function showNotices(state, isOffline = false) {
  const found = [];
  const add = (kind, text) => found.push(make("p", { className: `notice ${kind}`, textContent: text }));
  if (state.privacy) {
    const until = state.controls?.["privacy/until"];
    add("privacy", until ? say("privacyUntil", { time: clock(until) }) : say("privacyOn"));
  }
  if (isOffline) add("trouble", say("offline"));
  else if (state.daemon !== "running") add("trouble", say(state.daemon));
  if (state.picture?.on) add("watched", state.picture.until ? say("watchedUntil", { time: clock(state.picture.until) }) : say("watched"));
  const box = document.getElementById("notices");
  const text = found.map((one) => one.className + one.textContent).join();
  if (box.dataset.shown !== text) {
    box.dataset.shown = text;
    box.replaceChildren(...found);
  }
}

const NEWS_SHOWN = 8;

/** What an upgrade has brought, until somebody has seen it. */
async function showNews() {
  const news = await api("news");
  if (!news) return;
  const items = news.entries.map((entry) => make("li", { textContent: entry }));
  const box = make("section", { className: "card news", "aria-labelledby": "h-news" },
    make("h2", { id: "h-news", textContent: say("newsTitle", news) }),
    make("ul", { lang: "en" }, ...items.slice(0, NEWS_SHOWN)));
  const rest = items.slice(NEWS_SHOWN);
  if (rest.length) box.append(make("details", {}, make("summary", { textContent: say("newsMore", { count: rest.length }) }), make("ul", { lang: "en" }, ...rest)));
  const seen = make("button", { className: "act", type: "button", textContent: say("newsSeen") });
  seen.onclick = async () => {
    await tryTo(() => api("news/seen", { method: "POST" }));
    box.remove();
  };
  box.append(seen);
  document.querySelector("main").prepend(box);
}

/** Log in where needed, show the head, and return the present state. */
export async function begin(page) {
  chooseLanguage(null);
  await logInByAddress();
  let state = null;
  while (state === null) {
    try {
      state = await api("state");
    } catch (error) {
      if (error.status !== 401) throw error;
      await askForKey();
    }
  }
  chooseLanguage(state.language);
  if (state.setup && state.access === "full" && page !== "setup" && !sessionStorage.getItem("setup-later")) {
    location.replace("setup");
    await new Promise(() => {});
  }
  showHead(state, page);
  showNotices(state);
  fillIn();
  document.querySelector("main").hidden = false;
  if (state.access === "full") showNews().catch(() => {});  // no reason to show nothing else
  return state;
}

const EVENTS = ["emotion", "event", "face", "voice", "text", "health", "recording", "control", "picture", "model", "level", "fused", "daemon"];

/** Keep `state` up to date from the events, and call `changed(name, data)` after each. */
export function listen(state, changed) {
  const source = new EventSource("api/events");
  const take = (name) => (message) => {
    const data = JSON.parse(message.data);
    if (name === "state") Object.assign(state, data);
    else if (name === "daemon") state.daemon = data.daemon;
    else if (name === "control" && "value" in data && !("reason" in data)) {
      state.controls = { ...state.controls, [data.name]: data.value };
      if (data.name === "privacy") state.privacy = data.value === "ON";
    } else if (name !== "level" && name !== "fused" && name !== "event" && name !== "recording") state[name] = data;
    if (name === "recording") refreshRecording(state).then(() => changed("control", {}));
    if (state.privacy) state.face = state.voice = state.text = null;
    showNotices(state);
    changed(name, data);
  };
  for (const name of ["state", ...EVENTS]) source.addEventListener(name, take(name));
  source.onerror = () => {
    showNotices(state, true);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 3000);
  };
  // A page that is not looked at costs nothing; the first event after it is the whole state again.
  addEventListener("pagehide", () => source.close());
  return source;
}

async function refreshRecording(state) {
  try {
    state.recording = (await api("state")).recording;
  } catch { /* the next event tells */ }
}

/** Bytes for people. */
export function size(bytes) {
  return `${new Intl.NumberFormat(currentLanguage(), { maximumFractionDigits: 1 }).format(bytes / 1e6)} MB`;
}
