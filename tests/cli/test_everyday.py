"""Pipes, parts, thumbnails, folders gone on with, metadata left out, and the desktop."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import aecodec
from aecodec.codec.inference import InferenceModel
from aecodec.images import Picture, without_metadata
from tests.cli.conftest import Run, refused
from tests.conftest import psnr
from tests.processes import run_python


def test_pipes(photo: Path, small: Image.Image) -> None:
    """Of processes of their own."""
    command = [sys.executable, "-m", "aecodec_cli"]
    packing = subprocess.run(
        [*command, "compress", "-", "-q", "60"], input=photo.read_bytes(), capture_output=True
    )
    assert (packing.returncode, packing.stderr) == (0, b"")
    assert psnr(small, aecodec.decompress(packing.stdout)) > 25
    unpacking = subprocess.run(
        [*command, "decompress", "-"], input=packing.stdout, capture_output=True
    )
    assert unpacking.returncode == 0
    assert unpacking.stdout.startswith(b"\x89PNG")


def test_standard_input(run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fed(data: bytes, *arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
        return run(*arguments)

    no_image = "error: -: not an image in a format Pillow can read"
    refused(fed(b"no image", "compress", "-"), no_image)
    refused(fed(b"", "compress", "-"), "error: -: nothing on standard input")
    data = aecodec.compress(photo, 60)
    assert json.loads(fed(data, "info", "-", "--json")[1])["quality"] == 60
    assert fed(photo.read_bytes(), "hash", "-")[1].split()[1] == "-"
    assert fed(data, "thumbnail", "-", "-o", photo.parent / "small.png", "--size", 20)[0] == 0
    assert Image.open(photo.parent / "small.png").size == (20, 14)
    assert fed(b"no image", "hash", "-") == (1, "", f"{no_image}\n")


@pytest.mark.parametrize("command", ["compress", "denoise", "thumbnail"])
def test_a_named_pipe_is_read_once(run: Run, photo: Path, tmp_path: Path, command: str) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    for data, code in ((photo.read_bytes(), 0), (b"no image", 1)):
        Thread(target=pipe.write_bytes, args=(data,)).start()
        out = tmp_path / ("out.aec" if command == "compress" else "out.png")
        done = run(command, pipe, "-o", out, "--force")
        assert done[0] == code, done
    assert done[2] == f"error: {pipe}: not an image in a format Pillow can read\n"


def test_what_pipes_do_not_take(run: Run, photo: Path) -> None:
    for arguments, message in (
        (("compress", photo, photo, "-o", "-"), "one input and one output"),
        (("compress", photo, "-o", "-", "--json"), "standard output has the file"),
        (("compress", "-", "--skip-existing"), "takes no --engine"),
        (("denoise", "-", "--engine", "ray"), "takes no --engine"),
    ):
        refused(run(*arguments), message, code=2)


def test_a_part_of_a_picture(run: Run, photo: Path, tmp_path: Path) -> None:
    run("compress", photo)
    packed, out = photo.with_suffix(".aec"), tmp_path / "part.png"
    assert run("decompress", packed, "-o", out, "--crop", "10,20,30,15")[0] == 0
    whole = aecodec.decompress(packed)
    with Image.open(out) as part:
        assert part.tobytes() == whole.crop((10, 20, 40, 35)).tobytes()
    for crop, code, message in (
        ("90,60,30,15", 1, "not within 100x70"),
        ("1,2,3", 2, "not X,Y,W,H"),
        ("1,2,0,5", 2, "no part"),
    ):
        result = run("decompress", packed, "-o", tmp_path / "y.png", "--crop", crop)
        assert result[0] == code or message in result[2]
        assert message in result[2]


def test_thumbnails_of_pictures_and_of_files_without_synthesis(
    run: Run, photo: Path, cat: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = tmp_path / "cat.aec"
    packed.write_bytes(aecodec.compress(cat, 60))
    monkeypatch.setattr(InferenceModel, "synthesise", None)
    for size in (56, 28, 24):
        out = tmp_path / str(size)
        assert run("thumbnail", packed, photo, "-s", size, "-o", out, "--quiet")[0] == 0
        with Image.open(out / "cat.png") as image:
            wanted = cat.copy()
            wanted.thumbnail((size, size))
            assert image.size == wanted.size
            assert psnr(wanted, image.copy()) > 25
    with Image.open(out / "photo.png") as image:
        assert image.size == (24, 17)


def test_a_folder_is_gone_on_with(run: Run, photo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        shutil.copy(photo, folder / name)
    assert run("compress", folder / "a.png")[0] == 0
    code, out, _ = run("compress", folder, "--dry-run", "--skip-existing")
    assert code == 0
    assert "total: 1 of 2 files would be done; nothing was written" in out
    assert not (folder / "b.aec").exists()
    kept = (folder / "a.aec").stat().st_mtime_ns
    code, out, _ = run("compress", folder, "--skip-existing")
    assert code == 0
    size = photo.stat().st_size
    assert f"total: 1 of 2 files  1 skipped  {size:,} -> " in out
    assert out.rstrip().endswith(" s")
    assert (folder / "a.aec").stat().st_mtime_ns == kept
    code, out, _ = run("compress", folder, "--skip-existing", "--json")
    assert code == 0
    assert [entry["skipped"] for entry in json.loads(out)] == [True, True]


def test_formats_that_are_only_read_are_found_in_folders(
    run: Run, small: Image.Image, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.ico", "b.icns", "c.pcx", "d.sgi"):
        small.resize((64, 64)).save(folder / name)
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 70, 100, 8, 3) + bytes(14)  # uncompressed
    (folder / "e.psd").write_bytes(head + b"".join(band.tobytes() for band in small.split()))
    assert run("compress", folder, "--lossless", "-o", tmp_path / "out")[0] == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "a.aec",
        "b.aec",
        "c.aec",
        "d.aec",
        "e.aec",
    ]
    assert aecodec.decompress(tmp_path / "out" / "e.aec").tobytes() == small.tobytes()
    result = run("decompress", tmp_path / "out" / "a.aec", "--format", "ico")
    refused(result, "'ico' is no image format", code=2)


def test_names_that_differ_in_their_suffix_only(run: Run, photo: Path, tmp_path: Path) -> None:
    other = tmp_path / "photo.JPG"
    Image.open(photo).save(other, "JPEG")
    code, _, err = run("compress", photo, other)
    assert code == 0
    assert (tmp_path / "photo.JPG.aec").exists()
    assert (tmp_path / "photo.png.aec").exists()
    assert err.count("photo.aec would be that of several") == 2
    assert run("decompress", tmp_path)[0] == 0  # to photo.JPG.png and photo.png.png
    for done in (2, 4):
        code, out, err = run("compress", tmp_path, "--skip-existing", "--json")
        assert code == 0
        assert err.count("would be that of several") == 4
        assert sum(entry.get("skipped", False) for entry in json.loads(out)) == done
        assert {path.name for path in tmp_path.glob("*.aec")} == {
            f"photo.{kind}.aec" for kind in ("JPG", "png", "JPG.png", "png.png")
        }


def test_a_result_larger_than_its_input_says_so(run: Run, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "x.jpg", quality=20)
    code, _, err = run("compress", tmp_path / "x.jpg", "--lossless")
    assert code == 0
    assert "more than its input's" in err


def with_everything(small: Image.Image) -> Image.Image:
    image, exif = small.copy(), Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769)[0x829A] = 0.01
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 29.0)
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf'
        b'-syntax-ns#"><rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/"'
        b' exif:GPSLatitude="48,51.5N" exif:FNumber="4" xmlns:photoshop='
        b'"http://ns.adobe.com/photoshop/1.0/" photoshop:City="Paris"/></rdf:RDF></x:xmpmeta>'
    )
    image.info.update(exif=exif.tobytes(), xmp=xmp, icc_profile=b"profile", dpi=(300, 300))
    return image


def test_metadata_are_left_out_if_asked(small: Image.Image) -> None:
    image = with_everything(small)
    there = {"exif", "xmp", "icc_profile", "properties"}
    for what, gone in (
        ("exif", {"exif"}),
        ("icc", {"icc_profile"}),
        ("xmp", {"xmp"}),
        ("all", there),
    ):
        kept = Picture.from_image(without_metadata(image, what)).metadata
        assert set(kept) == there - gone
    stripped = without_metadata(image, "location")
    assert stripped.tobytes() == small.tobytes()
    exif = stripped.getexif()
    assert exif[0x010F] == "Maker"
    assert exif.get_ifd(0x8769)[0x829A] == pytest.approx(0.01)
    assert not exif.get_ifd(0x8825)
    assert b"FNumber" in stripped.info["xmp"]
    assert b"GPS" not in stripped.info["xmp"]
    assert b"Paris" not in stripped.info["xmp"]
    assert set(Picture.from_image(stripped).metadata) == there


def test_places_in_text_and_in_geotiff_go_with_the_location(small: Image.Image) -> None:
    image = small.copy()
    image.info["text"] = {"exif:GPSLatitude": "48/1, 51/1, 29/1", "Author": "me"}
    assert without_metadata(image, "location").info["text"] == {"Author": "me"}
    exif = Image.Exif()
    exif[0x010F], exif[33922] = "Maker", (0.0, 0.0, 0.0, 10.0, 20.0, 0.0)
    image.info = {"exif": exif.tobytes()}
    assert dict(without_metadata(image, "location").getexif()) == {0x010F: "Maker"}
    plain = small.copy()
    plain.info["dpi"] = (300, 300)
    assert without_metadata(plain, "location").info["dpi"] == (300, 300)


def raw_profile(name: str, raw: bytes) -> str:
    """As ImageMagick and ExifTool write it as PNG's text."""
    digits = raw.hex()
    lines = "\n".join(digits[start : start + 72] for start in range(0, len(digits), 72))
    return f"\n{name}\n{len(raw):8d}\n{lines}\n"


