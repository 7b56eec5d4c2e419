"use strict";

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 8, BOTTOM = 20, TOP = 6;
const STEPS_S = [.01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800,
  2592000, 7776000, 31536000];

function svg(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (parent) parent.append(made);
  return made;
}

function html(name, attributes, text) {
  const made = Object.assign(document.createElement(name), attributes);
  if (text !== undefined) made.textContent = text;
  return made;
}

function decode({ step, v }) {
  let sum = 0;
  return v.map((change) => change === null ? null : (sum += change) * step);
}

function told(value, digits) {
  if (value === null || value === undefined) return "–";
  const text = Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return (value < 0 && /[1-9]/.test(text) ? "−" : "") + text;
}

function clock(ms, step) {
  const text = new Date(ms).toISOString(), day = text.slice(5, 10);
  if (step >= 2592000) return text.slice(0, 7);
  if (step >= 86400 || ms % 86400000 === 0) return step >= 86400 ? text.slice(0, 10) : day;
  if (step >= 60) return text.slice(11, 16);
  return text.slice(11, step >= 1 ? 19 : 23);
}

function niceStep(size) {
  const power = 10 ** Math.floor(Math.log10(size));
  return [1, 2, 5, 10].find((n) => n * power >= size * .999) * power;
}

/* The time that all charts show, and the moment that the cursor stands at. */
const view = { charts: [], from: 0, to: 0, at: null, whole: [0, 0] };

view.show = (from, to) => {
  view.from = from;
  view.to = to;
  document.querySelector(".reset").hidden = from === view.whole[0] && to === view.whole[1];
  for (const chart of view.charts) chart.measure();
  const right = Math.max(...view.charts.map((chart) => chart.right));  // one for all, so that a moment stands at one place
  for (const chart of view.charts) {
    chart.right = right;
    chart.draw();
  }
};
view.point = (at) => {
  view.at = at;
  for (const chart of view.charts) chart.point();
};
view.zoom = (factor) => {
  const middle = view.at ?? (view.from + view.to) / 2, shortest = Math.min(...view.charts.map((c) => c.data.period_ms)) * 8;
  const span = Math.min(Math.max((view.to - view.from) * factor, shortest), view.whole[1] - view.whole[0]);
  const from = Math.min(Math.max(middle - (middle - view.from) * span / (view.to - view.from), view.whole[0]), view.whole[1] - span);
  view.show(from, from + span);
};

class Chart {
  constructor(figure, data) {
    Object.assign(this, { figure, data, right: 64 });
    this.lines = (data.lines || []).map((line) => ({ ...line, shown: !line.off,
      values: line.v ? decode(line) : null, lows: line.low ? decode(line.low) : null, highs: line.high ? decode(line.high) : null }));
    this.marks = (data.marks || []).map((mark) => {
      let place = 0;
      return { ...mark, name: mark.side === "buy" ? "bought" : "sold", shown: true, tone: mark.side, at: mark.at.map((d) => (place += d)), px: decode(mark.px), qty: decode(mark.qty) };
    });
    this.build();
  }

  build() {
    const { data, figure } = this, caption = html("figcaption");
    caption.append(html("strong", {}, `${data.title}, ${data.unit}`));
    for (const one of [...this.lines, ...this.marks]) {
      const key = html("button", { type: "button", className: `key as-${one.kind || (one.side === "buy" ? "up" : "down")}` }, one.name);
      key.style.setProperty("--tone", `var(--${one.tone})`);
      key.setAttribute("aria-pressed", one.shown);
      key.addEventListener("click", () => {
        one.shown = !one.shown;
        key.setAttribute("aria-pressed", one.shown);
        view.show(view.from, view.to);
      });
      caption.append(key);
    }
    this.readout = html("p", { className: data.tall ? "readout long" : "readout" });
    this.plot = html("div", { className: data.tall ? "plot tall" : "plot", tabIndex: 0 });
    this.plot.setAttribute("role", "img");
    this.plot.setAttribute("aria-label", this.summary());
    figure.replaceChildren(caption, this.readout, this.plot);
    this.listen();
  }

