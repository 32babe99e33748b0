import { clockLabel, setBars } from "../static/charts.js";

const data = JSON.parse(document.getElementById("data").textContent);
const video = document.getElementById("video");
const plots = document.getElementById("plots");
const cursor = document.getElementById("cursor");
const clock = document.getElementById("clock");
const bars = [...document.querySelectorAll("#bars li")];
const buttons = [...document.querySelectorAll("#band button")];
const words = [...document.querySelectorAll(".word")];
const transcript = document.getElementById("transcript");
let position = 0;
let playable = false;

// The embedded video becomes a blob: unlike a data: address, every browser can seek in it.
const embedded = document.getElementById("media").textContent.trim();
if (embedded) {
  const parts = [];
  const step = 1 << 20; // A multiple of four, so that each part is valid base64.
  for (let at = 0; at < embedded.length; at += step) {
    const text = atob(embedded.slice(at, at + step));
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    parts.push(bytes);
  }
  video.src = URL.createObjectURL(new Blob(parts, { type: "video/mp4" }));
  const download = document.getElementById("download-video");
  download.href = video.src;
  download.hidden = false;
}

const paint = (t) => {
  plots.dataset.time = t.toFixed(3);
  cursor.style.left = `${(100 * t) / data.duration}%`;
  clock.textContent = `${clockLabel(t)} / ${clockLabel(data.duration)}`;
  const index = Math.min(Math.floor(t / data.step + 1e-6), data.fused.length - 1);
  const values = data.fused[index];
  plots.dataset.index = index;
  setBars(bars, values && values.map((share) => share / 1000), data.emotions[index]);
  buttons.forEach((button, i) => {
    const [start, end] = data.events[i];
    button.classList.toggle("current", start <= t && t < end);
  });
  words.forEach((word, i) => {
    const [start, end] = data.words[i];
    const lit = start <= t && t < end;
    if (lit && !word.classList.contains("lit")) {
      // Only the transcript scrolls, never the page.
      transcript.scrollTop = word.offsetTop - transcript.clientHeight / 2;
    }
    word.classList.toggle("lit", lit);
  });
};

const show = (t) => {
  position = Math.min(Math.max(t, 0), data.duration);
  paint(position);
};

const seek = (t) => {
  const target = Math.min(Math.max(t, 0), data.duration);
  if (playable) video.currentTime = target;
  show(target);
};

// The loading of a video is no reason to leave the moment that is shown.
const started = () => video.currentTime > 0 || position > 0;

const follow = () => {
  show(video.currentTime);
  if (!video.paused && !video.ended) requestAnimationFrame(follow);
};
video.addEventListener("play", follow);
for (const name of ["seeking", "seeked", "timeupdate", "pause"]) {
  video.addEventListener(name, () => started() && show(video.currentTime));
}
video.addEventListener("loadedmetadata", () => {
  playable = true;
  if (!video.videoWidth) video.parentElement.classList.add("silent");
  document.documentElement.dataset.ready = "video";
});
video.addEventListener("error", () => { document.documentElement.dataset.ready = "no video"; });

buttons.forEach((button, i) => button.addEventListener("click", (event) => {
  event.stopPropagation();
  seek(data.events[i][0]);
}));
const rows = [...document.querySelectorAll("#episodes .link")];
rows.forEach((row, i) => row.addEventListener("click", () => seek(data.events[i][0])));
words.forEach((word, i) => word.addEventListener("click", () => seek(data.words[i][0])));

const seekTo = (event) => {
  const box = plots.getBoundingClientRect();
  seek((data.duration * (event.clientX - box.left)) / box.width);
};
plots.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || event.target.closest("button")) return;
  plots.setPointerCapture(event.pointerId);
  seekTo(event);
});
plots.addEventListener("pointermove", (event) => {
  if (plots.hasPointerCapture(event.pointerId)) seekTo(event);
});

const jump = (forward) => {
  const starts = data.events.map((event) => event[0]);
  const next = forward
    ? starts.find((start) => start > position + 0.05)
    : starts.filter((start) => start < position - 0.5).pop();
  if (next !== undefined) seek(next);
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const onButton = event.target.closest("button");
  const step = event.shiftKey ? 1 : 5;
  const actions = {
    " ": () => (video.paused ? video.play() : video.pause()),
    ArrowLeft: () => seek(position - step),
    ArrowRight: () => seek(position + step),
    n: () => jump(true),
    p: () => jump(false),
  };
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (!actions[key] || (key === " " && onButton)) return;
  event.preventDefault();
  actions[key]();
}, true);

// Until it is played, the strongest moment is shown, as in the picture.
paint(data.peak ?? 0);
