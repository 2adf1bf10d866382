// What the pages gain with a script: focus, quick hide, autosave, live picture, news. All of them work without it.

const body = document.body;
const AUTOSAVE_MS = 20_000;
const PICTURE_MS = 250;
const PICTURE_RETRY_MS = 2_000;
const WARN_MS = 60_000;
const ANSWER_MS = 5_000;

// ---- after each page: the reader's place is the error summary, else the heading
function placeFocus() {
  if (document.activeElement !== body) return; // a quick hand was here first
  const target = document.querySelector("[data-focus]") ?? (document.querySelector("[autofocus]") ? null : document.querySelector(location.hash && /^#[\w-]+$/.test(location.hash) ? location.hash : "h1"));
  target?.focus({ preventScroll: target.tagName === "H1" });
}

// ---- keys
document.addEventListener("keydown", (event) => {
  if (event.key === "F9") {
    event.preventDefault();
    hide();
  } else if (event.key === "F1") {
    event.preventDefault();
    document.querySelector('[aria-keyshortcuts="F1"]')?.click();
  } else if (event.key === "Enter" && event.ctrlKey) {
    event.preventDefault();
    document.querySelector("main .btn-primary")?.click();
  }
});

function hide() {
  const form = document.getElementById("nascondi");
  if (!form) return;
  body.classList.add("is-hidden");
  form.requestSubmit();
}
document.getElementById("nascondi")?.addEventListener("submit", () => body.classList.add("is-hidden"));
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

// ---- one click, one act: the page shows at once that it was heard
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return; // it waits for the draft and comes again
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
});

// ---- questions that depend on the answer above them
function follow(form) {
  for (const question of form.querySelectorAll("[data-when]")) {
    const name = question.dataset.when;
    const picked = form.querySelector(`[name="${name}"]:checked`) ?? form.querySelector(`select[name="${name}"], input[name="${name}"]:not([type="radio"], [type="checkbox"])`);
    const value = picked && !picked.closest("[hidden]") ? picked.value : "";
    const oneOf = question.dataset.oneOf.split(" ").filter(Boolean);
    const noneOf = question.dataset.noneOf.split(" ").filter(Boolean);
    question.hidden = oneOf.length ? !oneOf.includes(value) : !value || noneOf.includes(value);
  }
  // What is not asked is not sent.
  for (const input of form.querySelectorAll("input, select")) {
    if (input.type !== "hidden") input.disabled = Boolean(input.closest("[data-when][hidden]"));
  }
}

// ---- the open page is saved as it is written
function keep(form) {
  let saved = new URLSearchParams(new FormData(form)).toString();
  let under = null;
  let waits = false;
  async function save() {
    const data = new URLSearchParams(new FormData(form));
    if (form.dataset.sent || data.toString() === saved) return;
    const text = data.toString();
    data.set("do", "stay");
    data.set("once", `auto-${crypto.randomUUID()}`);
    try {
      const answer = await fetch(form.action, { method: "POST", body: data, signal: AbortSignal.timeout(ANSWER_MS), headers: { "HX-Request": "true" } });
      if (answer.status === 401) location.assign(answer.headers.get("HX-Redirect"));
      if (answer.ok) {
        saved = text;
        const place = document.getElementById("salvato");
        if (place) place.textContent = `salvata in bozza alle ${new Date().toLocaleTimeString("it", { hour: "2-digit", minute: "2-digit" })}`;
      }
    } catch {
      // The desk is away or the page is being left: the next round tries again.
    }
  }
  const round = () => {
    under ??= save().finally(() => {
      under = null;
    });
  };
  form.addEventListener("focusout", round);
  form.addEventListener("submit", (event) => {
    if (!under) return;
    // Side by side the older draft could arrive after the act and take back what it said.
    event.preventDefault();
    if (waits) return;
    waits = true;
    const button = event.submitter;
    under.finally(() => {
      waits = false;
      form.requestSubmit(button);
    });
  });
  setInterval(round, AUTOSAVE_MS);
}

// ---- names of comuni while typing
function suggest(input) {
  const list = document.getElementById(input.getAttribute("list"));
  let timer = 0;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const answer = await post("/comuni", { q: input.value });
      if (!answer?.ok) return;
      list.replaceChildren(...(await answer.json()).map((place) => {
        const option = document.createElement("option");
        option.value = place.name;
        option.label = `${place.name} (${place.provincia})`;
        return option;
      }));
    }, 200);
  });
}

