// Mouse, touch and keys upon the chart.

function listen(chart, actions) {
  const { canvas } = chart;
  const pointers = new Map();
  let start = null;
  let pinch = null;

  const spread = () => {
    const [a, b] = [...pointers.values()];
    return { distance: Math.max(20, Math.hypot(a.x - b.x, a.y - b.y)), middle: (a.x + b.x) / 2 };
  };
  const here = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const hover = (at) => {
    chart.hover = at && at.x <= chart.plotWidth ? at : null;
    chart.redraw();
  };

  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    const at = here(event);
    pointers.set(event.pointerId, at);
    start = { ...at, from: chart.from, to: chart.to, hasMoved: false };
    pinch = pointers.size === 2 ? { ...spread(), from: chart.from, to: chart.to } : null;
  });
  canvas.addEventListener('pointermove', (event) => {
    const at = here(event);
    if (!pointers.has(event.pointerId)) return hover(at);
    pointers.set(event.pointerId, at);
    if (pinch && pointers.size === 2) {
      const now = spread();
      const span = ((pinch.to - pinch.from) * pinch.distance) / now.distance;
      const held = pinch.from + (pinch.middle / chart.plotWidth) * (pinch.to - pinch.from);
      const from = held - (now.middle / chart.plotWidth) * span;
      chart.view(from, from + span);
    } else if (start) {
      start.hasMoved ||= Math.hypot(at.x - start.x, at.y - start.y) > 4;
      if (!start.hasMoved) return;
      canvas.classList.add('moving');
      chart.hover = null;
      const candles = ((at.x - start.x) / chart.plotWidth) * (start.to - start.from);
      chart.view(start.from - candles, start.to - candles);
    }
  });
  const end = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    canvas.classList.remove('moving');
    if (event.type === 'pointerup' && start && !start.hasMoved && !pinch) {
      const at = here(event);
      const marker = nearest(chart.markers, at);
      if (marker) actions.choose(marker.signal);
      hover(at);
    }
    pinch = null;
    const [left] = pointers.values();
    start = left ? { ...left, from: chart.from, to: chart.to, hasMoved: true } : null;
  };
  canvas.addEventListener('pointerup', end);
  canvas.addEventListener('pointercancel', end);
  canvas.addEventListener('pointerleave', () => pointers.size === 0 && hover(null));

  canvas.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      const pixels = event.deltaMode === 1 ? 18 : event.deltaMode === 2 ? 300 : 1;
      const [across, down] = [event.deltaX * pixels, event.deltaY * pixels];
      if (Math.abs(across) > Math.abs(down)) chart.move((across / chart.plotWidth) * chart.span);
      else chart.zoom(Math.exp(Math.max(-240, Math.min(240, down)) * 0.0022), here(event).x);
    },
    { passive: false },
  );

  const keys = {
    ArrowLeft: (far) => chart.move(-chart.span * (far ? 0.5 : 0.1)),
    ArrowRight: (far) => chart.move(chart.span * (far ? 0.5 : 0.1)),
    ArrowUp: () => chart.zoom(0.8),
    ArrowDown: () => chart.zoom(1.25),
    '+': () => chart.zoom(0.8),
    '=': () => chart.zoom(0.8),
    '-': () => chart.zoom(1.25),
    Home: () => chart.view(0, chart.span),
    End: () => chart.view(chart.stream.count + 2 - chart.span, chart.stream.count + 2),
    0: () => chart.viewAll(),
    n: () => actions.step(1),
    p: () => actions.step(-1),
    Escape: () => hover(null),
  };
  canvas.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act(event.shiftKey);
  });
}

/** The marker within reach of a finger. */
function nearest(markers, { x, y }) {
  let found = null;
  let reach = 14;
  for (const marker of markers) {
    const distance = Math.hypot(marker.x - x, marker.y - y);
    if (distance < reach) [found, reach] = [marker, distance];
  }
  return found;
}
