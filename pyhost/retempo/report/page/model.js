// What is known, what is shown now, and who wants to hear of a change?

const review = JSON.parse(document.getElementById('data').textContent);
const frames = review.frames;
const byId = (name) => document.getElementById(name);

const VIEWS = [
  { name: 'pair', label: 'Side by side' },
  { name: 'wipe', label: 'Wipe' },
  { name: 'difference', label: 'Difference' },
  { name: 'flow', label: 'Flow' },
  { name: 'arrows', label: 'Arrows' },
  { name: 'trust', label: 'Confidence' },
];

const KINDS = {
  copy: 'source frame, untouched',
  between: 'made between two frames',
  fade: 'two frames mixed',
  blur: 'several instants averaged',
  black: 'black',
};

const MARKS = { cut: 'new shot', dissolve: 'dissolve', repeat: 'repeated source frame', held: 'held' };

const state = { index: 0, view: 'pair', wipe: 50 };
const listeners = [];
const onChange = (listener) => listeners.push(listener);
const tellChange = (what) => listeners.forEach((listener) => listener(what));

function go(index) {
  const wanted = Math.min(frames.length - 1, Math.max(0, index));
  if (wanted === state.index) return;
  state.index = wanted;
  tellChange('frame');
}

function setView(name) {
  if (name === state.view) return;
  state.view = name;
  tellChange('view');
}

function setWipe(percent) {
  state.wipe = Math.min(100, Math.max(0, percent));
  tellChange('wipe');
}

// Every text is a text node: nothing that a file is called, or says, becomes markup.
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === 'class') element.className = value;
    else if (name.startsWith('aria-') || name === 'role' || name === 'scope') element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const gapOf = (frame) => (frame.gap === null ? null : review.gaps[frame.gap]);
const pixels = (value) => (value < 10 ? value.toFixed(2) : value.toFixed(1));
const isGone = (frame) => frame.after === null;
