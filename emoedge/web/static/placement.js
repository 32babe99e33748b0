// Placement help: stand where you usually are, and see what to change.

import { api, make } from "./common.js";
import { say } from "./texts.js";

const EVERY_MS = 1000;

/** Elements that show how well the person in view is seen and heard, until they are taken away. */
export function placement() {
  const list = make("ul", { className: "placement", id: "placement" }, make("li", { textContent: say("placementWait") }));
  const box = make("section", { "aria-labelledby": "h-placement" }, make("h3", { id: "h-placement", textContent: say("placement") }), make("p", { textContent: say("placementIntro") }), list);
  const show = async () => {
    if (!document.hidden) {
      try {
        const { items } = await api("placement");
        const rows = items.map((one) => make("li", { className: one.state }, make("b", { textContent: one.detail }), one.remedy ?? ""));
        // Only what has changed is read out.
        rows.forEach((row, index) => { if (list.children[index]?.textContent !== row.textContent) list.children[index] ? list.children[index].replaceWith(row) : list.append(row); });
      } catch (error) { list.replaceChildren(make("li", { textContent: error.message })); }
    }
    if (list.isConnected) setTimeout(show, EVERY_MS);
  };
  setTimeout(show);
  return box;
}
