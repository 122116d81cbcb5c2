"""The page in a real browser: Chromium, headless, where it and Selenium are installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image

import aecodec
from aecodec.autoencoders import Autoencoder, VariationalAutoencoder
from benchmarks.browsers import CHROMIUM_ARGUMENTS

pytest.importorskip("gradio")
webdriver = pytest.importorskip("selenium.webdriver")

from selenium.common.exceptions import WebDriverException  # noqa: E402
from selenium.webdriver.support.wait import WebDriverWait  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
if not (CHROMIUM and DRIVER):
    pytest.skip("no Chromium with its driver here", allow_module_level=True)

_ARGUMENTS = (*CHROMIUM_ARGUMENTS, "--disable-quic", "--window-size=1500,1100")
_SECONDS = 60
ODD_NAME = b"caf\xe9.aec"  # no UTF-8


class Page:
    """What is in the browser."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    def eventually(self, what: Callable[[], Any]) -> Any:
        """Wait until something is true, and return it."""
        waiter = WebDriverWait(self.browser, _SECONDS, 0.2, [WebDriverException])
        return waiter.until(lambda _: what())

    def find(self, css: str) -> Any:
        return self.eventually(lambda: self.browser.find_element("css selector", css))

    def click(self, css: str) -> None:
        self.find(css).click()

    def open_tab(self, name: str) -> None:
        path = f"//button[@role='tab'][normalize-space()='{name}']"

        def clicked() -> bool:  # once nothing lies over it: the page is still being loaded
            self.browser.find_element("xpath", path).click()
            return True

        self.eventually(clicked)

    def upload(self, field: str, file: Path) -> None:
        """In the place of an earlier one."""
        for clear in self.browser.find_elements("css selector", f"#{field} [aria-label='Clear']"):
            clear.click()
        self.find(f"#{field} input[type=file]").send_keys(str(file))

    def line(self, words: str) -> str:
        """The line that comes to have these."""
        found = self.eventually(lambda: re.search(f".*{words}.*", self.find("body").text))
        return str(found[0])

    def pictures(self, field: str) -> list[int]:
        """Widths of those that are there to see."""
        script = "return [...document.querySelectorAll(arguments[0])].map(i => i.naturalWidth)"
        return [width for width in self.browser.execute_script(script, f"#{field} img") if width]

    def wait_for_pictures(self, field: str, *widths: int) -> None:
        """Of these widths, or any."""
        if widths:
            self.eventually(lambda: self.pictures(field) == [*widths])
        else:
            self.eventually(lambda: self.pictures(field))

    def choose(self, field: str, name: str) -> None:
        """Type a name into a list, or choose it there: it is the same."""
        box = self.find(f"#{field} input")
        box.click()
        box.send_keys(webdriver.Keys.CONTROL, "a")
        box.send_keys(name, webdriver.Keys.ENTER)

    def screenshot(self, name: str) -> None:
        """Kept where the documentation's pictures are made: AECODEC_SCREENSHOTS=FOLDER."""
        if place := os.environ.get("AECODEC_SCREENSHOTS"):
            Path(place).mkdir(parents=True, exist_ok=True)
            time.sleep(1)  # pictures fade in
            assert self.browser.save_screenshot(str(Path(place) / f"{name}.png"))


