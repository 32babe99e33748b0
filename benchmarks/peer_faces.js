// @vladmandic/human on the pictures of `python -m benchmarks.peer_faces prepare`: node peer_faces.js FOLDER HUMAN MODELS
// Detector and emotion model alone, WebAssembly with SIMD, one thread; prints one line of JSON.
'use strict';
const fs = require('fs');
const path = require('path');

const begun = process.cpuUsage();
const [folder, home, models] = process.argv.slice(2);
const { Human } = require(path.join(home, 'dist', 'human.node-wasm.js'));
const off = { enabled: false };
const settings = {
  backend: 'wasm',
  wasmPath: path.join(home, '..', '..', '@tensorflow', 'tfjs-backend-wasm', 'dist') + '/',
  modelBasePath: models,
  cacheSensitivity: 0, // every picture is looked at
  debug: false,
  filter: off, gesture: off, body: off, hand: off, object: off, segmentation: off,
  face: {
    enabled: true,
    detector: { rotation: false, maxDetected: 4 },
    emotion: { enabled: true, minConfidence: 0 },
    mesh: off, iris: off, description: off, antispoof: off, liveness: off,
  },
};
const names = { angry: 'anger', happy: 'happiness', sad: 'sadness' };
const spentMs = (since) => { const used = process.cpuUsage(since); return (used.user + used.system) / 1000; };
const round = (value, digits) => Number(value.toFixed(digits));

async function main() {
  const human = new Human(settings);
  await human.load();
  const pixels = fs.openSync(path.join(folder, 'pixels.bin'));
  const index = JSON.parse(fs.readFileSync(path.join(folder, 'pixels.json')));
  const answer = async ({ h, w, at }) => {
    const buffer = Buffer.alloc(h * w * 3);
    fs.readSync(pixels, buffer, 0, buffer.length, at);
    const tensor = human.tf.tensor3d(new Uint8Array(buffer), [h, w, 3], 'int32');
    const found = await human.detect(tensor);
    human.tf.dispose(tensor);
    if (found.error) throw new Error(found.error);
    const scores = found.face.length ? found.face[0].emotion || [] : [];
    if (!scores.length) return null;
    const { emotion } = scores.reduce((best, one) => (best.score > one.score ? best : one));
    return names[emotion] || emotion;
  };
  const frames = index.filter((one) => one.kind === 'frames');
  await answer(frames[0]);
  const result = { peer: 'human', start_cpu_s: round(spentMs(begun) / 1000, 2) };
  const since = process.cpuUsage();
  let seen = 0;
  for (const frame of frames) seen += (await answer(frame)) !== null;
  result.cpu_ms_per_frame = round(spentMs(since) / frames.length, 2);
  result.seen_share = round(seen / frames.length, 3);
  for (const kind of ['rafdb', 'jaffe']) {
    const rows = index.filter((one) => one.kind === kind);
    const byLabel = {};
    let missed = 0;
    for (const row of rows) {
      const given = await answer(row);
      missed += given === null;
      (byLabel[row.label] = byLabel[row.label] || []).push(given === row.label);
    }
    const groups = Object.values(byLabel).map((all) => [all.filter(Boolean).length, all.length]);
    const right = groups.reduce((sum, [good]) => sum + good, 0);
    result[`${kind}_found`] = {
      count: rows.length,
      missed_share: round(missed / rows.length, 3),
      accuracy: round(right / rows.length, 3),
      macro_recall: round(groups.reduce((sum, [good, all]) => sum + good / all, 0) / groups.length, 3),
    };
  }
  result.peak_mb = Math.round(process.resourceUsage().maxRSS / 1000);
  console.log(JSON.stringify(result));
}

main().catch((error) => { console.error(error); process.exit(1); });
