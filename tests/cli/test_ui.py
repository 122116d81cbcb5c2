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

pytest.importorskip("gradio")
webdriver = pytest.importorskip("selenium.webdriver")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
if not (CHROMIUM and DRIVER):
    pytest.skip("no Chromium with its driver here", allow_module_level=True)

_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1500,1100",
)
_SECONDS = 60
ODD_NAME = b"caf\xe9.aec"  # no UTF-8


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
def browser(address: str, folder: Path) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in _ARGUMENTS:
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(folder.parent)})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    service = webdriver.ChromeService(DRIVER)
    with webdriver.Chrome(options, service) as driver:
        driver.get(address)
        yield driver


Eventually = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def eventually(browser: Any) -> Eventually:
    """Wait until something is true, and return it."""
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.support.wait import WebDriverWait

    def wait(what: Callable[[], Any]) -> Any:
        waiter = WebDriverWait(browser, _SECONDS, 0.2, [WebDriverException])
        return waiter.until(lambda _: what())

    return wait


@pytest.fixture
def find(browser: Any, eventually: Eventually) -> Callable[[str], Any]:
    return lambda css: eventually(lambda: browser.find_element("css selector", css))


@pytest.fixture
def open_tab(browser: Any, eventually: Eventually) -> Callable[[str], None]:
    def click(name: str) -> None:
        path = f"//button[@role='tab'][normalize-space()='{name}']"

        def clicked() -> bool:  # once nothing lies over it: the page is still being loaded
            browser.find_element("xpath", path).click()
            return True

        eventually(clicked)

    return click


def shown(browser: Any, css: str) -> list[int]:
    """Widths of the pictures that are there to see."""
    script = "return [...document.querySelectorAll(arguments[0])].map(i => i.naturalWidth)"
    return [width for width in browser.execute_script(script, css) if width]


def screenshot(browser: Any, name: str) -> None:
    """Kept where the documentation's pictures are made: AECODEC_SCREENSHOTS=FOLDER."""
    if place := os.environ.get("AECODEC_SCREENSHOTS"):
        Path(place).mkdir(parents=True, exist_ok=True)
        time.sleep(1)  # pictures fade in
        assert browser.save_screenshot(str(Path(place) / f"{name}.png"))


