from io import BytesIO
from pathlib import Path
from typing import ClassVar

import pytest
from PIL import Image

from aecodec.errors import UnsupportedImageError
from aecodec.evaluation.classic_codecs import Jpeg
from aecodec.evaluation.learned_codec import is_ours
from aecodec.evaluation.metrics import METRICS, psnr, ssimulacra2
from aecodec.evaluation.photos import is_kodak, list_photos, load_photo
from aecodec.evaluation.rd import measure
from aecodec.evaluation.rd.plot import MOST_CURVES, choose_curves
from aecodec.evaluation.rd.published import published_kodak
from aecodec.evaluation.rd.table import VERSIONS, rd_markdown, short_table
from aecodec.evaluation.results import read_result, with_provenance
from aecodec.weights import shipped_codecs

OUTPUTS = {"rd.json", "rd.md", *(f"rd_{m}.{kind}" for m in METRICS for kind in ("png", "svg"))}


class HalfSizeJpeg(Jpeg):
    """JPEG whose files claim to be half as large: what a codec twice as good would make."""

    def __init__(self, *, weights: str, qualities: list[int], **_: object) -> None:
        self.name = "aecodec"  # type: ignore[misc]
        self.settings = qualities  # type: ignore[misc]

    def encode(self, image: Image.Image, setting: int) -> bytes:
        self.file = super().encode(image, setting)
        return self.file[: (len(self.file) + 1) // 2]

    def decode(self, data: bytes) -> Image.Image:
        return super().decode(self.file)


class FewJpegs(Jpeg):
    settings: ClassVar = (20, 40, 60, 80)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, photo: Image.Image) -> Path:
    folder = tmp_path_factory.mktemp("rd") / "photos"
    folder.mkdir()
    photo.save(folder / "b.png")
    photo.transpose(Image.Transpose.ROTATE_90).save(folder / "a.png")
    (folder / "notes.txt").write_text("not a photo")
    return folder


@pytest.fixture(scope="module")
def result(photos: Path) -> dict:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "LearnedCodec", HalfSizeJpeg)
        patch.setattr(measure, "available", lambda: [FewJpegs()])
        patch.setattr(measure, "shipped_codecs", lambda: ["codec-a", "codec-b"])
        out = photos.parent / "out"
        return measure.run_rd(photos, out, device="cpu", qualities=[20, 40, 60, 80])["figures"]


@pytest.fixture
def jpegs_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "LearnedCodec", HalfSizeJpeg)
    monkeypatch.setattr(measure, "available", lambda: [FewJpegs()])


def test_half_the_bytes_at_equal_quality_is_minus_fifty_percent(result: dict) -> None:
    rates = result["bd_rate"]["aecodec, codec-a"]
    for metric in METRICS:
        assert rates[metric]["JPEG"] == pytest.approx(-50, abs=0.05)
    assert result["bd_rate"]["JPEG"]["psnr"]["JPEG"] == 0


def test_a_bd_rate_says_over_which_qualities_it_is(result: dict) -> None:
    points = result["curves"]["JPEG"]
    ranges = result["bd_range"]["aecodec, codec-a"]
    assert ranges["psnr"]["JPEG"] == [points[0]["psnr"], points[-1]["psnr"]]
    low, high = ranges["ssimulacra2"]["JPEG"]
    assert low == max(30.0, points[0]["ssimulacra2"])
    assert high == points[-1]["ssimulacra2"]


@pytest.mark.usefixtures("jpegs_only")
def test_every_codec_that_ships_is_measured_or_the_one_that_is_named(
    result: dict, photos: Path
) -> None:
    # Two of one name are told apart by their weights.
    assert set(result["curves"]) == {"aecodec, codec-a", "aecodec, codec-b", "JPEG"}
    assert result["weights"] == {"codec-a": "aecodec, codec-a", "codec-b": "aecodec, codec-b"}
    out, weights = photos.parent / "one", "mine/own.safetensors"
    calls: list[tuple[int, int, str]] = []
    options = {"limit": 1, "progress": lambda *call: calls.append(call)}
    one = measure.run_rd(photos, out, weights=weights, qualities=[20, 40], **options)["figures"]
    assert calls == [(1, 1, "a.png")]
    assert set(one["curves"]) == {"aecodec", "JPEG"}
    assert one["weights"] == {"own": "aecodec"}


def test_rows_and_means(result: dict, photos: Path) -> None:
    rows = [r for r in result["rows"] if (r["codec"], r["setting"]) == ("JPEG", 40)]
    assert [r["image"] for r in rows] == ["a.png", "b.png"]
    photo = load_photo(photos / "b.png")
    data = Jpeg().encode(photo, 40)
    assert rows[1]["bytes"] == len(data)
    assert rows[1]["bpp"] == pytest.approx(8 * len(data) / (240 * 176))
    assert rows[1]["psnr"] == pytest.approx(psnr(photo, Jpeg().decode(data)))
    assert rows[1]["ssimulacra2"] == pytest.approx(ssimulacra2(photo, Jpeg().decode(data)))
    assert all(r["encode_s"] > 0 and r["decode_s"] > 0 for r in rows)
    point = next(p for p in result["curves"]["JPEG"] if p["setting"] == 40)
    for key in ("bpp", *METRICS):
        assert point[key] == pytest.approx((rows[0][key] + rows[1][key]) / 2)


