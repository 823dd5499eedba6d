"""What the tests of monitoring share: a hub with an HTTP port, its pages, and traffic.

Python 3 standard library only.
"""

import json
import os
import pathlib
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

TIMEOUT = 10 * harness.SLOWNESS


class MonitoredHub(harness.Hub):
    """A hub that also has a monitoring port; for nats-server as for ringhub."""

    def __init__(self, flags=(), **options):
        super().__init__(flags=["-m", "-1"] + list(flags), **options)
        with open(self.ports_path, "rb") as ports:
            url = json.loads(ports.read())["monitoring"][0]
        self.http_port = int(url.rsplit(":", 1)[1])

    def url(self, path):
        return "http://127.0.0.1:%d%s" % (self.http_port, path)

    def get(self, path, method="GET"):
        """(status, headers, body) of a page, whatever the status."""
        request = urllib.request.Request(self.url(path), method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def json(self, path):
        status, headers, body = self.get(path)
        if status != 200 or headers["Content-Type"] != "application/json":
            raise AssertionError("%s: %d %s %r" % (path, status, headers, body[:300]))
        return json.loads(body)

    def metrics(self):
        """Every sample of /metrics: name with labels -> number."""
        _, _, body = self.get("/metrics")
        samples = {}
        for line in body.decode().splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                samples[name] = float(value)
        return samples

    def eventually(self, look, seconds=5):
        """Asks until look() is true; its value."""
        deadline = time.monotonic() + seconds * harness.SLOWNESS
        while True:
            value = look()
            if value:
                return value
            if time.monotonic() > deadline:
                raise AssertionError("it did not come true")
            time.sleep(0.02)


def connect_as(name, **more):
    """A CONNECT that names its client."""
    fields = {"verbose": False, "pedantic": False, "name": name, "lang": "py", "version": "3.11"}
    fields.update(more)
    return b"CONNECT " + json.dumps(fields).encode() + b"\r\n"


def find_tool(*names):
    for name in names:
        for folder in os.environ.get("PATH", "").split(os.pathsep) + ["/usr/bin"]:
            path = os.path.join(folder, name)
            if os.access(path, os.X_OK):
                return path
    return None
