"""The page of the demo's report; %%NAME%% marks what `report.py` fills in."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%%TITLE%%</title>
<style>
:root { --ink: #1c2330; --soft: #5b6577; --line: #dde2ea; --paper: #ffffff; --wash: #f5f7fa; --accent: #2457a6; --good: #1d7a46; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf2; --soft: #9aa5b8; --line: #323a48; --paper: #14181f; --wash: #1c222c; --accent: #7fb0ff; --good: #5fce90; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; } h2 { margin: 2.4rem 0 .6rem; font-size: 1.2rem; } h3 { margin: 0; font-size: 1.1rem; }
p { margin: .3rem 0; } .note, .query p, figcaption, svg text { color: var(--soft); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .7rem .4rem 0; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
th { font-weight: 600; color: var(--soft); font-size: .85rem; } td.number { text-align: right; } tr:has(td.big) td { font-weight: 600; }
pre { background: var(--wash); padding: .6rem .8rem; border-radius: 6px; overflow-x: auto; margin: .2rem 0 .8rem; }
svg { width: 100%; height: auto; } svg text { font-size: 11px; fill: currentColor; }
.loss { fill: none; stroke: var(--accent); stroke-width: 2; } line.grid { stroke: var(--line); }
.query { padding: .7rem 0; border-bottom: 1px solid var(--line); }
.query .grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(84px, 1fr)); gap: .5rem; margin-top: .4rem; }
figure { margin: 0; padding: .35rem; border: 2px solid transparent; border-radius: 8px; background: var(--wash); text-align: center; }
figure img { width: 56px; height: 56px; background: #fff; border-radius: 6px; } figcaption { font-size: .72rem; line-height: 1.25; }
figure.right { border-color: var(--good); }
#frame { position: relative; border: 1px solid var(--line); border-radius: 8px; overflow: hidden; background: #fff; touch-action: none; }
canvas { display: block; width: 100%; height: 34rem; cursor: grab; } canvas:focus { outline: 3px solid var(--accent); }
#tip { position: absolute; pointer-events: none; background: #1c2330; color: #fff; padding: .15rem .5rem; border-radius: 4px;
  font-size: .8rem; display: none; max-width: 16rem; }
button { font: inherit; padding: .2rem .7rem; border: 1px solid var(--line); border-radius: 6px; background: var(--wash); color: var(--ink); }
</style></head><body>
<h1>%%TITLE%%</h1>
%%SUMMARY%%
<h2>How good it is</h2>
%%SCORES%%
<p class="note">Text to picture: share of names whose picture is among the first ten of the test split. Interval: 95 %, resampling
pictures. A pixel-equal twin counts as right. Chance is ten pictures drawn at random.</p>
<details><summary>Every language</summary>%%DETAILS%%</details>
<h2>What it finds</h2>
<p class="note">Nearest of all pictures. A green frame: a picture of the test split (never trained on).</p>
%%QUERIES%%
<h2>How the loss fell</h2>
%%LOSS%%
<h2>The space in two dimensions</h2>
<p class="note">Every picture where its nearest neighbours pull it (t-SNE). Wheel, pinch or + and - to zoom; drag or arrow keys to move.
<button id="reset">whole map</button></p>
<div id="frame"><canvas id="map" tabindex="0" aria-label="map of all pictures"></canvas><div id="tip"></div></div>
<h2>What to type next</h2>
%%COMMANDS%%
<script type="application/json" id="points">%%MAP%%</script>
<script>
const data = JSON.parse(document.getElementById("points").textContent);
const canvas = document.getElementById("map"), tip = document.getElementById("tip"), pen = canvas.getContext("2d");
const images = data.picture.map(p => { const i = new Image(); i.onload = later; i.src = "data:image/webp;base64," + p; return i; });
let scale = 1, dx = 0, dy = 0, waiting = false, drag = null;
function later() { if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; draw(); }); } }
function place(i) { const w = canvas.clientWidth - 40, h = canvas.clientHeight - 40;
  return [20 + (data.x[i] * w) * scale + dx, 20 + (data.y[i] * h) * scale + dy]; }
function draw() { const r = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight;
  if (canvas.width !== w * r) { canvas.width = w * r; canvas.height = h * r; }
  pen.setTransform(r, 0, 0, r, 0, 0); pen.clearRect(0, 0, w, h);
  const side = Math.min(40, 12 * Math.sqrt(scale));
  for (let i = 0; i < images.length; i++) { const [x, y] = place(i);
    if (x < -side || y < -side || x > w + side || y > h + side || !images[i].complete) continue;
    pen.drawImage(images[i], x - side / 2, y - side / 2, side, side); } }
function zoom(f, x, y) { const s = Math.max(1, Math.min(30, scale * f)); f = s / scale; dx = x - 20 - (x - 20 - dx) * f; dy = y - 20 - (y - 20 - dy) * f; scale = s; later(); }
canvas.addEventListener("wheel", e => { e.preventDefault(); zoom(e.deltaY < 0 ? 1.2 : 1 / 1.2, e.offsetX, e.offsetY); }, { passive: false });
const fingers = new Map();
canvas.addEventListener("pointerdown", e => { canvas.setPointerCapture(e.pointerId); fingers.set(e.pointerId, e); drag = [e.clientX, e.clientY]; });
canvas.addEventListener("pointerup", e => { fingers.delete(e.pointerId); drag = null; });
canvas.addEventListener("pointercancel", e => { fingers.delete(e.pointerId); drag = null; });
canvas.addEventListener("pointermove", e => {
  if (fingers.size === 2) { const [a, b] = [...fingers.values()], far = Math.hypot(a.offsetX - b.offsetX, a.offsetY - b.offsetY);
    fingers.set(e.pointerId, e); const [c, d] = [...fingers.values()], now = Math.hypot(c.offsetX - d.offsetX, c.offsetY - d.offsetY);
    zoom(now / (far || now), (c.offsetX + d.offsetX) / 2, (c.offsetY + d.offsetY) / 2); return; }
  if (drag && fingers.size) { dx += e.clientX - drag[0]; dy += e.clientY - drag[1]; drag = [e.clientX, e.clientY]; later(); return; }
  let best = -1, near = 18; for (let i = 0; i < images.length; i++) { const [x, y] = place(i), d = Math.hypot(x - e.offsetX, y - e.offsetY); if (d < near) { near = d; best = i; } }
  tip.style.display = best < 0 ? "none" : "block";
  if (best >= 0) { tip.textContent = data.name[best] + " (" + data.group[best] + (data.held[best] ? ", test split)" : ")");
    tip.style.left = Math.min(e.offsetX + 14, canvas.clientWidth - 170) + "px"; tip.style.top = e.offsetY + 12 + "px"; } });
canvas.addEventListener("keydown", e => { const w = canvas.clientWidth / 2, h = canvas.clientHeight / 2;
  const move = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[e.key];
  if (move) { dx += move[0]; dy += move[1]; later(); e.preventDefault(); }
  if (e.key === "+" || e.key === "=") zoom(1.25, w, h); if (e.key === "-") zoom(0.8, w, h); });
document.getElementById("reset").addEventListener("click", () => { scale = 1; dx = dy = 0; later(); });
window.addEventListener("resize", later); later();
</script></body></html>
"""  # noqa: E501