def test_files_say_what_was_measured_and_where(result: dict, photos: Path) -> None:
    out = photos.parent / "out"
    assert {p.name for p in out.iterdir()} == OUTPUTS
    saved = read_result(out / "rd.json")
    figures = saved["figures"]
    assert figures["curves"] == result["curves"]
    assert (figures["data"], figures["images"], figures["kodak"]) == ("photos", 2, False)
    assert saved["machine"] is not None
    assert saved["machine"]["versions"]["pillow"]
    assert saved["machine"]["threads"] >= 1
    assert figures["published_bd_rate"] == {}
    assert str(photos.parent) not in (out / "rd.json").read_text()
    table = (out / "rd.md").read_text()
    assert table.count("| **aecodec, codec-a** | −50.0 % |") == len(METRICS)
    assert table == with_provenance(rd_markdown(figures), saved, VERSIONS)
    assert "| SSIMULACRA 2 vs JPEG |" in short_table(figures)
    assert "**aecodec, codec-a**" in short_table(figures)
    with Image.open(out / "rd_psnr.png") as plot:
        assert min(plot.size) > 500
    assert "aecodec" in (out / "rd_ssimulacra2.svg").read_text()


def test_a_plot_has_few_curves_and_ours_are_among_them() -> None:
    names = ["aecodec", "aecodec, tuned for PSNR", "JPEG", "WebP", "AVIF", "AVIF, PSNR"]
    curves = dict.fromkeys([*names, "JPEG 2000", "JPEG XL", "HEIC"])
    measured, published = choose_curves(curves, published_kodak(), "psnr")
    assert len(measured) + len(published) == MOST_CURVES
    assert published == ["VTM 9.1 4:4:4", "mbt2018-mean"]
    assert {"aecodec", "aecodec, tuned for PSNR", "JPEG", "AVIF", "JPEG XL"} < set(measured)
    measured, published = choose_curves(curves, published_kodak(), "ssimulacra2")
    assert (len(measured), published) == (MOST_CURVES, []), "nobody published any"
    assert sum(map(is_ours, measured)) == 2


def test_published_curves_join_on_kodak(result: dict) -> None:
    summary = measure.summarise(result["rows"], kodak=True)
    assert summary["published_bd_rate"]["ELIC"]["ms_ssim"]["JPEG"] is None
    assert isinstance(summary["published_bd_rate"]["mbt2018-mean"]["psnr"]["JPEG"], float)


@pytest.mark.usefixtures("jpegs_only")
def test_small_photos_leave_ms_ssim_out(
    tmp_path: Path, photo: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    photo.crop((0, 0, 100, 80)).save(folder / "small.png")
    monkeypatch.setattr(measure, "shipped_codecs", lambda: ["codec-psnr"])
    result = measure.run_rd(folder, tmp_path / "out", qualities=[20, 40, 60, 80])["figures"]
    assert result["bd_rate"]["aecodec"]["ms_ssim"]["JPEG"] is None
    assert result["bd_rate"]["aecodec"]["psnr"]["JPEG"] == pytest.approx(-50, abs=0.2)
    saved = read_result(tmp_path / "out" / "rd.json")
    assert saved["figures"]["rows"][0]["ms_ssim"] is None
    assert "| – |" in (tmp_path / "out" / "rd.md").read_text()


def test_the_shipped_codecs_have_names_of_their_own(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "available", lambda: [])
    figures = measure.run_rd(photos, photos.parent / "real", qualities=[20], limit=1)["figures"]
    assert list(figures["weights"]) == shipped_codecs()
    assert len(figures["curves"]) == len(shipped_codecs())
    assert "aecodec" in figures["curves"]


def test_photos_are_upright_rgb_without_metadata(tmp_path: Path, photo: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = BytesIO()
    photo.save(file, "JPEG", exif=exif, icc_profile=b"profile")
    path = tmp_path / "turned.jpg"
    path.write_bytes(file.getvalue())
    loaded = load_photo(path)
    assert (loaded.size, loaded.mode) == ((photo.height, photo.width), "RGB")
    assert loaded.info == {}


def test_folders_without_photos_and_unreadable_ones(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedImageError, match="no photos"):
        list_photos(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"no")
    with pytest.raises(UnsupportedImageError, match=r"broken\.png"):
        load_photo(tmp_path / "broken.png")


def test_kodak_is_known_by_its_names() -> None:
    names = [Path(f"kodim{n:02d}.png") for n in range(1, 25)]
    assert is_kodak(names)
    assert not is_kodak(names[:-1])
    assert not is_kodak([*names[:-1], Path("other.png")])
