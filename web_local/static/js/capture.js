// Paper under the camera: the outline over the live picture, corners that are moved, places that are blackened.
// Every page works without it: the picture lives by itself, and numbers can be typed.

const RETRY_MS = 2_000;
const CALM_MS = 1_000;

// ---- the live picture and what the desk makes of it
function watch(eye) {
  const frame = eye.querySelector(".pue-eye-frame");
  const picture = frame.querySelector("img");
  const outline = frame.querySelector("polygon");
  const off = frame.querySelector(".pue-live-off");
  const hint = eye.querySelector(".pue-eye-hint");
  const steady = eye.querySelector(".pue-eye-steady");
  const source = picture.getAttribute("src");
  let number = 0;
  let toldAt = 0;
  let waiting = 0;
  let gone = false;

  const connect = () => {
    number += 1;
    picture.src = `${source}?n=${number}`;
  };
  const away = (is) => {
    if (gone && !is) connect();
    gone = is;
    picture.hidden = is;
    off.hidden = !is;
  };
  picture.addEventListener("error", () => {
    away(true);
    setTimeout(() => {
      if (gone) connect();
    }, RETRY_MS);
  });
  picture.addEventListener("load", () => {
    gone = false;
    picture.hidden = false;
    off.hidden = true;
  });

  // A reader hears one sentence a second at most, and only when it is another one.
  const tell = (text, tone) => {
    clearTimeout(waiting);
    if (!text || text === hint.textContent) return;
    const now = Date.now();
    if (now - toldAt < CALM_MS) {
      waiting = setTimeout(() => tell(text, tone), CALM_MS - (now - toldAt));
      return;
    }
    toldAt = now;
    hint.textContent = text;
    hint.className = `pue-eye-hint tone-${tone}`;
  };

  window.addEventListener("pagehide", () => picture.removeAttribute("src"));
  if (!eye.dataset.eye) return;
  const news = new EventSource(eye.dataset.eye);
  news.addEventListener("vista", (event) => {
    const seen = JSON.parse(event.data);
    outline.setAttribute("points", seen.corners.map((corner) => corner.join(",")).join(" "));
    frame.className = `pue-eye-frame tone-${seen.tone}`;
    steady.hidden = !(seen.steady > 0);
    steady.value = seen.steady;
    if (seen.gone !== gone) away(seen.gone);
    tell(seen.hint, seen.tone);
  });
  news.addEventListener("sessione", () => news.close());
  // A browser keeps six connections to one house: both streams give theirs back before the next page needs them.
  window.addEventListener("pagehide", () => news.close());
}

// ---- things that are moved by finger, mouse or arrows over a picture; places are per cent of it
const clamp = (value, least = 0, most = 100) => Math.min(most, Math.max(least, value));
const shown = (value) => (Math.round(value * 10) / 10).toString().replace(".", ",");
const typed = (input) => Number.parseFloat(input.value.replace(",", "."));

function place(ground, event) {
  const box = ground.getBoundingClientRect();
  return [clamp(((event.clientX - box.left) / box.width) * 100), clamp(((event.clientY - box.top) / box.height) * 100)];
}

function draggable(knob, ground, move) {
  knob.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    event.stopPropagation();
    knob.focus();
    knob.setPointerCapture(event.pointerId);
    let [fromX, fromY] = place(ground, event);
    const follow = (now) => {
      const [x, y] = place(ground, now);
      move(x - fromX, y - fromY, false);
      [fromX, fromY] = [x, y];
    };
    knob.addEventListener("pointermove", follow);
    knob.addEventListener("pointerup", () => knob.removeEventListener("pointermove", follow), { once: true });
    knob.addEventListener("pointercancel", () => knob.removeEventListener("pointermove", follow), { once: true });
  });
  knob.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way) return;
    event.preventDefault();
    move(...way, event.shiftKey);
  });
}

