"""Does the page of a review work in a real browser, from a file, without any network?

Chromium opens pages that ``retempo retime --review`` made from real frames. Screenshots stay in ``build/review``.
Canvases that show pictures from files cannot be read by scripts, so what is drawn is judged from screenshots.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from plates import LINEAR, REPO
from retempo.cli.main import main

playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")

CHROMIUM = next((found for found in map(shutil.which, ("chromium", "chromium-browser")) if found), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt install chromium")

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
VIEWS = ("pair", "wipe", "difference", "flow", "arrows", "trust")
SHOTS = REPO / "build" / "review"


@dataclass
class Opened:
    """A page in a browser, and all that it asked for and complained of."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def drawn(self) -> tuple[str, str]:
        """Output frame and view that are on the stage."""
        found = self.page.locator("#stage")
        return found.get_attribute("data-output"), found.get_attribute("data-drawn")

    def wait_for(self, output: int, view: str = "pair") -> None:
        """Wait until a frame is drawn, its pictures decoded."""
        self.page.wait_for_selector(f'#stage[data-output="{output}"][data-drawn="{view}"]:not(.waiting)')

    def wait_until(self, reached: Callable[[int], bool]) -> None:
        """Wait until the frame on the stage is one of those; the page's policy forbids to ask from within."""
        deadline = time.monotonic() + 60
        while not reached(int(self.drawn()[0])):
            assert time.monotonic() < deadline, self.drawn()
            time.sleep(0.02)

    def pixels(self, selector: str) -> np.ndarray:
        """What an element looks like, [H, W, 3] uint8."""
        return decode(self.page.locator(selector).screenshot())

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def keep(self, name: str, *, whole: bool = False) -> None:
        """Leave a screenshot."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=whole)


def decode(data: bytes) -> np.ndarray:
    """A PNG's pixels, [H, W, 3] uint8."""
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)[..., ::-1]


