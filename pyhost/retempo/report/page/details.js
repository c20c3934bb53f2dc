// What else is known? Notes, the table of frames, the worst of them, settings, times, footage.

function pairs(rows) {
  const body = make('tbody');
  for (const [name, value] of rows) {
    body.append(make('tr', {}, make('th', { scope: 'row' }, name), make('td', {}, value === '' ? '–' : value)));
  }
  return make('table', { class: 'pairs' }, body);
}

function tellNotes() {
  if (review.notes.length === 0) return;
  byId('notes').append(make('ul', {}, ...review.notes.map((text) => make('li', {}, text))));
  byId('notes').hidden = false;
}

const rows = [];
function listFrames() {
  const names = ['Output', 'Source time', 'Made from', 'Phase', 'Error, px', 'Notes'];
  const head = make('tr', {}, ...names.map((name) => make('th', { scope: 'col' }, name)));
  head.children[4].className = 'number';
  const body = make('tbody');
  frames.forEach((frame, at) => {
    const [output, time, from, phase, note] = frame.cells;
    const tags = [...(frame.state === 'made' ? [] : [frame.state]), ...frame.marks];
    const told = make('td', {}, ...tags.map((tag) => make('span', { class: `tag ${tag}` }, tag)), [frame.fault, note].filter(Boolean).join('; '));
    const button = make('button', { type: 'button', 'aria-label': `Go to output frame ${output}` }, output);
    const row = make('tr', {}, make('th', { scope: 'row' }, button), make('td', {}, time), make('td', {}, from),
      make('td', {}, phase), make('td', { class: 'number' }, frame.error ? pixels(frame.error) : ''), told);
    row.addEventListener('click', () => { pause(); go(at); });
    rows.push(row);
    body.append(row);
  });
  byId('table').append(make('table', { class: 'frames' }, make('thead', {}, head), body));
}

let current = null;
function markRow() {
  if (current) current.removeAttribute('aria-current');
  current = rows[state.index];
  current.setAttribute('aria-current', 'true');
  const box = byId('table');
  const top = current.offsetTop;
  if (top < box.scrollTop + 40 || top + current.offsetHeight > box.scrollTop + box.clientHeight) {
    box.scrollTop = top - box.clientHeight / 2;
  }
}

const worstButtons = new Map();
function listWorst() {
  byId('worst-hint').textContent = review.worst.length === 0
    ? review.motion || 'No frame is made by motion.'
    : 'By how far their pixels are expected to lie from their place: the error of following motion there and back, in pixels of the source, as far as it counts at that instant. Of each pair of source frames the worst.';
  for (const at of review.worst) {
    const frame = frames[at];
    const gap = gapOf(frame);
    const gone = make('div', { class: 'gone' }, frame.state);
    gone.style.aspectRatio = `${review.width} / ${review.height}`;
    const picture = isGone(frame) ? gone : make('img', { loading: 'lazy', src: frame.after, alt: '', width: review.width, height: review.height });
    const button = make('button', { type: 'button', 'aria-label': `Go to output frame ${frame.output}, error ${pixels(frame.error)} pixels` },
      picture, make('span', {}, `${frame.output} · ${pixels(frame.error)} px`), make('small', {}, `${gap.first} → ${gap.second}`));
    button.addEventListener('click', () => {
      pause();
      go(at);
      byId('stage').scrollIntoView({ block: 'nearest' });
    });
    worstButtons.set(at, button);
    byId('worst').append(make('li', {}, button));
  }
}

function markWorst() {
  for (const [at, button] of worstButtons) {
    if (at === state.index) button.setAttribute('aria-current', 'true');
    else button.removeAttribute('aria-current');
  }
}

function listSettings() {
  const chosen = review.settings.filter((row) => !row[2]);
  const rest = review.settings.filter((row) => row[2]);
  if (chosen.length) byId('settings').append(pairs(chosen));
  else byId('settings').append(make('p', { class: 'hint' }, 'All at their defaults.'));
  const more = make('details', {}, make('summary', {}, `${rest.length} at their defaults`), pairs(rest));
  byId('settings').append(more);
}

function listTimes() {
  byId('times-hint').textContent = review.timed;
  for (const [whose, stages] of Object.entries(review.times)) {
    const total = Object.values(stages).reduce((sum, one) => sum + one, 0);
    const grid = make('div', { class: 'stages' });
    for (const [name, seconds] of Object.entries(stages)) {
      const bar = make('i');
      bar.style.width = `${total > 0 ? (seconds / total) * 100 : 0}%`;
      grid.append(make('span', {}, name), bar, make('span', { class: 'seconds' }, `${seconds.toFixed(1)} s`));
    }
    byId('times').append(make('h3', {}, `${whose}: ${total.toFixed(1)} s`), grid);
  }
}

function listFacts() {
  for (const [name, facts] of Object.entries(review.facts)) {
    byId('facts').append(make('div', {}, make('h3', {}, name), pairs(facts)));
  }
}

onChange((what) => {
  if (what !== 'frame') return;
  markRow();
  markWorst();
});
