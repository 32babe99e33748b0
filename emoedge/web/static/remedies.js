// What a button can do about a part that is not well; `reason` is English in every language.

import { api, make, toast, tryTo } from "./common.js";
import { say } from "./texts.js";

const SECTIONS = { camera: "camera", microphone: "microphone", broker: "mqtt", spool: "mqtt", recording: "recording", history: "history", metrics: "metrics", gpio: "gpio", speech: "speech" };

async function fetchModel() {
  const { values } = await api("settings");
  await api(`models/${encodeURIComponent(values["speech.model"])}/fetch`, { method: "POST" });
}

async function restart() {
  await api("restart", { method: "POST" });
  toast(say("restarting"));
}

function button(label, act) {
  const one = make("button", { type: "button", className: "act remedy", textContent: say(label) });
  one.onclick = async () => {
    one.disabled = true;
    await tryTo(act);
    one.disabled = false;
  };
  return one;
}

/** A button, or a link to the settings, for a part of the health; null where there is none. */
export function remedyOf(name, part) {
  if (part.reason.includes("emoedge models fetch")) return button("fetchModel", fetchModel);
  if (part.reason.includes("restart the service")) return button("restart", restart);
  const section = SECTIONS[name];
  return section ? make("a", { className: "button remedy", href: `settings#section-${section}`, textContent: say("toSettings") }) : null;
}

/** Say how the download of a model goes. */
export function sayModel({ name, state, done, total, reason, remedy }) {
  if (state === "fetching") toast(say("modelFetching", { name, percent: total ? `${Math.round((100 * done) / total)} %` : "…" }));
  else if (state === "installed") toast(say("modelInstalled", { name }), say("restart"), () => tryTo(restart), 60);
  else toast(say("failedGeneric", { reason: remedy ? `${reason} (${remedy})` : reason }));
}
