"""NATS-WIRE 5: authorization as a nats-server configuration file says it, and as a reload changes it.

Goal:   users, hashes, nkeys, permissions of all forms, default_permissions, allow_responses and
        no_auth_user do what nats-server does, to the byte; a reload tells whom it takes something from,
        and nobody else notices it.
Method: one file; raw clients. The reference is asked the same.
"""

import os
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import HubTest, KIND, SLOWNESS, msg, pub

VIOLATION = b"-ERR 'Authorization Violation'\r\n"
NKEY = "UCY6GSHJJMESDPTSDL3JYCV2WSR5P654MJZV77YLXI4T36JWMQSCDW3P"
# Of "s3cr3t", cost 4.
HASH = "$2a$04$m0nVqzZ0dVZb0zQwW5pF8.O3kgHdQ8ISF3JtTvX1.aJ7KMiidj1bm"
CONFIG = """
EVERYTHING = {publish: ">", subscribe: ">"}
BOBS = "%(hash)s"
authorization {
  timeout: 1
  default_permissions { publish: ["open.>", "_INBOX.>"], subscribe: {allow: ["open.>", "_INBOX.>"]} }
  users: [
    {user: alice, password: a, permissions: $EVERYTHING}
    {user: bob, password: $BOBS}
    {user: carol, password: c, permissions {
      publish { allow: ["c.>", "*.any"], deny: ["c.secret", "c.*.no"] }
      subscribe { allow: ["c.*", "jobs crew", "parts v1.*", "both", "both q"],
                  deny: ["c.hidden", "c.q forbidden"] }
    }}
    {user: dave, password: d, permissions {
      subscribe: ["ask.*", "_INBOX.>"], allow_responses: {max: 2, expires: "5m"} }}
    {user: erin, password: e, permissions {publish: {deny: ">"}, allow_responses: true}}
    {user: guest, password: g}
    {user: grace}
    {user: frank, password: f, allowed_connection_types: ["WEBSOCKET"]}
    {nkey: %(nkey)s}
  ]
}
no_auth_user: guest
"""


def config(**changes):
    return CONFIG % dict({"hash": HASH, "nkey": NKEY}, **changes)


def connect(user=None, password=None, **more):
    fields = dict(more)
    if user is not None:
        fields.update(user=user, **{"pass": password if password is not None else user[0]})
    words = "".join(',"%s":"%s"' % item for item in fields.items())
    return ('CONNECT {"verbose":false,"pedantic":false,"headers":true%s}\r\n' % words).encode()


def no_publish(subject):
    return b"-ERR 'Permissions Violation for Publish to \"%s\"'\r\n" % subject


def no_subscribe(rest):
    return b"-ERR 'Permissions Violation for Subscription to %s'\r\n" % rest


