// Which pictures are at hand? Those around the playhead are loaded and decoded before they are wanted.

const held = new Map(); // path -> { image, ready, failed }, the latest used last
const BYTES = 320e6;
const CAPACITY = Math.max(24, Math.floor(BYTES / (review.width * review.height * 4)));

function fetchPicture(path) {
  let entry = held.get(path);
  if (entry) {
    held.delete(path);
    held.set(path, entry);
    return entry;
  }
  const image = new Image();
  entry = { image, ready: false, failed: false, done: null };
  image.src = path;
  entry.done = image.decode().then(
    () => { entry.ready = true; },
    () => { entry.failed = true; },
  );
  held.set(path, entry);
  while (held.size > CAPACITY) held.delete(held.keys().next().value);
  return entry;
}

// What a frame needs in a view; an empty list where there is nothing to show.
function pathsOf(index, view) {
  const frame = frames[index];
  if (view === 'pair' || view === 'wipe') return [frame.before, frame.after].filter((path) => path !== null);
  if (view === 'difference') return frame.difference === null ? [] : [frame.difference];
  const gap = gapOf(frame);
  return gap === null ? [] : [gap[view]];
}

const settled = (entry) => entry.ready || entry.failed;
const isReady = (index, view) => pathsOf(index, view).every((path) => settled(fetchPicture(path)));

function whenReady(index, view) {
  return Promise.all(pathsOf(index, view).map((path) => fetchPicture(path).done));
}

function pictureOf(path) {
  const entry = path === null ? null : fetchPicture(path);
  return entry !== null && entry.ready ? entry.image : null;
}

// Frames that are likely next, in the direction of travel, and a few behind.
function preload(direction) {
  const each = state.view === 'pair' || state.view === 'wipe' ? 2 : 1;
  const ahead = Math.min(32, Math.floor(CAPACITY / each / 2));
  for (let step = 1; step <= ahead; step += 1) {
    for (const index of step <= 4 ? [state.index + step * direction, state.index - step * direction]
      : [state.index + step * direction]) {
      const inside = ((index % frames.length) + frames.length) % frames.length;
      pathsOf(inside, state.view).forEach(fetchPicture);
    }
  }
}
