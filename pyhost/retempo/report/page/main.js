// How does the page begin?

const dark = window.matchMedia('(prefers-color-scheme: dark)');
let chosenTheme = null; // what the reader asked for, until the page is closed

function applyTheme() {
  const theme = chosenTheme || (dark.matches ? 'dark' : 'light');
  document.documentElement.dataset.theme = theme;
  byId('theme').textContent = theme === 'dark' ? 'Light' : 'Dark';
  byId('theme').setAttribute('aria-label', `Switch to ${theme === 'dark' ? 'light' : 'dark'} colours`);
  tellChange('theme');
}
byId('theme').addEventListener('click', () => {
  chosenTheme = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
  applyTheme();
});
dark.addEventListener('change', applyTheme);

function listViews() {
  VIEWS.forEach((view, at) => {
    const button = make('button', { type: 'button', 'aria-pressed': view.name === state.view }, `${view.label} `, make('kbd', {}, at + 1));
    button.dataset.view = view.name;
    button.addEventListener('click', (event) => {
      setView(view.name);
      if (event.detail > 0) button.blur();
    });
    byId('views').append(button);
  });
}
onChange((what) => {
  if (what !== 'view') return;
  for (const button of byId('views').children) button.setAttribute('aria-pressed', button.dataset.view === state.view);
});

function listKeys() {
  const told = [
    ['J K L', 'back, pause, forward; J or L again: faster'], ['Space', 'play or pause'],
    ['← →', 'one frame; with Shift ten'], ['Home End', 'first, last frame'],
    ['1 – 6', 'side by side, wipe, difference, flow, arrows, confidence'],
    ['O', 'loop'], ['T', 'light or dark'], ['?', 'these keys'],
    ['Touch', 'swipe over the picture to step; drag the strip or the wipe'],
  ];
  for (const [keys, text] of told) {
    byId('help-keys').append(make('dt', {}, ...keys.split(' ').flatMap((one) => (one === '–' ? [' – '] : [make('kbd', {}, one), ' ']))), make('dd', {}, text));
  }
}
byId('help-open').addEventListener('click', () => byId('help').showModal());
byId('help').addEventListener('click', (event) => { if (event.target === byId('help')) byId('help').close(); });

byId('title').textContent = review.title;
const between = frames.filter((frame) => frame.kind === 'between' || frame.kind === 'blur').length;
const nameOf = (path) => path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
byId('summary').textContent = [`from ${nameOf(review.source)}`, review.timing, `${frames.length} frames at ${+review.fps.toFixed(3)} fps, ${between} of them made`].join(' · ');
byId('title').title = review.result;
byId('summary').title = review.source;
byId('curve-hint').textContent = `${review.timing}. Rings: source frames shown untouched${review.cuts.length ? '; dashed: new shots' : ''}. Click to go there.`;

tellNotes();
listViews();
listKeys();
listKinds();
listFrames();
listWorst();
listSettings();
listTimes();
listFacts();
applyTheme();
setWipe(50);
tellChange('frame');
tellChange('speed');
new ResizeObserver(() => tellChange('size')).observe(byId('curve'));
