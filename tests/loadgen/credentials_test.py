"""What hubload says when a server wants credentials, or others.

    credentials_test.py PATH-OF-HUBLOAD [unittest arguments]
"""
import base64
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import hubload_test  # noqa: E402


class Answering:
    """Says the same to everybody who connects and said something, then hangs up."""

    def __init__(self, greeting, answer):
        self.greeting, self.answer = greeting, answer
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.heard = b""

    def __enter__(self):
        threading.Thread(target=self.run, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer_one, args=(client,), daemon=True).start()

    def answer_one(self, client):
        with client:
            try:
                client.settimeout(hubload_test.PATIENCE_S)
                client.sendall(self.greeting)
                self.heard += client.recv(4096)
                client.sendall(self.answer)
                client.shutdown(socket.SHUT_WR)
                while client.recv(4096):
                    pass
            except OSError:
                pass  # it went first


WRONG = "does not accept user and password of --url"
AWKWARD = 's"e\\c@r:e/t?#[]% \t\u00e9'  # what URLs and JSON have a use of their own for
NONE = "wants user and password, as --url {}://USER:PASSWORD@HOST"


class Credentials(unittest.TestCase):
    """Whoever is not let in is told so, by the server's words and by what to do."""

    def refused(self, url, *expected):
        done = subprocess.run([hubload_test.HUBLOAD, "fanout", "--url", url, "--subscribers", "3", "--warmup",
                               "0", "--duration", "0.2", "--json", "-"],
                              capture_output=True, text=True, timeout=hubload_test.PATIENCE_S)
        self.assertEqual(done.returncode, 1, done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual(result["runs"], [])
        for words in expected:
            self.assertIn(words, done.stderr)
            self.assertIn(words, result["failure"])
        self.assertNotIn("sesame", done.stdout + done.stderr)

    def accepted(self, url, password):
        done = subprocess.run([hubload_test.HUBLOAD, "fanout", "--url", url, "--subscribers", "3", "--rate", "100",
                               "--warmup", "0", "--duration", "0.2", "--json", "-"],
                              capture_output=True, text=True, timeout=hubload_test.PATIENCE_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["runs"][0]["delivered"], 60)
        self.assertNotIn(password, done.stdout + done.stderr)

    def test_servers_that_refuse(self):
        info = b'INFO {"server_id":"X","auth_required":true}\r\n'
        for scheme, greeting, answer, words in (
                ("nats", info, b"-ERR 'Authorization Violation'\r\n", "'Authorization Violation'"),
                ("redis", b"", b"-WRONGPASS invalid username-password pair or user is disabled.\r\n",
                 "WRONGPASS invalid username-password pair"),
                ("redis", b"", b"-NOAUTH Authentication required.\r\n" * 2,
                 "NOAUTH Authentication required."),
                ("redis", b"", b"-ERR invalid password\r\n", "ERR invalid password"),
                ("mqtt", b"", b"\x20\x02\x00\x04", "bad user name or password"),
                ("mqtt", b"", b"\x20\x02\x00\x05", "not authorized")):
            with self.subTest(scheme=scheme, words=words), Answering(greeting, answer) as server:
                self.refused(f"{scheme}://me:sesame@127.0.0.1:{server.port}", WRONG, words)
                self.assertIn(b"sesame", server.heard)
                self.refused(f"{scheme}://127.0.0.1:{server.port}", NONE.format(scheme), words)

    def test_other_complaints_are_not_about_credentials(self):
        for scheme, answer in (("mqtt", b"\x20\x02\x00\x03"),
                               ("redis", b"-ERR max number of clients reached\r\n")):
            with self.subTest(scheme=scheme), Answering(b"", answer) as server:
                status, result, said = hubload_test.hubload(0, "--url", f"{scheme}://127.0.0.1:{server.port}")
                self.assertEqual(status, 1)
                self.assertNotIn("--url", result["failure"])
                self.assertRegex(said, "server unavailable|max number of clients")

    def real(self, argv, scheme, port, right, words):
        """right: the credentials that are let in; then {}, AWKWARD as a URL has it."""
        right = right.format(urllib.parse.quote(AWKWARD, safe=""))
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                give_up = time.monotonic() + hubload_test.PATIENCE_S
                while not hubload_test.listens(port) and time.monotonic() < give_up:
                    time.sleep(0.05)
                at = f"127.0.0.1:{port}"
                self.accepted(f"{scheme}://{right}@{at}", right.partition(":")[2])
                self.refused(f"{scheme}://me:sesame@{at}", WRONG, words[0])
                self.refused(f"{scheme}://nobody:secret@{at}", WRONG, words[0])
                self.refused(f"{scheme}://{at}", NONE.format(scheme), words[1])
            finally:
                server.terminate()

    def test_ringhub(self):
        ringhub = os.environ.get("RINGHUB")
        if ringhub is None:
            self.skipTest("RINGHUB names no executable")
        for backend in ("epoll", "uring"):
            with self.subTest(backend=backend):
                port = hubload_test.free_port()
                self.real([ringhub, "-a", "127.0.0.1", "-p", str(port), "--io", backend, "--user", "me",
                           "--pass", "secret"], "nats", port, "me:secret",
                          ("'Authorization Violation'", "'Authorization Violation'"))

    def test_ringhub_with_awkward_credentials(self):
        ringhub = os.environ.get("RINGHUB")
        if ringhub is None:
            self.skipTest("RINGHUB names no executable")
        port = hubload_test.free_port()
        self.real([ringhub, "-a", "127.0.0.1", "-p", str(port), "--user", "m\"e\\" + AWKWARD, "--pass",
                   AWKWARD], "nats", port, "m%22e%5C{0}:{0}",
                  ("'Authorization Violation'", "'Authorization Violation'"))

    def test_redis(self):
        if shutil.which("redis-server") is None:
            self.skipTest("no redis-server")
        port = hubload_test.free_port()
        self.real(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                   "--appendonly", "no", "--requirepass", "secret"], "redis", port, ":secret",
                  ("WRONGPASS", "NOAUTH"))

    def test_redis_with_an_awkward_password(self):
        if shutil.which("redis-server") is None:
            self.skipTest("no redis-server")
        port = hubload_test.free_port()
        with tempfile.TemporaryDirectory() as folder:
            settings = os.path.join(folder, "redis.conf")
            with open(settings, "w", encoding="utf-8") as file:
                quoted = AWKWARD.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
                file.write(f'port {port}\nbind 127.0.0.1\nsave ""\nrequirepass "{quoted}"\n')
            self.real(["redis-server", settings], "redis", port, ":{}", ("WRONGPASS", "NOAUTH"))

    def test_mosquitto(self):
        mosquitto = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if mosquitto is None:
            self.skipTest("no mosquitto")
        port = hubload_test.free_port()
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            names = os.path.join(folder, "passwords")
            salt = b"twelve bytes"
            with open(names, "w", encoding="utf-8") as file:
                for name, password in (("me", "secret"), ("you", AWKWARD)):
                    # PBKDF2, as mosquitto_passwd writes it.
                    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
                    file.write("%s:$7$101$%s$%s\n" % (name, base64.b64encode(salt).decode(),
                                                      base64.b64encode(digest).decode()))
            settings = os.path.join(folder, "mosquitto.conf")
            with open(settings, "w", encoding="utf-8") as file:
                file.write(f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {names}\n")
            for right in ("me:secret", "you:{}"):
                self.real([mosquitto, "-c", settings], "mqtt", port, right,
                          ("not authorized", "not authorized"))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        hubload_test.HUBLOAD = sys.argv.pop(1)
    unittest.main(verbosity=2)
