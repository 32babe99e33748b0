// About the device: version, models, what leaves it, help.

import { api, begin, listen, make, tryTo } from "./common.js";
import { currentLanguage, say } from "./texts.js";

const state = await begin("about");
const full = state.access === "full";
const section = (title, ...parts) => make("section", { className: "card" }, make("h2", {}, title), ...parts);
const $ = (id) => document.getElementById(id);
const share = (value) => new Intl.NumberFormat(currentLanguage(), { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(value);
const data = await tryTo(() => api("about"));

function figure(one) {
  const of = say(`of_${one.of}`);
  return `${say(`figure_${one.figure}`)} ${share(one.value)} (${of === `of_${one.of}` ? one.of : of})`;
}

function model(one) {
  return make("li", {}, make("strong", {}, one.name), ` – ${one.use}`,
    one.figures.length ? make("p", { className: "figures" }, one.figures.map(figure).join(" · ")) : null,
    make("p", { className: "quiet" }, `${say("licence")}: ${one.licence}. `,
      one.card ? make("a", { href: `api/about/models/${one.name}`, target: "_blank", rel: "noopener", "aria-label": `${say("card")} ${one.name}` }, say("card")) : null));
}

function leaving(one) {
  return make("li", {}, make("span", { className: "state" }, say(one.is_on ? "leavesNow" : "leavesNot")), " ",
    say(`leaves_${one.what}`), one.to && one.is_on ? make("span", { className: "quiet" }, ` → ${one.to}`) : null);
}

if (data) {
  const made = [data.version, data.commit ? `(${data.commit})` : "", data.released].filter(Boolean).join(" ");
  $("content").append(
    section(say("version"),
      make("p", {}, `emoedge ${made}`), make("p", { className: "quiet" }, say("licences", { licence: data.licence }))),
    section(say("leaves"),
      make("ul", { className: "health" }, ...data.leaves.map(leaving)), make("p", { className: "quiet" }, say("nothingElse"))),
    section(say("models"), make("p", { className: "quiet" }, say("figuresNote")), make("ul", { className: "people" }, ...data.models.map(model))),
    section(say("help"),
      full ? make("p", {}, make("a", { className: "button", href: "api/support", download: "emoedge-support.zip" }, say("support"))) : null,
      full ? make("p", { className: "quiet" }, say("supportHint")) : null,
      make("h3", {}, say("documents")),
      data.documents.length
        ? make("ul", { className: "people" }, ...data.documents.map((one) => make("li", {}, make("a", { href: `api/about/documents/${one.name}`, target: "_blank", rel: "noopener" }, one.title))))
        : make("p", {}, say("noDocuments")),
      make("p", { className: "quiet" }, say("offlineHelp"))));
}

document.documentElement.dataset.ready = "about";
listen(state, () => {});
