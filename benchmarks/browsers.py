"""Pages in Chromium and Firefox, and what their scripts find: for benchmarks and tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from urllib.parse import urlsplit

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
CHROMIUM_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1200,900",
)
_FIREFOX = """
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("termsofuse.bypassNotification", true);
"""
# What makes `crossOriginIsolated` true, and with it threads possible.
ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}


class Site:
    """A folder on a port of this machine, with pages of one's own among its files.

    Attributes:
        posted: (path, body) of what the pages sent with POST.
        requested: paths of all requests, in their order, and the bytes of each answer.
    """

    def __init__(self, folder: Path, more: Mapping[str, bytes], *, isolated: bool) -> None:
        self.posted: Queue[tuple[str, bytes]] = Queue()
        self.requested: list[tuple[str, int]] = []
        site = self

        class Handler(SimpleHTTPRequestHandler):
            extensions_map = SimpleHTTPRequestHandler.extensions_map | {
                ".mjs": "text/javascript",
                ".wasm": "application/wasm",
            }
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with suppress(ConnectionError):  # the browser has ended
                    super().handle()

            def do_GET(self) -> None:
                name = urlsplit(self.path).path.removeprefix("/")
                file = folder / name
                data = more.get(name)
                if data is None and file.is_file():
                    data = file.read_bytes()
                site.requested.append((name, len(data or b"")))
                self.send_response(404 if data is None else 200)
                self.send_header("Content-Type", self.guess_type(name))
                self.send_header("Content-Length", str(len(data or b"")))
                self.send_header("Cache-Control", "max-age=3600")
                self.end_headers()
                self.wfile.write(data or b"")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                site.posted.put((self.path.removeprefix("/"), body))
                self.send_response(204)
                self.end_headers()

            def end_headers(self) -> None:
                for header in ISOLATION.items() if isolated else ():
                    self.send_header(*header)
                super().end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Site:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def browser(name: str, address: str, profile: Path) -> Iterator[int]:
    """A browser without a window at an address, until the block ends.

    Args:
        name: "chromium" or "firefox".
        profile: folder of what it keeps.

    Yields:
        The number of its process.
    """
    if name == "firefox":
        (profile / "user.js").write_text(_FIREFOX)
        command = [FIREFOX, "--headless", "--no-remote", "--profile", str(profile), address]
    else:
        command = [CHROMIUM, *CHROMIUM_ARGUMENTS, f"--user-data-dir={profile}", address]
    started = subprocess.Popen(
        [word for word in command if word], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield started.pid
    finally:
        started.terminate()
        started.wait(20)


def worker_seconds(process: int) -> float:
    """Processor time of the worker of a browser's pages that took the most; on Linux.

    Where other programs run, this is nearer than a clock to the time on a machine without them.
    """
    parents: dict[int, list[int]] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            fields = file.read_text().rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(file.parent.name))
    times, waiting = [0.0], [process]
    while waiting:
        process = waiting.pop()
        waiting += parents.get(process, [])
        for file in Path(f"/proc/{process}/task").glob("*/stat"):
            with suppress(OSError):
                name, _, rest = file.read_text().rpartition(")")
                if "(DedicatedWorker" in name:
                    user, system = map(int, rest.split()[11:13])
                    times.append((user + system) / os.sysconf("SC_CLK_TCK"))
    return max(times)


def chromium_version() -> str:
    """Its name and version."""
    assert CHROMIUM
    line = subprocess.run([CHROMIUM, "--version"], capture_output=True, text=True).stdout
    return " ".join(line.split()[:2])