def test_profiles_in_text_go_with_what_they_hold(small: Image.Image) -> None:
    image = with_everything(small)
    exif, xmp = image.info["exif"], image.info["xmp"]
    city, caption = (b"\x1c\x02" + kind + b"\0\5Paris" for kind in (b"\x5a", b"\x78"))
    texts = {
        "Raw profile type APP1": raw_profile("APP1", exif),
        "Raw profile type xmp": raw_profile("xmp", xmp),
        "Raw profile type iptc": raw_profile("iptc", b"8BIM\x04\x04\0\0\0\0\0\x0a" + city),
        "Raw profile type 8bim": raw_profile("8bim", b"8BIM\x04\x04\0\0\0\0\0\x0a" + caption),
        "Raw profile type icc": raw_profile("icc", b"profile"),
        "Raw profile type app1": "?",
        "xmp": xmp.decode(),
        "exif:GPSInfo": "1",
        "exif:FNumber": "4",
        "photoshop:City": "Paris",
        "Author": "me",
    }
    info = PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    image.save(data := io.BytesIO(), "PNG", pnginfo=info)

    def left(what: str) -> dict[str, str]:
        kept: dict[str, str] = without_metadata(Image.open(data), what).info["text"]
        return kept

    exifs = {"Raw profile type APP1", "Raw profile type app1", "exif:GPSInfo", "exif:FNumber"}
    xmps = {"Raw profile type xmp", "Raw profile type app1", "xmp"}
    with pytest.warns(UserWarning, match="left out as a whole, not only its"):
        assert left("exif") == {key: text for key, text in texts.items() if key not in exifs}
    with pytest.warns(UserWarning, match="'Raw profile type app1' is left out"):
        assert left("xmp") == {key: text for key, text in texts.items() if key not in xmps}
    assert set(texts) - set(left("icc")) == {"Raw profile type icc"}
    with pytest.warns(UserWarning, match="is left out as a whole, not only its location") as notes:
        kept = left("location")
    assert len(notes) == 2
    gone = {"Raw profile type iptc", "Raw profile type app1", "exif:GPSInfo", "photoshop:City"}
    assert set(texts) - set(kept) == gone
    less = Image.Exif()
    less.load(bytes.fromhex("".join(kept["Raw profile type APP1"].split("\n")[3:])))
    assert less[0x010F] == "Maker"
    assert not less.get_ifd(0x8825)
    for text in (kept["xmp"], bytes.fromhex(kept["Raw profile type xmp"][14:]).decode()):
        assert "FNumber" in text
        assert "GPS" not in text
        assert "Paris" not in text


