// One cell of a diff drawn: lines in two views, outputs, tables; stored HTML as text, or in a frame that may do nothing.

const TOKENS = /(#.*$)|("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(\b(?:\d[\d_]*\.?\d*(?:[eE][-+]?\d+)?|\.\d+)\b)/g;
const TOKEN_NAMES = ["com", "str", "num"];
const COLOURED_AT_MOST = 500; // characters of a line
const FRAME_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; form-action 'none'; base-uri 'none'";
const LONG_FOLD = 40; // lines of one output that are shown before the rest is folded

/** Write a line: every second piece is marked; numbers, texts and comments of code keep their colour inside marks. */
function paintText(node, text, side, isCode) {
  const pieces = typeof text === "string" ? [text] : text;
  const whole = pieces.join("");
  const colours = [];
  if (isCode && whole.length <= COLOURED_AT_MOST) {
    for (const found of whole.matchAll(TOKENS)) {
      const kind = TOKEN_NAMES[found.slice(1).findIndex((one) => one !== undefined)];
      colours.push([found.index, found.index + found[0].length, kind]);
    }
  }
  let at = 0;
  pieces.forEach((piece, number) => {
    const parent = number % 2 && piece ? make(side === "a" ? "del" : "ins") : node;
    paintPiece(parent, piece, at, colours);
    if (parent !== node) node.append(parent);
    at += piece.length;
  });
}

function paintPiece(parent, piece, start, colours) {
  let at = 0;
  for (const [low, high, kind] of colours) {
    const from = Math.max(low - start, 0);
    const to = Math.min(high - start, piece.length);
    if (from >= to) continue;
    if (from > at) parent.append(piece.slice(at, from));
    parent.append(make("span", kind, piece.slice(from, to)));
    at = to;
  }
  if (at < piece.length) parent.append(piece.slice(at));
}

const SIDE_WORDS = { a: "removed: ", b: "added: " };

function half(row, side, isCode) {
  const [state, aNumber, bNumber, a, b] = row;
  const number = side === "a" ? aNumber : bNumber;
  if (number === null) return make("div", "ln hatched", null, { "aria-hidden": "true" });
  const changed = state === "~" || state === (side === "a" ? "-" : "+");
  const node = make("div", `ln${changed ? ` ${side}` : state === "n" ? " noisy" : ""}`);
  node.append(make("span", "g", String(number + 1), { "aria-hidden": "true" }));
  node.append(make("span", "s", changed ? (side === "a" ? "−" : "+") : state === "n" ? "~" : "", { "aria-hidden": "true" }));
  const text = make("span", "tx");
  if (changed) text.append(make("span", "heard", SIDE_WORDS[side]));
  paintText(text, state === "=" || side === "a" ? a : b, side, isCode);
  node.append(text);
  return node;
}

/** Draw lines in both views. In the unified one, changed lines that stand together come old ones first. */
function drawLines(rows, { unified, isCode, onGap, label }) {
  const box = make("div", `lines ${unified ? "uni" : "two"}`, null, { role: "group", "aria-label": label });
  let added = [];
  const flush = () => {
    box.append(...added);
    added = [];
  };
  for (const row of rows) {
    const state = row[0];
    if (state === "g") {
      flush();
      box.append(button("gap", `Show ${row[1]}`, { text: `⋯ ${row[1]}`, act: onGap }));
    } else if (!unified) {
      const pair = make("div", "pair");
      pair.append(half(row, "a", isCode), half(state === "=" ? ["=", row[1], row[2], row[3], row[3]] : row, "b", isCode));
      box.append(pair);
    } else if (state === "=" || state === "n") {
      flush();
      box.append(half(row, "b", isCode));
    } else {
      if (row[1] !== null && state !== "+") {
        if (state === "-" && added.length) flush();
        box.append(half(row, "a", isCode));
      }
      if (row[2] !== null && state !== "-") added.push(half(row, "b", isCode));
    }
  }
  flush();
  return box;
}

function drawWhole(rows, isCode, label) {
  const box = make("div", "lines uni", null, { role: "group", "aria-label": label });
  for (const row of rows) box.append(row[0] === "g" ? make("div", "gap", `⋯ ${row[1]}`) : half(row, "b", isCode));
  return box;
}

/** Fold what is long: the first lines, and one button for the rest. */
function folded(rows, draw) {
  if (rows.length <= LONG_FOLD + 10) return draw(rows);
  const box = make("div", "long");
  const more = rows.length - LONG_FOLD;
  const show = button("quiet", `Show ${more} more lines`, { text: `Show ${more} more lines`, act: () => box.replaceChildren(draw(rows)) });
  box.append(draw(rows.slice(0, LONG_FOLD)), show);
  return box;
}

function drawTable(table) {
  const box = make("div", "scroll", null, { tabindex: "0", role: "region", "aria-label": "Table of differences" });
  const grid = make("table", "tbl");
  const head = make("tr");
  table.heads.forEach(([name, right], place) => {
    const numeric = right || table.rows[0]?.[place]?.[1].startsWith("r");
    head.append(make("th", numeric ? "r" : "", name, { scope: "col" }));
  });
  const body = make("tbody");
  for (const row of table.rows) {
    const line = make("tr");
    for (const [text, cls] of row) line.append(make("td", cls, text));
    body.append(line);
  }
  const top = make("thead");
  top.append(head);
  grid.append(top, body);
  box.append(grid);
  if (!table.more) return box;
  const whole = make("div");
  whole.append(box, make("div", "muted sm", table.more));
  return whole;
}

/** Show stored HTML in a frame without scripts, forms, network and clicks. The policy stands before anything that is stored. */
function drawFrame(html, name) {
  const box = make("div", "frame");
  box.append(make("div", "muted sm", `${name}, drawn without scripts and network`));
  const clip = make("div", "frameclip", null, { tabindex: "0", role: "region", "aria-label": `Output in ${name}` });
  const frame = make("iframe", "", null, { sandbox: "", referrerpolicy: "no-referrer", tabindex: "-1", title: `Output in ${name}`, inert: "" });
  const look = "body{margin:8px;font:13px system-ui,sans-serif;background:#fff;color:#212121}";
  const policy = `<meta http-equiv="Content-Security-Policy" content="${FRAME_POLICY}">`;
  frame.srcdoc = `<!doctype html><html><head>${policy}<style>${look}</style></head><body>${html}</body></html>`;
  clip.append(frame);
  box.append(clip);
  return box;
}

function drawOutput(output, buffers, tools) {
  const box = make("div", "output");
  const quiet = output.kind === "same";
  const head = make("div", "said muted sm", quiet ? "" : `output: ${output.said}`);
  if (!quiet && tools.alone) head.textContent = "";
  const draw = (rows) =>
    quiet
      ? drawWhole(rows, false, "Output")
      : drawLines(rows, { unified: tools.unified, isCode: false, onGap: tools.onGap, label: "Output, line by line" });
  if (output.live) {
    const name = "Show as a page";
    head.append(button("quiet", `${name}, without scripts`, { text: name, act: (event) => tools.onLive(output, box, event.currentTarget) }));
  }
  if (head.childNodes.length) box.append(head);
  if (output.table) box.append(drawTable(output.table));
  if (output.images) box.append(drawImages(output.images, buffers, { ...tools.images, quiet: tools.alone, onScore: (words) => tools.onScore(output, words) }));
  if (output.image) {
    const image = picture(output.image, buffers, "image", tools.images.urls);
    if (image) box.append(image);
  }
  if (output.lines?.length) box.append(folded(output.lines, draw));
  if (quiet && box.childNodes.length === 0) box.append(make("div", "muted sm", `output: ${output.what}`));
  return box;
}

/** Draw the inside of a cell from what the kernel sent. */
function drawBody(part, buffers, item, tools) {
  const body = make("div", "bd");
  const isCode = part.lang === "code";
  const quiet = item.quiet;
  for (const note of part.notes ?? []) body.append(make("div", "muted sm", note));
  if (part.lines?.length) {
    body.append(
      quiet
        ? drawWhole(part.lines, isCode, "Text of the cell")
        : drawLines(part.lines, { unified: tools.unified, isCode, onGap: tools.onGap, label: "Text of the cell, line by line" }),
    );
  } else if (quiet) body.append(make("div", "muted sm", "This cell is empty."));
  if (part.meta?.length) {
    body.append(make("div", "said muted sm", "metadata"));
    body.append(drawLines(part.meta, { unified: tools.unified, isCode: false, onGap: tools.onGap, label: "Metadata, line by line" }));
  }
  const outputs = part.outputs ?? [];
  const alone = item.k === "output only" && outputs.length === 1;
  for (const output of outputs) body.append(drawOutput(output, buffers, { ...tools, alone }));
  return body;
}
