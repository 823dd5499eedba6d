"""NATS-WIRE 1.7, 2: CONNECT's keys and their defaults, JSON as Go decodes it, and INFO.

Goal:   a client of any language gets the mode it asked for, or the right refusal.
Method: a table of CONNECT lines; what each turned on is asked with SUB (+OK or not), a pedantic
        PUB and a self-delivery. INFO is decoded and every key that a library needs is looked at.
"""

import collections
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import Client, HubTest, PROTOCOL_1, QUIET, QUIRKS, hears, msg

OK = b"+OK\r\n"
PONG = b"PONG\r\n"
INVALID_PUBLISH = b"-ERR 'Invalid Publish Subject'\r\n"

Row = collections.namedtuple("Row", "name json verbose pedantic echo")


def row(name, text, verbose=False, pedantic=False, echo=True):
    return Row(name, text, verbose, pedantic, echo)


QUIET_KEYS = b'"verbose":false,"pedantic":false'

ACCEPTED = [
    row("empty object", b"{}", verbose=True, pedantic=True),
    row("null", b"null", verbose=True, pedantic=True),
    row("verbose off", b'{"verbose":false}', pedantic=True),
    row("pedantic off", b'{"pedantic":false}', verbose=True),
    row("both off", b'{"verbose":false,"pedantic":false}'),
    row("both on", b'{"verbose":true,"pedantic":true}', verbose=True, pedantic=True),
    row("echo off", b'{' + QUIET_KEYS + b',"echo":false}', echo=False),
    row("echo on", b'{' + QUIET_KEYS + b',"echo":true}'),
    row("keys in any case", b'{"VERBOSE":false,"Pedantic":false,"eChO":false}', echo=False),
    row("last duplicate wins", b'{"verbose":true,"pedantic":false,"verbose":false}'),
    row("last duplicate wins, other case", b'{"verbose":true,"pedantic":false,"Verbose":false}'),
    row("null leaves the default", b'{"verbose":null,"pedantic":false}', verbose=True),
    row("null does not undo a value", b'{"verbose":false,"verbose":null,"pedantic":false}'),
    row("null in a text and a number", b'{' + QUIET_KEYS + b',"name":null,"protocol":null}'),
    row("unknown keys of every type", b'{' + QUIET_KEYS +
        b',"a":1,"b":"x","c":[1,[2,{"verbose":true}]],"d":{"verbose":true,"e":{}},"f":-1.5e+10,'
        b'"g":null,"h":true,"i":[],"j":{}}'),
    row("invalid UTF-8 in a text", b'{' + QUIET_KEYS + b',"name":"a\xff\xfeb\xc3"}'),
    row("escapes in a text", b'{' + QUIET_KEYS +
        b',"name":"\\u0041\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\\ud800"}'),
    row("an escape in a key", b'{"verb\\u006fse":false,"pedantic":false}'),
    row("white space everywhere", b' { "verbose" :\tfalse , "pedantic" : false } '),
    row("every known key", b'{' + QUIET_KEYS + b',"tls_required":false,"auth_token":"","user":"",'
        b'"pass":"","nkey":"","sig":"","jwt":"","name":"n","lang":"c","version":"3.4.1",'
        b'"protocol":1,"echo":true,"headers":true,"no_responders":true,"proxy_sig":""}'),
    row("tls_required is only information", b'{' + QUIET_KEYS + b',"tls_required":true}'),
    row("credentials nobody asked for", b'{' + QUIET_KEYS + b',"user":"u","pass":"p"}'),
    row("a token nobody asked for", b'{' + QUIET_KEYS + b',"auth_token":"t"}'),
    row("protocol 0", b'{' + QUIET_KEYS + b',"protocol":0}'),
    row("headers without no_responders", b'{' + QUIET_KEYS + b',"headers":true}'),
    row("no_responders off without headers", b'{' + QUIET_KEYS + b',"no_responders":false}'),
    row("deeply nested unknown value",
        b'{' + QUIET_KEYS + b',"x":' + b"[" * 500 + b"]" * 500 + b'}'),
]