def test_strip_from_the_command_line(run: Run, small: Image.Image, tmp_path: Path) -> None:
    image: Any = with_everything(small)
    image.save(tmp_path / "x.jpg", exif=image.info["exif"], xmp=image.info["xmp"], dpi=(300, 300))
    assert run("compress", tmp_path / "x.jpg", "--strip", "all")[0] == 0
    info = aecodec.decompress(tmp_path / "x.aec").info
    assert not {"exif", "xmp", "dpi", "icc_profile"} & set(info)
    several = ["--strip", "exif", "--strip", "xmp"]  # not only the last of them
    assert run("compress", tmp_path / "x.jpg", "--force", *several)[0] == 0
    assert set(aecodec.decompress(tmp_path / "x.aec").info) == {"dpi"}
    refused(run("compress", "x.jpg", "--strip", "maker"), "'maker' is not one of 'all'", code=2)


def test_ssimulacra2_is_a_target(run: Run, photo: Path) -> None:
    code, _, _ = run("compress", photo, "--ssimulacra2", 50)
    assert code == 0
    refused(run("compress", photo, "--ssimulacra2", 50, "-q", 5), "exclude each other", code=2)


def test_a_foreign_file_is_told_by_its_first_bytes(run: Run, tmp_path: Path) -> None:
    with open(tmp_path / "big.aec", "wb") as file:
        file.truncate(1 << 33)
    for command in ("info", "decompress"):
        refused(run(command, tmp_path / "big.aec"), "not an .aec file")
    assert "not an .aec file" in run("info", "/dev/zero")[2] or os.name == "nt"


