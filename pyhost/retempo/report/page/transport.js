// How does time run? In real time by the clock; it waits for pictures that are not there yet, and never shows half a pair.

const FASTEST = 8;
const play = { speed: 0, position: 0, last: 0, loop: true, shown: 0, since: 0, actual: 0 };

function step(by) {
  pause();
  const there = state.index + by;
  go(play.loop && Math.abs(by) === 1 ? (there + frames.length) % frames.length : there);
}

function pause() {
  if (play.speed === 0) return;
  play.speed = 0;
  tellChange('speed');
}

function run(speed) {
  const still = play.speed === 0;
  play.speed = speed;
  if (!play.loop && speed > 0 && state.index === frames.length - 1) go(0);
  if (!play.loop && speed < 0 && state.index === 0) go(frames.length - 1);
  if (still) {
    play.position = state.index + 0.5;
    play.last = performance.now();
    play.since = play.last;
    play.shown = 0;
    play.actual = 0;
    requestAnimationFrame(tick);
  }
  tellChange('speed');
}

// L, L, L: faster forward; J likewise backward
function shuttle(direction) {
  const same = Math.sign(play.speed) === direction;
  run(direction * (same ? Math.min(FASTEST, Math.abs(play.speed) * 2) : 1));
}

const toggle = () => (play.speed === 0 ? run(1) : pause());

function tick(now) {
  if (play.speed === 0) return;
  const elapsed = Math.min(0.25, (now - play.last) / 1000);
  play.last = now;
  let position = play.position + elapsed * review.fps * play.speed;
  if (play.loop) {
    position = ((position % frames.length) + frames.length) % frames.length;
  } else if (position < 0 || position >= frames.length) {
    go(position < 0 ? 0 : frames.length - 1);
    pause();
    return;
  }
  const wanted = Math.floor(position);
  if (wanted === state.index || isReady(wanted, state.view)) {
    play.position = position;
    if (wanted !== state.index) {
      play.shown += 1;
      go(wanted);
    }
  }
  if (now - play.since > 500) {
    play.actual = (play.shown * 1000) / (now - play.since);
    play.shown = 0;
    play.since = now;
    tellChange('rate');
  }
  requestAnimationFrame(tick);
}

function tellRate() {
  const forward = play.speed < 0 ? '◂ ' : '';
  const times = play.speed === 0 ? 'paused' : `${forward}${Math.abs(play.speed)}×`;
  const actual = play.speed !== 0 && play.actual ? ` · ${play.actual.toFixed(0)} shown a second` : '';
  byId('rate').textContent = `${+review.fps.toFixed(3)} fps · ${times}${actual}`;
  const button = byId('play');
  button.classList.toggle('playing', play.speed !== 0);
  button.setAttribute('aria-label', play.speed === 0 ? 'Play' : 'Pause');
  stage.dataset.speed = play.speed;
}

function tellFrame() {
  const frame = frames[state.index];
  const counter = byId('counter');
  const [, time, from, phase] = frame.cells;
  counter.replaceChildren(make('b', {}, String(frame.output)), ` · source ${time} · ${from}${phase ? ` at ${phase}` : ''}`);
  const error = frame.error ? ` · error ${pixels(frame.error)} px` : '';
  counter.append(error);
  byId('timeline').setAttribute('aria-valuenow', frame.output);
  byId('timeline').setAttribute('aria-valuetext', `output frame ${frame.output}, source ${time}`);
  if (play.speed === 0) byId('spoken').textContent = `Output frame ${frame.output}, source ${time}, ${from}`;
}

onChange((what) => {
  if (what === 'speed' || what === 'rate') tellRate();
  if (what === 'frame') tellFrame();
  if (what === 'frame' || what === 'view' || what === 'speed') preload(play.speed < 0 ? -1 : 1);
});

const KEYS = {
  ArrowLeft: (event) => step(event.shiftKey ? -10 : -1),
  ArrowRight: (event) => step(event.shiftKey ? 10 : 1),
  Home: () => { pause(); go(0); },
  End: () => { pause(); go(frames.length - 1); },
  ' ': toggle,
  j: () => shuttle(-1),
  k: pause,
  l: () => shuttle(1),
  o: () => byId('loop').click(),
  t: () => byId('theme').click(),
  '?': () => byId('help').showModal(),
};
VIEWS.forEach((view, at) => { KEYS[String(at + 1)] = () => setView(view.name); });

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId('help').open) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const action = KEYS[key];
  if (!action) return;
  if (key === ' ' && event.target.closest('button:focus-visible, summary')) return;
  action(event);
  event.preventDefault();
});

const BUTTONS = {
  first: KEYS.Home, previous: () => step(-1), play: toggle, next: () => step(1), last: KEYS.End,
  loop: () => {
    play.loop = !play.loop;
    byId('loop').setAttribute('aria-pressed', play.loop);
  },
};
for (const [name, action] of Object.entries(BUTTONS)) {
  byId(name).addEventListener('click', (event) => {
    action();
    if (event.detail > 0) byId(name).blur();
  });
}

// a finger on the stage: every so many pixels a frame
const SWIPE = 24;
let finger = null;
stage.addEventListener('pointerdown', (event) => {
  if (event.pointerType === 'mouse' || event.target.closest('#wipe')) return;
  finger = { id: event.pointerId, x: event.clientX, index: state.index };
});
stage.addEventListener('pointermove', (event) => {
  if (finger === null || finger.id !== event.pointerId) return;
  const by = Math.trunc((finger.x - event.clientX) / SWIPE);
  if (by !== 0) {
    pause();
    go(finger.index + by);
  }
});
for (const end of ['pointerup', 'pointercancel']) stage.addEventListener(end, () => { finger = null; });