// ---- four corners
function corners(ground) {
  const form = ground.closest("form");
  const inputs = [...form.querySelectorAll(".pue-pair input")];
  const outline = ground.querySelector("polygon");
  const knobs = [0, 2, 4, 6].map((at) => {
    const knob = document.createElement("button");
    knob.type = "button";
    knob.className = "pue-handle";
    draggable(knob, ground, (dx, dy, far) => {
      const step = far ? 5 : 1;
      inputs[at].value = shown(clamp(typed(inputs[at]) + dx * step));
      inputs[at + 1].value = shown(clamp(typed(inputs[at + 1]) + dy * step));
      draw();
    });
    ground.append(knob);
    return knob;
  });
  const draw = () => {
    const values = inputs.map((input) => typed(input));
    if (values.some(Number.isNaN)) return;
    outline.setAttribute("points", [0, 2, 4, 6].map((at) => `${values[at]},${values[at + 1]}`).join(" "));
    knobs.forEach((knob, index) => {
      knob.style.left = `${values[index * 2]}%`;
      knob.style.top = `${values[index * 2 + 1]}%`;
      const name = inputs[index * 2].closest(".pue-field").querySelector("label").textContent.split(",")[0];
      knob.setAttribute("aria-label", `${name}: ${inputs[index * 2].value}, ${inputs[index * 2 + 1].value}`);
    });
  };
  for (const input of inputs) input.addEventListener("input", draw);
  draw();
}

// ---- places to blacken
function boxes(ground) {
  const form = ground.closest("form");
  const rows = [...form.querySelectorAll(".pue-box-row")];
  const add = form.querySelector("[data-add-box]");
  const name = ground.dataset.boxes;
  const sides = (row) => [...row.querySelectorAll("input")];
  const put = (row, values) => {
    sides(row).forEach((input, at) => {
      input.value = shown(values[at]);
    });
    row.hidden = false;
    draw();
  };
  const free = () => rows.find((row) => sides(row).every((input) => !input.value.trim()));
  const covers = rows.map((row, index) => {
    const cover = document.createElement("button");
    cover.type = "button";
    cover.className = "pue-cover";
    draggable(cover, ground, (dx, dy, far) => {
      const [left, top, right, bottom] = sides(row).map(typed);
      if (far) put(row, [left, top, clamp(Math.max(left + 1, right + dx)), clamp(Math.max(top + 1, bottom + dy))]);
      else put(row, [clamp(left + dx, 0, 99), clamp(top + dy, 0, 99), clamp(right + dx, 1), clamp(bottom + dy, 1)]);
    });
    cover.hidden = true;
    ground.append(cover);
    row.hidden = index > 0 && sides(row).every((input) => !input.value.trim());
    return cover;
  });
  const draw = () => {
    rows.forEach((row, index) => {
      const values = sides(row).map(typed);
      const whole = !values.some(Number.isNaN);
      covers[index].hidden = !whole;
      if (!whole) return;
      const [left, top, right, bottom] = values;
      Object.assign(covers[index].style, { left: `${left}%`, top: `${top}%`, width: `${right - left}%`, height: `${bottom - top}%` });
      covers[index].setAttribute("aria-label", `${name} ${index + 1}: ${sides(row).map((input) => input.value).join(", ")}`);
    });
    add.hidden = !free();
  };
  ground.addEventListener("pointerdown", (event) => {
    const row = free();
    if (!row || event.target.closest(".pue-cover")) return;
    event.preventDefault();
    const [x, y] = place(ground, event);
    ground.setPointerCapture(event.pointerId);
    const follow = (now) => {
      const [u, v] = place(ground, now);
      if (Math.abs(u - x) > 1 && Math.abs(v - y) > 1) put(row, [Math.min(x, u), Math.min(y, v), Math.max(x, u), Math.max(y, v)]);
    };
    ground.addEventListener("pointermove", follow);
    ground.addEventListener("pointerup", () => ground.removeEventListener("pointermove", follow), { once: true });
  });
  add.addEventListener("click", () => {
    const row = free();
    if (!row) return;
    put(row, [30, 45, 70, 55]);
    covers[rows.indexOf(row)].focus();
  });
  for (const input of rows.flatMap(sides)) input.addEventListener("input", draw);
  draw();
}

for (const eye of document.querySelectorAll("[data-eye]")) watch(eye);
for (const ground of document.querySelectorAll("[data-corners]")) corners(ground);
for (const ground of document.querySelectorAll("[data-boxes]")) boxes(ground);