// ---- many practices: a word leaves those that have it, with its accents or without
function plain(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

function find(place) {
  const [input, told] = [place.querySelector("input"), place.querySelector("[role=status]")];
  const groups = [...document.querySelectorAll(".pue-area")].map((group) => [group, [...group.querySelectorAll("li")].map((row) => [row, plain(`${group.querySelector("h2").textContent} ${row.textContent}`)])]);
  place.hidden = false;
  input.addEventListener("input", () => {
    const words = plain(input.value).split(/\s+/).filter(Boolean);
    let left = 0;
    for (const [group, rows] of groups) {
      for (const [row, text] of rows) row.hidden = !words.every((word) => text.includes(word));
      group.hidden = rows.every(([row]) => row.hidden);
      left += rows.filter(([row]) => !row.hidden).length;
    }
    told.textContent = !words.length ? "" : left ? `${told.dataset.some} ${left}` : told.dataset.none;
  });
}

async function post(path, values = {}) {
  try {
    const answer = await fetch(path, { method: "POST", body: new URLSearchParams(values), headers: { "HX-Request": "true", "X-Csrf": body.dataset.csrf } });
    if (answer.status === 401) location.assign(answer.headers.get("HX-Redirect"));
    return answer;
  } catch {
    return null;
  }
}

// ---- the live picture: fetched again and again, four times a second, only while it is seen
function live(picture) {
  const source = picture.getAttribute("src");
  const off = picture.parentElement.querySelector(".pue-live-off");
  let number = 0;
  const next = () => {
    if (document.hidden) return void document.addEventListener("visibilitychange", next, { once: true });
    number += 1;
    picture.src = `${source}?n=${number}`;
  };
  const shown = (good) => {
    picture.hidden = !good;
    if (off) off.hidden = good;
    setTimeout(next, good ? PICTURE_MS : PICTURE_RETRY_MS);
  };
  picture.addEventListener("load", () => shown(true));
  picture.addEventListener("error", () => shown(false));
  next();
}

// ---- news from the desk
function listen(stream) {
  const away = document.getElementById("riavvio");
  stream.addEventListener("fase", (event) => {
    away.hidden = true;
    const phase = event.detail?.data;
    if (!phase || phase === body.dataset.phase) return;
    if (phase === "chiusa") location.replace("/entra?perche=blocco");
    else if (body.dataset.mirror) {
      // An act under way brings its own page; to leave now could take the act back.
      setTimeout(() => location.replace(body.dataset.mirror), document.querySelector("form[data-sent]") ? ANSWER_MS : 0);
    }
  });
  stream.addEventListener("riavvio", () => {
    away.hidden = false;
  });
  stream.addEventListener("sessione", () => location.replace("/entra?perche=finita"));
  document.addEventListener("htmx:sse:error", (event) => {
    if (event.detail?.status === 401) location.replace("/entra?perche=finita");
  });
}

// ---- before the desk locks itself it says so, and one key goes on
function watchIdleness() {
  const limit = Number(body.dataset.idle) * 1000;
  const band = document.getElementById("ancora");
  let touched = Date.now();
  let told = Date.now();
  const alive = async () => {
    touched = told = Date.now();
    band.hidden = true;
    await post("/ancora");
  };
  for (const kind of ["keydown", "pointerdown"]) {
    document.addEventListener(kind, () => {
      touched = Date.now();
      if (!band.hidden || touched - told > WARN_MS / 2) alive();
    }, { passive: true });
  }
  band.querySelector("button").addEventListener("click", alive);
  setInterval(() => {
    band.hidden = Date.now() - told < limit - WARN_MS;
  }, 1_000);
}

// ---- while the desk is away
function waitForDesk(way) {
  setInterval(async () => {
    const answer = await fetch("/vivo", { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!answer || answer.status >= 500) return;
    if (way.tagName === "FORM") way.requestSubmit();
    else location.replace(way.href);
  }, 1_500);
}

placeFocus();
for (const form of document.querySelectorAll("form[data-autosave]")) {
  follow(form);
  form.addEventListener("change", () => follow(form));
  keep(form);
}
for (const input of document.querySelectorAll("[data-comuni]")) suggest(input);
for (const place of document.querySelectorAll("[data-find]")) find(place);
for (const picture of document.querySelectorAll("[data-live]")) live(picture);
for (const stream of document.querySelectorAll("#corrente")) listen(stream);
if (Number(body.dataset.idle) > 0) watchIdleness();
for (const way of document.querySelectorAll("[data-back]")) waitForDesk(way);