def unlike(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference of two screenshots, in steps of 255."""
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``page``, the review of a small shot at a quarter of its speed; frame 7 was lost since."""
    folder = tmp_path_factory.mktemp("shot")
    assert main(["sample", str(folder), "--frames", "1-5", "--size", "320x180", "--quiet"]) == 0
    words = [
        str(folder / "plate.####.exr"),
        str(folder / "slow.####.exr"),
        "--speed",
        "1/4",
        *LINEAR,
        "--quiet",
    ]
    assert main(["retime", words[0], "-o", *words[1:]]) == 0
    (folder / "slow.0007.exr").unlink()
    assert main(["review", *words, "-o", str(folder / "page")]) == 0
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


class Opener:
    """Opens pages, and sees at the end that none of them reached out or complained."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self.opened: list[Opened] = []

    def __call__(self, folder: Path, width: int = 1280, height: int = 900, **options: Any) -> Opened:
        context = self._browser.new_context(viewport={"width": width, "height": height}, **options)
        opened = Opened(context.new_page())
        self.opened.append(opened)
        context.on("request", lambda request: opened.requests.append(request.url))
        opened.page.on("console", lambda said: opened.complaints.append(f"{said.type}: {said.text}"))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.goto((folder / "index.html").resolve().as_uri())
        opened.wait_for(
            opened.page.evaluate("JSON.parse(document.getElementById('data').textContent).frames[0].output")
        )
        return opened

    def close(self) -> None:
        for one in self.opened:
            one.page.context.close()
            assert one.complaints == []
            assert one.requests
            assert [url for url in one.requests if not url.startswith("file://")] == []


@pytest.fixture
def open_page(browser: Any) -> Iterator[Opener]:
    opener = Opener(browser)
    yield opener
    opener.close()


def test_keys_step_and_both_sides_stay_together(open_page: Opener, shot: Path) -> None:
    seen = open_page(shot / "page")
    assert seen.drawn() == ("1", "pair")
    before, after = seen.pixels("#before"), seen.pixels("#after")
    seen.press("ArrowRight")
    seen.wait_for(2)
    assert unlike(seen.pixels("#before"), before) == 0  # still the first source frame, captions and all
    assert unlike(seen.pixels("#after"), after) > 0.5
    for key, output in (("ArrowRight", 3), ("ArrowRight", 4), ("ArrowLeft", 3), ("End", 17), ("Home", 1)):
        seen.press(key)
        seen.wait_for(output)
        shown = [seen.page.get_attribute(name, "data-shown") for name in ("#before", "#after")]
        nearest = round((output - 1) / 4 + 1 - 1e-6)  # in the middle the earlier
        assert shown == [f"media/before.{nearest:04d}.jpg", f"media/after.{output:04d}.jpg"]
    assert unlike(seen.pixels("#after"), after) == 0
    seen.press("Shift+ArrowRight")
    seen.wait_for(11)
    assert "11 · source 3.5 · 3 and 4 at 0.5" in seen.page.inner_text("#counter")
    row = seen.page.locator("tr[aria-current]")
    assert row.count() == 1
    assert row.inner_text().split()[0] == "11"
    seen.page.locator("#table button", has_text="9").first.click()
    seen.wait_for(9)
    seen.keep("light-pair")
    seen.keep("light-whole", whole=True)


def test_a_missing_frame_is_shown_as_missing(open_page: Opener, shot: Path) -> None:
    seen = open_page(shot / "page")
    assert "missing from the result: 7" in seen.page.inner_text("#notes")
    seen.press(*["ArrowRight"] * 6)
    seen.wait_for(7)
    panel = seen.pixels("#after")[60:, :]
    flat = np.median(panel.reshape(-1, 3), axis=0)
    assert (np.abs(panel - flat).max(axis=2) < 8).mean() > 0.9  # a plate with words, no picture
    assert np.ptp(panel) > 60
    assert "missing" in seen.page.inner_text("tr[aria-current]")
    seen.press("3")
    seen.wait_for(7, "difference")
    seen.keep("light-missing")


def test_six_views_show_six_things(open_page: Opener, shot: Path) -> None:
    seen = open_page(shot / "page")
    seen.press("ArrowRight", "ArrowRight")
    pictures = {}
    for number, view in enumerate(VIEWS, 1):
        seen.press(str(number))
        seen.wait_for(3, view)
        pictures[view] = seen.pixels("#after")
        pressed = seen.page.locator("#views [aria-pressed=true]")
        assert pressed.count() == 1
        assert pressed.get_attribute("data-view") == view
        assert len(seen.page.inner_text("#explain")) > 40
        seen.keep(f"light-{number}-{view}")
    shapes = {picture.shape for view, picture in pictures.items() if view != "pair"}
    assert len(shapes) == 1  # the stage does not jump
    for one in VIEWS[1:]:
        for other in VIEWS[1:]:
            assert one == other or unlike(pictures[one], pictures[other]) > 3, (one, other)
    seen.page.locator("#views button", has_text="Flow").click()
    seen.wait_for(3, "flow")
    assert seen.page.locator("#legend img").evaluate("image => image.naturalWidth") > 0


def test_the_wipe_is_dragged_by_mouse_and_keys(open_page: Opener, shot: Path) -> None:
    seen = open_page(shot / "page")
    seen.press("ArrowRight", "ArrowRight", "2")
    seen.wait_for(3, "wipe")
    handle, box = seen.page.locator("#wipe"), seen.page.locator("#after").bounding_box()
    assert handle.get_attribute("aria-valuenow") == "50"

    def drag(share: float) -> np.ndarray:
        at = handle.bounding_box()
        seen.page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
        seen.page.mouse.down()
        seen.page.mouse.move(box["x"] + box["width"] * share, box["y"] + 40, steps=5)
        seen.page.mouse.up()
        assert abs(int(handle.get_attribute("aria-valuenow")) - share * 100) <= 1
        return seen.pixels("#after")[60:]

    wide, narrow = drag(0.9), drag(0.1)
    half = drag(0.5)
    middle = wide.shape[1] // 2
    assert unlike(wide, narrow) > 1
    left, right = slice(middle // 2, middle - 40), slice(middle + 40, middle + middle // 2)
    assert unlike(half[:, left], wide[:, left]) == 0  # left of the line is before
    assert unlike(half[:, right], narrow[:, right]) == 0  # right of it is after
    assert unlike(half[:, right], wide[:, right]) > 1
    handle.focus()
    seen.press("ArrowRight", "ArrowRight", "Shift+ArrowLeft")
    assert handle.get_attribute("aria-valuenow") == "44"
    assert seen.drawn()[0] == "3"  # the arrows moved the wipe, not the frame
    seen.page.mouse.click(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2)
    assert handle.get_attribute("aria-valuenow") == "80"


def test_l_plays_k_pauses_and_j_goes_back(open_page: Opener, shot: Path) -> None:
    seen = open_page(shot / "page")
    seen.press("l")
    seen.wait_until(lambda output: output >= 3)
    seen.press("k")
    assert seen.page.get_attribute("#stage", "data-speed") == "0"
    seen.page.wait_for_selector("#stage:not(.waiting)")
    seen.wait_until(lambda output: str(output) == seen.page.get_attribute("#timeline", "aria-valuenow"))
    stopped = seen.drawn()
    time.sleep(0.4)  # ten frames
    assert seen.drawn() == stopped
    seen.press("l", "l", "l")
    assert seen.page.get_attribute("#stage", "data-speed") == "4"
    assert "4\u00d7" in seen.page.inner_text("#rate")
    seen.press("k", "End")
    seen.wait_for(17)
    seen.press("j")
    assert seen.page.get_attribute("#stage", "data-speed") == "-1"
    seen.wait_until(lambda output: output < 16)
    seen.press(" ")
    assert seen.page.get_attribute("#stage", "data-speed") == "0"
    shown = seen.drawn()[0]
    names = [seen.page.get_attribute(name, "data-shown") for name in ("#before", "#after")]
    if shown != "7":  # which is missing
        assert names[1] == f"media/after.{int(shown):04d}.jpg"
    assert names[0] == f"media/before.{round((int(shown) - 1) / 4 + 1 - 1e-6):04d}.jpg"


def place(head: Any) -> tuple[float, float]:
    """Where a circle of the curve is."""
    return float(head.get_attribute("cx")), float(head.get_attribute("cy"))


def test_timeline_curve_and_worst_frames_lead_there(open_page: Opener, shot: Path) -> None:
    seen = open_page(shot / "page")
    box = seen.page.locator("#timeline").bounding_box()
    seen.page.mouse.click(box["x"] + box["width"] * (8.5 / 17), box["y"] + 10)
    seen.wait_for(9)
    head = seen.page.locator("#curve .here")
    at = place(head)
    seen.page.locator("#curve svg").click(position={"x": 60, "y": 60})
    seen.wait_for(1)
    assert place(head)[0] < at[0]
    assert place(head)[1] > at[1]  # earlier in the source is lower
    worst = seen.page.locator("#worst button")
    assert worst.count() == 4
    worst.first.click()
    data = seen.page.evaluate("JSON.parse(document.getElementById('data').textContent)")
    seen.wait_for(data["frames"][data["worst"][0]]["output"])
    assert worst.first.get_attribute("aria-current") == "true"


def test_light_and_dark_follow_the_system_and_the_button(open_page: Opener, shot: Path) -> None:
    papers = {}
    for scheme in ("light", "dark"):
        seen = open_page(shot / "page", color_scheme=scheme)
        papers[scheme] = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        seen.press("ArrowRight", "ArrowRight", "2")
        seen.wait_for(3, "wipe")
        seen.keep(f"{scheme}-wipe")
        if scheme == "dark":
            seen.press("1")
            seen.wait_for(3)
            seen.keep("dark-whole", whole=True)
        seen.page.locator("#theme").click()
        papers[f"not {scheme}"] = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert papers["light"] == papers["not dark"]
    assert papers["dark"] == papers["not light"]
    assert papers["light"] != papers["dark"]


CONTRAST = """
() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map((one) => one / 255)
      .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = (element) => {
    const { backgroundColor } = getComputedStyle(element);
    return /^rgb\\(/.test(backgroundColor) ? backgroundColor : paper(element.parentElement);
  };
  const poor = [];
  for (const element of document.querySelectorAll('main *, header *')) {
    const own = [...element.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
    if (!own || !element.checkVisibility() || element.closest('svg, figcaption, tr[aria-current]')) continue;
    const [one, other] = [light(getComputedStyle(element).color), light(paper(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) poor.push(`${element.tagName} ${element.textContent.slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return poor;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(open_page: Opener, shot: Path, scheme: str) -> None:
    """Contrast of 4.5 at least, as WCAG AA asks."""
    seen = open_page(shot / "page", color_scheme=scheme)
    assert seen.page.evaluate(CONTRAST) == []
    seen.page.evaluate("document.documentElement.style.setProperty('--soft', '#777')")
    assert len(seen.page.evaluate(CONTRAST)) > 5  # it would have noticed


def test_on_a_phone_nothing_sticks_out_and_a_finger_steps(open_page: Opener, shot: Path) -> None:
    seen = open_page(shot / "page", 390, 844, has_touch=True, is_mobile=True, device_scale_factor=2)
    assert seen.page.evaluate("document.documentElement.scrollWidth") == 390
    box = seen.page.locator("#after").bounding_box()
    assert box["width"] > 330
    client = seen.page.context.new_cdp_session(seen.page)

    def touch(kind: str, x: float, y: float) -> None:
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    y, start = box["y"] + box["height"] / 2, box["x"] + box["width"] * 0.8
    touch("touchStart", start, y)
    for by in range(10, 101, 10):
        touch("touchMove", start - by, y)
    touch("touchEnd", 0, 0)
    seen.wait_for(5)  # 100 pixels, 24 a frame
    seen.keep("phone-pair", whole=True)
    for number, view in enumerate(VIEWS, 1):
        seen.page.locator("#views button").nth(number - 1).tap()
        seen.wait_for(5, view)
        assert seen.page.evaluate("document.documentElement.scrollWidth") == 390, view
    seen.page.locator("#views button").nth(1).tap()
    seen.wait_for(5, "wipe")
    seen.keep("phone-wipe")


def test_help_opens_and_the_keyboard_alone_is_enough(open_page: Opener, shot: Path) -> None:
    seen = open_page(shot / "page")
    seen.press("?")
    assert seen.page.locator("#help").is_visible()
    seen.keep("light-help")
    seen.press("Escape")
    assert not seen.page.locator("#help").is_visible()
    seen.press("Tab")
    ring = seen.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert ring == "solid"
    reached = set()
    for _ in range(60):
        seen.press("Tab")
        reached.add(
            seen.page.evaluate("document.activeElement.id || document.activeElement.dataset.view || ''")
        )
    assert {"play", "timeline", "table", "next", *VIEWS} <= reached
    unnamed = seen.page.evaluate(
        "[...document.querySelectorAll('button, [role=slider], canvas[role=img]')].filter(one => "
        "!(one.getAttribute('aria-label') || one.textContent.trim())).map(one => one.id)"
    )
    assert unnamed == []


def test_a_hostile_name_does_nothing(open_page: Opener, shot: Path, tmp_path: Path) -> None:
    """The folder's own name ends a script and begins another."""
    folder = tmp_path / "<img src=x onerror=alert(1)>"
    folder.mkdir()
    for path in (*shot.glob("plate.*.exr"), *shot.glob("slow.*.exr")):
        shutil.copy(path, folder)
    words = [str(folder / "plate.####.exr"), str(folder / "slow.####.exr"), "--output-range", "1-3"]
    assert main(["review", *words, "--speed", "1/4", *LINEAR, "--quiet", "-o", str(tmp_path / "page")]) == 0
    seen = open_page(tmp_path / "page")
    assert "<img src=x onerror=alert(1)>" in seen.page.inner_text("#facts")
    assert seen.page.locator("#facts img").count() == 0
    assert seen.page.evaluate("document.querySelectorAll('img[src=x]').length") == 0


REACH_OUT = """
async () => {
  const refused = [];
  document.addEventListener('securitypolicyviolation', (event) => refused.push(event.effectiveDirective));
  const image = new Image();
  const failed = new Promise((done) => { image.onerror = done; });
  image.src = 'https://example.invalid/pixel.png';
  await failed;
  await fetch('https://example.invalid/data').catch(() => {});
  let markup = true;
  try { document.body.insertAdjacentHTML('beforeend', '<b>hello</b>'); } catch { markup = false; }
  const late = document.createElement('script');
  late.append('window.ran = true');
  try { document.body.append(late); } catch { /* as it should be */ }
  for (let wait = 0; wait < 100 && refused.length < 4; wait += 1) await new Promise((done) => setTimeout(done, 20));
  return [refused, markup, window.ran === true];
}
"""


def test_the_policy_stops_what_would_reach_out(browser: Any, shot: Path) -> None:
    """Even a script that came in could not: no picture, no request, no markup out of text, no further script."""
    context = browser.new_context()
    page, reached, stopped = context.new_page(), [], []
    context.on("requestfinished", lambda request: reached.append(request.url))
    context.on("requestfailed", lambda request: stopped.append((request.url, request.failure)))
    page.goto((shot / "page" / "index.html").as_uri())
    refused, markup, ran = page.evaluate(REACH_OUT)
    context.close()
    assert {"img-src", "connect-src", "require-trusted-types-for"} <= set(refused)
    assert not markup
    assert not ran
    assert reached
    assert [url for url in reached if not url.startswith("file://")] == []
    assert {why for url, why in stopped if url.startswith("https:")} <= {"csp"}  # not for want of a network


def test_a_thousand_frames_load_what_is_near(open_page: Opener, shot: Path, tmp_path: Path) -> None:
    """The page of a long shot: it opens and seeks, the table is whole, a few of its pictures are read."""
    shutil.copytree(shot / "page", tmp_path / "page")
    text = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    found = re.search(r'(?<=id="data">).*?(?=</script>)', text, re.S)
    assert found
    data = json.loads(found[0])
    short, media = data["frames"], tmp_path / "page" / "media"
    data["frames"] = []
    for number in range(1, 1001):
        like = short[(number - 1) % 6]  # the seventh is missing
        os.link(tmp_path / "page" / like["after"], media / f"long.{number}.jpg")
        cells = [str(number), *like["cells"][1:]]
        data["frames"].append({**like, "output": number, "cells": cells, "after": f"media/long.{number}.jpg"})
    (tmp_path / "page" / "index.html").write_text(text.replace(found[0], json.dumps(data)), encoding="utf-8")
    seen = open_page(tmp_path / "page")
    assert seen.page.locator("#table tbody tr").count() == 1000
    assert len({url for url in seen.requests if "long" in url}) < 100
    seen.press("End")
    seen.wait_for(1000)
    seen.press(*["ArrowLeft"] * 20)
    seen.wait_for(980)
    assert len({url for url in seen.requests if "long" in url}) < 200
    seen.keep("light-thousand")