@pytest.fixture(scope="module")
def folder(cat: Image.Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("ui") / "photos"
    place.mkdir()
    photo = cat.crop((60, 20, 380, 260))
    photo.save(place / "cat.png")
    photo.resize((200, 150)).save(place / "small.jpg")
    Image.effect_noise((90, 90), 80).convert("RGB").save(place / "noise.png")
    Image.fromarray(skimage.data.coins()).save(place.parent / "coins.png")
    aecodec.compress_file(place.parent / "coins.png", place / os.fsdecode(ODD_NAME))
    noise = np.random.default_rng(0).normal(0, 25, (240, 320, 3))
    noisy = (np.asarray(photo) + noise).clip(0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(place.parent / "noisy.png")
    (place.parent / "text.jpg").write_text("not an image")
    Image.new("L", (5000, 4000)).save(place.parent / "large.png")
    shapes = np.random.default_rng(0).random((80, 64), dtype=np.float32)
    for number, kind in ((2, VariationalAutoencoder), (1, Autoencoder)):
        model = kind(n_components=number, hidden_layers=(16,), max_epochs=2, random_state=0)
        model.fit(shapes).image_shape_ = (8, 8, 1)
        model.save(place / f"{kind.__name__}.safetensors")
    (place / "broken.safetensors").write_bytes(b"no model")
    shutil.copy(place / "VariationalAutoencoder.safetensors", place.parent / "outside.safetensors")
    np.save(place / "shapes.npy", shapes.reshape(80, 8, 8))
    np.save(place / "wide.npy", shapes.reshape(40, 128))
    return place


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "aecodec_cli", "ui", str(folder), "--port", "0"]
    index = ["--index", str(folder.parent / "index"), "--device", "cpu"]
    server = subprocess.Popen([*command, *index], stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        lines = iter(server.stderr.readline, "")
        yield next(found[0] for line in lines if (found := re.search(r"http://\S+", line)))
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="module")
def page(address: str, folder: Path) -> Iterator[Page]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in _ARGUMENTS:
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(folder.parent)})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    service = webdriver.ChromeService(DRIVER)
    with webdriver.Chrome(options, service) as driver:
        driver.get(address)
        yield Page(driver)


