// Elements with a name, text and listeners; and a list that builds only what is in view.

/** Make an element. Text is always set as text: nothing that a notebook stores is ever read as HTML. */
function make(tag, cls, text, attributes) {
  const node = document.createElement(tag);
  if (cls) node.className = cls.split(" ").map((one) => `jp-nbtrack-nd-${one}`).join(" ");
  if (text !== undefined && text !== null && text !== "") node.textContent = text;
  for (const [key, value] of Object.entries(attributes ?? {})) if (value !== null && value !== undefined) node.setAttribute(key, value);
  return node;
}

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  diff: "M3 2h7l3 3v9H3zM8 5v4M6 7h4M6 11.4h4",
  up: "m4 10 4-4 4 4",
  down: "m4 6 4 4 4-4",
  right: "m6 4 4 4-4 4",
  left: "m10 4-4 4 4 4",
  check: "m3 8.5 3.2 3.2L13 4.8",
  copy: "M5.5 5.5h8v8.5h-8zM10.5 5.5V2.5h-8v8.5h3",
};

function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "jp-nbtrack-nd-ic");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Make a button with a name that is read aloud; with an icon and no text the name is its title. */
function button(cls, name, { mark, text, act, pressed } = {}) {
  const node = make("button", cls, null, { type: "button", title: name, "aria-label": name });
  if (pressed !== undefined) node.setAttribute("aria-pressed", String(pressed));
  if (mark) node.append(icon(mark));
  if (text) node.append(text);
  if (act) node.addEventListener("click", act);
  return node;
}

/** A list of rows of unlike heights: guessed until built, measured then. What is looked at stays where it is while heights arrive. */
class VirtualList {
  constructor(scroller, { build, over = 500 }) {
    this.scroller = scroller;
    this.build = build;
    this.over = over;
    this.items = [];
    this.offsets = [0];
    this.measured = new Map();
    this.nodes = new Map();
    this.places = new Map();
    this.space = make("div", "space", null, { role: "presentation" });
    scroller.append(this.space);
    this.observer = new ResizeObserver((entries) => this.measure(entries));
    this.onScroll = () => this.draw();
    scroller.addEventListener("scroll", this.onScroll, { passive: true });
  }

  /** Show these items: each has a `key` and a guessed `height`; `fixed` ones are not measured. */
  set(items, { keep = true } = {}) {
    const anchor = keep ? this.anchor() : null;
    this.items = items;
    this.places = new Map(items.map((item, place) => [item.key, place]));
    for (const key of [...this.nodes.keys()]) if (!this.places.has(key)) this.remove(key);
    this.layout(anchor);
  }

  /** Build one row anew. */
  refresh(key) {
    if (!this.nodes.has(key)) return;
    const anchor = this.anchor();
    this.remove(key);
    this.draw();
    this.layout(anchor);
  }

  refreshAll() {
    for (const key of [...this.nodes.keys()]) this.remove(key);
    this.draw();
  }

  heightOf(item) {
    return (item.fixed ? undefined : this.measured.get(item.key)) ?? item.height;
  }

  anchor() {
    if (!this.items.length || this.scroller.scrollTop <= 0) return null;
    const place = this.at(this.scroller.scrollTop);
    const item = this.items[place];
    return item ? { key: item.key, by: this.scroller.scrollTop - this.offsets[place] } : null;
  }

  layout(anchor) {
    let top = 0;
    this.offsets = new Array(this.items.length + 1);
    this.items.forEach((item, place) => {
      this.offsets[place] = top;
      top += this.heightOf(item);
    });
    this.offsets[this.items.length] = top;
    this.space.style.height = `${top}px`;
    if (anchor && this.places.has(anchor.key)) {
      const wanted = this.offsets[this.places.get(anchor.key)] + anchor.by;
      if (Math.abs(wanted - this.scroller.scrollTop) > 1) this.scroller.scrollTop = wanted;
    }
    this.draw();
    this.onLayout?.();
  }

  /** The place of the row at a height: binary search, since it is asked at every scroll. */
  at(height) {
    let low = 0;
    let high = this.items.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.offsets[middle] <= height) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  draw() {
    if (!this.items.length) return;
    const top = this.scroller.scrollTop;
    const first = this.at(Math.max(top - this.over, 0));
    const last = this.at(top + (this.scroller.clientHeight || 600) + this.over);
    for (const [key] of [...this.nodes]) {
      const place = this.places.get(key);
      const focused = this.nodes.get(key).contains(this.scroller.getRootNode().activeElement);
      if ((place < first || place > last) && !focused) this.remove(key);
    }
    for (let place = first; place <= last; place++) {
      const item = this.items[place];
      let node = this.nodes.get(item.key);
      if (!node) {
        node = this.build(item);
        node.classList.add("jp-nbtrack-nd-row");
        node.dataset.key = item.key;
        this.nodes.set(item.key, node);
        this.insert(node, place);
        if (!item.fixed) this.observer.observe(node);
      }
      node.style.top = `${this.offsets[place]}px`;
    }
  }

  /** Keep the order of focus and of reading the order of sight. */
  insert(node, place) {
    let next = null;
    for (const other of this.space.children) {
      if (this.places.get(other.dataset.key) > place) {
        next = other;
        break;
      }
    }
    this.space.insertBefore(node, next);
  }

  remove(key) {
    const node = this.nodes.get(key);
    const hadFocus = node.contains(node.getRootNode().activeElement);
    this.observer.unobserve(node);
    this.nodes.delete(key);
    node.remove();
    if (hadFocus) this.scroller.focus({ preventScroll: true }); // else the next key would be the notebook's
  }

  measure(entries) {
    let changed = false;
    const anchor = this.anchor();
    for (const entry of entries) {
      const key = entry.target.dataset.key;
      const height = entry.target.offsetHeight;
      const item = this.items[this.places.get(key)];
      if (!item || !height || Math.abs(this.heightOf(item) - height) < 1) continue;
      this.measured.set(key, height);
      changed = true;
    }
    if (changed) this.layout(anchor);
  }

  forget() {
    this.measured.clear();
  }

  scrollTo(key, { middle = false } = {}) {
    const place = this.places.get(key);
    if (place === undefined) return;
    const view = this.scroller.clientHeight;
    const top = this.offsets[place];
    const bottom = top + this.heightOf(this.items[place]);
    const now = this.scroller.scrollTop;
    if (middle && top >= now && bottom <= now + view) return;
    this.scroller.scrollTop = Math.max(top - (middle ? view / 2 : 26), 0);
    this.draw();
  }

  destroy() {
    this.observer.disconnect();
    this.scroller.removeEventListener("scroll", this.onScroll);
    for (const key of [...this.nodes.keys()]) this.remove(key);
  }
}
