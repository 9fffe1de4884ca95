// All candles of the stream in one strip, and which of them are in view.

class Overview {
  constructor(canvas, chart) {
    this.canvas = canvas;
    this.chart = chart;
    this.strip = document.createElement('canvas');
    this.key = '';
    let grip = null;
    const candleAt = (event) => (event.offsetX / canvas.clientWidth) * chart.stream.count;
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      const at = candleAt(event);
      // Within the window it is held where it was taken, elsewhere it comes to the pointer.
      grip = at > chart.from && at < chart.to ? at - (chart.from + chart.to) / 2 : 0;
      this.moveTo(at - grip);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (grip !== null) this.moveTo(candleAt(event) - grip);
    });
    for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, () => (grip = null));
  }

  moveTo(middle) {
    const { chart } = this;
    const half = chart.span / 2;
    chart.view(middle - half, middle + half);
  }

  draw() {
    const { canvas, chart } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const ratio = window.devicePixelRatio || 1;
    if (width === 0 || chart.stream.count === 0) return;
    const colors = chart.colors;
    const key = [chart.stream.index, width, ratio, colors.card, [...chart.hidden].join()].join('|');
    if (key !== this.key) {
      this.key = key;
      this.paintStrip(width, height, ratio, colors);
      canvas.width = this.strip.width;
      canvas.height = this.strip.height;
    }
    const cx = canvas.getContext('2d');
    cx.setTransform(1, 0, 0, 1, 0, 0);
    cx.clearRect(0, 0, canvas.width, canvas.height);
    cx.drawImage(this.strip, 0, 0);
    cx.setTransform(ratio, 0, 0, ratio, 0, 0);
    const x = (candle) => (Math.min(Math.max(candle, 0), chart.stream.count) / chart.stream.count) * width;
    const [left, right] = [x(chart.from), Math.max(x(chart.to), x(chart.from) + 3)];
    cx.fillStyle = colors.window;
    cx.fillRect(left, 0, right - left, height);
    cx.strokeStyle = colors.accent;
    cx.strokeRect(left + 0.5, 0.5, Math.max(1, right - left - 1), height - 1);
  }

  paintStrip(width, height, ratio, colors) {
    const { strip } = this;
    const { stream, hidden } = this.chart;
    strip.width = Math.round(width * ratio);
    strip.height = Math.round(height * ratio);
    const cx = strip.getContext('2d');
    cx.setTransform(ratio, 0, 0, ratio, 0, 0);
    cx.clearRect(0, 0, width, height);
    const depth = depthFor(width / stream.count, 1);
    const level = levelOf(stream, depth);
    const found = extent(extent({ least: Infinity, most: -Infinity }, level.low, 0, level.low.length), level.high, 0, level.high.length);
    const y = (value) => 6 + ((found.most - value) / (found.most - found.least || 1)) * (height - 22);
    const x = (candle) => ((candle + 0.5) / stream.count) * width;
    cx.strokeStyle = colors.soft;
    cx.lineWidth = 1;
    cx.beginPath();
    for (let bar = 0; bar < level.low.length; bar++) {
      const at = x(bar * 2 ** depth + (2 ** depth - 1) / 2);
      if (depth === 0) {
        cx.lineTo(at, y(level.close[bar]));
      } else {
        cx.lineTo(at, y(level.high[bar]));
        cx.lineTo(at, y(level.low[bar]));
      }
    }
    cx.stroke();
    cx.fillStyle = colors.gap;
    for (const gap of stream.gaps) cx.fillRect(x(gap.candle - 0.5) - 0.5, 0, 1.5, 5);
    for (const signal of stream.signals) {
      if (hidden.has(signal.tag)) continue;
      cx.fillStyle = colors.tags[(tagIndex.get(signal.tag) ?? 0) % 8];
      cx.fillRect(x(signal.candle) - 0.75, height - 10, 1.5, 8);
    }
  }
}
