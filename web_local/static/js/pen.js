// A signature with pen, finger or mouse. What leaves the page is the line alone: a curve is laid through the places the
// hand was at, and given points at equal distances along it, so that neither points nor corners tell where it hurried.
// Times and pressure are never looked at.

// ---- the line
const FINE = 4; // pen units between two points of a curve before it is measured
const between = (one, other) => Math.hypot(other[0] - one[0], other[1] - one[1]);
const length = (line) => line.slice(1).reduce((sum, point, at) => sum + between(line[at], point), 0);

// Catmull-Rom, as the desk draws it.
function curved(spots) {
  const found = [spots[0]];
  for (let at = 1; at < spots.length; at += 1) {
    const [here, there] = [spots[at - 1], spots[at]];
    const [before, after] = [spots[at - 2] ?? here, spots[at + 1] ?? there];
    const pieces = Math.ceil(between(here, there) / FINE);
    for (let piece = 1; piece <= pieces; piece += 1) {
      const [u, v] = [piece / pieces, 1 - piece / pieces];
      found.push([0, 1].map((axis) => {
        const leave = here[axis] + (there[axis] - before[axis]) / 6;
        const arrive = there[axis] - (after[axis] - here[axis]) / 6;
        return v ** 3 * here[axis] + 3 * v * v * u * leave + 3 * v * u * u * arrive + u ** 3 * there[axis];
      }));
    }
  }
  return found;
}

function evenly(line, step) {
  const whole = length(line);
  const pieces = Math.max(1, Math.round(whole / step));
  const found = [line[0]];
  let walked = 0;
  for (let at = 1; at < line.length; at += 1) {
    const [one, other] = [line[at - 1], line[at]];
    const stretch = between(one, other);
    while (found.length < pieces && (whole / pieces) * found.length <= walked + stretch) {
      const share = ((whole / pieces) * found.length - walked) / stretch;
      found.push([0, 1].map((axis) => one[axis] + (other[axis] - one[axis]) * share));
    }
    walked += stretch;
  }
  if (whole > 0) found.push(line.at(-1));
  return found.map((point) => point.map(Math.round));
}

// ---- the box
function pad(form) {
  const svg = form.querySelector("svg");
  const said = form.querySelector("[role=status]");
  const [wide, high, step, least, most, points] = ["wide", "high", "step", "least", "strokes", "points"].map((name) => Number(form.dataset[name]));
  const strokes = new Map(); // drawn line → its points
  let hand = null; // the one pointer that draws
  let pen = false; // a pen has drawn: a palm on the glass is no finger

  const tell = (text, wrong = true) => {
    said.textContent = text;
    said.classList.toggle("is-wrong", wrong);
  };
  const place = (event) => {
    const box = svg.getBoundingClientRect();
    const held = (share, limit) => Math.min(limit, Math.max(0, share * limit));
    return [held((event.clientX - box.left) / box.width, wide), held((event.clientY - box.top) / box.height, high)];
  };
  const show = (line, spots) => line.setAttribute("points", (spots.length > 1 ? spots : [...spots, ...spots]).map((spot) => spot.join(",")).join(" "));
  const total = () => [...strokes.values()].reduce((sum, spots) => sum + spots.length, 0);
  const tooLong = () => strokes.size > most || total() > points;

  const begin = (event) => {
    if (hand || event.button !== 0 || (pen && event.pointerType === "touch")) return;
    event.preventDefault();
    pen ||= event.pointerType === "pen";
    svg.setPointerCapture(event.pointerId);
    const line = document.createElementNS(svg.namespaceURI, "polyline");
    hand = { id: event.pointerId, line, spots: [place(event)] };
    show(line, hand.spots);
    svg.append(line);
    tell("");
  };
  const follow = (event) => {
    if (event.pointerId !== hand?.id) return;
    const seen = event.getCoalescedEvents?.() ?? [];
    for (const one of seen.length ? seen : [event]) {
      const [x, y] = place(one);
      const [lastX, lastY] = hand.spots.at(-1);
      if (x === lastX && y === lastY) continue;
      hand.spots.push([x, y]);
      hand.line.points.appendItem(Object.assign(svg.createSVGPoint(), { x, y }));
    }
  };
  const end = (event) => {
    if (event.pointerId !== hand?.id) return;
    const spots = evenly(curved(hand.spots), step).map(([x, y]) => [Math.min(wide, Math.max(0, x)), Math.min(high, Math.max(0, y))]);
    show(hand.line, spots);
    strokes.set(hand.line, spots);
    hand = null;
    if (tooLong()) tell(form.dataset.long);
  };
  const lose = (event) => {
    if (event.pointerId !== hand?.id) return;
    hand.line.remove();
    hand = null;
  };
  svg.addEventListener("pointerdown", begin);
  svg.addEventListener("pointermove", follow);
  svg.addEventListener("pointerup", end);
  svg.addEventListener("pointercancel", lose);
  svg.addEventListener("lostpointercapture", end); // however the window took the pointer away
  svg.addEventListener("contextmenu", (event) => event.preventDefault()); // a pen that rests is no question

  form.querySelector("[data-clean]").addEventListener("click", () => {
    for (const line of strokes.keys()) line.remove();
    strokes.clear();
    pen = false;
    tell(form.dataset.empty, false);
  });
  form.addEventListener("submit", (event) => {
    const drawn = [...strokes.values()];
    const tiny = drawn.reduce((sum, spots) => sum + length(spots), 0) < least;
    if (tiny || tooLong()) {
      event.preventDefault();
      event.stopPropagation(); // nothing was sent: the button stays alive
      tell(tiny ? form.dataset.tiny : form.dataset.long);
      return;
    }
    form.elements.strokes.value = drawn.map((spots) => spots.flat().join(" ")).join(".");
  });

  form.hidden = false;
  for (const note of document.querySelectorAll("[data-no-pen]")) note.hidden = true;
}

for (const form of document.querySelectorAll("form[data-pen]")) pad(form);
