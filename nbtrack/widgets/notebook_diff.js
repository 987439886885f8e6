// The notebook diff: bars, outline, list, ruler and keys. The kernel sends a plan first, and cells when they come into view.

const MEMORY = "nbtrack:diff";
const NARROW = 700;
const PATIENCE_MS = 4000;
const KEPT_PARTS = 400;
const TONES = { added: "add", removed: "rem" };

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(MEMORY)) ?? {};
  } catch {
    return {};
  }
}

function remember(changes) {
  try {
    localStorage.setItem(MEMORY, JSON.stringify({ ...remembered(), ...changes }));
  } catch {
    // a browser that keeps nothing: the choice holds for this view
  }
}

class NotebookDiff {
  constructor(model, el) {
    this.model = model;
    this.started = performance.now();
    const kept = remembered();
    this.noise = new Set(Array.isArray(kept.noise) ? kept.noise : []);
    this.chosen = kept.view === "unified" ? "unified" : "two";
    this.imageMode = ["two", "swipe", "pixels"].includes(kept.images) ? kept.images : "two";
    this.opened = new Set();
    this.wholes = new Set();
    this.scores = new Map();
    this.urls = [];
    this.narrow = el.clientWidth > 0 && el.clientWidth < NARROW;
    // single keys are ours while the focus is in here, and nobody else's
    this.root = make("div", "root", null, { tabindex: "-1", role: "region", "data-lm-suppress-shortcuts": "true" });
    this.root.classList.add("jp-nbtrack-nd");
    el.append(this.root);
    this.onMessage = (message, buffers) => this.receive(message, buffers);
    this.onPlan = () => this.start();
    model.on("msg:custom", this.onMessage);
    model.on("change:plan", this.onPlan);
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.root);
    this.start();
  }

  // ---------------------------------------------------------------- state

  get unified() {
    return this.narrow || this.chosen === "unified";
  }

  start() {
    this.plan = this.model.get("plan");
    this.outputs = this.plan.outputs !== false;
    this.parts = new Map(Object.entries(this.plan.parts ?? {}).map(([id, part]) => [Number(id), { part, buffers: [] }]));
    if (this.plan.noisy) this.noise = new Set(this.plan.noise.map(([kind]) => kind));
    if (this.noise.size || !this.outputs) this.parts.clear();
    this.pending = new Map();
    this.queue = new Set();
    this.opened.clear();
    this.wholes.clear();
    this.scores.clear();
    this.current = -1;
    this.list?.destroy();
    this.outline?.destroy();
    this.root.setAttribute("aria-label", `Notebook diff: ${this.plan.a.name} → ${this.plan.b.name}`);
    this.frame();
    this.arrange({ first: true });
    requestAnimationFrame(() => (this.root.dataset.paintMs = (performance.now() - this.started).toFixed(0)));
  }

  isQuiet(item) {
    if (item.u) return true;
    const noisy = Object.keys(item.noise ?? {}).some((kind) => this.noise.has(kind));
    return (item.k === "noise only" && !noisy) || (item.k === "output only" && !this.outputs && !noisy);
  }

  /** Cut the plan into what is shown: changed cells, and folds of quiet ones that may be open. */
  arrange({ first = false } = {}) {
    const rows = [];
    const heads = [];
    let quiet = [];
    const close = () => {
      const cells = quiet.reduce((sum, item) => sum + (item.u ?? (item.i >= 0 ? 1 : 0)), 0);
      if (cells) {
        const key = `f${quiet.find((item) => item.i >= 0).i}`;
        const open = this.opened.has(key);
        rows.push({ key, fold: quiet, cells, open, height: 26, fixed: true });
        heads.push({ key, fold: true, cells, height: 22, fixed: true });
        if (open) for (const item of quiet) this.inside(item, rows);
      }
      quiet = [];
    };
    const kept = this.changes?.[this.current]?.key;
    this.changes = [];
    for (const item of this.plan.items) {
      if (this.isQuiet(item)) {
        quiet.push(item);
        continue;
      }
      close();
      const key = `c${item.i}`;
      this.changes.push({ key, item });
      rows.push({ key, item, height: item.e });
      heads.push({ key, item, height: 26, fixed: true });
    }
    close();
    if (!this.changes.length) rows.unshift({ key: "equal", equal: true, height: 64 });
    this.rows = rows;
    this.current = this.changes.findIndex((one) => one.key === kept);
    if ((first || this.current < 0) && this.changes.length) this.current = 0;
    this.list.set(rows, { keep: !first });
    this.outline.set(heads, { keep: !first });
    this.place();
  }

  inside(item, rows) {
    for (let place = item.i, end = item.i + (item.u ?? 1); place < end; place++) {
      if (place >= 0) rows.push({ key: `c${place}`, item: { i: place, k: "unchanged", quiet: true, noise: item.noise }, height: 72 });
    }
  }

  // ---------------------------------------------------------------- frame

  frame() {
    const { plan } = this;
    this.root.replaceChildren();
    const title = make("div", "bar");
    title.append(icon("diff"), make("b", "title", plan.title), this.side("A", plan.a), make("span", "muted", "→"), this.side("B", plan.b));
    if (plan.a.checkpoint) {
      title.append(
        button("ib", "Older A ([)", { mark: "left", act: () => this.step(-1) }),
        button("ib", "Newer A (])", { mark: "right", act: () => this.step(1) }),
      );
    }
    this.counter = make("span", "muted num", "", { role: "status", "aria-live": "polite" });
    this.views = make("span", "seg", null, { role: "group", "aria-label": "View" });
    for (const [kind, name] of [["two", "Side by side"], ["unified", "Unified"]]) {
      const one = make("button", "", name, { type: "button", "data-view": kind });
      one.addEventListener("click", () => this.choose(kind));
      this.views.append(one);
    }
    title.append(make("span", "sp"));
    title.append(this.counter);
    title.append(button("ib", "Previous change (P)", { mark: "up", act: () => this.go(-1) }));
    title.append(button("ib", "Next change (N)", { mark: "down", act: () => this.go(1) }), this.views);
    this.root.append(title, this.secondBar());
    const main = make("div", "main");
    const outline = make("div", "outline");
    const names = make("div", "names", null, { role: "listbox", "aria-label": "Changes", tabindex: "0" });
    const keys = make("div", "keys", null, { "aria-hidden": "true" });
    for (const [letters, words] of [["N P", "next, previous"], ["U", "unified"], ["E", "unfold all"], ["Enter", "show in notebook"]]) {
      const line = make("div");
      for (const letter of letters.split(" ")) line.append(make("kbd", "kbd", letter), " ");
      line.append(words);
      keys.append(line);
    }
    outline.append(names, keys);
    const cells = make("div", "cells", null, { tabindex: "0", role: "group", "aria-label": "Cells" });
    this.ruler = make("div", "ruler", null, { "aria-hidden": "true" });
    main.append(outline, cells, this.ruler);
    this.toast = make("div", "toast", "", { role: "status", "aria-live": "polite", hidden: "" });
    this.root.append(main, this.toast);
    this.list = new VirtualList(cells, { build: (row) => this.buildRow(row) });
    this.list.onLayout = () => this.drawRuler();
    this.outline = new VirtualList(names, { build: (row) => this.buildName(row), over: 100 });
    this.showView();
  }

  side(letter, side) {
    const node = make("span", "pick", null, { title: side.name });
    node.append(make("span", "ab", letter), make("span", "el", side.name));
    return node;
  }

  secondBar() {
    const { plan } = this;
    const bar = make("div", "bar thin");
    const told = make("span");
    told.append(make("b", "", plan.told));
    if (plan.unchanged) told.append(make("span", "muted", ` · ${plan.unchanged}`));
    const chips = make("span", "chips", null, { role: "group", "aria-label": "What else is shown" });
    if (plan.noise.length) chips.append(make("span", "muted", "Hidden as noise"));
    for (const [kind, name, count] of plan.noise) {
      chips.append(this.chip(`${name} ${count}`, () => this.noise.has(kind), () => this.toggleNoise(kind)));
    }
    chips.append(this.chip("Outputs", () => this.outputs, () => this.toggleOutputs()));
    bar.append(told, make("span", "sp"), chips);
    return bar;
  }

  chip(name, isOn, act) {
    const node = make("button", "chip", null, { type: "button" });
    const show = () => {
      node.setAttribute("aria-pressed", String(isOn()));
      node.replaceChildren(...(isOn() ? [icon("check")] : []), name);
    };
    node.addEventListener("click", () => {
      act();
      show();
    });
    show();
    return node;
  }

  toggleNoise(kind) {
    if (!this.noise.delete(kind)) this.noise.add(kind);
    remember({ noise: [...this.noise] });
    this.redraw((item) => item.noise?.[kind]);
  }

  toggleOutputs() {
    this.outputs = !this.outputs;
    this.redraw(() => true);
  }

  /** Ask again for the cells that are drawn otherwise now, and arrange. */
  redraw(isStale) {
    const stale = new Set(this.plan.items.filter(isStale).map((item) => item.i));
    for (const id of [...this.parts.keys()]) if (stale.has(id) || !this.outputs) this.parts.delete(id);
    if (stale.size && this.outputs) for (const item of this.plan.items) if (stale.has(item.i)) this.list.measured.delete(`c${item.i}`);
    this.pending.clear();
    this.arrange();
    this.list.refreshAll();
  }

  // ---------------------------------------------------------------- rows

  buildRow(row) {
    if (row.equal) return this.buildEqual();
    return row.fold ? this.buildFold(row) : this.buildCell(row);
  }

  buildEqual() {
    const node = make("div", "equal");
    node.append(make("b", "", this.plan.told));
    if (this.plan.noise.length) {
      const show = () => {
        this.noise = new Set(this.plan.noise.map(([kind]) => kind));
        this.parts.clear();
        this.frame();
        this.arrange({ first: true });
      };
      node.append(" ", button("quiet", "Show them", { text: "Show them", act: show }));
    }
    return node;
  }

  buildFold(row) {
    const names = row.fold.flatMap((item) => (item.u ? item.names : item.h ? [item.h] : []));
    const more = names.length > 6 || row.fold.some((item) => item.more);
    const words = `${row.cells} unchanged cell${row.cells === 1 ? "" : "s"}`;
    const node = make("button", "fold", null, { type: "button", "aria-expanded": String(row.open) });
    node.append(icon(row.open ? "down" : "right"), words);
    if (names.length) node.append(make("span", "el", `· ${names.slice(0, 6).join(", ")}${more ? ", …" : ""}`));
    node.addEventListener("click", () => {
      if (!this.opened.delete(row.key)) this.opened.add(row.key);
      this.list.remove(row.key);
      this.arrange();
      this.list.nodes.get(row.key)?.focus({ preventScroll: true });
    });
    return node;
  }

  buildCell(row) {
    const { item } = row;
    const found = this.parts.get(item.i);
    const node = make("section", `dc${item.quiet ? " still" : ""}${row.key === this.changes[this.current]?.key ? " cur" : ""}`);
    const name = item.quiet ? (found?.part.name ?? "…") : item.name;
    node.setAttribute("aria-label", `${name} ${this.told(item)}`);
    const head = make("div", "h");
    if (item.k === "moved") head.append(make("span", "sig", item.sign));
    const told = make("span", "muted el", this.told(item));
    head.append(make("b", "", name), told, make("span", "sp"));
    if (item.back) head.append(button("quiet back", "Copy A's text to the notebook", { mark: "copy", text: "Copy A to notebook", act: () => this.ask(item, "copy") }));
    node.append(head);
    if (found) {
      if (!item.quiet && item.k === "moved" && !found.part.notes?.length && !found.part.outputs?.length) return node;
      node.append(drawBody(found.part, found.buffers, item, this.tools(row, told)));
    } else if (item.k !== "moved" || Object.keys(item.noise ?? {}).length) {
      const wait = make("div", "wait muted sm", this.late ? "The kernel is busy or gone: this cell comes when it answers." : "");
      wait.style.height = `${Math.max(row.height - 50, 17)}px`;
      node.append(wait);
      this.need(item.i);
    }
    return node;
  }

  told(item) {
    if (item.quiet) return "unchanged";
    const words = this.outputs ? item.told : (item.bare ?? item.told);
    const score = this.scores.get(item.i);
    return score && item.k === "output only" ? `output only: image, ${score}` : words;
  }

  tools(row, told) {
    const { item } = row;
    return {
      unified: this.unified,
      onGap: () => {
        this.wholes.add(item.i);
        this.parts.delete(item.i);
        this.need(item.i);
      },
      onLive: (output, box, pressed) => this.live(item, output, box, pressed),
      onScore: (output, words) => {
        this.scores.set(item.i, words);
        if (/^output only: image[^;]*$/.test(item.told)) told.textContent = this.told(item);
      },
      images: {
        mode: () => this.imageMode,
        onMode: (kind) => {
          this.imageMode = kind;
          remember({ images: kind });
        },
        urls: this.urls,
      },
    };
  }

  buildName(row) {
    if (row.fold) return make("div", "o f", `${row.cells} unchanged`, { role: "presentation" });
    const { item } = row;
    const on = row.key === this.changes[this.current]?.key;
    const node = make("div", `o${on ? " on" : ""}`, null, { role: "option", "aria-selected": String(on), id: `${this.id}-${row.key}` });
    const hint = item.d ?? { "output only": "output", moved: "moved", "noise only": "noise" }[item.k] ?? "";
    node.append(make("span", `sig ${TONES[item.k] ?? ""}`.trim(), item.sign), make("span", "el grow", item.name), make("span", "muted sm", hint));
    node.addEventListener("click", () => this.select(this.changes.findIndex((one) => one.key === row.key)));
    return node;
  }

  get id() {
    this.name ??= `jp-nbtrack-nd-${Math.random().toString(36).slice(2, 8)}`;
    return this.name;
  }

  drawRuler() {
    const total = this.list.offsets[this.list.items.length] || 1;
    const marks = [];
    let last = -1;
    for (const { key, item } of this.changes) {
      const place = this.list.places.get(key);
      const top = (this.list.offsets[place] * 100) / total;
      if (top - last < 0.4) continue; // marks on one pixel say nothing more
      last = top;
      const mark = make("i", TONES[item.k] ?? "");
      mark.style.top = `${top}%`;
      marks.push(mark);
    }
    this.ruler.replaceChildren(...marks);
  }

  // ---------------------------------------------------------------- walking

  select(place, { jump = true } = {}) {
    if (place < 0 || place >= this.changes.length) return;
    const before = this.changes[this.current]?.key;
    this.current = place;
    const { key } = this.changes[place];
    if (jump) this.list.scrollTo(key);
    this.outline.scrollTo(key, { middle: true });
    for (const [one, on] of [[before, false], [key, true]]) {
      this.list.nodes.get(one)?.classList.toggle("jp-nbtrack-nd-cur", on);
      const name = this.outline.nodes.get(one);
      name?.classList.toggle("jp-nbtrack-nd-on", on);
      name?.setAttribute("aria-selected", String(on));
    }
    this.place();
  }

  go(by) {
    if (!this.changes.length) return;
    const place = Math.min(Math.max(this.current + by, 0), this.changes.length - 1);
    this.select(place);
  }

  place() {
    const number = this.changes.length;
    this.counter.replaceChildren(number ? `${this.current + 1} of ${number}` : "");
    const now = this.changes[this.current];
    if (now) this.counter.append(make("span", "heard", `, ${now.item.name}, ${this.told(now.item)}`));
    const names = this.root.querySelector(".jp-nbtrack-nd-names");
    if (now) names.setAttribute("aria-activedescendant", `${this.id}-${now.key}`);
  }

  choose(kind) {
    this.chosen = kind;
    remember({ view: kind });
    this.showView();
    this.list.forget();
    this.list.refreshAll();
    this.list.layout(this.list.anchor());
  }

  showView() {
    this.root.classList.toggle("jp-nbtrack-nd-narrow", this.narrow);
    for (const one of this.views.children) {
      one.setAttribute("aria-pressed", String((one.dataset.view === "unified") === this.unified));
      one.disabled = this.narrow && one.dataset.view === "two";
      one.title = one.disabled ? "There is too little room for two sides" : one.dataset.view === "unified" ? "Unified (U)" : "Side by side (U)";
    }
  }

  resize() {
    const width = this.root.clientWidth;
    if (!width) return;
    const narrow = width < NARROW;
    if (narrow !== this.narrow) {
      this.narrow = narrow;
      this.showView();
      this.list.forget();
      this.list.refreshAll();
    }
    this.list.draw();
    this.outline.draw();
  }

  unfoldAll() {
    const folds = this.rows.filter((row) => row.fold);
    const open = folds.some((row) => !row.open);
    this.opened = new Set(open ? folds.map((row) => row.key) : []);
    for (const row of folds) if (this.list.nodes.has(row.key)) this.list.remove(row.key);
    this.arrange();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
    const onButton = event.target.matches("button");
    const acts = {
      n: () => this.go(1),
      p: () => this.go(-1),
      u: () => this.choose(this.unified ? "two" : "unified"),
      e: () => this.unfoldAll(),
      "[": () => this.step(-1),
      "]": () => this.step(1),
    };
    if (!onButton) acts.Enter = () => this.changes[this.current] && this.ask(this.changes[this.current].item, "show");
    if (event.target.matches(".jp-nbtrack-nd-names")) Object.assign(acts, { ArrowDown: acts.n, ArrowUp: acts.p });
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  // ---------------------------------------------------------------- the kernel

  need(id) {
    if (this.pending.has(id) || this.queue.has(id)) return;
    if (!this.queue.size) queueMicrotask(() => this.askParts());
    this.queue.add(id);
  }

  askParts() {
    const groups = [[...this.queue].filter((id) => !this.wholes.has(id)), [...this.queue].filter((id) => this.wholes.has(id))];
    this.queue.clear();
    const ask = (this.asked = (this.asked ?? 0) + 1);
    groups.forEach((ids, whole) => {
      for (const id of ids) this.pending.set(id, ask);
      if (ids.length) this.send({ type: "parts", ids, ask, whole: Boolean(whole), noise: [...this.noise], outputs: this.outputs });
    });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (!this.pending.size) return;
      this.late = true;
      for (const id of this.pending.keys()) this.list.refresh(`c${id}`);
    }, PATIENCE_MS);
  }

  send(message) {
    this.model.send({ ...message, version: this.plan.version });
  }

  receive(message, buffers) {
    if (message.type === "said") this.say(message.text);
    if (message.version !== this.plan.version) return;
    if (message.type === "part") {
      if (this.pending.get(message.id) !== message.ask) return; // asked anew meanwhile
      this.pending.delete(message.id);
      this.late = false;
      this.parts.delete(message.id);
      this.parts.set(message.id, { part: message.part, buffers });
      for (const id of this.parts.keys()) {
        if (this.parts.size <= KEPT_PARTS) break;
        if (!this.list.nodes.has(`c${id}`)) this.parts.delete(id);
      }
      this.list.refresh(`c${message.id}`);
    } else if (message.type === "live") this.showLive(message);
    else if (message.type === "source") this.take(message);
  }

  live(item, output, box, pressed) {
    const open = box.querySelector(":scope > .jp-nbtrack-nd-frames");
    pressed.setAttribute("aria-expanded", String(!open));
    if (open) {
      open.remove();
      return;
    }
    const frames = make("div", "frames", "", { "data-live": `${item.i}:${output.at}` });
    box.append(frames);
    this.send({ type: "live", id: item.i, at: output.at });
  }

  showLive({ id, at, a, b }) {
    const frames = this.root.querySelector(`[data-live="${Number(id)}:${Number(at)}"]`);
    frames?.replaceChildren(...[[a, "A"], [b, "B"]].filter(([html]) => html).map(([html, name]) => drawFrame(html, name)));
  }

  step(by) {
    this.send({ type: "step", by });
  }

  ask(item, why) {
    if (item.i >= 0) this.send({ type: "source", id: item.i, why });
  }

  /** Find the editor of a cell of this notebook by its text: the only one that reads so. */
  editor(text) {
    const host = this.root.closest(".jp-Notebook");
    if (!host || text === null || !this.plan.b.file) return null;
    const found = [...host.querySelectorAll(".jp-Cell-inputArea .cm-content")].filter((node) => viewOf(node)?.state?.doc?.toString() === text);
    return found.length === 1 ? found[0] : null;
  }

  async take({ why, a, b, redacted, from, id }) {
    const item = this.plan.items.find((one) => one.i === id);
    const editor = this.editor(b);
    if (why === "show") {
      const cell = editor?.closest(".jp-Cell");
      if (!cell) {
        this.say(b === null ? "This cell is not in the notebook any more." : "This cell is not in view in this notebook, or reads otherwise by now.");
        return;
      }
      cell.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
      cell.classList.add("jp-nbtrack-nd-flash");
      setTimeout(() => cell.classList.remove("jp-nbtrack-nd-flash"), 1200);
      return;
    }
    if (a === null) return;
    if (editor && !redacted) {
      const view = viewOf(editor);
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: a } });
      this.say(`${item.name} copied from ${from}. Ctrl+Z in the cell takes it back.`);
      return;
    }
    const where = redacted ? "It holds a redacted value: put that in by hand." : "Paste it where you want it.";
    this.say((await copyText(a)) ? `A's text is in the clipboard. ${where}` : "The browser lets nothing be copied here.");
  }

  say(text) {
    clearTimeout(this.said);
    this.toast.hidden = false;
    this.toast.textContent = text;
    this.said = setTimeout(() => (this.toast.hidden = true), 8000);
  }

  destroy() {
    clearTimeout(this.timer);
    clearTimeout(this.said);
    this.model.off("msg:custom", this.onMessage);
    this.model.off("change:plan", this.onPlan);
    this.sizes.disconnect();
    this.list.destroy();
    this.outline.destroy();
    for (const url of this.urls) URL.revokeObjectURL(url);
  }
}

/** The editor behind a node, as CodeMirror of several releases keeps it. */
function viewOf(node) {
  return node.cmView?.view ?? node.cmTile?.view ?? node.cmView?.rootView?.view ?? node.cmTile?.root?.view;
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const box = make("textarea", "heard", null, { "aria-hidden": "true" });
    box.value = text;
    document.body.append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    return done;
  }
}

function render({ model, el }) {
  const view = new NotebookDiff(model, el);
  return () => view.destroy();
}

export default { render };
