"""The page in a browser: typed, trained, scrubbed, proved, uploaded, by mouse and by keys, wide and narrow.

Needs marimo, playwright (`pip install playwright`), and Chromium or Firefox: of the system (Firefox from 143 on), or
what `playwright install chromium firefox` fetches. `PLAYGROUND_SCREENSHOTS` names a folder for screenshots.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import circuits

pytest.importorskip("marimo", reason="needs marimo: pip install marimo")
playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*:ResourceWarning")]

ROOT = Path(__file__).parents[3]
QUIET = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
QUIET += " --disable-component-update --disable-sync"
WAIT = 30_000  # milliseconds until what a slow machine shows


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def server():
    """The address of the page, served by the command; it ends with status 0 when it is interrupted."""
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_DISABLE_MOST_OPTIMIZATIONS": "0"}
    command = [sys.executable, "-m", "circuits", "play", "--headless", "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, cwd=ROOT) as process:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, "the server has ended"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), 1)


BROWSERS = {
    "chromium": (("chromium", "chromium-browser", "google-chrome"), {"args": QUIET.split()}),
    "firefox": (("firefox", "firefox-esr"), {}),
}


@pytest.fixture(scope="module", params=BROWSERS)
def browser(request):
    """A headless browser with a profile of its own: that of the system, or else the one of playwright."""
    names, options = BROWSERS[request.param]
    found = next(filter(None, map(shutil.which, names)), None)
    if found and request.param == "firefox":
        options = {**options, "channel": "moz-firefox"}  # playwright speaks to its own Firefox in another way
    with playwright.sync_playwright() as started:
        try:
            launched = getattr(started, request.param).launch(executable_path=found, **options)
        except playwright.Error as error:
            pytest.skip(f"needs {request.param}: {str(error).splitlines()[0]}")
        yield launched
        launched.close()


@pytest.fixture
def page(browser, server, request):
    """The page, shown; nothing outside this machine was asked for, and no error stands in the console."""
    asked, said = [], []
    opened = browser.new_page(viewport={"width": getattr(request, "param", 1280), "height": 900})

    def only_here(route):
        if route.request.url.startswith((server, "data:", "blob:")):
            route.continue_()
        else:
            asked.append(route.request.url)
            route.abort()

    opened.route("**/*", only_here)
    opened.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto(server)
    verdict(opened, "proved equal on all 4 rows")
    yield opened
    opened.close()
    assert (asked, said) == ([], [])


@pytest.fixture
def keep(tmp_path):
    """Keeps a screenshot of a whole page."""
    folder = Path(os.environ.get("PLAYGROUND_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)

    def screenshot(page, name):
        size = page.viewport_size
        height = page.evaluate("Math.max(...[...document.querySelectorAll('*')].map(one => one.scrollHeight))")
        page.set_viewport_size({**size, "height": height + 240})
        page.evaluate("document.querySelectorAll('*').forEach(one => one.scrollTop = 0)")
        page.wait_for_timeout(500)
        page.screenshot(path=folder / f"{name}.png")
        page.set_viewport_size(size)

    return screenshot


def see(page, text):
    """Wait until a text is on the page."""
    page.get_by_text(text).first.wait_for(timeout=WAIT)


def title(page, name):
    """Wait until a circuit is shown under its name."""
    page.get_by_role("heading", name=name, exact=True, level=2).wait_for(timeout=WAIT)


def verdict(page, text):
    """Wait until this is what was found of the learned network."""
    page.get_by_role("status").filter(has_text=text).wait_for(timeout=WAIT)


def slide(page, name, *keys):
    """Press keys on a slider."""
    slider = page.get_by_role("slider", name=name, exact=True)
    slider.focus()
    for key in keys:
        slider.press(key)


def test_a_visit(page, keep, tmp_path):
    page.get_by_label("Expression").fill("y = p ^ q")
    page.keyboard.press("Enter")
    title(page, "y = p ^ q")
    verdict(page, "proved equal on all 4 rows")
    see(page, "y = p & ~q | ~p & q")

    # Train: wider, of another kind, from other starts.
    slide(page, "Hidden units", "ArrowRight", "ArrowRight")
    page.get_by_label("Activation").select_option("tanh")
    page.get_by_role("button", name="Train from other starts").click()
    slide(page, "Networks", "Home")
    see(page, "of 1 networks after 1000 steps")
    slide(page, "Networks", "End")
    see(page, "of 24 networks after 1000 steps")
    keep(page, "xor")

    # Scrub: before the first step the network computes something else.
    slide(page, "Step", "Home")
    see(page, "after 0 steps")
    verdict(page, "not equal: for")
    slide(page, "Step", "ArrowRight")
    see(page, "after 10 steps")
    slide(page, "Step", "End")
    see(page, "after 1000 steps")
    verdict(page, "proved equal on all 4 rows")

    slide(page, "Gain", "Home")
    see(page, "the theorem promises nothing below gain 7.19")
    slide(page, "Gain", "End")
    see(page, "At gain 64 ")

    upload = page.locator("input[type=file]")
    upload.set_input_files(circuits.c17_path)
    title(page, "c17.bench")
    verdict(page, "all 32 rows")
    keep(page, "c17")

    broken = tmp_path / "broken.bench"
    broken.write_text("INPUT(a)\nOUTPUT(y)\ny = NADN(a, b)\n")
    upload.set_input_files(broken)
    page.get_by_role("alert").filter(has_text="broken.bench:3: unknown gate 'NADN'").wait_for(timeout=WAIT)
    title(page, "c17.bench")
    page.get_by_role("img", name="The circuit with inputs 10000").wait_for(timeout=WAIT)
    keep(page, "broken")

    odd = tmp_path / "odd.blif"
    odd.write_text(".model m\n.inputs __a__ <b>b $c^$\n.outputs *y*\n.names __a__ <b>b $c^$ *y*\n111 1\n.end\n")
    upload.set_input_files(odd)
    title(page, "odd.blif")
    verdict(page, "all 8 rows")
    for name in ("__a__", "<b>b", "$c^$"):
        assert page.get_by_role("columnheader", name=name, exact=True).count() == 1
        assert page.locator(".inputs").get_by_text(name, exact=True).count() == 1

    # The gallery has forgotten XOR, so that it can be chosen again.
    page.get_by_label("Gallery").select_option("XOR")
    title(page, "XOR")
    page.get_by_label("Gallery").select_option("multiplier of 3 bits")
    title(page, "multiplier of 3 bits")
    assert page.get_by_role("alert").count() == 0
    see(page, "all 64 rows")
    keep(page, "multiplier")


def test_without_a_mouse(page):
    assert_marked(page, "10")
    page.get_by_label("Gallery").focus()  # in Firefox a stop later, for there the page itself is the first
    for _ in range(4):  # expression, file, and the switches of a and b
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert_marked(page, "11")
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    see(page, "At gain 64 ")
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    page.get_by_role("slider", name="Hidden units").and_(page.locator("[aria-valuenow='10']")).wait_for(timeout=WAIT)
    verdict(page, "all 4 rows")


def assert_marked(page, bits):
    """Wait until a row of the truth table is marked."""
    marked = page.locator("tr[aria-current] td:not(.out)")
    playwright.expect(marked).to_have_text(list(bits), timeout=WAIT)


@pytest.mark.parametrize("page", [360], indirect=True)
def test_on_a_phone(page, keep):
    page.get_by_label("Gallery").select_option("full adder")
    title(page, "full adder")
    see(page, "all 8 rows")
    # Nothing is wider than the screen: only panels scroll.
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    panels = page.locator(".panel").evaluate_all("all => all.map(one => one.getBoundingClientRect().right)")
    assert len(panels) == 10
    assert max(panels) <= 360
    keep(page, "phone")
