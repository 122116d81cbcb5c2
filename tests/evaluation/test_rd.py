import json
from io import BytesIO
from pathlib import Path
from typing import ClassVar

import pytest
from PIL import Image

from aecodec.errors import UnsupportedImageError
from aecodec.evaluation import rd
from aecodec.evaluation.classic_codecs import Jpeg
from aecodec.evaluation.learned_codec import NAMES
from aecodec.evaluation.metrics import psnr
from aecodec.evaluation.photos import is_kodak, list_photos, load_photo

OUTPUTS = {"rd.json", "rd.md", "rd_psnr.png", "rd_psnr.svg", "rd_ms_ssim.png", "rd_ms_ssim.svg"}


class HalfSizeJpeg(Jpeg):
    """JPEG whose files claim to be half as large: what a codec twice as good would make."""

    def __init__(self, *, weights: str, qualities: list[int], **_: object) -> None:
        self.name = NAMES["ms-ssim" if weights.endswith("ms-ssim") else "mse"]  # type: ignore[misc]
        self.settings = qualities  # type: ignore[misc]

    def encode(self, image: Image.Image, setting: int) -> bytes:
        self.file = super().encode(image, setting)
        return self.file[: (len(self.file) + 1) // 2]

    def decode(self, data: bytes) -> Image.Image:
        return super().decode(self.file)


class FewJpegs(Jpeg):
    settings: ClassVar = (20, 40, 60, 80)


@pytest.fixture
def photos(tmp_path: Path, photo: Image.Image) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    photo.save(folder / "b.png")
    photo.transpose(Image.Transpose.ROTATE_90).save(folder / "a.png")
    (folder / "notes.txt").write_text("not a photo")
    return folder


@pytest.fixture
def result(photos: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    monkeypatch.setattr(rd, "LearnedCodec", HalfSizeJpeg)
    monkeypatch.setattr(rd, "available", lambda: [FewJpegs()])
    return rd.run_rd(photos, photos.parent / "out", device="cpu", qualities=[20, 40, 60, 80])


def test_half_the_bytes_at_equal_quality_is_minus_fifty_percent(result: dict) -> None:
    rates = result["bd_rate"]["aecodec"]
    assert rates["psnr"]["JPEG"] == pytest.approx(-50, abs=0.05)
    assert rates["ms_ssim"]["JPEG"] == pytest.approx(-50, abs=0.05)
    assert result["bd_rate"]["JPEG"]["psnr"]["JPEG"] == 0


def test_every_codec_that_ships_is_measured_or_the_one_that_is_named(
    result: dict, photos: Path
) -> None:
    assert set(result["curves"]) == {*NAMES.values(), "JPEG"}
    assert result["weights"] == "codec-cpu, codec-cpu-ms-ssim"
    out, weights = photos.parent / "one", "mine/own.safetensors"
    one = rd.run_rd(photos, out, weights=weights, qualities=[20, 40], limit=1)
    assert set(one["curves"]) == {"aecodec", "JPEG"}
    assert one["weights"] == "own"


def test_rows_and_means(result: dict, photos: Path) -> None:
    rows = [r for r in result["rows"] if (r["codec"], r["setting"]) == ("JPEG", 40)]
    assert [r["image"] for r in rows] == ["a.png", "b.png"]
    photo = load_photo(photos / "b.png")
    data = Jpeg().encode(photo, 40)
    assert rows[1]["bytes"] == len(data)
    assert rows[1]["bpp"] == pytest.approx(8 * len(data) / (240 * 176))
    assert rows[1]["psnr"] == pytest.approx(psnr(photo, Jpeg().decode(data)))
    assert all(r["encode_s"] > 0 and r["decode_s"] > 0 for r in rows)
    point = next(p for p in result["curves"]["JPEG"] if p["setting"] == 40)
    for key in ("bpp", "psnr", "ms_ssim"):
        assert point[key] == pytest.approx((rows[0][key] + rows[1][key]) / 2)


def test_files_say_what_was_measured_and_where(result: dict, photos: Path) -> None:
    out = photos.parent / "out"
    assert {p.name for p in out.iterdir()} == OUTPUTS
    saved = json.loads((out / "rd.json").read_text())
    assert saved["curves"] == result["curves"]
    assert (saved["data"], saved["images"], saved["kodak"]) == ("photos", 2, False)
    assert saved["machine"]["versions"]["pillow"]
    assert saved["machine"]["threads"] >= 1
    assert saved["published_bd_rate"] == {}
    assert str(photos.parent) not in (out / "rd.json").read_text()
    table = (out / "rd.md").read_text()
    assert "| aecodec | −50.0 % | −50.0 % |" in table
    with Image.open(out / "rd_psnr.png") as plot:
        assert min(plot.size) > 500
    assert "aecodec" in (out / "rd_ms_ssim.svg").read_text()


def test_published_curves_join_on_kodak(
    photos: Path, monkeypatch: pytest.MonkeyPatch, result: dict
) -> None:
    summary = rd.summarise(result["rows"], kodak=True)
    assert summary["published_bd_rate"]["ELIC"]["ms_ssim"]["JPEG"] is None
    assert isinstance(summary["published_bd_rate"]["mbt2018-mean"]["psnr"]["JPEG"], float)


def test_small_photos_leave_ms_ssim_out(
    tmp_path: Path, photo: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    photo.crop((0, 0, 100, 80)).save(folder / "small.png")
    monkeypatch.setattr(rd, "LearnedCodec", HalfSizeJpeg)
    monkeypatch.setattr(rd, "available", lambda: [FewJpegs()])
    result = rd.run_rd(folder, tmp_path / "out", qualities=[20, 40, 60, 80])
    assert result["bd_rate"]["aecodec"]["ms_ssim"]["JPEG"] is None
    assert result["bd_rate"]["aecodec"]["psnr"]["JPEG"] == pytest.approx(-50, abs=0.2)
    saved = json.loads((tmp_path / "out" / "rd.json").read_text())
    assert saved["rows"][0]["ms_ssim"] is None
    assert "| – |" in (tmp_path / "out" / "rd.md").read_text()


def test_limit_and_progress(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rd, "LearnedCodec", HalfSizeJpeg)
    monkeypatch.setattr(rd, "available", lambda: [FewJpegs()])
    calls: list[tuple[int, int, str]] = []
    rd.run_rd(
        photos,
        photos.parent / "out",
        qualities=[20, 40],
        limit=1,
        progress=lambda *call: calls.append(call),
    )
    assert calls == [(1, 1, "a.png")]


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
