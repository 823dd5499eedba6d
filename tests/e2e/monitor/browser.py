"""A headless Chromium through chromedriver, by its HTTP protocol (WebDriver). Standard library only.

Chromium runs as its packages install it; flags keep it from looking for anything on a network.
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request

from pages import find_tool
import harness

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb"]


def is_installed():
    return find_tool("chromedriver") is not None and find_tool("chromium") is not None


class Browser:
    def __init__(self, width, height):
        self.folder = tempfile.mkdtemp(prefix="e2e-")
        self.driver = None
        self.session = None
        environment = dict(os.environ, HOME=self.folder)
        self.log = open(os.path.join(self.folder, "log"), "w+b")
        self.driver = subprocess.Popen([find_tool("chromedriver"), "--port=0"],
                                       stdout=self.log, stderr=self.log, env=environment)
        try:
            self.base = "http://127.0.0.1:%d" % self._port()
            options = {"binary": find_tool("chromium"),
                       "args": FLAGS + ["--user-data-dir=" + os.path.join(self.folder, "data"),
                                        "--window-size=%d,%d" % (width, height)]}
            answer = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL"}}}})
            self.session = "/session/" + answer["sessionId"]
        except Exception:
            self.close()
            raise

    def _port(self):
        deadline = time.monotonic() + 20 * harness.SLOWNESS
        while time.monotonic() < deadline:
            with open(self.log.name, "rb") as log:
                for line in log.read().decode("utf-8", "replace").splitlines():
                    if "started successfully on port" in line:
                        return int(line.split("port ")[1].rstrip("."))
            time.sleep(0.05)
        raise AssertionError("chromedriver does not start")

    def _ask(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.base + path, data=data, method=method,
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60 * harness.SLOWNESS) as answer:
            return json.loads(answer.read())["value"]

    def open(self, url):
        self._ask("POST", self.session + "/url", {"url": url})

    def run(self, script):
        """What a piece of JavaScript returns."""
        return self._ask("POST", self.session + "/execute/sync", {"script": script, "args": []})

    def resize(self, width, height):
        """As a phone's screen: also narrower than a window can be."""
        self._ask("POST", self.session + "/goog/cdp/execute", {
            "cmd": "Emulation.setDeviceMetricsOverride",
            "params": {"width": width, "height": height, "deviceScaleFactor": 2,
                       "mobile": True}})

    def picture(self, path):
        """The whole page as PNG."""
        size = self.run("return [document.documentElement.scrollWidth, "
                        "document.documentElement.scrollHeight]")
        shot = self._ask("POST", self.session + "/goog/cdp/execute", {
            "cmd": "Page.captureScreenshot",
            "params": {"captureBeyondViewport": True,
                       "clip": {"x": 0, "y": 0, "width": size[0], "height": size[1],
                                "scale": 1}}})
        data = base64.b64decode(shot["data"])
        with open(path, "wb") as file:
            file.write(data)
        return data

    def complaints(self):
        """What the page logged: errors, and resources it was refused."""
        return self._ask("POST", self.session + "/se/log", {"type": "browser"})

    def close(self):
        try:
            if self.session is not None:
                self._ask("DELETE", self.session)
        except OSError:
            pass
        if self.driver is not None:
            self.driver.terminate()
            self.driver.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