def test_compress_shows_both_a_table_and_downloads(
    browser: Any, find: Any, eventually: Eventually, open_tab: Any, folder: Path
) -> None:
    open_tab("Compress")
    find("#compress-file input[type=file]").send_keys(str(folder / "cat.png"))
    table = find("#compress-table")
    eventually(lambda: "AVIF" in table.text)
    eventually(lambda: shown(browser, "#compress-pictures img") == [320, 320])
    before = table.text
    for name in ("aecodec", "JPEG", "WebP", "AVIF"):
        assert name in before
    find("#compress-aec").click()
    saved = folder.parent / "cat.aec"
    eventually(saved.is_file)
    data = saved.read_bytes()
    assert aecodec.decompress(data).size == (320, 240)
    assert f"{len(data):,}" in before

    track = find("#compress-quality input[type=range]")
    action = webdriver.ActionChains(browser)
    action.move_to_element_with_offset(track, track.size["width"] // 3, 0).click().perform()
    eventually(lambda: "AVIF" in table.text and table.text != before)
    find("#compress-curves").click()
    find(".js-plotly-plot .scatterlayer")
    screenshot(browser, "compress")


def test_aec_files_are_shown(
    browser: Any, find: Any, eventually: Eventually, open_tab: Any, folder: Path
) -> None:
    open_tab("Compress")
    photo = Image.open(folder / "cat.png").crop((0, 0, 130, 90))
    (folder.parent / "part.aec").write_bytes(aecodec.compress(photo, 80))
    (folder.parent / "cut.aec").write_bytes(aecodec.compress(photo, 80)[:300])
    for name in ("part.aec", "cut.aec"):
        if clear := browser.find_elements("css selector", "#compress-file [aria-label='Clear']"):
            clear[0].click()
        find("#compress-file input[type=file]").send_keys(str(folder.parent / name))
        if name == "part.aec":
            eventually(lambda: shown(browser, "#compress-pictures img") == [130, 130])
    line = eventually(lambda: re.search(r".*cut short.*", find("body").text))[0]
    assert line.startswith("cut.aec: ")


def test_the_browser_decodes_aec_files_itself(
    browser: Any, find: Any, eventually: Eventually, open_tab: Any, folder: Path
) -> None:
    open_tab("View")
    photo = Image.open(folder / "cat.png").crop((0, 0, 210, 130))
    file = folder.parent / "viewed.aec"
    file.write_bytes(aecodec.compress(photo, 80))
    frame = find("iframe[title=Viewer]")
    browser.switch_to.frame(frame)
    try:
        find("input[type=file]").send_keys(str(file))
        eventually(lambda: "210 x 130" in find("dl").text)
        pixels = browser.execute_script(
            "const c = document.querySelector('aec-img canvas');"
            "return [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
        )
    finally:
        browser.switch_to.default_content()
    decoded = np.asarray(aecodec.decompress(file.read_bytes()))
    assert np.array_equal(np.array(pixels).reshape(130, 210, 4)[..., :3], decoded)
    screenshot(browser, "view")


def test_denoise_says_what_it_found(
    browser: Any, find: Any, eventually: Eventually, open_tab: Any, folder: Path
) -> None:
    open_tab("Denoise")
    find("#denoise-file input[type=file]").send_keys(str(folder.parent / "noisy.png"))
    said = find("#denoise-found")
    found = eventually(lambda: re.search(r"gaussian noise, sigma ([\d.]+)", said.text))
    assert 20 < float(found[1]) < 28
    eventually(lambda: shown(browser, "#denoise-pictures img") == [320, 320])
    screenshot(browser, "denoise")


def test_search_finds_the_look_alike_first(
    browser: Any, find: Any, eventually: Eventually, open_tab: Any, folder: Path
) -> None:
    open_tab("Search")
    find("#search-index").click()
    said = find("#search-said")
    eventually(lambda: "4 images indexed" in said.text)
    find("#search-file input[type=file]").send_keys(str(folder / "cat.png"))
    eventually(lambda: "4 images, nearest first" in said.text)
    captions = eventually(lambda: re.findall(r"\d+ bits: \S+", find("#search-hits").text))
    assert captions[0].endswith("cat.png")
    assert captions[1].endswith("small.jpg")
    assert [caption.split()[-1] for caption in captions].count(r"caf\udce9.aec") == 1
    sizes = eventually(lambda: shown(browser, "#search-hits img"))
    assert min(sizes) > 8  # a grey square of 8 pixels stands for what has no picture
    screenshot(browser, "search")
    find("#search-duplicates").click()
    eventually(lambda: "1 groups with 1 duplicates" in said.text)


def test_an_unreadable_or_huge_file_is_explained(
    browser: Any, find: Any, eventually: Eventually, open_tab: Any, folder: Path
) -> None:
    open_tab("Denoise")
    for name, reason in (("text.jpg", "not an image"), ("large.png", "over 16000000 pixels")):
        if clear := browser.find_elements("css selector", "#denoise-file [aria-label='Clear']"):
            clear[0].click()
        find("#denoise-file input[type=file]").send_keys(str(folder.parent / name))
        body = find("body")
        line = eventually(lambda b=body, r=reason: re.search(rf".*{r}.*", b.text))[0]
        assert name in line
        assert "/" not in line


def test_explore_draws_samples(
    browser: Any, find: Any, eventually: Eventually, open_tab: Any
) -> None:
    open_tab("Explore")
    find("#explore-sample").click()
    eventually(lambda: shown(browser, "#explore-samples img"))
    find("#explore-walk").click()
    eventually(lambda: shown(browser, "#explore-way img"))
    find("#explore-map").click()
    eventually(lambda: shown(browser, "#explore-codes img"))
    screenshot(browser, "explore")


def choose(field: Any, name: str) -> None:
    """Type a name into a list, or choose it there: it is the same."""
    field.click()
    field.send_keys(webdriver.Keys.CONTROL, "a")
    field.send_keys(name, webdriver.Keys.ENTER)


def test_explore_takes_a_model_of_the_folder(
    browser: Any, find: Any, eventually: Eventually, open_tab: Any
) -> None:
    browser.refresh()
    open_tab("Explore")
    field = find("#explore-model input")
    field.click()
    listed = "VariationalAutoencoder.safetensors"
    eventually(lambda: listed in find("#explore-model [role=listbox]").text)
    choose(field, listed)
    said = find("#explore-said")
    # The folder's own images, three of them, brought to 8x8.
    eventually(lambda: "images of 8x8 with codes of 2 numbers, and 3 images" in said.text)
    find("#explore-sample").click()
    eventually(lambda: shown(browser, "#explore-samples img") == [5 * (8 * 9 - 1)])
    choose(find("#explore-data input"), "shapes.npy")
    eventually(lambda: "and 80 images" in said.text)
    find("#explore-walk").click()
    eventually(lambda: shown(browser, "#explore-way img") == [5 * (10 * 9 - 1)])
    find("#explore-map").click()
    eventually(lambda: shown(browser, "#explore-codes img"))
    screenshot(browser, "explore-own")


def test_explore_explains_a_wrong_model_or_data(
    browser: Any, find: Any, eventually: Eventually, open_tab: Any, folder: Path
) -> None:
    browser.refresh()
    open_tab("Explore")
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
        choose(find(f"#explore-{field} input"), name)
        line = eventually(lambda r=reason: re.search(f".*{r}.*", find("body").text))[0]
        assert str(folder) not in line
    eventually(lambda: "not below" in find("body").text)


def test_nothing_is_asked_of_other_hosts(browser: Any, address: str) -> None:
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = "Network.requestWillBeSent"
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == sent]
    assert len(asked) > 10
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