# Silent closes.
REFUSED = [
    ("nothing", b""),
    ("blanks", b"   "),
    ("not JSON", b"verbose=false"),
    ("an array", b"[]"),
    ("a text", b'"x"'),
    ("a number", b"1"),
    ("true", b"true"),
    ("an open object", b'{"verbose":false'),
    ("bytes after the object", b'{"verbose":false} x'),
    ("two objects", b"{}{}"),
    ("a comma at the end", b'{"verbose":false,}'),
    ("a missing comma", b'{"verbose":false "pedantic":false}'),
    ("a missing colon", b'{"verbose" false}'),
    ("single quotes", b"{'verbose':false}"),
    ("a bare key", b"{verbose:false}"),
    ("a bool in capitals", b'{"verbose":FALSE}'),
    ("a bool that is a text", b'{"verbose":"false"}'),
    ("a bool that is a number", b'{"verbose":0}'),
    ("a bool that is an object", b'{"verbose":{}}'),
    ("a text that is a number", b'{"name":5}'),
    ("a text that is a bool", b'{"user":true}'),
    ("a number that is a text", b'{"protocol":"1"}'),
    ("a number with a point", b'{"protocol":1.5}'),
    ("a number with an exponent", b'{"protocol":1e0}'),
    ("a number with a leading zero", b'{"protocol":01}'),
    ("a number that is a bool", b'{"protocol":true}'),
    ("a number far too large", b'{"protocol":99999999999999999999}'),
    ("a control byte in a text", b'{"name":"a\tb"}'),
    ("a bad escape", b'{"name":"\\x41"}'),
    ("a short \\u escape", b'{"name":"\\u12"}'),
    ("an open text", b'{"name":"abc}'),
    ("a wrong type among unknown keys is still JSON", b'{"x":tru}'),
    ("a lone minus among unknown keys", b'{"x":-}'),
]

# Closes with a text.
ERRORS = [
    ("protocol 2", b'{"protocol":2}', b"-ERR 'invalid client protocol'\r\n"),
    ("protocol -1", b'{"protocol":-1}', b"-ERR 'invalid client protocol'\r\n"),
    ("no_responders without headers", b'{"verbose":false,"no_responders":true}',
     b"-ERR 'no responders requires headers support'\r\n"),
    ("account", b'{"verbose":false,"account":"A"}', b"-ERR 'Authorization Violation'\r\n"),
    ("new_account", b'{"verbose":false,"new_account":true}', b"-ERR 'Authorization Violation'\r\n"),
]


class ConnectTest(HubTest):

    def modes(self, client, verbose, pedantic, echo):
        """Asks the connection, without another CONNECT, what it is."""
        ok = OK if verbose else b""
        client.send(b"SUB probe.* 1\r\nPUB probe.x 1\r\na\r\nPUB probe..x 1\r\nb\r\n")
        client.sync(ok + ok + (msg(b"probe.x", b"1", b"a") if echo else b"") +
                    (INVALID_PUBLISH if pedantic else b"") + ok)

    def test_what_connect_turns_on(self):
        for case in ACCEPTED:
            with self.subTest(case.name), self.client(b"") as client:
                client.send(b"CONNECT " + case.json + b"\r\n")
                client.expect(OK if case.verbose else b"")
                if b'"protocol":1' in case.json and QUIRKS["info_after_pong"]:
                    client.send(b"PING\r\n").expect(PONG)
                    self.assertTrue(client.line().startswith(b"INFO "))
                self.modes(client, case.verbose, case.pedantic, case.echo)

    def test_bad_json_closes_silently(self):
        for name, text in REFUSED:
            with self.subTest(name), self.client(b"") as client:
                client.send(b"CONNECT " + text + b"\r\nPING\r\n")
                client.expect_closed()

    def test_refusals_with_a_text(self):
        for name, text, error in ERRORS:
            with self.subTest(name), self.client(b"") as client:
                client.send(b"CONNECT " + text + b"\r\nPING\r\n")
                client.expect(error).expect_closed()

    def test_second_connect_overlays(self):
        with self.client(QUIET) as client:
            client.send(b'CONNECT {"echo":false}\r\n')
            self.modes(client, verbose=False, pedantic=False, echo=False)
        with self.client(b"") as client:
            client.send(b'CONNECT {"verbose":false}\r\nCONNECT {"pedantic":false}\r\n')
            self.modes(client, verbose=False, pedantic=False, echo=True)
        with self.client(QUIET) as client:
            client.send(b'CONNECT {"verbose":true}\r\n').expect(OK)
            self.modes(client, verbose=True, pedantic=False, echo=True)

    def test_second_connect_and_subscriptions(self):
        with self.client(QUIET) as client, self.client(QUIET) as other:
            client.send(b"SUB foo 1\r\nSUB foo q 2\r\n" + QUIET).sync()
            other.send(b"PUB foo 1\r\na\r\n")
            if QUIRKS["connect_drops_subs"]:
                hears(other, (client, b""))
                client.send(b"SUB foo 1\r\n").sync()
                other.send(b"PUB foo 1\r\nb\r\n")
                hears(other, (client, msg(b"foo", b"1", b"b")))
            else:
                other.sync()
                client.send(b"PING\r\n")
                got = client.read(len(msg(b"foo", b"1", b"a") * 2 + PONG))
                self.assertEqual(sorted(got), sorted(msg(b"foo", b"1", b"a") +
                                                     msg(b"foo", b"2", b"a") + PONG))

    def test_second_connect_is_checked(self):
        with self.client(QUIET) as client:
            client.send(b'CONNECT {"protocol":2}\r\n')
            client.expect(b"-ERR 'invalid client protocol'\r\n").expect_closed()
        with self.client(QUIET) as client:
            client.send(b"CONNECT {bad\r\n").expect_closed()

    def test_nothing_between_connect_and_the_first_pong(self):
        """nats.go, nats.py and nats.rs read exactly one line after CONNECT and PING."""
        with self.client(PROTOCOL_1 + b"PING\r\n") as client:
            self.assertEqual(client.line(), PONG)
        with self.client(b'CONNECT {"protocol":1}\r\nPING\r\n') as client:
            self.assertEqual([client.line(), client.line()], [OK, PONG])


