// Where in the shot is this? The strip of what frames are made of, and the curve of source time over output frame.

const timeline = byId('timeline');
const strip = byId('strip');
const marked = frames.some((frame) => frame.marks.length > 0);
const ROWS = marked // top and height in pixels
  ? { marks: [6, 14], kinds: [22, 18], errors: [44, 30] }
  : { marks: [0, 0], kinds: [6, 16], errors: [26, 30] };
timeline.classList.toggle('marked', marked);
const worstError = Math.max(0, ...frames.map((frame) => frame.error || 0));

const kindColour = (frame) => (isGone(frame) ? 'missing' : frame.kind);

function drawStrip() {
  const box = timeline.getBoundingClientRect();
  const scale = window.devicePixelRatio || 1;
  strip.width = Math.round(box.width * scale);
  strip.height = Math.round(box.height * scale);
  const context = strip.getContext('2d');
  context.scale(scale, scale);
  const cell = box.width / frames.length;
  const rim = cell > 5 ? 1 : 0;
  const paint = (name, [top, height], at, width = Math.max(1, cell - rim)) => {
    context.fillStyle = colour(name);
    context.fillRect(at * cell, top, width, height);
  };
  const alone = (frame) => (isGone(frame) ? 1 : 0); // what is missing is painted last, however thin it is
  const order = frames.map((frame, at) => [frame, at]).sort((one, other) => alone(one[0]) - alone(other[0]));
  order.forEach(([frame, at]) => {
    paint(kindColour(frame), ROWS.kinds, at);
    if (frame.state === 'other') paint('missing', [ROWS.kinds[0] + ROWS.kinds[1] - 4, 4], at);
    if (worstError > 0 && frame.error) {
      const high = Math.max(1, (ROWS.errors[1] - 2) * (frame.error / worstError));
      paint('error', [ROWS.errors[0] + ROWS.errors[1] - high, high], at);
    }
    for (const mark of frame.marks) {
      if (mark === 'cut') paint('cut', [ROWS.marks[0], 38], at, 3);
      if (mark === 'held') paint('held', [ROWS.marks[0] + 8, 6], at);
      if (mark === 'repeat') paint('repeat', [ROWS.marks[0] + 8, 6], at);
      if (mark === 'dissolve') paint('fade', [ROWS.marks[0], 6], at);
    }
  });
  context.fillStyle = colour('line');
  context.fillRect(0, ROWS.errors[0] + ROWS.errors[1] - 0.5, box.width, 1);
}

function placeHead() {
  byId('playhead').style.left = `${((state.index + 0.5) / frames.length) * 100}%`;
}

function listKinds() {
  const items = [];
  const item = (name, text, line) => {
    const swatch = make('i', line ? { class: 'line' } : {});
    swatch.style.setProperty('--swatch', `var(--${name})`);
    items.push(make('li', {}, swatch, text));
  };
  const used = new Set(frames.map((frame) => frame.kind));
  for (const [name, text] of Object.entries(KINDS)) if (used.has(name)) item(name, text);
  if (frames.some(isGone)) item('missing', 'missing or broken');
  const marks = new Set(frames.flatMap((frame) => frame.marks));
  for (const [name, text] of Object.entries(MARKS)) {
    if (marks.has(name)) item(name === 'dissolve' ? 'fade' : name, text, name === 'cut');
  }
  if (worstError > 0) item('error', `error, up to ${pixels(worstError)} px`);
  byId('kinds').replaceChildren(...items);
}

function seek(event) {
  const box = timeline.getBoundingClientRect();
  pause();
  go(Math.floor(((event.clientX - box.left) / box.width) * frames.length));
}
timeline.addEventListener('pointerdown', (event) => {
  timeline.setPointerCapture(event.pointerId);
  seek(event);
});
timeline.addEventListener('pointermove', (event) => {
  if (timeline.hasPointerCapture(event.pointerId)) seek(event);
});
timeline.setAttribute('aria-valuemin', frames[0].output);
timeline.setAttribute('aria-valuemax', frames[frames.length - 1].output);

// the curve

const SVG = 'http://www.w3.org/2000/svg';
const PAD = { left: 52, right: 18, top: 10, bottom: 28 };
const curve = { x: null, y: null, head: null, here: null };

function shape(tag, attributes, parent) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent.append(element);
  return element;
}

