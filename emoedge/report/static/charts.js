// Drawing that the pages share: numbers for people, bars, curves and bands. A plain ES module without a build step; the
// report carries it inline. Probabilities are arrays of seven shares in the order of EMOTIONS, or null for no opinion.

export const EMOTIONS = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"];

// Neutral first, so that it never covers the others.
const LINE_ORDER = [6, 0, 1, 2, 3, 4, 5];
const TICKS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800];

/** Such as "1:05" or "1:00:05". */
export function clockLabel(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Whole percent, such as "58 %". */
export function percent(share) {
  return `${Math.round(100 * share)} %`;
}

/** A number with the decimal sign of a language. */
export function decimal(value, digits, language) {
  return new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/** Round moments for a time axis of `duration` seconds, at most `most` + 1 of them. */
export function ticks(duration, most = 8) {
  const step = TICKS_S.find((one) => duration / one <= most) ?? 3600;
  return Array.from({ length: Math.floor(duration / step) + 1 }, (_, index) => index * step);
}

/** Set the `li` of `ul.bars`, in the order of EMOTIONS; `chosen` is the index of what is named, or null. */
export function setBars(items, values, chosen) {
  items.forEach((item, index) => {
    const share = values ? values[index] : 0;
    item.querySelector(".fill").style.width = `${100 * share}%`;
    item.querySelector(".value").textContent = values ? percent(share) : "–";
    item.classList.toggle("chosen", chosen === index);
  });
}

/** First and one after last index of each run of opinions. */
export function stretches(rows) {
  const found = [];
  rows.forEach((row, index) => {
    if (!row) return;
    if (index && rows[index - 1]) found[found.length - 1][1] = index + 1;
    else found.push([index, index + 1]);
  });
  return found;
}

// A point stands for its whole step: one more at the end of each stretch.
function places(first, last, step, duration, width) {
  return Array.from({ length: last - first + 1 }, (_, index) =>
    (width * Math.min((first + index) * step, duration)) / duration);
}

const path = (points) => `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;

/** Paths of the seven probabilities on top of each other: [{emotion, d}] in a box of `width` × `height`. */
export function stackPaths(rows, step, duration, width = 1000, height = 100) {
  const made = [];
  for (const [first, last] of stretches(rows)) {
    const xs = places(first, last, step, duration, width);
    const edges = [...rows.slice(first, last), rows[last - 1]].map((row) => {
      let sum = 0;
      return [0, ...row.map((share) => Math.min(Math.max((sum += share), 0), 1))];
    });
    EMOTIONS.forEach((emotion, index) => {
      const edge = (at) => xs.map((x, place) => [x, height * (1 - edges[place][at])]);
      made.push({ emotion, d: `${path([...edge(index), ...edge(index + 1).reverse()])}z` });
    });
  }
  return made;
}

/** Paths of the seven probabilities as lines, as `stackPaths`. */
export function linePaths(rows, step, duration, width = 1000, height = 100) {
  const made = [];
  for (const [first, last] of stretches(rows)) {
    const xs = places(first, last, step, duration, width);
    const values = [...rows.slice(first, last), rows[last - 1]];
    for (const index of LINE_ORDER) {
      const y = (place) => height * (1 - Math.min(Math.max(values[place][index], 0), 1));
      made.push({ emotion: EMOTIONS[index], d: path(xs.map((x, place) => [x, y(place)])) });
    }
  }
  return made;
}

/** Fill an `svg` (viewBox 0 0 1000 100, preserveAspectRatio none) with paths of `stackPaths` or `linePaths`. */
export function draw(svg, paths, kind) {
  svg.replaceChildren(...paths.map(({ emotion, d }) => {
    const shape = document.createElementNS(svg.namespaceURI, "path");
    shape.setAttribute("d", d);
    shape.setAttribute("class", kind === "stack" ? `fill-${emotion}` : `stroke-${emotion}`);
    if (kind !== "stack") {
      for (const [name, value] of [["fill", "none"], ["stroke-width", "2"], ["vector-effect", "non-scaling-stroke"]]) {
        shape.setAttribute(name, value);
      }
    }
    return shape;
  }));
}

/** A block of `.band` for an episode {emotion, start, end, sure}; `names` are the emotions' names for people. */
export function bandBlock(episode, duration, names) {
  const block = document.createElement("button");
  block.type = "button";
  block.className = `is-${episode.emotion}`;
  block.style.left = `${(100 * episode.start) / duration}%`;
  block.style.width = `${(100 * (episode.end - episode.start)) / duration}%`;
  for (const [part, text] of [["name", names[episode.emotion]], ["sure", episode.sure == null ? "" : percent(episode.sure)]]) {
    const span = document.createElement("span");
    span.className = part;
    span.textContent = text;
    block.append(span, " ");
  }
  return block;
}
