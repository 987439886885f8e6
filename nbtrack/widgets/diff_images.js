// Two images: side by side, swiped over each other, or pixel by pixel with a score.

const NEAR = 12; // of 255: what compression and smoothing of edges leave
const MOST_PIXELS = 8_000_000;

/** Make an image from bytes. Inside <img> an SVG runs no script and loads nothing. */
function picture(told, buffers, name, urls) {
  const view = buffers?.[told.buffer];
  if (!told.mime || !view) return null;
  const url = URL.createObjectURL(new Blob([view], { type: told.mime }));
  urls.push(url);
  return make("img", "img", null, { src: url, alt: name, draggable: "false" });
}

function sideOf(told, buffers, name, urls) {
  const box = make("div", "im");
  if (!told) {
    box.classList.add("jp-nbtrack-nd-hatched");
    box.append(make("span", "muted sm", `none in ${name}`));
    return box;
  }
  const image = picture(told, buffers, `image in ${name}`, urls);
  if (image) {
    image.addEventListener("error", () => image.replaceWith(make("span", "muted sm", "This image cannot be read.")), { once: true });
    box.append(image);
  }
  box.append(make("div", "muted sm", `${name} · ${told.size} · sha256 ${told.sha}`));
  return box;
}

/** Draw two images with their modes. `onScore` is told how many pixels differ, in words. */
function drawImages(images, buffers, { mode, onMode, onScore, urls, quiet }) {
  const box = make("div", "images");
  const [a, b] = images;
  const both = a && b && a.mime && b.mime;
  const stage = make("div", "stage");
  const note = make("span", "muted sm", "");
  let score = null;
  const show = (wanted) => {
    stage.replaceChildren();
    stage.className = `jp-nbtrack-nd-stage jp-nbtrack-nd-${wanted}`;
    for (const one of box.querySelectorAll("button[data-mode]")) one.setAttribute("aria-pressed", String(one.dataset.mode === wanted));
    if (wanted === "swipe") stage.append(drawSwipe(a, b, buffers, urls));
    else if (wanted === "pixels") stage.append(score?.canvas ?? make("span", "muted sm", "These images cannot be compared pixel by pixel."));
    else stage.append(sideOf(a, buffers, "A", urls), sideOf(b, buffers, "B", urls));
  };
  if (both) {
    const bar = make("div", "imbar");
    const segment = make("span", "seg", null, { role: "group", "aria-label": "How the images are compared" });
    for (const [kind, name] of [["two", "Side by side"], ["swipe", "Swipe"], ["pixels", "Difference"]]) {
      const one = make("button", "", name, { type: "button", "data-mode": kind, "aria-pressed": "false" });
      one.addEventListener("click", () => {
        onMode(kind);
        show(kind);
      });
      segment.append(one);
    }
    bar.append(note, make("span", "sp"), segment);
    box.append(bar);
    comparePixels(a, b, buffers, urls).then((found) => {
      score = found;
      note.textContent = found && !quiet ? found.words : ""; // the head of the cell says it already
      if (found) onScore(found.words);
      if (mode() === "pixels") show("pixels");
    });
  }
  box.append(stage);
  show(both ? mode() : "two");
  return box;
}

function drawSwipe(a, b, buffers, urls) {
  const box = make("div", "swipebox");
  const layers = make("div", "layers");
  const under = picture(a, buffers, "image in A", urls);
  const over = picture(b, buffers, "image in B", urls);
  if (!under || !over) return box;
  over.classList.add("jp-nbtrack-nd-over");
  const line = make("div", "swipeline");
  layers.append(under, over, line);
  const range = make("input", "range", null, { type: "range", min: "0", max: "100", value: "50", "aria-label": "How much of A is seen" });
  const set = () => {
    over.style.clipPath = `inset(0 0 0 ${range.value}%)`;
    line.style.left = `${range.value}%`;
  };
  range.addEventListener("input", set);
  layers.addEventListener("pointermove", (event) => {
    if (!event.buttons && event.pointerType === "mouse" && !event.altKey) return;
    const place = layers.getBoundingClientRect();
    range.value = String(Math.round(((event.clientX - place.left) / place.width) * 100));
    set();
  });
  set();
  const legend = make("div", "legend muted sm");
  legend.append(make("span", "", "A"), range, make("span", "", "B"));
  box.append(layers, legend);
  return box;
}

async function pixelsOf(told, buffers, urls) {
  const image = picture(told, buffers, "", urls);
  if (!image) return null;
  await image.decode();
  return { image, width: image.naturalWidth || 300, height: image.naturalHeight || 150 };
}

/** Compare two images pixel by pixel on white; null when they cannot be drawn. */
async function comparePixels(a, b, buffers, urls) {
  try {
    const [one, other] = await Promise.all([pixelsOf(a, buffers, urls), pixelsOf(b, buffers, urls)]);
    if (!one || !other) return null;
    const full = { width: Math.max(one.width, other.width), height: Math.max(one.height, other.height) };
    const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (full.width * full.height)));
    const width = Math.max(1, Math.round(full.width * scale));
    const height = Math.max(1, Math.round(full.height * scale));
    const [left, right] = [one, other].map((side) => {
      const canvas = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
      canvas.fillStyle = "#fff";
      canvas.fillRect(0, 0, width, height);
      canvas.drawImage(side.image, 0, 0, side.width * scale, side.height * scale);
      return canvas.getImageData(0, 0, width, height).data;
    });
    return paintDifference(left, right, width, height, one.width !== other.width || one.height !== other.height);
  } catch {
    return null; // broken bytes, or a drawing that the browser does not let be read back
  }
}

/** Paint what differs in red over B grown pale. */
function paintDifference(left, right, width, height, resized) {
  const canvas = make("canvas", "img", null, { role: "img" });
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const out = context.createImageData(width, height);
  let differ = 0;
  for (let at = 0; at < left.length; at += 4) {
    const by = Math.max(Math.abs(left[at] - right[at]), Math.abs(left[at + 1] - right[at + 1]), Math.abs(left[at + 2] - right[at + 2]));
    const grey = 255 - (255 - (right[at] * 0.3 + right[at + 1] * 0.59 + right[at + 2] * 0.11)) * 0.25;
    const hit = by > NEAR;
    if (hit) differ++;
    out.data[at] = hit ? 214 : grey;
    out.data[at + 1] = hit ? 40 : grey;
    out.data[at + 2] = hit ? 40 : grey;
    out.data[at + 3] = 255;
  }
  context.putImageData(out, 0, 0);
  const share = (differ * 100) / (width * height);
  const number = share > 0 && share < 0.1 ? "less than 0.1" : share.toFixed(share < 10 ? 1 : 0);
  const words = differ ? `${number} % of pixels differ${resized ? ", another size" : ""}` : resized ? "another size" : "no pixel differs";
  canvas.setAttribute("aria-label", `Difference: ${words}`);
  return { canvas, words, share };
}
