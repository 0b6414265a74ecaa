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
          label: { formatter: (it) => it.name, color: theme.mark, fontSize: 11, position: "insideEndBottom" },
          data: of.marks.map((mark) => (mark.x === null ? { yAxis: mark.y, name: mark.text } : { xAxis: mark.x, name: mark.text })),
        } : undefined,
      };
      if (line.band.length < 2) return [main];
      const band = {
        type: "custom", name: line.name, data: line.band, silent: true, z: 1, clip: true, encode: { x: 0, y: [1, 2] },
        // One shape for all of it.
        renderItem: (params, api) => (params.dataIndex ? null : {
          type: "polygon",
          shape: { points: line.band.map(([x, , high]) => api.coord([x, high])).concat(line.band.map(([x, low]) => api.coord([x, low])).reverse()) },
          style: { fill: paint[i], opacity: 0.18 },
        }),
      };
      return [band, main];
    });
    // What is asked for is to be seen, too.
    const asked = of.marks.filter((mark) => mark.y !== null).map((mark) => [of.lines[0].points[0][0], mark.y]);
    if (asked.length) series.push({ type: "line", data: asked, silent: true, symbol: "none", lineStyle: { width: 0 } });
    const range = of.y.scale === "log" ? decades(of.lines.flatMap((line) => line.points.map((p) => p[1]))) : {};
    const entries = of.lines.map((line, i) => [line.name, paint[i]]);
    if (of.lines.some((line) => line.band.length > 1)) entries.push(["from the lowest to the highest node", paint[0] + "40", "box"]);
    legend.innerHTML = entries.length > 1 ? keyed(entries) : "";
    const xs = of.lines.flatMap((line) => line.points.map((p) => p[0]));
    const xRange = new Set(xs).size > 1 ? { min: Math.min(...xs), max: Math.max(...xs) } : {};
    if (of.x.unit === "percentile") xRange.min = 1;
    if (of.x.unit === "time" && xRange.min > 0 && xRange.min < xRange.max * 0.06) xRange.min = 0;
    return {
      ...common(theme),
      grid: { left: 8, right: 22, top: 14, bottom: 26, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: axis(theme, of.x, { nameGap: 28, ...xRange, axisPointer: { snap: of.x.unit === "count" }, splitLine: { show: of.x.unit === "percentile", lineStyle: { color: theme.line } } }),
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
            const around = band && SHOW[of.y.unit](band[1]) !== SHOW[of.y.unit](band[2]) ? ` <span style="color:${theme.faint}">${SHOW[of.y.unit](band[1])} – ${SHOW[of.y.unit](band[2])}</span>` : "";
            return `<tr><td><i style="background:${paint[i]}"></i>${escaped(line.name)}</td><td>${SHOW[of.y.unit](value)}${around}</td></tr>`;
          });
          return `<div class="tip"><b>${head}</b><table>${rows.join("")}</table></div>`;
        },
      }),
      series,
    };
  };
  /** From which power of ten to which: what took no time at all is at the lower end, and does not stretch the axis. */
  const decades = (values) => {
    const seen = values.filter((value) => value > 1.5e-9);
    if (!seen.length) return { min: 1e-9, max: 1 };
    const [least, most] = [Math.min(...seen), Math.max(...seen)];
    const low = Math.floor(Math.log10(least / 1.05) + 1e-9), high = Math.ceil(Math.log10(most) - 1e-9);
    return { min: 10 ** low, max: 10 ** Math.max(high, low + 1) };
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
      xAxis: axis(theme, { ...of.axis, name: "" }, { position: "bottom", ...decades(of.rows.flatMap((row) => row.values)) }),
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
          const xs = row.values.map((value) => { const at = api.coord([value, params.dataIndex]); return [Math.max(at[0], params.coordSys.x), at[1]]; });
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

  // ---- Bars of several, one below or behind the other.

  const bars = (of, theme, legend) => {
    const many = of.series.length, show = SHOW[of.axis.unit];
    const paint = (i) => theme.lines[i % theme.lines.length];
    legend.innerHTML = many > 1 ? keyed(of.series.map((name, i) => [name, paint(i), "box"])) : "";
    const long = Math.max(...of.rows.map((row) => row.name.length));
    const pieces = of.rows.flatMap((row, y) => {
      let from = 0;
      return row.values.flatMap((value, i) => {
        if (value === null) return [];
        const piece = [from, from + value, y, i];
        if (of.stacked) from += value;
        return [piece];
      });
    });
    return {
      ...common(theme),
      grid: { left: 8, right: 22, top: 4, bottom: 26, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: axis(theme, { ...of.axis, name: "" }, { position: "bottom", min: 0 }),
      yAxis: {
        type: "category", data: of.rows.map((row) => row.name), inverse: true, axisLine: { show: false }, axisTick: { show: false },
        axisLabel: { color: theme.text, fontSize: narrow() && long > 14 ? 10.5 : 12.5, interval: 0 },
      },
      tooltip: tooltip(theme, {
        trigger: "item",
        formatter: (it) => {
          const row = of.rows[it.value[2]];
          const rows = of.series.map((name, i) => (row.values[i] === null ? "" : `<tr><td><i style="background:${paint(i)}"></i>${escaped(name)}</td><td>${show(row.values[i])}</td></tr>`));
          const sum = of.stacked ? `<tr><td>all</td><td>${show(row.values.reduce((a, b) => a + b, 0))}</td></tr>` : "";
          return `<div class="tip"><b>${escaped(row.name)}</b><table>${rows.join("")}${sum}</table></div>`;
        },
      }),
      series: [{
        type: "custom", clip: true, data: pieces, encode: { x: [0, 1], y: 2 },
        renderItem: (params, api) => {
          const [from, to, row, i] = pieces[params.dataIndex];
          const [left, middle] = api.coord([from, row]);
          const room = api.size([0, 1])[1] * 0.76;
          const height = of.stacked ? room : room / many;
          const y = of.stacked ? middle - room / 2 : middle - room / 2 + i * height;
          return { type: "rect", shape: { x: left, width: Math.max(api.coord([to, row])[0] - left, 1), y, height: Math.max(height - (many > 1 && !of.stacked ? 1 : 0), 1) }, style: { fill: paint(i) } };
        },
      }],
    };
  };

  // ---- Nodes by stage over time.

  const timeline = (of, theme, legend, entry) => {
    const colours = [theme.start, theme.vote, theme.train, theme.aggregate, theme.wait, theme.diffuse, theme.text, theme.text, theme.text];
    const spans = [], jobs = [];
    for (let i = 0; i < of.spans.length; i += 5) {
      const [row, start, length, activity, round] = of.spans.slice(i, i + 5);
      (activity < 6 ? spans : jobs).push([start / 1e6, (start + length) / 1e6, row, activity, round]);
    }
    const used = [...new Set(spans.map((span) => span[3]))].sort();
    legend.innerHTML = keyed(used.map((a) => [of.activities[a], colours[a], "box"]))
      + (jobs.length ? `<span><i style="background:${theme.text};opacity:.55"></i>computing</span>` : "")
      + (of.transfers.length ? `<span><b style="color:${theme.alarm}">→</b>models of a node that is clicked</span>` : "");
    const bar = (high, paint) => (params, api) => {
      const [from, to, row] = [api.value(0), api.value(1), api.value(2)];
      const [x, y] = api.coord([from, row]);
      const height = api.size([0, 1])[1] * high;
      const left = Math.max(x, params.coordSys.x), right = Math.min(api.coord([to, row])[0], params.coordSys.x + params.coordSys.width);
      if (right < left) return null;
      return { type: "rect", shape: { x: left, y: y - height / 2, width: Math.max(right - left, 0.6), height }, style: paint(api.value(3)) };
    };
    const chosen = entry.state.row;
    const flights = [];
    for (let i = 0; i < of.transfers.length; i += 7) {
      const [from, to, sent, way, command, round, bytes] = of.transfers.slice(i, i + 7);
      if (from === chosen || to === chosen) flights.push([sent / 1e6, (sent + way) / 1e6, from, to, command, round, bytes]);
    }
    const wide = of.marks.filter((mark) => mark.row === null);
    // Marks close to each other are one line with all their words.
    const lines = [];
    for (const mark of wide) {
      const last = lines[lines.length - 1];
      if (!last || mark.at - last.at > (of.end - of.start) / (narrow() ? 8 : 25)) lines.push({ ...mark, words: [mark.what] });
      else if (!last.words.includes(mark.what)) last.words.push(mark.what);
    }
    const own = of.marks.filter((mark) => mark.row !== null);
    const shape = (what) => (/crash|fault|stopped itself/.test(what) ? "path://M-5,-3L-3,-5L0,-2L3,-5L5,-3L2,0L5,3L3,5L0,2L-3,5L-5,3L-2,0Z" : /back|joined/.test(what) ? "triangle" : "diamond");
    return {
      ...common(theme),
      grid: { left: 8, right: 16, top: !lines.length || narrow() ? 8 : lines.length > 1 ? 46 : 34, bottom: 62, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: { ...axis(theme, { name: "", unit: "time", scale: "linear" }), min: of.start / 1e6, max: of.end / 1e6, axisLabel: { color: theme.soft, fontSize: 12, hideOverlap: true, showMinLabel: false, showMaxLabel: false, formatter: (v) => trimmed(v.toFixed(3)) + " s" } },
      yAxis: {
        type: "category", inverse: true, data: of.rows.map((node) => (narrow() ? "" + node : "node " + node)),
        axisLine: { show: false }, axisTick: { show: false }, triggerEvent: true,
        axisLabel: { fontSize: 11, interval: 0, color: (_, i) => (i === chosen ? theme.alarm : theme.soft), fontWeight: "normal" },
      },
      dataZoom: entry.copy ? [] : [
        { type: "inside", zoomOnMouseWheel: "ctrl", moveOnMouseMove: true, moveOnMouseWheel: false, preventDefaultMouseMove: false, filterMode: "weakFilter", ...entry.state.zoom },
        { type: "slider", height: 22, bottom: 8, brushSelect: false, filterMode: "weakFilter", borderColor: theme.line, backgroundColor: "transparent", fillerColor: theme.lines[0] + "22", handleStyle: { color: theme.page, borderColor: theme.faint }, moveHandleSize: 0, textStyle: { color: theme.faint, fontSize: 11 }, labelFormatter: (v) => trimmed(v.toFixed(2)) + " s", dataBackground: { lineStyle: { opacity: 0 }, areaStyle: { opacity: 0 } }, selectedDataBackground: { lineStyle: { opacity: 0 }, areaStyle: { opacity: 0 } }, ...entry.state.zoom },
      ],
      tooltip: tooltip(theme, {
        trigger: "item",
        formatter: (it) => {
          if (it.seriesId === "marks") { const mark = own[it.dataIndex]; return `<div class="tip"><b>node ${of.rows[mark.row]}</b> ${escaped(mark.what)} at ${time(mark.at / 1e6)}</div>`; }
          if (it.seriesId === "flights") {
            const [sent, taken, from, to, command, round, bytes] = flights[it.dataIndex];
            return `<div class="tip"><b>${escaped(of.commands[command])}</b> of round ${round}, ${SHOW.bytes(bytes)}<br>node ${of.rows[from]} → node ${of.rows[to]}<br>sent at ${time(sent)}, ${time(taken - sent)} on its way</div>`;
          }
          const [from, to, row, activity, round] = it.value;
          return `<div class="tip"><b>node ${of.rows[row]}</b>${round < 0 ? "" : ", round " + round}<table><tr><td><i style="background:${colours[activity]}"></i>${of.activities[activity]}</td><td>${time(to - from)}</td></tr><tr><td>from</td><td>${trimmed(from.toFixed(6))} s</td></tr><tr><td>until</td><td>${trimmed(to.toFixed(6))} s</td></tr></table></div>`;
        },
      }),
      series: [
        { id: "spans", type: "custom", data: spans, clip: true, encode: { x: [0, 1], y: 2 }, z: 1, progressive: 0,
          renderItem: bar(0.78, (a) => ({ fill: colours[a] })),
          markLine: lines.length ? {
            silent: true, symbol: "none", lineStyle: { color: theme.alarm, type: [3, 3], width: 1 },
            label: { show: !narrow(), formatter: (it) => it.name, color: theme.alarm, fontSize: 11, position: "start", distance: 6 },
            data: lines.map((mark, i) => ({ xAxis: mark.at / 1e6, name: mark.words.join(", "), label: { distance: i % 2 ? 19 : 6 } })),
          } : undefined },
        { id: "jobs", type: "custom", data: jobs, clip: true, encode: { x: [0, 1], y: 2 }, z: 2, progressive: 0, renderItem: bar(0.22, (a) => ({ fill: colours[a], opacity: 0.55 })) },
        { id: "flights", type: "custom", data: flights.slice(0, 600), clip: true, encode: { x: [0, 1], y: [2, 3] }, z: 4,
          renderItem: (_, api) => {
            const [a, b] = [api.coord([api.value(0), api.value(2)]), api.coord([api.value(1), api.value(3)])];
            const down = b[1] > a[1] ? 1 : -1;
            return { type: "group", children: [
              { type: "line", shape: { x1: a[0], y1: a[1], x2: b[0], y2: b[1] }, style: { stroke: theme.alarm, lineWidth: 1.1, opacity: 0.8 } },
              { type: "polygon", shape: { points: [[b[0], b[1]], [b[0] - 3, b[1] - 6 * down], [b[0] + 3, b[1] - 6 * down]] }, style: { fill: theme.alarm } },
            ] };
          } },
        { id: "marks", type: "scatter", data: own.map((mark) => ({ value: [mark.at / 1e6, mark.row], symbol: shape(mark.what) })), symbolSize: 11, z: 5, itemStyle: { color: theme.alarm, borderColor: theme.page, borderWidth: 1 }, emphasis: { disabled: true } },
      ],
    };
  };

  // ---- Nodes and connections.

  const network = (of, theme, legend, entry) => {
    const select = entry.figure.querySelector("select");
    const measure = of.measures[entry.state.measure || 0];
    const values = measure ? measure.values : [];
    const known = values.filter((v) => v !== null).sort((a, b) => a - b);
    // Few that are far from all others must not take the colours from the rest.
    const [low, high] = known.length ? [known[Math.floor(known.length * 0.01)], known[Math.ceil(known.length * 0.99) - 1]] : [0, 0];
    const mix = ramp([theme.low, theme.middle, theme.high]);
    const paint = (i) => {
      const value = values[i];
      if (value === null || value === undefined) return theme.faint;
      return mix(high > low ? Math.min(1, Math.max(0, (value - low) / (high - low))) : 0.35);
    };
    const size = Math.max(5, Math.min(15, 260 / Math.sqrt(of.nodes.length)));
    const chosen = entry.state.node;
    const near = new Set();
    const edges = [];
    for (let i = 0; i < of.edges.length; i += 2) {
      const [a, b] = [of.edges[i], of.edges[i + 1]];
      edges.push([a, b]);
      if (a === chosen) near.add(b);
      if (b === chosen) near.add(a);
    }
    const show = measure ? SHOW[measure.unit] : String;
    legend.innerHTML = (measure ? `<span>${escaped(measure.name)}: ${known.length ? show(low) : "-"} <span class="ramp"></span> ${known.length ? show(high) : "-"}</span>` : "")
      + (of.flag.includes(1) ? `<span><b style="color:${theme.alarm}">◆</b>finished late</span>` : "")
      + (of.flag.includes(3) ? `<span><b style="color:${theme.alarm}">▲</b>crashed and came back</span>` : "")
      + (of.flag.includes(2) ? `<span><b style="color:${theme.alarm}">✕</b>did not finish</span>` : "")
      + (of.start !== null ? `<span><b>◎</b>began</span>` : "") + (entry.copy ? "" : `<span>click a node for its neighbours; drag, or Ctrl and the wheel, to move and zoom</span>`);
    const points = (flag) => of.nodes.flatMap((_, i) => (of.flag[i] === flag ? [{
      value: [of.x[i], of.y[i], i],
      itemStyle: { color: paint(i), opacity: chosen === undefined || i === chosen || near.has(i) ? 1 : 0.25, ...(flag ? { borderColor: theme.alarm, borderWidth: flag === 2 ? 0 : 2 } : {}), ...(flag === 2 ? { color: theme.alarm } : {}) },
    }] : []));
    const path = (some, style) => ({
      type: "custom", silent: true, data: [0], encode: { x: [], y: [] }, clip: true, z: style.z,
      renderItem: (_, api) => ({
        type: "path", style: { fill: "none", stroke: style.stroke, lineWidth: style.width, opacity: style.opacity },
        shape: { pathData: some.map(([a, b]) => { const [p, q] = [api.coord([of.x[a], of.y[a]]), api.coord([of.x[b], of.y[b]])]; return `M${p[0].toFixed(1)},${p[1].toFixed(1)}L${q[0].toFixed(1)},${q[1].toFixed(1)}`; }).join("") },
      }),
    });
    const [width, height] = [Math.max(entry.chart.getWidth() - 32, 10), Math.max(entry.chart.getHeight() - 32, 10)];
    const room = 10000 * Math.max(width, height) / Math.min(width, height);
    const bounds = (long) => (long ? { min: 5000 - room / 2, max: 5000 + room / 2 } : { min: 0, max: 10000 });
    const hidden = { type: "value", show: false };
    const marked = [1, 3, 2].map((flag) => ({ id: "flag" + flag, type: "scatter", z: 3 + flag, data: points(flag), symbolSize: size * 1.35, symbol: flag === 1 ? "diamond" : flag === 3 ? "triangle" : "path://M-5,-3L-3,-5L0,-2L3,-5L5,-3L2,0L5,3L3,5L0,2L-3,5L-5,3L-2,0Z", cursor: "pointer", emphasis: { scale: 1.4 } }));
    return {
      ...common(theme),
      grid: { left: 16, right: 16, top: 16, bottom: 16 },
      xAxis: { ...hidden, ...bounds(width > height) },
      yAxis: { ...hidden, inverse: true, ...bounds(height > width) },
      dataZoom: entry.copy ? [] : [
        { type: "inside", xAxisIndex: 0, zoomOnMouseWheel: "ctrl", moveOnMouseMove: true, moveOnMouseWheel: false, preventDefaultMouseMove: false, filterMode: "none" },
        { type: "inside", yAxisIndex: 0, zoomOnMouseWheel: "ctrl", moveOnMouseMove: true, moveOnMouseWheel: false, preventDefaultMouseMove: false, filterMode: "none" },
      ],
      tooltip: tooltip(theme, {
        trigger: "item",
        formatter: (it) => {
          const i = it.value[2];
          const rows = of.measures.map((m) => `<tr><td>${escaped(m.name)}</td><td>${m.values[i] === null ? "-" : SHOW[m.unit](m.values[i])}</td></tr>`);
          return `<div class="tip"><b>node ${of.nodes[i]}</b>, ${escaped(of.states[of.state[i]])}${i === of.start ? ", began" : ""}<table>${rows.join("")}</table></div>`;
        },
      }),
      series: [
        path(edges, { stroke: theme.edge, width: of.edges.length > 4000 ? 0.5 : 1, opacity: chosen === undefined ? (of.edges.length > 4000 ? 0.5 : 0.8) : 0.2, z: 1 }),
        ...(chosen === undefined ? [] : [path(edges.filter(([a, b]) => a === chosen || b === chosen), { stroke: theme.text, width: 1.5, opacity: 0.9, z: 2 })]),
        { id: "others", type: "scatter", z: 3, data: points(0), symbolSize: size, cursor: "pointer", itemStyle: { borderColor: theme.page, borderWidth: 1 }, emphasis: { scale: 1.4 } },
        ...marked,
        ...(of.start === null ? [] : [{ type: "scatter", silent: true, z: 6, data: [[of.x[of.start], of.y[of.start]]], symbol: "circle", symbolSize: size * 1.9, itemStyle: { color: "transparent", borderColor: theme.text, borderWidth: 1.5 } }]),
      ],
    };
  };
  /** A colour between some, the more the further. */
  const ramp = (colours) => {
    const parts = colours.map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
    return (share) => {
      const place = share * (parts.length - 1), i = Math.min(parts.length - 2, Math.floor(place)), rest = place - i;
      return "rgb(" + parts[i].map((from, c) => Math.round(from + (parts[i + 1][c] - from) * rest)).join(",") + ")";
    };
  };

  // ---- What a click chooses.

  const choose = (entry, change) => {
    Object.assign(entry.state, change);
    entry.chart.setOption(option(entry, palette()), { notMerge: true });
  };
  const listen = (entry) => {
    const { chart, of, state } = entry;
    if (of.kind === "timeline") {
      chart.on("datazoom", () => { const zoom = chart.getOption().dataZoom[0]; state.zoom = { start: zoom.start, end: zoom.end }; });
      chart.on("click", (it) => {
        const row = it.componentType === "yAxis" ? it.dataIndex !== undefined ? it.dataIndex : of.rows.findIndex((node) => it.value === (narrow() ? "" + node : "node " + node)) : it.seriesId === "flights" ? state.row : it.seriesId === "marks" ? it.value[1] : it.value[2];
        if (row >= 0) choose(entry, { row: row === state.row && it.seriesId !== "flights" ? undefined : row });
      });
    }
    if (of.kind === "network") {
      chart.on("click", (it) => { if (it.value && it.value.length === 3) choose(entry, { node: it.value[2] === state.node ? undefined : it.value[2] }); });
      chart.getZr().on("click", (event) => { if (!event.target && state.node !== undefined) choose(entry, { node: undefined }); });
      const select = entry.figure.querySelector("select");
      if (select && !select.dataset.heard) {
        select.dataset.heard = "yes";
        select.addEventListener("change", () => choose(charts.get(select.dataset.choice), { measure: select.selectedIndex }));
      }
    }
  };

  // ---- Drawing, in both lights, when it comes into view.

  const KINDS = { lines, ranges, bars, timeline, network };
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
    listen(entry);
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
    if (window.innerWidth !== wide) { wide = window.innerWidth; charts.forEach((entry) => { entry.chart.resize(); choose(entry, {}); }); }
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
  /** The middle of the first bar of the name that has the longest. */
  const longest = (of) => {
    const first = of.rows.map((row) => row.values[0] || 0);
    const row = first.indexOf(Math.max(...first));
    return [first[row] / 2, row];
  };
  /** Where on the screen there is something in a chart to point at. */
  const spot = (id) => {
    const { of, chart, plot } = drawn(id);
    plot.scrollIntoView({ block: "center", behavior: "instant" });
    const box = plot.getBoundingClientRect();
    const value = { timeline: () => [(of.spans[1] + of.spans[2] / 2) / 1e6, of.spans[0]], network: () => [of.x[0], of.y[0]], ranges: () => [of.rows[0].values[1], 0], bars: () => longest(of) }[of.kind];
    const [x, y] = value ? chart.convertToPixel({ xAxisIndex: 0, yAxisIndex: 0 }, value()) : [box.width / 2, box.height / 2];
    // Of bars side by side, the middle of the first.
    const beside = of.kind === "bars" && !of.stacked ? of.series.length : 1;
    const band = Math.abs(chart.convertToPixel({ yAxisIndex: 0 }, 1) - chart.convertToPixel({ yAxisIndex: 0 }, 0)) || 0;
    return { x: box.left + x, y: box.top + y - (beside > 1 ? band * 0.38 * (1 - 1 / beside) : 0) };
  };
  window.report = { svg, all, spot, ids: plots.map((plot) => plot.dataset.chart) };
  root.dataset.ready = "yes";
})();
