"""Real Chromium for tests of pages, and what every page of ours must hold."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
GRAVE = {"serious", "critical"}
DESK_SCREEN = {"width": 1366, "height": 768}
NARROW = 320
FACE_STOP_S = 8
LEAST_TARGET_PX = 44
LEAST_PRIMARY_PX = 56

_TARGETS = """() => [...document.querySelectorAll(
  'a[href], button, summary, select, textarea, input:not([type=hidden])')].map(e => {
    const shape = (e.type === 'radio' || e.type === 'checkbox') ? (e.closest('label') ?? e) : e;
    const box = shape.getBoundingClientRect(), style = getComputedStyle(shape);
    const seen = box.width > 1 && box.height > 1 && style.visibility !== 'hidden' && box.right > 0 &&
      !e.closest('[hidden]') && e.tabIndex >= 0 && !e.disabled;
    return {name: (e.innerText || e.name || e.getAttribute('href') || e.tagName).trim().slice(0, 40),
      primary: e.classList.contains('btn-primary'), w: box.width, h: box.height, seen,
      inline: style.display === 'inline'};
  }).filter(t => t.seen && !t.inline)"""

_FOCUS = """() => {
  const e = document.activeElement, style = getComputedStyle(e);
  const shape = e.type === 'radio' ? e.closest('label') : e, around = getComputedStyle(shape);
  const box = shape.getBoundingClientRect();
  return {what: (e.innerText || e.name || e.id || e.tagName).trim().slice(0, 40), tag: e.tagName,
    shown: [style, around].some(s => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2),
    inside: box.bottom > 0 && box.top < innerHeight};
}"""

_WATCH_POLICY = """addEventListener('securitypolicyviolation',
  e => { (window.__broken ??= []).push(e.violatedDirective + ' ' + e.blockedURI); })"""


@contextlib.contextmanager
def chromium():
    """One browser process; whoever opens it has it closed."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@functools.cache
def axe_source():
    return AXE.read_text("utf-8")


class Visit:
    """One visitor's window on one site, with an eye on everything the pages do.

    Attributes:
        page: Playwright's page.
        requests: every address asked for.
        console: error lines of the console.
    """

    def __init__(self, browser, base, **options):
        self.base = base
        self.context = browser.new_context(locale="it-IT", viewport=DESK_SCREEN, **options)
        self.context.add_init_script(_WATCH_POLICY)
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.requests, self.console = [], []
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.console.append(f"error {error}"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()

    def go(self, path):
        return self.page.goto(self.base + path)

    def screenshot(self, path):
        """Leave a picture of the whole page at desk size, and one 320 px wide beside it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written here: Playwright would start a thread of its own for it.
        path.write_bytes(self.page.screenshot(full_page=True))
        self.page.set_viewport_size({"width": NARROW, "height": 640})
        path.with_stem(f"{path.stem}-320").write_bytes(self.page.screenshot(full_page=True))
        self.page.set_viewport_size(DESK_SCREEN)

    def faults(self):
        """What is wrong with the open page, as sentences; empty is good."""
        return [
            *self.axe(),
            *self.plain_faults(),
            *self.target_faults(),
            *self.reflow_faults(),
            *self.strangers(),
        ]

    def axe(self):
        self.page.evaluate(axe_source())
        found = self.page.evaluate("rules => axe.run(document, {runOnly: rules})", AXE_RULES)
        return [
            f"axe {fault['id']} ({fault['impact']}): {node['html'][:160]} {node['any'][:1] and node['any'][0]['message']}"
            for fault in found["violations"]
            if fault["impact"] in GRAVE
            for node in fault["nodes"]
        ]

    def plain_faults(self):
        page, faults = self.page, []
        if page.locator("html").get_attribute("lang") != "it":
            faults.append("the page does not say that it is Italian")
        if len(page.title()) < 5:
            faults.append("the page has no title")
        if page.locator("h1").count() != 1:
            faults.append("a page has one h1")
        faults += [f"policy broken: {line}" for line in page.evaluate("window.__broken ?? []")]
        return faults + self.console

    def target_faults(self):
        faults = []
        for target in self.page.evaluate(_TARGETS):
            least = LEAST_PRIMARY_PX if target["primary"] else LEAST_TARGET_PX
            if target["h"] < least - 0.5 or target["w"] < LEAST_TARGET_PX - 0.5:
                faults.append(f"too small to hit: {target['name']} {target['w']:.0f}×{target['h']:.0f}")
        return faults

    def reflow_faults(self):
        self.page.set_viewport_size({"width": NARROW, "height": 640})
        wide = self.page.evaluate("document.documentElement.scrollWidth")
        self.page.set_viewport_size(DESK_SCREEN)
        return [f"at {NARROW} px the page is {wide} px wide"] if wide > NARROW else []

    def strangers(self):
        return [
            f"asked a stranger: {url}"
            for url in self.requests
            if not url.startswith((self.base, "data:", "blob:", "chrome"))
        ]

    def focus(self):
        """What has the focus, whether one sees it."""
        return self.page.evaluate(_FOCUS)


class running_face:  # noqa: N801 - reads like a word where it is used
    """`python -m web_local` on a free port in front of the desk at a socket; gives address and process."""

    def __init__(self, socket, *settings):
        self._arguments = [f"desk_socket={socket}", "listen=127.0.0.1:0", *settings]

    def __enter__(self):
        sets = [part for setting in self._arguments for part in ("--set", setting)]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PUE_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "web_local", *sets],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        word, _, address = self.process.stdout.readline().strip().partition(" ")
        assert word == "ready", "the face did not start"
        return address, self.process

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(FACE_STOP_S)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
