"""The page in a real browser without a network: it draws, zooms, reads out, fits a phone, and asks for nothing."""

import pytest

from streams.report import Collector, write_report
from tests.report.browser import browser, found
from tests.report.made import instrument
from tests.report.test_report import MANIFEST, trade

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(found() is None, reason="no chromium or chrome on this machine: apt-get install chromium"),
]

PLOT = "document.querySelector('[data-picture^=\"{}\"] .plot')"
BOX = "(() => {{ const box = {}.getBoundingClientRect(); return [box.left, box.top, box.width, box.height] }})()"
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    index = write_report(folder, MANIFEST, trade(Collector([instrument()])))
    with browser(folder / "browser") as one:
        one.open(index)
        one.show(1280, 900)
        yield one


def test_page_draws_every_picture_and_asks_for_nothing(page):
    names = page.run("[...document.querySelectorAll('figure')].map((f) => f.dataset.picture)")
    assert [name.split()[0] for name in names] == ["equity", "drawdown", "parts", "price", "position", "periods"]
    assert page.run("[...document.querySelectorAll('figure')].every((f) => f.querySelector('svg path'))")
    asked = [params["request"]["url"] for method, params in page.events if method == "Network.requestWillBeSent"]
    assert [url.split("/")[-1] for url in asked if not url.startswith("data:")] == ["index.html"]
    assert not [params for method, params in page.events if method == "Runtime.exceptionThrown"]
    assert not [params["entry"] for method, params in page.events if method == "Log.entryAdded" and params["entry"]["level"] == "error"]


def test_page_shows_fills_as_triangles(page):
    assert page.run(f"{PLOT.format('price')}.querySelectorAll('.mark').length") == 2
    assert page.run(f"{PLOT.format('price')}.querySelectorAll('.mark.taker').length") == 1


def test_cursor_reads_all_charts_at_one_moment(page):
    page.run(f"{PLOT.format('equity')}.scrollIntoView()")
    left, top, width, height = page.run(BOX.format(PLOT.format("equity")))
    page.mouse("mouseMoved", left + width / 2, top + height / 2)
    told = page.run("[...document.querySelectorAll('.readout')].map((r) => r.innerText.split(/\\s+/).slice(0, 2).join(' '))")
    assert len({text[:19] for text in told[:5]}) == 1
    assert told[0].startswith("2024-08-09 00:00:5")
    page.mouse("mouseMoved", 1, 1)


def test_drag_zooms_all_charts_and_double_click_shows_all(page):
    page.run(f"{PLOT.format('equity')}.scrollIntoView()")
    left, top, width, height = page.run(BOX.format(PLOT.format("equity")))
    y = top + height / 2
    page.mouse("mousePressed", left + width * 0.2, y)
    page.mouse("mouseMoved", left + width * 0.4, y)
    page.mouse("mouseReleased", left + width * 0.4, y)
    seen = page.run("[view.from, view.to, document.querySelector('.reset').hidden]")
    whole = page.run("view.whole")
    assert 0.15 < (seen[1] - seen[0]) / (whole[1] - whole[0]) < 0.3
    assert seen[2] is False
    page.run(f"{PLOT.format('periods')}.scrollIntoView()")
    shown = page.run(BOX.format("document.querySelector('.reset')"))
    assert 0 <= shown[1] < 100  # it stays in sight
    page.run(f"{PLOT.format('equity')}.scrollIntoView()")
    for clicks in (1, 2):
        page.mouse("mousePressed", left + width / 2, y, clicks)
        page.mouse("mouseReleased", left + width / 2, y, clicks)
    assert page.run("[view.from, view.to]") == whole


def test_keys_move_the_cursor_and_zoom(page):
    page.run(f"{PLOT.format('equity')}.focus()")
    page.key("ArrowLeft")
    page.key("+")
    assert page.run("view.at < view.whole[1] && view.to - view.from < view.whole[1] - view.whole[0]")
    page.key("Escape")
    assert page.run("view.at === null && view.from === view.whole[0]")


def test_name_of_a_line_hides_it(page):
    key = "document.querySelectorAll('[data-picture^=\"parts\"] .key')[0]"
    lines = f"{PLOT.format('parts')}.querySelectorAll('path.line').length"
    before = page.run(lines)
    page.run(f"{key}.click()")
    assert (page.run(lines), page.run(f"{key}.getAttribute('aria-pressed')")) == (before - 1, "false")
    page.run(f"{key}.click()")
    assert page.run(lines) == before


def test_page_fits_a_phone_in_both_schemes(page, tmp_path):
    papers = {}
    for scheme in ("light", "dark"):
        page.show(390, 844, scheme, phone=True)
        assert page.run(WIDER) <= 0
        papers[scheme] = page.run("getComputedStyle(document.body).backgroundColor")
        page.picture(tmp_path / f"{scheme}.png")
        assert (tmp_path / f"{scheme}.png").stat().st_size > 10_000
    assert papers == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 28)"}
    page.show(1280, 900)
    assert page.run(WIDER) <= 0
