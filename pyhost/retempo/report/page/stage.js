// How does a frame get on the stage? Both sides are drawn at once, when both are there, so they never disagree.

const stage = byId('stage');
const before = byId('before');
const after = byId('after');
const wipeHandle = byId('wipe');
stage.style.setProperty('--aspect', review.width / review.height);
for (const canvas of [before, after]) {
  canvas.width = review.width;
  canvas.height = review.height;
}

function drawText(context, text) {
  context.fillStyle = '#2a2a2b';
  context.fillRect(0, 0, review.width, review.height);
  context.fillStyle = '#d0d0d2';
  context.font = `${Math.max(14, Math.round(review.width / 34))}px system-ui, sans-serif`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(text, review.width / 2, review.height / 2, review.width * 0.94);
}

function drawOn(canvas, path, missing) {
  const context = canvas.getContext('2d');
  const image = pictureOf(path);
  if (image === null) drawText(context, path === null ? missing : 'this picture cannot be read');
  else context.drawImage(image, 0, 0, review.width, review.height);
  canvas.dataset.shown = path === null ? '' : path;
}

const goneText = (frame) => (frame.state === 'missing' ? `frame ${frame.output} is missing` : `frame ${frame.output}: ${frame.fault || frame.state}`);

function drawWipe(frame) {
  drawOn(after, frame.after, goneText(frame));
  const context = after.getContext('2d');
  const image = pictureOf(frame.before);
  context.save();
  context.beginPath();
  context.rect(0, 0, (review.width * state.wipe) / 100, review.height);
  context.clip();
  if (image === null) drawText(context, frame.before === null ? 'no source frame here' : 'this picture cannot be read');
  else context.drawImage(image, 0, 0, review.width, review.height);
  context.restore();
  wipeHandle.style.left = `${state.wipe}%`;
}

function noPicture(frame) {
  if (state.view === 'difference') return isGone(frame) ? goneText(frame) : 'nothing to compare with here';
  if (review.motion) return 'no motion vectors';
  return `frame ${frame.output} needs no motion`;
}

function draw() {
  const frame = frames[state.index];
  if (state.view === 'pair') {
    drawOn(before, frame.before, 'no source frame here');
    drawOn(after, frame.after, goneText(frame));
  } else if (state.view === 'wipe') {
    drawWipe(frame);
  } else {
    drawOn(after, pathsOf(state.index, state.view)[0] || null, noPicture(frame));
  }
  stage.dataset.output = frame.output;
  stage.dataset.drawn = state.view;
  stage.classList.remove('waiting');
  label(frame);
}

function label(frame) {
  const source = frame.nearest === null ? 'black' : `source ${frame.nearest}`;
  const gap = gapOf(frame);
  byId('before-caption').textContent = `Before · ${source}`;
  const single = { wipe: `After · ${frame.output}`, difference: `Difference · ${frame.output}` };
  const motion = gap === null ? 'No motion' : `${gap.first} → ${gap.second}`;
  byId('after-caption').textContent = state.view === 'pair' ? `After · ${frame.output}` : single[state.view] || motion;
  before.setAttribute('aria-label', `Source frame ${frame.nearest}`);
  after.setAttribute('aria-label', `${VIEWS.find((one) => one.name === state.view).label}, output frame ${frame.output}`);
}

let wantedDraw = 0;
function show() {
  wantedDraw += 1;
  const mine = wantedDraw;
  if (isReady(state.index, state.view)) {
    draw();
    return;
  }
  stage.classList.add('waiting');
  whenReady(state.index, state.view).then(() => { if (mine === wantedDraw) draw(); });
}

function explain() {
  const frame = frames[state.index];
  const gap = gapOf(frame);
  const legend = byId('legend');
  const texts = {
    pair: 'Left the source frame nearest in time, held as a player without retiming would; right the retimed frame.',
    wipe: 'Left of the line the source frame nearest in time, right of it the retimed frame. Drag the line.',
    difference: review.compared,
  };
  let text = texts[state.view];
  legend.replaceChildren();
  if (state.view === 'difference') {
    legend.append('0', make('img', { src: review.legends.heat, className: 'heat', alt: 'dark blue to red' }), `${Math.round(review.heat * 100)} %`);
  }
  if (!text && review.motion) text = review.motion;
  if (!text && gap === null) text = 'This frame is not made by motion, and no motion begins at it.';
  if (!text) {
    const pair = `from source frame ${gap.first} to ${gap.second}`;
    const own = frame.kind === 'copy' ? ' This frame is a copy; shown is the motion that begins at it.' : '';
    if (state.view === 'flow') {
      text = `Where pixels go ${pair}: hue is the direction, saturation the length. 1 % move further than ${pixels(gap.longest)} pixels of the source.${own}`;
      legend.append(make('img', { src: review.legends.wheel, className: 'wheel', alt: 'colour wheel of directions' }), `rim: ${gap.scale} px`);
    } else if (state.view === 'arrows') {
      text = `Where pixels go ${pair}: each arrow begins at its pixel and ends where that is seen in the later frame.${own}`;
    } else {
      text = `Where motion ${pair} is not to be believed: followed there and back, it misses its start, or leaves the picture. ${(gap.doubtful * 100).toFixed(1)} % of the pixels find no way back; mean error ${pixels(gap.forward)} px there, ${pixels(gap.backward)} px back, the worst hundredth ${pixels(gap.high)} px.${own}`;
      legend.append(make('i'), 'doubtful');
    }
  }
  byId('explain').textContent = text;
}

// the wipe: mouse, touch, keys

function wipeTo(event) {
  const box = after.getBoundingClientRect();
  setWipe(((event.clientX - box.left) / box.width) * 100);
}

function follow(element, accepts) {
  element.addEventListener('pointerdown', (event) => {
    if (state.view !== 'wipe' || event.button !== 0 || !accepts(event)) return;
    element.setPointerCapture(event.pointerId);
    wipeTo(event);
    event.preventDefault();
    if (element === wipeHandle) wipeHandle.focus({ focusVisible: false });
  });
  element.addEventListener('pointermove', (event) => {
    if (element.hasPointerCapture(event.pointerId) && state.view === 'wipe') wipeTo(event);
  });
}
follow(wipeHandle, () => true);
follow(after, (event) => event.pointerType === 'mouse');

wipeHandle.addEventListener('keydown', (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1 }[event.key];
  const to = { Home: 0, End: 100 }[event.key];
  if (by === undefined && to === undefined) return;
  setWipe(to === undefined ? state.wipe + by * (event.shiftKey ? 10 : 2) : to);
  event.preventDefault();
  event.stopPropagation();
});

onChange((what) => {
  if (what === 'view') {
    stage.dataset.view = state.view;
    if (state.view === 'wipe') byId('right').prepend(byId('before-caption'));
    else byId('left').append(byId('before-caption'));
  }
  if (what === 'wipe') {
    wipeHandle.setAttribute('aria-valuenow', Math.round(state.wipe));
    wipeHandle.setAttribute('aria-valuetext', `${Math.round(state.wipe)} % before`);
    if (state.view === 'wipe' && isReady(state.index, 'wipe')) draw();
    return;
  }
  show();
  explain();
});