  summary() {
    const line = this.lines.find((one) => one.kind !== "band" && one.values), values = line ? line.values.filter((x) => x !== null) : [];
    const told_ = (x) => told(x, this.data.digits);
    const range = values.length ? `: ${line.name} from ${told_(values[0])} to ${told_(values.at(-1))}, lowest ${told_(values.reduce((a, b) => Math.min(a, b)))}, ` +
      `highest ${told_(values.reduce((a, b) => Math.max(a, b)))}` : "";
    return `${this.data.title}, ${this.data.unit}${range}. Arrow keys move the cursor, plus and minus zoom, escape shows all.`;
  }

  time(place) { return this.data.from_ms + (place + .5) * this.data.period_ms; }
  place(ms) { return Math.min(Math.max(Math.round((ms - this.data.from_ms) / this.data.period_ms - .5), 0), this.data.count - 1); }
  x(ms) { return LEFT + (ms - view.from) / (view.to - view.from) * (this.width - LEFT - this.right); }
  ms(x) { return view.from + (x - LEFT) / (this.width - LEFT - this.right) * (view.to - view.from); }
  y(value) { return TOP + (this.high - value) / (this.high - this.low) * (this.height - TOP - BOTTOM); }

  range() {
    let low = Infinity, high = -Infinity;
    const see = (values, first, last) => {
      for (let i = first; i <= last; i++)
        if (values[i] !== null && values[i] !== undefined) { low = Math.min(low, values[i]); high = Math.max(high, values[i]); }
    };
    for (const line of this.lines.filter((one) => one.shown))
      for (const values of [line.values, line.lows, line.highs]) if (values) see(values, this.first, this.last);
    for (const mark of this.marks.filter((one) => one.shown))
      mark.at.forEach((at, i) => { if (at >= this.first && at <= this.last) see(mark.px, i, i); });
    if (this.lines.some((one) => (one.kind === "area" || one.kind === "bar") && one.shown)) { low = Math.min(low, 0); high = Math.max(high, 0); }
    if (low > high) [low, high] = [0, 1];
    const least = 4 * 10 ** -this.data.digits, room = Math.max((high - low) * .06, (least - (high - low)) / 2);
    [this.low, this.high] = [low - room, high + room];
  }

  measure() {
    const { data } = this, step = data.period_ms;
    this.width = Math.max(this.plot.clientWidth, 200);
    this.height = data.small ? 110 : data.tall ? Math.min(380, Math.max(260, this.width * .36)) : Math.min(260, Math.max(190, this.width * .26));
    this.first = Math.max(0, Math.floor((view.from - data.from_ms) / step) - 1);
    this.last = Math.min(data.count - 1, Math.ceil((view.to - data.from_ms) / step) + 1);
    this.range();
    const space = (this.height - TOP - BOTTOM) / (data.small ? 30 : 44);
    const tick = Math.max(niceStep((this.high - this.low) / Math.max(space, 2)), 10 ** -data.digits);
    const digits = Math.min(data.digits, Math.max(0, -Math.floor(Math.log10(tick) + 1e-9)));
    this.tick = tick;
    this.ticks = [];
    for (let n = Math.ceil(this.low / tick); n * tick <= this.high; n++) this.ticks.push([n * tick, told(n * tick, digits)]);
    this.right = 12 + 6.6 * Math.max(...this.ticks.map(([, text]) => text.length), 3);
  }

  draw() {
    if (!this.plot.clientWidth) return;
    const root = svg("svg", { width: this.width, height: this.height, "aria-hidden": "true" });
    const id = `clip-${view.charts.indexOf(this)}`;
    svg("rect", { x: LEFT, y: 0, width: Math.max(1, this.width - LEFT - this.right), height: this.height - BOTTOM },
      svg("clipPath", { id }, svg("defs", {}, root)));
    for (const [value, text] of this.ticks) {
      const y = this.y(value);
      svg("line", { class: Math.abs(value) < this.tick / 2 ? "zero" : "grid", x1: LEFT, x2: this.width - this.right, y1: y, y2: y }, root);
      svg("text", { x: this.width - this.right + 6, y: y + 4 }, root).textContent = text;
    }
    this.times(root);
    const inner = svg("g", { "clip-path": `url(#${id})` }, root);
    const shown = this.lines.filter((one) => one.shown), below = this.data.over ? [...shown].reverse() : shown;  // the market over our quotes
    for (const line of below) this.line(line, inner);
    for (const mark of this.marks.filter((one) => one.shown)) this.mark(mark, inner);
    this.chosen = svg("rect", { class: "chosen", y: TOP, height: this.height - TOP - BOTTOM, width: 0 }, root);
    this.cursor = svg("line", { class: "cursor", y1: TOP, y2: this.height - BOTTOM, visibility: "hidden" }, root);
    this.plot.replaceChildren(root);
    this.point();
  }

