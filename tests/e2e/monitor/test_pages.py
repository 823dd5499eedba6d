"""/varz, /connz, /subsz and the rest against real traffic: fields, types, arguments, bounds.

Types are compared with those that nats-server itself answers, where it is installed: nats-top and
the Prometheus exporter decode into fixed types.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request

from pages import MonitoredHub, connect_as
import harness

# What nats-top and prometheus-nats-exporter decode.
VARZ = {"server_id": str, "server_name": str, "version": str, "host": str, "port": int,
        "max_connections": int, "ping_interval": int, "ping_max": int, "http_host": str,
        "http_port": int, "https_port": int, "auth_timeout": float, "max_control_line": int,
        "max_payload": int, "max_pending": int, "tls_timeout": float, "write_deadline": int,
        "start": str, "now": str, "uptime": str, "mem": int, "cores": int, "cpu": float,
        "connections": int, "total_connections": int, "routes": int, "remotes": int,
        "leafnodes": int, "in_msgs": int, "out_msgs": int, "in_bytes": int, "out_bytes": int,
        "slow_consumers": int, "subscriptions": int, "http_req_stats": dict,
        "config_load_time": str, "cluster": dict, "gateway": dict, "leaf": dict, "jetstream": dict}
CONNZ = {"server_id": str, "now": str, "num_connections": int, "total": int, "offset": int,
         "limit": int, "connections": list}
CONNECTION = {"cid": int, "ip": str, "port": int, "start": str, "last_activity": str, "rtt": str,
              "uptime": str, "idle": str, "pending_bytes": int, "in_msgs": int, "out_msgs": int,
              "in_bytes": int, "out_bytes": int, "subscriptions": int, "name": str, "lang": str,
              "version": str, "kind": str, "type": str}
SUBSZ = {"num_subscriptions": int, "num_cache": int, "num_inserts": int, "num_removes": int,
         "num_matches": int, "cache_hit_rate": float, "max_fanout": int, "avg_fanout": float}

RFC3339 = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
UPTIME = re.compile(r"^(\d+y)?(\d+d)?(\d+h)?(\d+m)?\d+s$")
DURATION = re.compile(r"^(\d+(\.\d+)?(h|m|s|ms|µs|ns))+$")


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hub = MonitoredHub()

    @classmethod
    def tearDownClass(cls):
        cls.hub.stop()

    def client(self, name, **more):
        client = harness.Client(self.hub, connect_as(name, **more))
        self.addCleanup(client.close)
        return client

    def expect_types(self, page, types):
        for name, kind in types.items():
            self.assertIn(name, page)
            value = page[name]
            good = isinstance(value, kind) or (kind is float and isinstance(value, int))
            self.assertTrue(good and not (kind is int and isinstance(value, bool)),
                            "%s is %r" % (name, value))

    def test_varz(self):
        before = self.hub.json("/varz")
        one = self.client("one")
        one.send(b"SUB a.* 1\r\n")
        one.sync()
        one.send(harness.pub(b"a.b", b"12345"))
        one.expect(harness.msg(b"a.b", b"1", b"12345"))
        page = self.hub.json("/varz")
        self.expect_types(page, VARZ)
        self.assertEqual(page["in_msgs"] - before["in_msgs"], 1)
        self.assertEqual(page["out_bytes"] - before["out_bytes"], 5)
        self.assertEqual(page["port"], self.hub.port)
        self.assertEqual(page["http_port"], self.hub.http_port)
        self.assertEqual(page["server_id"], one.info["server_id"])
        self.assertGreater(page["mem"], 1 << 20)
        self.assertGreaterEqual(page["http_req_stats"]["/varz"], 1)
        self.assertRegex(page["now"], RFC3339)
        self.assertRegex(page["uptime"], UPTIME)

    def test_connz(self):
        name = 'quote " and <b>é'
        two = self.client(name)
        two.send(b"SUB x.1 1\r\nSUB x.2 grp 2\r\nUNSUB 2 9\r\n")
        two.sync()
        two.send(harness.pub(b"x.1", b"abc"))
        two.expect(harness.msg(b"x.1", b"1", b"abc"))
        page = self.hub.json("/connz?subs=1")
        self.expect_types(page, CONNZ)
        mine = [entry for entry in page["connections"] if entry.get("name") == name]
        self.assertEqual(len(mine), 1)
        entry = mine[0]
        self.expect_types(entry, CONNECTION)
        self.assertEqual(entry["ip"], "127.0.0.1")
        self.assertEqual(entry["port"], two.socket.getsockname()[1])
        self.assertEqual((entry["in_msgs"], entry["out_msgs"]), (1, 1))
        self.assertEqual((entry["in_bytes"], entry["out_bytes"]), (3, 3))
        self.assertEqual(sorted(entry["subscriptions_list"]), ["x.1", "x.2"])
        self.assertRegex(entry["start"], RFC3339)
        self.assertRegex(entry["last_activity"], RFC3339)
        self.assertRegex(entry["rtt"], DURATION)
        self.assertRegex(entry["idle"], UPTIME)
        again = [self.hub.json("/connz?cid=%d" % entry["cid"])["connections"][0] for _ in range(5)]
        self.assertEqual({row["start"] for row in again}, {entry["start"]})
        self.assertEqual({row["last_activity"] for row in again}, {entry["last_activity"]})
        detail = self.hub.json("/connz?subs=detail&cid=%d" % entry["cid"])["connections"][0]
        rows = {row["subject"]: row for row in detail["subscriptions_list_detail"]}
        self.assertEqual(rows["x.2"], {"subject": "x.2", "qgroup": "grp", "sid": "2", "msgs": 0,
                                       "max": 9, "cid": entry["cid"]})
        self.assertEqual(rows["x.1"]["msgs"], 1)

    def test_connz_pages_and_sorts(self):
        clients = [self.client("sort %d" % i) for i in range(7)]
        for i, client in enumerate(clients):
            client.send(b"".join(b"SUB s%d.%d %d\r\n" % (i, k, k) for k in range(i)))
            client.send(harness.pub(b"nobody", b"x" * i) * i)
            client.sync()
        total = self.hub.json("/connz")["total"]
        cids = [c["cid"] for c in self.hub.json("/connz?sort=cid")["connections"]]
        self.assertEqual(cids, sorted(cids))
        paged = []
        for offset in range(0, total, 3):
            paged += [c["cid"] for c in
                      self.hub.json("/connz?limit=3&offset=%d" % offset)["connections"]]
        self.assertEqual(paged, cids)
        for sort, field in (("subs", "subscriptions"), ("msgs_from", "in_msgs"),
                            ("bytes_from", "in_bytes"), ("pending", "pending_bytes"),
                            ("msgs_to", "out_msgs"), ("bytes_to", "out_bytes")):
            page = self.hub.json("/connz?sort=%s&limit=5" % sort)
            values = [entry[field] for entry in page["connections"]]
            self.assertEqual(values, sorted(values, reverse=True), sort)
        for sort in ("start", "last", "idle", "uptime", "rtt", "age"):
            self.assertEqual(self.hub.json("/connz?sort=" + sort)["total"], total)
        self.assertEqual(self.hub.json("/connz?acc=OTHER")["num_connections"], 0)

    def test_closed_connections_and_their_reasons(self):
        gone = harness.Client(self.hub, connect_as("went away"))
        gone.send(b"SUB a 1\r\nSUB b.* 2\r\nSUB c 3\r\nUNSUB 3\r\n")
        gone.sync()
        gone.close()
        bad = harness.Client(self.hub, connect_as("talks nonsense"))
        bad.send(b"NONSENSE\r\n")
        bad.drain(1)
        bad.close()

        def closed():
            page = self.hub.json("/connz?state=closed&sort=stop&limit=100")
            found = {c.get("name"): c for c in page["connections"]}
            return found if "went away" in found and "talks nonsense" in found else None

        found = self.hub.eventually(closed)
        self.assertEqual(found["went away"]["reason"], "Client Closed")
        self.assertEqual(found["talks nonsense"]["reason"], "Protocol Violation")
        self.assertRegex(found["went away"]["stop"], RFC3339)
        self.assertEqual(found["went away"]["subscriptions"], 2)
        self.assertEqual(found["talks nonsense"]["subscriptions"], 0)
        everybody = self.hub.json("/connz?state=any&limit=1000")
        self.assertIn("went away", [c.get("name") for c in everybody["connections"]])
        self.assertNotIn("went away",
                         [c.get("name") for c in self.hub.json("/connz")["connections"]])

    def test_secrets_are_never_shown(self):
        secret = "s3cret-%d" % time.monotonic_ns()
        self.client("has secrets", user="u", **{"pass": secret, "auth_token": secret}).sync()
        for path in ("/varz", "/connz?auth=1&subs=detail", "/subsz?subs=1", "/hubz", "/slowz",
                     "/metrics", "/accstatz"):
            self.assertNotIn(secret.encode(), self.hub.get(path)[2], path)
        self.assertNotIn(secret.encode(), self.hub.log())

    def test_subsz(self):
        three = self.client("three")
        three.send(b"SUB t.a 1\r\nSUB t.* q 2\r\nSUB t.> 3\r\nSUB u 4\r\n")
        three.sync()
        self.expect_types(self.hub.json("/subsz"), SUBSZ)
        page = self.hub.json("/subsz?subs=1&test=t.a")
        rows = [(r["subject"], r.get("qgroup"), r["sid"]) for r in page["subscriptions_list"]]
        self.assertEqual(sorted(rows, key=str),
                         sorted([("t.a", None, "1"), ("t.*", "q", "2"), ("t.>", None, "3")],
                                key=str))
        self.assertEqual(page["total"], 3)
        self.assertEqual(len(self.hub.json("/subsz?subs=1&limit=2")["subscriptions_list"]), 2)

    def test_bad_arguments_have_nats_servers_words(self):
        for path, status, text in (
                ("/connz?sort=bogus", 400, "invalid sorting option: bogus"),
                ("/connz?limit=x", 400, "Error decoding int for 'limit': strconv.Atoi: "
                                        'parsing "x": invalid syntax'),
                ("/connz?state=bogus", 400, "Error decoding state for bogus"),
                ("/connz?sort=stop", 400, "sort by stop only valid on closed connections"),
                ("/subsz?test=a.*", 400,
                 "invalid test subject, must be valid publish subject: a.*"),
                ("/nope", 404, "404 page not found"), ("/raftz", 404, "404 page not found")):
            got, _, body = self.hub.get(path)
            self.assertEqual((got, body.decode().strip()), (status, text), path)
        self.assertEqual(self.hub.get("/varz", method="POST")[0], 405)
        status, headers, body = self.hub.get("/varz", method="HEAD")
        self.assertEqual((status, body), (200, b""))
        self.assertGreater(int(headers["Content-Length"]), 500)

    def test_health_and_short_pages(self):
        self.assertEqual(self.hub.get("/healthz")[2], b'{"status":"ok"}')
        for path in ("/routez", "/gatewayz", "/leafz", "/accountz", "/accstatz", "/jsz"):
            self.assertIn("server_id", self.hub.json(path))
        self.assertEqual(self.hub.json("/jsz")["disabled"], True)

    def test_one_account(self):
        self.client("counted").sync()
        detail = self.hub.json("/accountz?acc=$G")["account_detail"]
        self.assertEqual(detail["account_name"], "$G")
        self.assertGreaterEqual(detail["client_connections"], 1)
        status, _, body = self.hub.get("/accountz?acc=NOPE")
        self.assertEqual((status, body.strip()), (400, b"Account NOPE does not exist"))

    def test_answers_as_calls(self):
        status, headers, body = self.hub.get("/varz?callback=show.me")
        self.assertEqual((status, headers["Content-Type"]), (200, "application/javascript"))
        self.assertTrue(body.startswith(b"show.me({") and body.endswith(b")"), body)
        self.assertIn("server_id", json.loads(body[len("show.me("):-1]))
        self.assertEqual(self.hub.get("/healthz?callback=f")[2], b'f({"status":"ok"})')
        status, headers, body = self.hub.get("/varz?callback=alert(1)//")
        self.assertEqual((status, headers["Content-Type"]), (400, "text/plain; charset=utf-8"))
        self.assertIn(b"name of a function", body)

    def test_who_is_slow(self):
        slow = harness.Client(self.hub, connect_as("the slow one"), receive_buffer=4096)
        self.addCleanup(slow.close)
        slow.send(b"SUB flood 1\r\n")
        publisher = self.client("floods")
        self.hub.eventually(lambda: self.hub.json("/subsz?subs=1&test=flood")["total"] == 1)
        for _ in range(40):
            publisher.send(harness.pub(b"flood", b"x" * 500000))
        publisher.sync()

        def seen():
            page = self.hub.json("/slowz?limit=5")
            both = page["by_age"] and page["by_pending"]
            return page if both and page["by_age"][0]["oldest_pending_ns"] > 5e8 else None

        page = self.hub.eventually(seen)
        for order in ("by_age", "by_pending"):
            first = page[order][0]
            self.assertEqual(first["name"], "the slow one")
            self.assertTrue(first["blocked"])
            self.assertGreater(first["pending_bytes"], 1 << 20)
        self.assertEqual(page["blocked"], 1)
        metrics = self.hub.metrics()
        self.assertEqual(metrics["ringhub_blocked_connections"], 1)
        self.assertGreater(metrics["ringhub_lag_seconds"], 0.4)
        self.assertGreater(metrics["ringhub_lag_pending_bytes"], 1 << 20)

    def test_connections_are_bounded(self):
        """Sixty-four that say nothing lose their places; a request afterwards is answered."""
        idle = [socket.create_connection(("127.0.0.1", self.hub.http_port)) for _ in range(70)]
        long_head = socket.create_connection(("127.0.0.1", self.hub.http_port))
        try:
            start = time.monotonic()
            with urllib.request.urlopen(self.hub.url("/healthz"), timeout=30) as answer:
                self.assertEqual(answer.status, 200)
            self.assertLess(time.monotonic() - start, 20)
        finally:
            for connection in idle:
                connection.close()
        long_head.sendall(b"GET /varz HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100000)
        long_head.settimeout(5)
        try:
            self.assertNotIn(b"200 OK", long_head.recv(1000))
        except ConnectionError:
            pass
        long_head.close()
        self.assertEqual(self.hub.get("/healthz")[0], 200)


class AsNatsServer(unittest.TestCase):
    """Every field that nats-server answers and this hub too has the same JSON type."""

    def test_types(self):
        server = shutil.which("nats-server")
        if server is None:
            print("SKIP: nats-server is not installed")
            self.skipTest("no nats-server")
        hub = MonitoredHub()
        self.addCleanup(hub.stop)
        folder = tempfile.mkdtemp(prefix="e2e-")
        self.addCleanup(shutil.rmtree, folder)
        with open(os.path.join(folder, "log"), "wb") as log:
            process = subprocess.Popen([server, "-a", "127.0.0.1", "-p", "-1", "-m", "-1",
                                        "--ports_file_dir", folder], stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        ports = os.path.join(folder, "nats-server_%d.ports" % process.pid)
        deadline = time.monotonic() + 10 * harness.SLOWNESS
        places = None
        while places is None:
            self.assertLess(time.monotonic(), deadline, "nats-server does not start")
            time.sleep(0.02)
            try:
                with open(ports, "rb") as file:
                    places = json.loads(file.read())
            except (OSError, ValueError):
                pass  # not there, or not written to its end
        reference_port = int(places["nats"][0].rsplit(":", 1)[1])
        reference = places["monitoring"][0]

        def asks(port):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.recv(4096)
            connection.sendall(connect_as("n") + b"SUB a q 1\r\nUNSUB 1 5\r\nPING\r\n")
            time.sleep(0.2)
            return connection

        kept = [asks(reference_port), asks(hub.port)]
        compared = 0
        for path in ("/varz", "/connz?subs=1", "/connz?subs=detail", "/subsz?subs=1", "/routez",
                     "/gatewayz", "/accountz", "/accstatz", "/jsz", "/leafz"):
            with urllib.request.urlopen(reference + path, timeout=10) as answer:
                compared += self.compare(json.loads(answer.read()), hub.json(path), path)
        for connection in kept:
            connection.close()
        self.assertGreater(compared, 100)

    def compare(self, theirs, ours, where):
        if isinstance(theirs, dict) and isinstance(ours, dict):
            return sum(self.compare(theirs[name], ours[name], "%s.%s" % (where, name))
                       for name in theirs if name in ours)
        if isinstance(theirs, list) and isinstance(ours, list):
            return self.compare(theirs[-1], ours[-1], where + "[]") if theirs and ours else 1
        number = (int, float)
        same = (type(theirs) is type(ours) or theirs is None or
                (isinstance(theirs, number) and isinstance(ours, number)))
        self.assertTrue(same, "%s: %r there, %r here" % (where, theirs, ours))
        return 1


class Elsewhere(unittest.TestCase):
    def test_base_path_and_host(self):
        hub = MonitoredHub(flags=["--http_base_path", "/mon"])
        self.addCleanup(hub.stop)
        self.assertEqual(hub.get("/mon/healthz")[0], 200)
        self.assertEqual(hub.get("/healthz")[0], 404)
        self.assertIn(b"<title>ringhub", hub.get("/mon")[2])
        self.assertIn(b"Starting http monitor on 127.0.0.1:%d" % hub.http_port, hub.log())

    def test_a_port_in_use_is_said(self):
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        code, output = harness.run_hub(["-p", "-1", "-m", str(taken.getsockname()[1])])
        self.assertEqual(code, 1)
        self.assertIn(b"monitoring:", output)

    def test_an_open_port_is_warned_of(self):
        hub = MonitoredHub(flags=["--http", "0.0.0.0:-1"])
        self.addCleanup(hub.stop)
        self.assertIn(b"[WRN] monitoring listens on 0.0.0.0", hub.log())

    def test_json_log(self):
        hub = harness.Hub(flags=["--log_format", "json", "-D"])
        with harness.Client(hub, connect_as("x")) as client:
            client.sync()
        time.sleep(0.3)
        lines = hub.log().decode().splitlines()
        hub.stop()
        self.assertGreater(len(lines), 8)
        for line in lines:
            row = json.loads(line)
            self.assertEqual(sorted(row), ["level", "pid", "text", "time"])
            self.assertRegex(row["time"], RFC3339)
            self.assertEqual(row["pid"], hub.pid)
        texts = [json.loads(line)["text"] for line in lines]
        self.assertIn("Server is ready", texts)
        self.assertIn("debug", [json.loads(line)["level"] for line in lines])


if __name__ == "__main__":
    unittest.main()