class Access(HubTest):
    CONFIG = config()

    def test_logins(self):
        for fields, is_right in ((("alice", ), True), (("alice", "A"), False), (("bob", ), False),
                                 (("bob", "s3cr3t"), True), (("bob", HASH), False),
                                 (("nobody", "x"), False), (("frank", ), False), (("grace", ""), True),
                                 (("grace", "g"), False)):
            client = self.client(connect(*fields)).send(b"PING\r\n")
            if is_right:
                client.expect(b"PONG\r\n")
            else:
                client.expect(VIOLATION).expect_closed()
        for line in (connect(auth_token="a"), connect(nkey=NKEY), connect(nkey=NKEY, sig="AAAA")):
            self.client(line).expect(VIOLATION).expect_closed()

    def test_info(self):
        info = self.client(None).info
        self.assertGreaterEqual(len(info["nonce"]), 15)
        self.assertNotEqual(info["nonce"], self.client(None).info["nonce"])

    def test_no_auth_user(self):
        for line, ok in ((None, b"+OK\r\n"), (connect(), b"")):
            client = self.client(line)
            client.send(b"SUB open.* 1\r\nSUB closed 2\r\n")
            client.sync(ok + no_subscribe(b"\"closed\""))
            client.send(pub(b"open.a", b"x") + pub(b"closed", b"x"))
            client.sync(ok + msg(b"open.a", b"1", b"x") + no_publish(b"closed"))

    def test_default_permissions(self):
        client = self.client(connect("bob", "s3cr3t"))
        client.send(b"SUB > 1\r\nSUB open.> 2\r\nSUB _INBOX.x.* 3\r\n").sync(no_subscribe(b"\">\""))
        client.send(pub(b"open.x.y", b"1") + pub(b"open", b"1"))
        client.sync(msg(b"open.x.y", b"2", b"1") + no_publish(b"open"))
        # Whoever has permissions of his own has nothing of the default.
        self.client(connect("carol")).send(b"SUB open.x 1\r\n").sync(no_subscribe(b"\"open.x\""))

    def test_publish(self):
        listener = self.client(connect("alice")).send(b"SUB > 1\r\n").sync()
        carol = self.client(connect("carol"))
        for subject, is_fine in ((b"c.a", True), (b"c.a.b.c", True), (b"c.secret", False),
                                 (b"c.secret.x", True), (b"c.a.no", False), (b"x.any", True),
                                 (b"x.y.any", False), (b"c", False), (b"C.a", False)):
            carol.send(pub(subject, b"x")).sync(b"" if is_fine else no_publish(subject))
            listener.sync(msg(subject, b"1", b"x") if is_fine else b"")
        # A payload that is refused is taken in, whatever it looks like.
        carol.send(pub(b"no", b"PUB c.a 1\r\nx\r\n" * 1000) + pub(b"c.a", b"y")).sync(no_publish(b"no"))
        listener.sync(msg(b"c.a", b"1", b"y"))
        block = b"NATS/1.0\r\nA: b\r\n\r\n"
        carol.send(b"HPUB no %d %d\r\n%sx\r\n" % (len(block), len(block) + 1, block))
        carol.sync(no_publish(b"no"))

    def test_subscribe(self):
        carol = self.client(connect("carol"))
        rows = ((b"c.a", None, True), (b"c.*", None, True), (b"c.>", None, True),
                (b"c.hidden", None, False), (b"c.a.b", None, False), (b"jobs", None, False),
                (b"jobs", b"crew", True), (b"jobs", b"Crew", False), (b"parts", b"v1.a", True),
                (b"parts", b"v1", False), (b"parts", b"v2.a", False), (b"both", None, True),
                (b"both", b"q", True), (b"both", b"other", False), (b"c.q", None, True),
                (b"c.q", b"fine", True), (b"c.q", b"forbidden", False), (b">", None, False))
        for number, (subject, queue, is_fine) in enumerate(rows):
            words = b"\"%s\"" % subject
            if queue:
                words += b" using queue \"%s\"" % queue
            carol.send(b"SUB %s %s %d\r\n" % (subject, queue or b"", number))
            carol.sync(b"" if is_fine else no_subscribe(words))

    def test_denied_messages_are_not_heard(self):
        carol = self.client(connect("carol")).send(b"SUB c.* 1\r\n").sync()
        alice = self.client(connect("alice"))
        alice.send(pub(b"c.a", b"1") + pub(b"c.hidden", b"2") + pub(b"c.b", b"3")).sync()
        carol.sync(msg(b"c.a", b"1", b"1") + msg(b"c.b", b"1", b"3"))

    def test_responses(self):
        dave = self.client(connect("dave")).send(b"SUB ask.* 1\r\n").sync()
        alice = self.client(connect("alice")).send(b"SUB answer.> 1\r\n").sync()
        dave.send(pub(b"answer.1", b"x")).sync(no_publish(b"answer.1"))
        alice.send(pub(b"ask.a", b"q", b"answer.1")).sync()
        dave.sync(msg(b"ask.a", b"1", b"q", b"answer.1"))
        dave.send(pub(b"answer.1", b"1") + pub(b"answer.2", b"x") + pub(b"answer.1", b"2") +
                  pub(b"answer.1", b"3"))
        dave.sync(no_publish(b"answer.2") + no_publish(b"answer.1"))
        alice.sync(msg(b"answer.1", b"1", b"1") + msg(b"answer.1", b"1", b"2"))

    def test_responses_against_a_deny_list(self):
        erin = self.client(connect("erin")).send(b"SUB ask 1\r\n").sync()
        alice = self.client(connect("alice")).send(b"SUB answer 1\r\n").sync()
        for payload in (b"1", b"2"):
            alice.send(pub(b"ask", b"q", b"answer")).sync()
            erin.sync(msg(b"ask", b"1", b"q", b"answer"))
            erin.send(pub(b"answer", payload) + pub(b"answer", b"x")).sync(no_publish(b"answer"))
            alice.sync(msg(b"answer", b"1", payload))


class TokenFile(HubTest):
    CONFIG = "authorization { token: \"%s\", timeout: \"500ms\" }" % HASH

    def test_token(self):
        self.client(connect(auth_token="s3cr3t")).sync()
        self.client(connect(auth_token="s3cr3T")).expect(VIOLATION).expect_closed()
        self.client(connect()).expect(VIOLATION).expect_closed()

    def test_timeout_of_the_file(self):
        begin = time.monotonic()
        client = self.client(b"CONNECT {\"auth_token\":")
        client.expect(b"-ERR 'Authentication Timeout'\r\n").expect_closed()
        self.assertGreater(time.monotonic() - begin, 0.4)