  times(root) {
    const most = Math.max(2, (this.width - LEFT - this.right) / 95), span = (view.to - view.from) / 1000;
    const step = STEPS_S.find((s) => span / s <= most) || STEPS_S.at(-1);
    for (let ms = Math.ceil(view.from / (step * 1000)) * step * 1000; ms <= view.to; ms += step * 1000) {
      const x = this.x(ms);
      svg("line", { class: "grid", x1: x, x2: x, y1: TOP, y2: this.height - BOTTOM }, root);
      const anchor = x < LEFT + 24 ? "start" : x > this.width - this.right - 24 ? "end" : "middle";
      svg("text", { x, y: this.height - 6, "text-anchor": anchor }, root).textContent = clock(ms, step);
    }
  }

  line(line, root) {
    const kind = line.kind, half = this.data.period_ms / 2, number = (n) => n.toFixed(1);
    let path = "", open = false, closed = "";
    if (kind === "bar") {
      const wide = Math.max(this.x(this.time(1)) - this.x(this.time(0)) - 2, 1), zero = this.y(0);
      for (let i = this.first; i <= this.last; i++)
        path += `M${number(this.x(this.time(i)) - wide / 2)} ${number(zero)}V${number(this.y(line.values[i]))}h${number(wide)}V${number(zero)}Z`;
    } else if (kind === "band") {
      const over = [], under = [];
      for (let i = this.first; i <= this.last; i++) {
        if (line.lows[i] === null || line.highs[i] === null) continue;
        over.push(`${number(this.x(this.time(i)))} ${number(this.y(line.highs[i]))}`);
        under.push(`${number(this.x(this.time(i)))} ${number(this.y(line.lows[i]))}`);
      }
      if (over.length) path = `M${over.join("L")}L${under.reverse().join("L")}Z`;
    } else {
      let before = null;
      for (let i = this.first; i <= this.last; i++) {
        const value = line.values[i];
        if (value === null) { open = false; continue; }
        const x = this.x(this.time(i)), y = this.y(value);
        if (kind === "step") path += `${open ? "L" : "M"}${number(this.x(this.time(i) - half))} ${number(y)}H${number(this.x(this.time(i) + half))}`;
        else if (line.hold) path += open ? `H${number(x)}V${number(y)}` : `M${number(x)} ${number(y)}`;
        else path += `${open ? "L" : "M"}${number(x)} ${number(y)}`;
        if (before === null) before = x;
        open = true;
      }
      if (kind === "area" && path) closed = `${path}V${number(this.y(0))}H${number(before)}Z`;
    }
    for (const [name, d] of [["filled", closed], [kind === "area" ? "line" : kind, path]])
      if (d) svg("path", { class: name, d }, root).style.setProperty("--tone", `var(--${line.tone})`);
  }

  mark(mark, root) {
    const size = this.width < 500 ? 4 : 5, up = mark.side === "buy";
    for (const taker of [false, true]) {
      let path = "";
      mark.at.forEach((at, i) => {
        if (at < this.first || at > this.last || (mark.maker[i] < .5) !== taker) return;
        const x = this.x(this.time(at)), y = this.y(mark.px[i]), to = up ? size : -size;
        path += `M${x.toFixed(1)} ${(y - to * .2).toFixed(1)}l${size * .8} ${to * 1.5}h${-size * 1.6}z`;
      });
      if (path) svg("path", { class: `mark${taker ? " taker" : ""}`, d: path }, root).style.setProperty("--tone", `var(--${mark.tone})`);
    }
  }