def test_compress_shows_both_a_table_and_downloads(page: Page, folder: Path) -> None:
    page.open_tab("Compress")
    page.upload("compress-file", folder / "cat.png")
    table = page.find("#compress-table")
    page.eventually(lambda: "AVIF" in table.text)
    page.wait_for_pictures("compress-pictures", 320, 320)
    before = table.text
    for name in ("aecodec", "JPEG", "WebP", "AVIF"):
        assert name in before
    page.click("#compress-aec")
    saved = folder.parent / "cat.aec"
    page.eventually(saved.is_file)
    data = saved.read_bytes()
    assert aecodec.decompress(data).size == (320, 240)
    assert f"{len(data):,}" in before

    track = page.find("#compress-quality input[type=range]")
    action = webdriver.ActionChains(page.browser)
    action.move_to_element_with_offset(track, track.size["width"] // 3, 0).click().perform()
    page.eventually(lambda: "AVIF" in table.text and table.text != before)
    page.click("#compress-curves")
    page.find(".js-plotly-plot .scatterlayer")
    page.screenshot("compress")


def test_aec_files_are_shown(page: Page, folder: Path) -> None:
    page.open_tab("Compress")
    photo = Image.open(folder / "cat.png").crop((0, 0, 130, 90))
    part, cut = (folder.parent / name for name in ("part.aec", "cut.aec"))
    part.write_bytes(aecodec.compress(photo, 80))
    cut.write_bytes(part.read_bytes()[:300])
    page.upload("compress-file", part)
    page.wait_for_pictures("compress-pictures", 130, 130)
    page.upload("compress-file", cut)
    assert page.line("cut short").startswith("cut.aec: ")


def test_the_browser_decodes_aec_files_itself(page: Page, folder: Path) -> None:
    page.open_tab("View")
    photo = Image.open(folder / "cat.png").crop((0, 0, 210, 130))
    file = folder.parent / "viewed.aec"
    file.write_bytes(aecodec.compress(photo, 80))
    page.browser.switch_to.frame(page.find("iframe[title=Viewer]"))
    try:
        page.find("input[type=file]").send_keys(str(file))
        page.eventually(lambda: "210 x 130" in page.find("dl").text)
        pixels = page.browser.execute_script(
            "const c = document.querySelector('aec-img canvas');"
            "return [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
        )
    finally:
        page.browser.switch_to.default_content()
    decoded = np.asarray(aecodec.decompress(file.read_bytes()))
    assert np.array_equal(np.array(pixels).reshape(130, 210, 4)[..., :3], decoded)
    page.screenshot("view")


def test_denoise_says_what_it_found(page: Page, folder: Path) -> None:
    page.open_tab("Denoise")
    page.upload("denoise-file", folder.parent / "noisy.png")
    said = page.find("#denoise-found")
    found = page.eventually(lambda: re.search(r"gaussian noise, sigma ([\d.]+)", said.text))
    assert 20 < float(found[1]) < 28
    page.wait_for_pictures("denoise-pictures", 320, 320)
    page.screenshot("denoise")


def test_search_finds_the_look_alike_first(page: Page, folder: Path) -> None:
    page.open_tab("Search")
    page.click("#search-index")
    said = page.find("#search-said")
    page.eventually(lambda: "4 images indexed" in said.text)
    page.upload("search-file", folder / "cat.png")
    page.eventually(lambda: "4 images, nearest first" in said.text)
    hits = page.find("#search-hits")
    captions = page.eventually(lambda: re.findall(r"\d+ bits: \S+", hits.text))
    assert captions[0].endswith("cat.png")
    assert captions[1].endswith("small.jpg")
    assert [caption.split()[-1] for caption in captions].count(r"caf\udce9.aec") == 1
    page.wait_for_pictures("search-hits")
    assert min(page.pictures("search-hits")) > 8  # a grey square stands for what has none
    page.screenshot("search")
    page.click("#search-duplicates")
    page.eventually(lambda: "1 groups with 1 duplicates" in said.text)


def test_an_unreadable_or_huge_file_is_explained(page: Page, folder: Path) -> None:
    page.open_tab("Denoise")
    for name, reason in (("text.jpg", "not an image"), ("large.png", "over 16000000 pixels")):
        page.upload("denoise-file", folder.parent / name)
        line = page.line(reason)
        assert name in line
        assert "/" not in line


def test_explore_draws_samples(page: Page) -> None:
    page.open_tab("Explore")
    for button, picture in (("sample", "samples"), ("walk", "way"), ("map", "codes")):
        page.click(f"#explore-{button}")
        page.wait_for_pictures(f"explore-{picture}")
    page.screenshot("explore")


def test_explore_takes_a_model_of_the_folder(page: Page) -> None:
    page.browser.refresh()
    page.open_tab("Explore")
    page.click("#explore-model input")
    listed = "VariationalAutoencoder.safetensors"
    page.eventually(lambda: listed in page.find("#explore-model [role=listbox]").text)
    page.choose("explore-model", listed)
    said = page.find("#explore-said")
    # The folder's own images, three of them, brought to 8x8.
    page.eventually(lambda: "images of 8x8 with codes of 2 numbers, and 3 images" in said.text)
    page.click("#explore-sample")
    page.wait_for_pictures("explore-samples", 5 * (8 * 9 - 1))
    page.choose("explore-data", "shapes.npy")
    page.eventually(lambda: "and 80 images" in said.text)
    page.click("#explore-walk")
    page.wait_for_pictures("explore-way", 5 * (10 * 9 - 1))
    page.click("#explore-map")
    page.wait_for_pictures("explore-codes")
    page.screenshot("explore-own")


def test_explore_explains_a_wrong_model_or_data(page: Page, folder: Path) -> None:
    page.browser.refresh()
    page.open_tab("Explore")
    for field, name, reason in (
        ("model", "broken.safetensors", "photos/broken.safetensors: not a saved autoencoder"),
        ("model", "Autoencoder.safetensors", "only a variational autoencoder can draw samples"),
        ("model", "none.safetensors", "No such file"),
        ("model", "../outside.safetensors", "not below the folder of this page"),
        ("model", str(folder.parent / "outside.safetensors"), "not below the folder"),
        ("model", "VariationalAutoencoder.safetensors", ""),
        ("data", "wide.npy", "photos/wide.npy: X has 128 features"),
        ("data", "../noisy.png", "not below the folder of this page"),
    ):
        page.choose(f"explore-{field}", name)
        assert str(folder) not in page.line(reason)
    page.line("not below")


def test_nothing_is_asked_of_other_hosts(page: Page, address: str) -> None:
    log = page.browser.get_log("performance")
    events = [json.loads(entry["message"])["message"] for entry in log]
    sent = "Network.requestWillBeSent"
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == sent]
    assert len(asked) > 10
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