def test_a_busy_port_is_said_plainly(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("gradio")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = run("ui", tmp_path, "--port", taken.getsockname()[1])
    refused(busy, "is taken by another program; give --port 0")


@pytest.mark.skipif(os.name == "nt", reason="a folder in use cannot be deleted there")
def test_a_deleted_working_folder_is_one_line(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"import os; os.chdir({str(gone)!r}); os.rmdir({str(gone)!r})\n"
    script += "from aecodec_cli.app import main; raise SystemExit(main(['hash', 'x.png']))"
    done = run_python(script)
    said = "error: the working folder is gone; change to another\n"
    assert (done.returncode, done.stderr) == (1, said)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of Linux desktops")
def test_the_desktop_knows_the_type(
    run: Run, tmp_path: Path, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "share"))
    (home / ".magic").write_text("0\tstring\tOWN\town things\n")
    assert run("desktop")[0] == 2
    code, out, _ = run("desktop", "--install")
    assert code == 0
    assert run("desktop", "--install")[0] == 0  # again, and nothing is there twice
    assert (home / ".magic").read_text().count("aecodec image") == 1
    assert "own things" in (home / ".magic").read_text()
    entry = (home / "share" / "thumbnailers" / "aecodec.thumbnailer").read_text()
    assert "thumbnail %i -o %o -s %s" in entry
    nameless = tmp_path / "nameless"
    nameless.write_bytes(aecodec.compress(Image.open(photo)))
    if tool := shutil.which("file"):
        said = subprocess.run([tool, nameless], capture_output=True, text=True, check=True).stdout
        assert "aecodec image, version 1" in said
        (own := tmp_path / "own").write_text("OWN")
        said = subprocess.run([tool, own], capture_output=True, text=True, check=True).stdout
        assert "own things" in said
    if (tool := shutil.which("gio")) and shutil.which("update-mime-database"):
        named = nameless.rename(tmp_path / "x.aec")
        command = [tool, "info", "-a", "standard::content-type", named]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "image/x-aec" in said