class InfoTest(HubTest):
    FLAGS = ("--name", "the-name")

    def test_first_info(self):
        with self.client(b"") as client:
            info = client.info
            self.assertRegex(info["server_id"], "^N[A-Z2-7]{55}$")
            self.assertEqual(info["server_name"], "the-name")
            self.assertEqual(info["version"], QUIRKS["version"])
            self.assertEqual(info["proto"], 1)
            self.assertIsInstance(info["go"], str)
            self.assertEqual(info["host"], "127.0.0.1")
            self.assertEqual(info["port"], self.hub.port)
            self.assertIs(info["headers"], True)
            self.assertEqual(info["max_payload"], 1048576)
            self.assertIsInstance(info["client_id"], int)
            self.assertGreater(info["client_id"], 0)
            self.assertEqual(info["client_ip"], "127.0.0.1")

    def test_what_info_must_not_say(self):
        """Each of these changes what a library does."""
        with self.client(b"") as client:
            for key in ("auth_required", "tls_required", "tls_verify", "tls_available", "nonce",
                        "connect_urls", "ws_connect_urls", "ldm", "connect_info",
                        "remote_account", "acc_is_sys"):
                self.assertFalse(client.info.get(key), key)

    def test_info_line_is_short_and_ends_right(self):
        with self.client(b"", info=False) as client:
            line = client.line()
            self.assertTrue(line.startswith(b"INFO {"))
            self.assertRegex(line, rb"\} ?\r\n$")
            self.assertLess(len(line), 4096)

    def test_client_ids_differ_and_server_id_does_not(self):
        clients = [self.client(b"") for _ in range(20)]
        self.assertEqual(len({client.info["client_id"] for client in clients}), 20)
        self.assertEqual(len({client.info["server_id"] for client in clients}), 1)

    def test_server_ids_of_two_hubs_differ(self):
        other = self.quick_hub()
        with Client(other, b"") as theirs, self.client(b"") as ours:
            self.assertNotEqual(theirs.info["server_id"], ours.info["server_id"])
            self.assertEqual(theirs.info["server_name"], theirs.info["server_id"])

    def test_info_comes_before_anything_is_sent(self):
        with self.client(b"") as client:
            client.expect_nothing(0.2)

    def test_max_payload_is_told(self):
        hub = self.quick_hub(max_payload=1000)
        with Client(hub, QUIET) as client:
            self.assertEqual(client.info["max_payload"], 1000)
            client.send(b"PUB foo 1000\r\n" + b"x" * 1000 + b"\r\n").sync()
            client.send(b"PUB foo 1001\r\n")
            client.expect(b"-ERR 'Maximum Payload Violation'\r\n").expect_closed()

    def test_info_after_the_first_pong(self):
        with self.client(PROTOCOL_1) as client:
            client.send(b"PING\r\n").expect(PONG)
            if not QUIRKS["info_after_pong"]:
                client.expect_nothing(0.3)
                return
            line = client.line()
            self.assertTrue(line.startswith(b"INFO {"), line)
            info = json.loads(line[5:])
            self.assertIs(info.pop("connect_info"), True)
            self.assertEqual(info.pop("remote_account"), "$G")
            self.assertIs(info.pop("acc_is_sys", False), False)
            # nats.go replaces its whole info, so this one must be complete.
            self.assertEqual(info, client.info)
            client.sync().sync()

    def test_protocol_0_gets_no_second_info(self):
        for connect in (QUIET, b'CONNECT {"verbose":false,"pedantic":false,"protocol":0}\r\n'):
            with self.client(connect) as client:
                client.sync().sync().expect_nothing(0.2)
        with self.client(b"") as client:
            client.sync().expect_nothing(0.2)


if __name__ == "__main__":
    unittest.main()
