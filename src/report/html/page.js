// Draws the charts of a report from the data in the page. What they show and say is decided where the page is made; here
// is only what a kind of chart looks like. Without this script the page has its words and tables.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const charts = new Map();
  const colour = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();
  const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => "&#" + c.charCodeAt(0) + ";");
  const narrow = () => window.innerWidth < 620;
  const font = getComputedStyle(document.body).fontFamily;

  // ---- Numbers as people read them: the same as everywhere in p2pfl-sim.

  const digits = (value) => {
    const size = Math.abs(value);
    if (!isFinite(value)) return "-";
    if (size === 0) return "0";
    if (size >= 1e15 || size < 0.001) return value.toExponential(size < 0.001 ? 1 : 2).replace("e+", "e");
    return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3);
  };
  const trimmed = (text) => (text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text);
  const scaled = (value, units) => {
    let i = 0;
    while (Math.abs(value) >= 999.5 && i + 1 < units.length) { value /= 1000; i++; }
    return trimmed(digits(value)) + (units[i] ? " " + units[i] : "");
  };
  const TIMES = [[1e-6, 1e-9, "ns"], [1e-3, 1e-6, "µs"], [1, 1e-3, "ms"], [600, 1, "s"], [36000, 60, "min"], [Infinity, 3600, "h"]];
  const time = (seconds) => {
    if (seconds === 0) return "0 s";
    const [, unit, name] = TIMES.find(([below]) => Math.abs(seconds) * 1.0005 < below) || TIMES[3];
    return digits(seconds / unit) + " " + name;
  };
  const percentile = (x) => {
    if (x <= 1) return "0 %";
    const nines = Math.max(0, Math.ceil(Math.log10(x) - 2 - 1e-9));
    return trimmed((100 * (1 - 1 / x)).toFixed(Math.min(nines + (x % 10 ? 1 : 0), 9))) + " %";
  };
  const SHOW = {
    time, percentile,
    bytes: (v) => scaled(v, ["B", "kB", "MB", "GB", "TB", "PB"]),
    byte_rate: (v) => scaled(v, ["B", "kB", "MB", "GB", "TB", "PB"]) + "/s",
    rate: (v) => scaled(v, ["", "k", "M", "G", "T"]) + "/s",
    count: (v) => Math.round(v).toLocaleString("en-US"),
    plain: (v) => digits(v),
  };
  // On axes without the noughts that make columns line up.
  const tick = (unit) => (value) => {
    if (unit === "count") return Number.isInteger(value) ? scaled(value, ["", "k", "M", "G"]) : "";
    const text = SHOW[unit](value);
    const [, number, rest] = text.match(/^(-?[\d.]+)(.*)$/) || [null, text, ""];
    return trimmed(number) + rest;
  };

  // ---- What charts have in common.

  const common = (theme) => ({
    animation: false,
    textStyle: { fontFamily: font, color: theme.soft },
    backgroundColor: "transparent",
  });
  const palette = () => {
    const names = ["page", "raised", "line", "text", "soft", "faint", "alarm", "edge", "low", "middle", "high",
      "start", "vote", "train", "aggregate", "wait", "diffuse", "mark", "bad"];
    const theme = Object.fromEntries(names.map((name) => [name, colour(name)]));
    theme.lines = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => colour("c" + i));
    return theme;
  };
  const tooltip = (theme, more) => ({
    confine: true, backgroundColor: theme.raised, borderColor: theme.line, borderWidth: 1, padding: [8, 10],
    textStyle: { color: theme.text, fontSize: 12.5, fontFamily: font }, transitionDuration: 0,
    extraCssText: "box-shadow:0 2px 12px rgba(0,0,0,.18);border-radius:8px;", ...more,
  });
  const axis = (theme, of, more) => ({
    type: of.scale === "log" ? "log" : "value",
    scale: of.scale === "linear",
    name: of.name, nameLocation: "middle", nameTextStyle: { color: theme.faint, fontSize: 12 },
    axisLine: { lineStyle: { color: theme.line } }, axisTick: { show: false },
    axisLabel: { color: theme.soft, fontSize: 12, hideOverlap: true, formatter: tick(of.unit) },
    splitLine: { lineStyle: { color: theme.line, width: 1 } },
    minInterval: of.unit === "count" ? 1 : undefined,
    ...more,
  });
  const keyed = (entries) => entries.map(([name, colour, kind]) =>
    `<span><i class="${kind || ""}" style="background:${colour}"></i>${escaped(name)}</span>`).join("");

  // ---- Lines.

  /** The value of a line at x: between two points by a straight line, of steps the next one. */
  const at = (line, x, log) => {
    const points = line.points;
    if (!points.length || x < points[0][0] || x > points[points.length - 1][0]) return null;
    let low = 0, high = points.length - 1;
    while (low < high) { const mid = (low + high) >> 1; if (points[mid][0] < x) low = mid + 1; else high = mid; }
    const [b, a] = [points[low], points[Math.max(0, low - 1)]];
    if (line.step || b[0] === a[0]) return b[1];
    const part = log ? Math.log(x / a[0]) / Math.log(b[0] / a[0]) : (x - a[0]) / (b[0] - a[0]);
    return a[1] + (b[1] - a[1]) * part;
  };

  const lines = (of, theme, legend) => {
    const log = of.x.scale === "log";
    const paint = of.lines.map((line, i) => (line.light ? theme.faint : theme.lines[i % theme.lines.length]));
    const few = of.lines.every((line) => line.points.length <= 60);
    const rounds = of.x.unit === "count" ? [...new Set(of.lines.flatMap((line) => line.points.map((p) => p[0])))] : null;
    const series = of.lines.flatMap((line, i) => {
      const main = {
        type: "line", name: line.name, data: line.points, showSymbol: few && of.x.unit === "count", symbol: "circle",
        symbolSize: 5, step: line.step ? "end" : false, clip: true, z: 3,
        lineStyle: { width: line.light ? 1 : 2, color: paint[i] }, itemStyle: { color: paint[i] }, emphasis: { disabled: true },
        markLine: i === 0 && of.marks.length ? {
          silent: true, symbol: "none", lineStyle: { color: theme.mark, type: [4, 4], width: 1 },
          label: { formatter: (it) => it.name, color: theme.mark, fontSize: 11, position: "insideEndTop" },
          data: of.marks.map((mark) => (mark.x === null ? { yAxis: mark.y, name: mark.text } : { xAxis: mark.x, name: mark.text })),
        } : undefined,
      };
      if (line.band.length < 2) return [main];
      const band = {
        type: "custom", name: line.name, data: [0], silent: true, z: 1, clip: true,
        encode: { x: [], y: [] },
        renderItem: (_, api) => ({
          type: "polygon",
          shape: { points: line.band.map(([x, , high]) => api.coord([x, high])).concat(line.band.map(([x, low]) => api.coord([x, low])).reverse()) },
          style: { fill: paint[i], opacity: 0.18 },
        }),
      };
      return [band, main];
    });
    const ys = of.lines.flatMap((line) => line.band.flatMap(([, a, b]) => [a, b])).concat(of.marks.map((m) => m.y).filter((y) => y !== null));
    const seen = of.lines.flatMap((line) => line.points.map((p) => p[1])).concat(ys);
    const range = of.y.scale === "linear" && ys.length && seen.length ? extent(seen) : {};
    const entries = of.lines.map((line, i) => [line.name, paint[i]]);
    if (of.lines.some((line) => line.band.length > 1)) entries.push(["from the lowest to the highest node", paint[0] + "40", "box"]);
    legend.innerHTML = entries.length > 1 ? keyed(entries) : "";
    const xs = of.lines.flatMap((line) => line.points.map((p) => p[0]));
    const xRange = xs.length ? { min: Math.min(...xs), max: Math.max(...xs) } : {};
    if (of.x.unit === "percentile") xRange.min = 1;
    return {
      ...common(theme),
      grid: { left: 8, right: 22, top: 14, bottom: 26, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: axis(theme, of.x, { nameGap: 28, ...xRange, axisPointer: { snap: false }, splitLine: { show: of.x.unit === "percentile", lineStyle: { color: theme.line } } }),
      yAxis: axis(theme, { ...of.y, name: "" }, { ...range }),
      dataZoom: of.x.unit === "count" && xs.length < 30 ? [] : [{ type: "inside", zoomOnMouseWheel: "ctrl", moveOnMouseMove: true, moveOnMouseWheel: false, preventDefaultMouseMove: false, filterMode: "none" }],
      tooltip: tooltip(theme, {
        trigger: "axis", axisPointer: { type: "line", lineStyle: { color: theme.faint, type: "solid" }, label: { show: false } },
        formatter: (items) => {
          let x = items[0].axisValue;
          if (rounds && rounds.length) x = rounds.reduce((a, b) => (Math.abs(b - x) < Math.abs(a - x) ? b : a));
          const head = of.x.unit === "count" ? `${of.x.name} ${SHOW.count(x)}` : of.x.unit === "percentile" ? `${percentile(x)} are no longer than` : SHOW[of.x.unit](x);
          const rows = of.lines.map((line, i) => {
            const value = at(line, x, log);
            if (value === null) return "";
            const band = rounds && line.band.find((b) => b[0] === x);
            const around = band && band[1] !== band[2] ? ` <span style="color:${theme.faint}">${SHOW[of.y.unit](band[1])} – ${SHOW[of.y.unit](band[2])}</span>` : "";
            return `<tr><td><i style="background:${paint[i]}"></i>${escaped(line.name)}</td><td>${SHOW[of.y.unit](value)}${around}</td></tr>`;
          });
          return `<div class="tip"><b>${head}</b><table>${rows.join("")}</table></div>`;
        },
      }),
      series,
    };
  };
  const extent = (values) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = (high - low || Math.abs(high) || 1) * 0.06;
    const step = 10 ** Math.floor(Math.log10(room * 10)) / 2;
    return { min: Math.floor((low - room) / step) * step, max: Math.ceil((high + room) / step) * step };
  };

  // ---- Percentiles of many, a row each.

  const ranges = (of, theme, legend) => {
    const parts = [["shortest to median", 0.22, 0.3], ["to p90", 0.45, 0.55], ["to p99", 0.75, 0.4], ["to p99.9", 1, 0.22], ["to the longest", 1, 0.06]];
    legend.innerHTML = parts.map(([name, opacity, high]) =>
      `<span><i style="background:${theme.lines[0]};opacity:${opacity};height:${Math.max(2, high * 16)}px"></i>${name}</span>`).join("");
    const long = Math.max(...of.rows.map((row) => row.name.length));
    return {
      ...common(theme),
      grid: { left: 8, right: 22, top: 4, bottom: 26, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: axis(theme, { ...of.axis, name: "" }, { position: "bottom" }),
      yAxis: {
        type: "category", data: of.rows.map((row) => row.name), inverse: true, axisLine: { show: false }, axisTick: { show: false },
        axisLabel: { color: theme.text, fontSize: narrow() && long > 14 ? 10.5 : 12.5, interval: 0 },
      },
      tooltip: tooltip(theme, {
        trigger: "item",
        formatter: (it) => {
          const row = of.rows[it.dataIndex];
          const names = ["shortest", "median", "p90", "p99", "p99.9", "longest"];
          const rows = names.map((name, i) => `<tr><td>${name}</td><td>${SHOW[of.axis.unit](row.values[i])}</td></tr>`);
          return `<div class="tip"><b>${escaped(row.name)}</b>, ${SHOW.count(row.count)} measured<table>${rows.join("")}</table></div>`;
        },
      }),
      series: [{
        type: "custom", clip: true, data: of.rows.map((row, i) => [row.values[0], row.values[5], i]), encode: { x: [0, 1], y: 2 },
        renderItem: (params, api) => {
          const row = of.rows[params.dataIndex];
          const height = api.size([0, 1])[1] * 0.8;
          const xs = row.values.map((value) => api.coord([value, params.dataIndex]));
          const y = xs[0][1];
          const bars = parts.map(([, opacity, high], i) => ({
            type: "rect",
            shape: { x: xs[i][0], width: Math.max(xs[i + 1][0] - xs[i][0], i === 4 ? 0 : 0.5), y: y - height * high / 2, height: Math.max(height * high, 1.5) },
            style: { fill: theme.lines[0], opacity },
          }));
          const median = { type: "rect", shape: { x: xs[1][0] - 1.25, y: y - height * 0.4, width: 2.5, height: height * 0.8 }, style: { fill: theme.text } };
          const end = { type: "circle", shape: { cx: xs[5][0], cy: y, r: 2.5 }, style: { fill: theme.lines[0] } };
          const room = { type: "rect", shape: { x: xs[0][0] - 6, width: xs[5][0] - xs[0][0] + 12, y: y - height / 2, height }, style: { fill: "transparent" } };
          return { type: "group", children: [room, ...bars, median, end] };
        },
      }],
    };
  };

  // ---- Drawing, in both lights, when it comes into view.

  const KINDS = { lines, ranges };
  const CANVAS = new Set(["timeline", "network"]);

  const draw = (plot) => {
    const id = plot.dataset.chart;
    const of = data[id];
    const old = charts.get(id);
    if (old) old.chart.dispose();
    const chart = echarts.init(plot, null, { renderer: CANVAS.has(of.kind) ? "canvas" : "svg" });
    const figure = plot.closest("figure");
    const state = old ? old.state : {};
    const entry = { chart, of, state, plot, figure };
    charts.set(id, entry);
    chart.setOption(option(entry, palette()));
    plot.classList.remove("empty");
    plot.dataset.drawn = "yes";
    return entry;
  };
  const option = (entry, theme) => KINDS[entry.of.kind](entry.of, theme, entry.figure.querySelector(".legend"), entry);
  const drawn = (id) => charts.get(id) || draw(document.querySelector(`[data-chart="${CSS.escape(id)}"]`));

  const plots = [...document.querySelectorAll("[data-chart]")];
  const watcher = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) if (isIntersecting) { watcher.unobserve(target); drawn(target.dataset.chart); }
  }, { rootMargin: "300px" });
  plots.forEach((plot) => watcher.observe(plot));
  const all = () => plots.forEach((plot) => drawn(plot.dataset.chart));
  const again = () => [...charts.values()].forEach(({ plot }) => draw(plot));
  window.addEventListener("beforeprint", all);
  let wide = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== wide) { wide = window.innerWidth; charts.forEach(({ chart }) => chart.resize()); }
  });

  // ---- Light and dark.

  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("p2pfl-sim-theme", root.dataset.theme); } catch (e) { /* not kept, then */ }
    again();
  });
  system.addEventListener("change", again);

  // ---- Charts as files.

  /** A chart as an SVG document that stands alone: with its title, on a ground of its own. */
  const svg = (id) => {
    const { of, plot, figure, state } = drawn(id);
    const holder = document.createElement("div");
    const theme = palette();
    const width = Math.max(plot.clientWidth, 300), height = plot.clientHeight;
    const copy = echarts.init(holder, null, { renderer: "svg", ssr: true, width, height });
    const legend = document.createElement("div");
    copy.setOption({ ...KINDS[of.kind](of, theme, legend, { state, of, chart: copy, figure: holder, copy: true }), backgroundColor: theme.page });
    const drawing = copy.renderToSVGString();
    copy.dispose();
    const title = figure.querySelector("h3").textContent;
    return drawing.replace(/^(<svg[^>]*>)/, (head) => `${head}<title>${escaped(title)}</title>`);
  };
  document.addEventListener("click", (event) => {
    const id = event.target.dataset && event.target.dataset.save;
    if (!id) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([svg(id)], { type: "image/svg+xml" }));
    link.download = id + ".svg";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });

  // For whoever looks from outside: tests, and the console.
  window.report = { svg, all, ids: plots.map((plot) => plot.dataset.chart) };
  root.dataset.ready = "yes";
})();