// 1, 2, 5, 10, ... so that at most `most` fit
function ticks(low, high, most) {
  const span = Math.max(1, high - low);
  let size = 1;
  for (let power = 0; span / size > most; power += 1) size = [1, 2, 5][power % 3] * 10 ** Math.floor(power / 3);
  const found = [];
  for (let at = Math.ceil(low / size) * size; at <= high; at += size) found.push(at);
  return found;
}

function drawCurve() {
  const holder = byId('curve');
  const width = Math.max(240, holder.clientWidth);
  const height = Math.max(200, Math.min(340, width * 0.55));
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', `Source frame over output frame: ${review.timing}`);
  const times = frames.map((frame) => frame.at);
  const [low, high] = [Math.min(...times, review.source_range[0]), Math.max(...times, review.source_range[1])];
  const first = frames[0].output;
  const last = Math.max(first + 1, frames[frames.length - 1].output);
  const right = width - PAD.right;
  const bottom = height - PAD.bottom;
  curve.x = (output) => PAD.left + ((output - first) / (last - first)) * (right - PAD.left);
  curve.y = (time) => bottom - ((time - low) / Math.max(1e-9, high - low)) * (bottom - PAD.top);
  for (const time of ticks(low, high, Math.max(2, (bottom - PAD.top) / 24))) {
    shape('line', { class: 'grid', x1: PAD.left, x2: right, y1: curve.y(time), y2: curve.y(time) }, svg);
    shape('text', { x: PAD.left - 10, y: curve.y(time) + 4, 'text-anchor': 'end' }, svg).textContent = time;
  }
  for (const output of ticks(first, last, Math.max(2, (right - PAD.left) / 64))) {
    shape('text', { x: curve.x(output), y: height - 10, 'text-anchor': 'middle' }, svg).textContent = output;
  }
  if (high - low < (bottom - PAD.top) / 3) {
    const gone = new Set(review.missing);
    const again = new Set(review.repeats);
    for (let time = review.source_range[0]; time <= review.source_range[1]; time += 1) {
      if (gone.has(time)) continue;
      shape('line', { class: again.has(time) ? 'repeat' : 'source', x1: PAD.left - 5, x2: PAD.left, y1: curve.y(time), y2: curve.y(time) }, svg);
    }
  }
  for (const cut of review.cuts) {
    shape('line', { class: 'cut', x1: PAD.left, x2: right, y1: curve.y(cut - 0.5), y2: curve.y(cut - 0.5) }, svg);
  }
  shape('line', { class: 'axis', x1: PAD.left, x2: PAD.left, y1: PAD.top, y2: bottom }, svg);
  shape('line', { class: 'axis', x1: PAD.left, x2: right, y1: bottom, y2: bottom }, svg);
  const points = frames.map((frame) => `${curve.x(frame.output).toFixed(1)},${curve.y(frame.at).toFixed(1)}`);
  shape('polyline', { class: 'line', points: points.join(' ') }, svg);
  const copies = frames.filter((frame) => frame.kind === 'copy');
  if (copies.length * 9 < right - PAD.left) {
    copies.forEach((frame) => shape('circle', { class: 'dot', cx: curve.x(frame.output), cy: curve.y(frame.at), r: 3 }, svg));
  }
  curve.head = shape('line', { class: 'head', y1: PAD.top, y2: bottom }, svg);
  curve.here = shape('circle', { class: 'here', r: 4.5 }, svg);
  svg.addEventListener('click', (event) => {
    const box = svg.getBoundingClientRect();
    const output = first + ((((event.clientX - box.left) / box.width) * width - PAD.left) / (right - PAD.left)) * (last - first);
    let near = 0;
    frames.forEach((frame, at) => { if (Math.abs(frame.output - output) < Math.abs(frames[near].output - output)) near = at; });
    pause();
    go(near);
  });
  holder.replaceChildren(svg);
  placeOnCurve();
}

function placeOnCurve() {
  if (curve.head === null) return;
  const frame = frames[state.index];
  curve.head.setAttribute('x1', curve.x(frame.output));
  curve.head.setAttribute('x2', curve.x(frame.output));
  curve.here.setAttribute('cx', curve.x(frame.output));
  curve.here.setAttribute('cy', curve.y(frame.at));
}

onChange((what) => {
  if (what === 'frame') {
    placeHead();
    placeOnCurve();
  }
  if (what === 'theme' || what === 'size') drawStrip();
  if (what === 'size') drawCurve();
});