class Reload(HubTest):
    EACH = True
    CONFIG = config()

    def reload(self, text):
        path = os.path.join(self.hub.directory, "test.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        sentence = b"Reloaded server configuration" if KIND != "nats" else b"Reloaded: "
        before = self.hub.log().count(sentence)
        os.kill(self.hub.pid, signal.SIGHUP)
        deadline = time.monotonic() + 10 * SLOWNESS
        while self.hub.log().count(sentence) == before:
            self.assertLess(time.monotonic(), deadline, self.hub.output())
            time.sleep(0.005)

    def test_permissions_are_taken(self):
        carol = self.client(connect("carol"))
        carol.send(b"SUB c.a 1\r\nSUB c.* 2\r\nSUB jobs crew 3\r\nSUB both 4\r\n").sync()
        alice = self.client(connect("alice")).send(b"SUB c.> 1\r\n").sync()
        self.reload(config().replace("\"c.*\", \"jobs crew\"", "\"c.b\"")
                    .replace("\"c.>\", \"*.any\"", "\"c.new\""))
        got = sorted(carol.line() for _ in range(3))
        self.assertEqual(got, sorted((
            no_subscribe(b"\"c.a\" (sid \"1\")"), no_subscribe(b"\"c.*\" (sid \"2\")"),
            no_subscribe(b"\"jobs\" using queue \"crew\" (sid \"3\")"
                         if KIND != "nats" else b"\"jobs\" (sid \"3\")"))))
        alice.send(pub(b"c.a", b"x") + pub(b"both", b"y") + pub(b"jobs", b"z")).sync(
            msg(b"c.a", b"1", b"x"))
        carol.sync(msg(b"both", b"4", b"y"))
        carol.send(pub(b"c.a", b"x") + pub(b"c.new", b"y")).sync(no_publish(b"c.a"))
        alice.sync(msg(b"c.new", b"1", b"y"))

    def test_users_are_taken(self):
        clients = {name: self.client(connect(name)).sync() for name in ("alice", "carol", "dave")}
        hashed = self.client(connect("bob", "s3cr3t")).sync()
        implied = self.client(connect()).sync()
        self.reload(config(hash=HASH[:-1] + "n").replace("{user: carol, password: c,",
                                                         "{user: caro, password: c,")
                    .replace("user: dave, password: d,", "user: dave, password: dd,"))
        for client in (clients["carol"], clients["dave"], hashed):
            if KIND != "nats":  # it does not wait for its words to leave
                client.expect(VIOLATION).expect_closed()
        clients["alice"].sync()
        implied.sync()
        self.client(connect("carol")).expect(VIOLATION).expect_closed()
        self.client(connect("dave", "dd")).sync()
        self.client(connect("bob", "s3cr3t")).expect(VIOLATION).expect_closed()

    @unittest.skipIf(KIND == "nats", "it cuts everybody where users change")
    def test_others_do_not_notice(self):
        listeners = [self.client(connect("alice")) for _ in range(4)]
        for listener in listeners:
            listener.send(b"SUB n 1\r\n").sync()
        publisher = self.client(connect("alice"))
        stop = threading.Event()
        sent = []

        def publish():
            while not stop.is_set():
                publisher.send(pub(b"n", b"%06d" % len(sent)))
                sent.append(None)
                time.sleep(0.001)

        thread = threading.Thread(target=publish)
        thread.start()
        for number in range(20):
            self.reload(config().replace("\"open.>\"", "\"open%d.>\"" % number, 1))
        stop.set()
        thread.join()
        self.assertGreater(len(sent), 20)
        publisher.sync()
        for listener in listeners:
            listener.sync(b"".join(msg(b"n", b"1", b"%06d" % i) for i in range(len(sent))))

    @unittest.skipIf(KIND == "nats", "nats-server ends, or takes the file")
    def test_a_bad_file_takes_nothing(self):
        carol = self.client(connect("carol")).send(b"SUB c.a 1\r\n").sync()
        path = os.path.join(self.hub.directory, "test.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(config().replace("\"c.*\"", "\"c..x\""))
        os.kill(self.hub.pid, signal.SIGHUP)
        deadline = time.monotonic() + 10 * SLOWNESS
        while b"Failed to reload server configuration" not in self.hub.log():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.005)
        carol.send(pub(b"c.a", b"x")).sync(msg(b"c.a", b"1", b"x"))


if __name__ == "__main__":
    unittest.main()