  point() {
    const at = view.at === null ? this.data.count - 1 : this.place(view.at), { digits } = this.data;
    const text = new Date(this.time(at)).toISOString(), parts = [];
    for (const line of this.lines.filter((one) => one.shown))
      parts.push([line.name, line.values ? told(line.values[at], digits) : `${told(line.lows[at], digits)} to ${told(line.highs[at], digits)}`]);
    for (const mark of this.marks.filter((one) => one.shown)) {
      const i = view.at === null ? -1 : mark.at.indexOf(at);
      if (i >= 0) parts.push([mark.name, `${+mark.qty[i].toFixed(9)} at ${told(mark.px[i], digits)}${mark.count[i] > 1 ? ` in ${mark.count[i]} fills` : ""}`]);
    }
    const day = view.at === null ? "at the end" : `${text.slice(0, 10)} ${text.slice(11, this.data.period_ms < 1000 ? 21 : 19)}`;
    this.readout.replaceChildren(html("span", {}, day), ...parts.map(([name, value]) => {
      const part = html("span", {}, `${name} `);
      part.append(html("b", {}, value));
      return part;
    }));
    if (!this.cursor) return;
    const x = this.x(this.time(at));
    this.cursor.setAttribute("visibility", view.at === null || x < LEFT || x > this.width - this.right ? "hidden" : "visible");
    this.cursor.setAttribute("x1", x);
    this.cursor.setAttribute("x2", x);
  }

  listen() {
    const { plot } = this;
    let from = null;
    const where = (event) => Math.min(Math.max(this.ms(event.clientX - plot.getBoundingClientRect().left), view.from), view.to);
    plot.addEventListener("pointerdown", (event) => {
      view.point(where(event));
      if (event.pointerType !== "mouse" || event.button) return;
      from = where(event);
      plot.setPointerCapture(event.pointerId);
    });
    plot.addEventListener("pointermove", (event) => {
      view.point(where(event));
      if (from === null || !this.chosen) return;
      const [a, b] = [this.x(from), this.x(where(event))].sort((p, q) => p - q);
      this.chosen.setAttribute("x", a);
      this.chosen.setAttribute("width", b - a);
    });
    plot.addEventListener("pointerup", (event) => {
      if (from === null) return;
      const [a, b] = [from, where(event)].sort((p, q) => p - q);
      from = null;
      if (this.x(b) - this.x(a) > 6) view.show(a, Math.max(b, a + 4 * this.data.period_ms));
      else this.chosen.setAttribute("width", 0);
    });
    plot.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse" && from === null) view.point(null); });
    plot.addEventListener("dblclick", () => view.show(...view.whole));
    plot.addEventListener("keydown", (event) => {
      const step = Math.max(this.data.period_ms, (view.to - view.from) / 200) * (event.shiftKey ? 10 : 1);
      const moves = { ArrowLeft: -step, ArrowRight: step };
      if (event.key in moves) view.point(Math.min(Math.max((view.at ?? view.to) + moves[event.key], view.from), view.to));
      else if (event.key === "+" || event.key === "=") view.zoom(.5);
      else if (event.key === "-") view.zoom(2);
      else if (event.key === "Escape") { view.point(null); view.show(...view.whole); } else return;
      event.preventDefault();
    });
  }
}

const pictures = JSON.parse(document.getElementById("pictures").textContent);
for (const figure of document.querySelectorAll("figure[data-picture]")) {
  const data = pictures[figure.dataset.picture];
  if (data) view.charts.push(new Chart(figure, data));
}
if (view.charts.length) {
  const lines = view.charts.filter((c) => c.lines.every((line) => line.kind !== "bar"));  // a bar's period may reach beyond the run
  const exact = lines.length ? lines : view.charts;
  view.whole = [Math.min(...exact.map((c) => c.data.from_ms)), Math.max(...exact.map((c) => c.data.from_ms + c.data.count * c.data.period_ms))];
  view.show(...view.whole);
  document.querySelector(".reset").addEventListener("click", () => view.show(...view.whole));
  for (const one of document.querySelectorAll("[data-zoom]")) one.addEventListener("click", () => view.zoom(+one.dataset.zoom));
  let width = window.innerWidth;
  addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    view.show(view.from, view.to);
  });
  for (const one of document.querySelectorAll("details")) one.addEventListener("toggle", () => view.show(view.from, view.to));
  addEventListener("beforeprint", () => view.show(view.from, view.to));
}
