"""A real browser without a network, driven through its debugging pipe (Chrome DevTools protocol)."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_S = 30.0
_START = """
import fcntl, os, sys
of, to = (fcntl.fcntl(int(fd), fcntl.F_DUPFD, 5) for fd in sys.argv[1:3])  # out of the way of 3 and 4
os.dup2(of, 3)
os.dup2(to, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""  # the browser reads commands from 3 and writes to 4
OFFLINE = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}


def found() -> str | None:
    """Path of a browser on this machine, None if there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One tab. events: what the browser told on its own, by method."""

    def __init__(self, to: int, of: int) -> None:
        self._to, self._of, self._rest = to, of, b""
        self._count, self._session = 0, ""
        self.events: list[tuple[str, dict[str, Any]]] = []

    def open(self, page: Path) -> None:
        """Show a page from disk, offline, once it has loaded."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")
        self.ask("Network.emulateNetworkConditions", **OFFLINE)
        self.ask("Page.navigate", url=page.resolve().as_uri())
        self._until(lambda: any(method == "Page.loadEventFired" for method, _ in self.events))

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to a command."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": params} | ({"sessionId": self._session} if self._session else {})
        os.write(self._to, json.dumps(message).encode() + b"\0")
        answers: list[dict[str, Any]] = []
        self._until(lambda: bool(answers), self._count, answers)
        assert "error" not in answers[0], (method, answers[0])
        return answers[0]["result"]

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def show(self, width: int, height: int, scheme: str = "light", phone: bool = False) -> None:
        """Another size of the window, another colour scheme."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def mouse(self, kind: str, x: float, y: float, clicks: int = 1) -> None:
        """Press, move or release at a place of the window."""
        button = {} if kind == "mouseMoved" else {"button": "left", "clickCount": clicks}
        self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, **button)

    def key(self, name: str) -> None:
        """Press a key and let it go."""
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=name)

    def picture(self, path: Path) -> None:
        """What the window shows, as PNG."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def _until(self, done: Any, number: int = 0, answers: list[dict[str, Any]] | None = None) -> None:
        last_s = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < last_s, "the browser does not answer"
            if select.select([self._of], [], [], 1.0)[0]:
                *whole, self._rest = (self._rest + os.read(self._of, 1 << 20)).split(b"\0")
                for text in whole:
                    message = json.loads(text)
                    if "method" in message:
                        self.events.append((message["method"], message["params"]))
                    elif answers is not None and message["id"] == number:
                        answers.append(message)


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser of its own, with its files in a folder; it ends with the block."""
    (theirs, to), (of, ours) = os.pipe(), os.pipe()
    flags = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--no-first-run",
    ]
    flags += ["--remote-debugging-pipe", f"--user-data-dir={folder}", "--host-resolver-rules=MAP * ~NOTFOUND"]
    path = found()
    assert path
    start = [sys.executable, "-c", _START, str(theirs), str(ours), path, *flags]
    process = subprocess.Popen(start, pass_fds=(theirs, ours), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(theirs)
    os.close(ours)
    try:
        yield Browser(to, of)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(to)
        os.close(of)
