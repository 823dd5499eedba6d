"""NATS-WIRE 2.2, 4.1, 5.1: who may connect, by the options of the command line.

Goal:   user and password, token, and the bcrypt hashes of both let in whom they should and nobody
        else; what comes before a login ends the connection; a hub that others reach does not open by
        accident.
Method: a hub each, raw CONNECTs; the reference is asked the same questions.
"""

import os
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import HubTest, KIND, SLOWNESS, executable, kind_flags, run_hub

VIOLATION = b"-ERR 'Authorization Violation'\r\n"
# Of "s3cr3t", cost 4.
HASH = "$2a$04$m0nVqzZ0dVZb0zQwW5pF8.O3kgHdQ8ISF3JtTvX1.aJ7KMiidj1bm"


def connect(**fields):
    words = ["\"%s\":\"%s\"" % item for item in fields.items()]
    return ('CONNECT {"verbose":false,"pedantic":false%s}\r\n' %
            "".join("," + word for word in words)).encode()


class LoginTest(HubTest):
    FLAGS = ("--user", "derek", "--pass", "s3cr3t")
    RIGHT = {"user": "derek", "pass": "s3cr3t"}
    WRONG = ({}, {"user": "derek"}, {"user": "derek", "pass": "s3cr3T"}, {"pass": "s3cr3t"},
             {"user": "Derek", "pass": "s3cr3t"}, {"auth_token": "s3cr3t"},
             {"user": "derek", "pass": ""})

    def test_info_says_so(self):
        self.assertIs(self.client(None).info["auth_required"], True)
        self.assertNotIn("nonce", self.client(None).info)

    def test_right(self):
        client = self.client(connect(**self.RIGHT))
        client.send(b"SUB a 1\r\nPUB a 2\r\nhi\r\n").sync(b"MSG a 1 2\r\nhi\r\n")

    def test_wrong(self):
        for fields in self.WRONG:
            client = self.client(connect(**fields))
            client.send(b"PING\r\n").expect(VIOLATION).expect_closed()

    def test_nothing_before_it(self):
        for word in (b"PING\r\n", b"SUB a 1\r\n", b"PUB a 0\r\n\r\n", b"INFO {}\r\n", b"+OK\r\n"):
            self.client(None).send(word).expect(VIOLATION).expect_closed()

    def test_timeout(self):
        silent = self.client(None)
        partial = self.client(b'CONNECT {"user":"derek"')
        for client in (silent, partial):
            client.expect(b"-ERR 'Authentication Timeout'\r\n").expect_closed()

    def test_again(self):
        client = self.client(connect(**self.RIGHT)).sync()
        client.send(connect(**self.WRONG[2])).expect(VIOLATION).expect_closed()

    def test_input_behind_it_waits(self):
        for size in (1, 7, 1000):
            client = self.client(None)
            data = connect(**self.RIGHT) + b"SUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n"
            client.send_pieces([data[i:i + size] for i in range(0, len(data), size)])
            client.expect(b"MSG a 1 2\r\nhi\r\nPONG\r\n")


class TokenTest(LoginTest):
    FLAGS = ("--auth", "s3cr3t")
    RIGHT = {"auth_token": "s3cr3t"}
    WRONG = ({}, {"auth_token": ""}, {"auth_token": "s3cr3T"}, {"user": "s3cr3t"},
             {"user": "a", "pass": "s3cr3t"})


class HashedLoginTest(LoginTest):
    FLAGS = ("--user", "derek", "--pass", HASH)
    WRONG = LoginTest.WRONG + ({"user": "derek", "pass": HASH}, )


class HashedTokenTest(TokenTest):
    FLAGS = ("--auth", HASH)


# Of "s3cr3t", cost 10: some tens of milliseconds each.
SLOW_HASH = "$2b$10$7EqJtq98hPqEX7fNZaFWoO.4/DCts2y9AShp82.Y2dmZszCa3BNAq"


@unittest.skipIf(KIND == "nats", "nats-server checks in the connection's own thread")
class FloodTest(HubTest):
    """A flood of wrong passwords from one address does not keep another from logging in."""

    CONFIG = "authorization {user: derek, password: '%s', timeout: \"60s\"}" % SLOW_HASH
    FLOOD = 400

    def from_address(self, address):
        connection = socket.socket()
        connection.bind((address, 0))
        connection.settimeout(10 * SLOWNESS)
        connection.connect(self.hub.address())
        self.addCleanup(connection.close)
        return connection

    def test_others_log_in(self):
        for _ in range(self.FLOOD):
            self.from_address("127.0.0.2").sendall(connect(user="derek", **{"pass": "wrong"}))
        before = self.hub.counters()["proofs"]
        for _ in range(3):
            client = self.client(connect(user="derek", **{"pass": "s3cr3t"}))
            client.send(b"PING\r\n").expect(b"PONG\r\n", 30 * SLOWNESS)
        # In the order of arrival each would be behind all of the flood.
        self.assertLess(self.hub.counters()["proofs"] - before, self.FLOOD / 4)


@unittest.skipIf(KIND == "nats", "nats-server listens anywhere")
class OpenTest(unittest.TestCase):
    def test_must_be_said(self):
        code, output = run_hub(["-a", "0.0.0.0", "-p", "-1"])
        self.assertEqual(code, 2)
        self.assertEqual(output.count(b"\n"), 1)
        self.assertIn(b"--open", output)

    def test_is_warned_about(self):
        for flags, word in ((["--open"], b"[WRN] Everybody who reaches 0.0.0.0"),
                            (["--auth", "x"], b"[WRN] Plaintext passwords detected")):
            hub = subprocess.Popen([executable(), "-a", "0.0.0.0", "-p", "-1"] + flags +
                                   kind_flags(), stderr=subprocess.PIPE)
            text = b""
            for line in hub.stderr:
                text += line
                if b"Server is ready" in line:
                    break
            hub.terminate()
            hub.communicate(timeout=10 * SLOWNESS)
            self.assertIn(word, text)


if __name__ == "__main__":
    unittest.main()
