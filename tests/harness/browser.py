"""A headless Chromium: the installed one, or Debian's package unpacked; spoken to over a pipe, no port, no driver."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import debian
from harness.require import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGE = "chromium-headless-shell"
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_SECONDS = 60
_PATIENCE = 20
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{ours}</dir><dir>/usr/share/fonts</dir><cachedir>{cache}</cachedir></fontconfig>
"""


@cache
def find() -> tuple[str, dict[str, str]]:
    """Where a Chromium is, and the environment it needs; or UnavailableError with what is missing."""
    for name in _NAMES:
        if installed := shutil.which(name):
            return installed, {}
    program = debian.unpack(_PACKAGE, "chromium-common", "fonts-dejavu-core") / "usr/lib/chromium" / _PACKAGE
    if not program.exists():
        (program,) = debian.UNPACKED.glob(f"usr/**/{_PACKAGE}")
    debian.complete_libraries(_PACKAGE, program)
    return str(program), {"LD_LIBRARY_PATH": debian.libraries()}


# the contrast of every text that is shown with what lies under it, as WCAG 2 computes it: the texts below 4.5
PALE = """
(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((one) => one / 255)
    .map((one) => one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, place) => sum + one * [0.2126, 0.7152, 0.0722][place], 0);
  const under = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = rgb(getComputedStyle(one).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let texts = 0;
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const drawn = element.namespaceURI.endsWith('svg');
    const [one, other] = [light(rgb(drawn ? style.fill : style.color)), light(under(element))].sort((a, b) => b - a);
    texts += 1;
    if ((one + 0.05) / (other + 0.05) < 4.5) found.push(walker.currentNode.data.trim());
  }
  return [texts, [...new Set(found)]];
})()
"""
# asks again and again for a second
_LOOK = """
new Promise((done) => {
  const ends = performance.now() + 1000;
  const look = () => {
    if (CONDITION) done(true);
    else if (performance.now() > ends) done(false);
    else setTimeout(look, 20);
  };
  look();
})
"""


class Browser:
    """One page. What it logs as errors and what it asks the network for is kept."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands = commands
        self._answers = answers
        self._received = b""
        self._number = 0
        self._session: str | None = None
        self.complaints: list[str] = []
        self.requests: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.send(f"{domain}.enable")

    def open(self, page: Path, *, width: int = 1280, height: int = 900, scheme: str = "light") -> None:
        """Show a file in a window of this size, for eyes that want it light or dark."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self.media(scheme=scheme)
        self.complaints.clear()
        self.requests.clear()
        self.send("Page.navigate", url=page.as_uri())
        self._wait(lambda message: message.get("method") == "Page.loadEventFired")
        self.run("document.fonts.ready.then(() => true)")

    def visit(self, url: str, *, width: int = 1280, height: int = 900, scheme: str = "light") -> None:
        """Show a page of a server."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self.media(scheme=scheme)
        self.complaints.clear()
        self.requests.clear()
        self.send("Page.navigate", url=url)
        self._wait(lambda message: message.get("method") == "Page.loadEventFired")

    def cookie(self, url: str, name: str, value: str) -> None:
        """Hold a cookie as a server set it that lets no script read it."""
        self.send("Network.setCookie", url=url, name=name, value=value, httpOnly=True, sameSite="Strict")

    def forget(self) -> None:
        """Hold no cookie at all."""
        self.send("Network.clearBrowserCookies")

    def until(self, condition: str) -> None:
        """Wait for an expression to be true in the page that is shown, also after it loads another."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            # a page that goes away takes its promise along, with an error
            with contextlib.suppress(AssertionError):
                if self.run(_LOOK.replace("CONDITION", condition)):
                    return
        shown = self.run("document.body.innerText")
        raise AssertionError(f"never true: {condition}: {shown[:2000]} {self.complaints} {self.requests[-5:]}")

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.send("Input.insertText", text=text)

    def media(self, *, scheme: str = "light", kind: str = "") -> None:
        """Prefer light or dark; `kind` print shows it as paper does."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", media=kind, features=features)

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key."""
        text = {"Enter": "\r", " ": " "}.get(key, "")
        code = {"Enter": 13, " ": 32, "Tab": 9}[key]
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, text=text, windowsVirtualKeyCode=code)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def names(self, role: str) -> list[str]:
        """What assistive technology calls the things of this role."""
        nodes = self.send("Accessibility.getFullAXTree")["nodes"]
        return [node["name"]["value"] for node in nodes if not node["ignored"] and node["role"]["value"] == role]

    def picture(self, file: Path, *, whole: bool = True) -> None:
        """Save what is shown, down to the end of the page."""
        answer = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(answer["data"]))

    def paper(self) -> bytes:
        """The page as PDF."""
        return base64.b64decode(self.send("Page.printToPDF", printBackground=False)["data"])

    def send(self, method: str, **parameters: object) -> dict[str, Any]:
        """A command of the protocol and its answer."""
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        answer = self._wait(lambda message: message.get("id") == number)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _wait(self, wanted: Any) -> dict[str, Any]:
        until = time.monotonic() + _SECONDS
        while True:
            while b"\0" not in self._received:
                ready, _, _ = select.select([self._answers], [], [], max(0, until - time.monotonic()))
                if not ready:
                    raise AssertionError(f"no answer within {_SECONDS} s")
                more = os.read(self._answers, 1 << 20)
                if not more:
                    raise AssertionError("the browser is gone")
                self._received += more
            first, _, self._received = self._received.partition(b"\0")
            message: dict[str, Any] = json.loads(first)
            self._keep(message)
            if wanted(message):
                return message

    def _keep(self, message: dict[str, Any]) -> None:
        about = message.get("params", {})
        match message.get("method"):
            case "Log.entryAdded":
                self.complaints.append(f"{about['entry']['level']}: {about['entry']['text']}")
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(about))
            case "Network.requestWillBeSent":
                self.requests.append(about["request"]["url"])
            case _:
                pass


@contextlib.contextmanager
def running() -> Iterator[Browser]:
    """A browser with a page of its own, without any network of its own wish."""
    program, env = find()
    with tempfile.TemporaryDirectory(prefix="syncwell-browser-") as name:
        folder = Path(name)
        fonts = folder / "fonts.conf"
        fonts.write_text(_FONTS.format(ours=debian.UNPACKED / "usr/share/fonts", cache=folder / "fonts"))
        commands_in, commands = os.pipe()
        answers, answers_out = os.pipe()

        def pipes() -> None:
            # the protocol's pipes are 3 and 4
            first, second = os.dup(commands_in), os.dup(answers_out)
            os.dup2(first, 3)
            os.dup2(second, 4)
            for number in (3, 4):
                os.set_inheritable(number, True)

        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                    "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
                    "--hide-scrollbars", f"--user-data-dir={folder / 'profile'}",
                ],
                env={**os.environ, **env, "FONTCONFIG_FILE": str(fonts), "HOME": name},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=pipes,
                close_fds=False,
            )  # fmt: skip
        os.close(commands_in)
        os.close(answers_out)
        try:
            try:
                browser = Browser(commands, answers)
            except (AssertionError, OSError) as error:
                raise UnavailableError(
                    f"{Path(program).name}: {error}: {(folder / 'log').read_text()[-500:]}"
                ) from error
            yield browser
        finally:
            process.terminate()
            process.wait(20)
            os.close(commands)
            os.close(answers)
