"""NATS-WIRE 1.5: headers between clients that know them and clients that do not, and the 503.

Goal:   a request that nobody hears is answered at once; a header block reaches who understands it
        and is cut off, with the size recomputed, for who does not.
Method: requester, responder and bystander connections; every byte that arrives is compared.
"""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import (HEADERS, HubTest, NO_ECHO, QUIET, REQUESTS, hears, msg, no_responders, pub)

PONG = b"PONG\r\n"
BLOCK = b"NATS/1.0\r\nA: b\r\n\r\n"


def hpub(subject, body, reply=None, block=BLOCK):
    words = [b"HPUB", subject] + ([reply] if reply else [])
    words += [b"%d" % len(block), b"%d" % (len(block) + len(body))]
    return b" ".join(words) + b"\r\n" + block + body + b"\r\n"


def hmsg(subject, sid, body, reply=None, block=BLOCK):
    words = [b"HMSG", subject, sid] + ([reply] if reply else [])
    words += [b"%d" % len(block), b"%d" % (len(block) + len(body))]
    return b" ".join(words) + b"\r\n" + block + body + b"\r\n"


class HeaderTest(HubTest):
    EACH = True

    def test_with_and_without_headers(self):
        knows, does_not, publisher = self.client(HEADERS), self.client(QUIET), self.client(HEADERS)
        knows.send(b"SUB foo 1\r\n").sync()
        does_not.send(b"SUB foo 2\r\n").sync()
        publisher.send(hpub(b"foo", b"hi", b"rep") + hpub(b"foo", b"") + pub(b"foo", b"plain"))
        hears(publisher,
              (knows, hmsg(b"foo", b"1", b"hi", b"rep") + hmsg(b"foo", b"1", b"") +
               msg(b"foo", b"1", b"plain")),
              (does_not, b"MSG foo 2 rep 2\r\nhi\r\nMSG foo 2 0\r\n\r\nMSG foo 2 5\r\nplain\r\n"))

    def test_size_text_is_recomputed_only_when_cut_off(self):
        knows, does_not, publisher = self.client(HEADERS), self.client(QUIET), self.client(HEADERS)
        knows.send(b"SUB foo 1\r\n").sync()
        does_not.send(b"SUB foo 1\r\n").sync()
        publisher.send(b"HPUB foo 0012 000000014\r\nNATS/1.0\r\n\r\nhi\r\n")
        hears(publisher, (knows, b"HMSG foo 1 0012 000000014\r\nNATS/1.0\r\n\r\nhi\r\n"),
              (does_not, b"MSG foo 1 2\r\nhi\r\n"))

    def test_same_sid_same_subject_mixed_layouts(self):
        """The same subscription text on sessions of both kinds, several of each."""
        receivers = [self.client(HEADERS if at % 2 else QUIET) for at in range(8)]
        for receiver in receivers:
            receiver.send(b"SUB foo 1\r\n").sync()
        publisher = self.client(HEADERS)
        want_with, want_without = b"", b""
        for number in range(200):
            body = b"%d" % number * (number % 7)
            publisher.send(hpub(b"foo", body) if number % 3 else pub(b"foo", body))
            want_with += hmsg(b"foo", b"1", body) if number % 3 else msg(b"foo", b"1", body)
            want_without += msg(b"foo", b"1", body)
        hears(publisher, *[(receiver, want_with if at % 2 else want_without)
                           for at, receiver in enumerate(receivers)])

    def test_queue_member_without_headers(self):
        does_not, publisher = self.client(QUIET), self.client(HEADERS)
        does_not.send(b"SUB foo q 1\r\n").sync()
        publisher.send(hpub(b"foo", b"hi"))
        hears(publisher, (does_not, msg(b"foo", b"1", b"hi")))

    def test_large_blocks(self):
        knows, does_not, publisher = self.client(HEADERS), self.client(QUIET), self.client(HEADERS)
        knows.send(b"SUB foo 1\r\n").sync()
        does_not.send(b"SUB foo 1\r\n").sync()
        for size in (100, 5000, 40000, 500000):
            block = b"NATS/1.0\r\nk: " + b"v" * size + b"\r\n\r\n"
            body = b"b" * (size // 2)
            publisher.send(hpub(b"foo", body, None, block))
            hears(publisher, (knows, hmsg(b"foo", b"1", body, None, block)),
                  (does_not, msg(b"foo", b"1", body)))


class NoRespondersTest(HubTest):
    EACH = True

    def test_nobody_listens(self):
        client = self.client(REQUESTS)
        client.send(b"SUB _INBOX.1 7\r\n" + pub(b"svc.x", b"?", b"_INBOX.1"))
        client.sync(no_responders(b"svc.x", b"_INBOX.1", b"7"))

    def test_reply_under_a_wildcard(self):
        client = self.client(REQUESTS)
        client.send(b"SUB _INBOX.abc.* 7\r\n" + pub(b"svc", b"?", b"_INBOX.abc.42"))
        client.sync(no_responders(b"svc", b"_INBOX.abc.42", b"7"))

    def test_with_headers_in_the_request(self):
        client = self.client(REQUESTS)
        client.send(b"SUB _INBOX.* 7\r\n" + hpub(b"svc", b"?", b"_INBOX.1"))
        client.sync(no_responders(b"svc", b"_INBOX.1", b"7"))

    def test_each_request_has_its_own_in_order(self):
        client = self.client(REQUESTS)
        client.send(b"SUB r.* 7\r\n")
        client.send(b"".join(pub(b"svc.%d" % number, b"", b"r.%d" % number)
                             for number in range(200)))
        client.sync(b"".join(no_responders(b"svc.%d" % number, b"r.%d" % number, b"7")
                             for number in range(200)))

    def test_somebody_listens(self):
        client, responder = self.client(REQUESTS), self.client()
        responder.send(b"SUB svc 1\r\n").sync()
        client.send(b"SUB r 7\r\n" + pub(b"svc", b"?", b"r"))
        hears(client, (responder, msg(b"svc", b"1", b"?", b"r")))
        responder.send(pub(b"r", b"!"))
        hears(responder, (client, msg(b"r", b"7", b"!")))

    def test_queue_group_listens(self):
        client, responder = self.client(REQUESTS), self.client()
        responder.send(b"SUB svc q 1\r\n").sync()
        client.send(b"SUB r 7\r\n" + pub(b"svc", b"?", b"r"))
        hears(client, (responder, msg(b"svc", b"1", b"?", b"r")))

    def test_responder_left(self):
        client, responder = self.client(REQUESTS), self.client()
        responder.send(b"SUB svc 1\r\n").sync()
        client.send(b"SUB r 7\r\n").sync()
        responder.send(b"UNSUB 1\r\n").sync()
        client.send(pub(b"svc", b"?", b"r"))
        client.sync(no_responders(b"svc", b"r", b"7"))

    def test_responder_is_used_up(self):
        client, responder = self.client(REQUESTS), self.client()
        responder.send(b"SUB svc 1\r\nUNSUB 1 1\r\n").sync()
        client.send(b"SUB r 7\r\n" + pub(b"svc", b"?", b"r"))
        hears(client, (responder, msg(b"svc", b"1", b"?", b"r")))
        client.send(pub(b"svc", b"?", b"r"))
        client.sync(no_responders(b"svc", b"r", b"7"))

    def test_only_itself_without_echo(self):
        client = self.client(REQUESTS.replace(b"{", b'{"echo":false,'))
        client.send(b"SUB r 7\r\nSUB svc 8\r\nSUB svc q 9\r\n" + pub(b"svc", b"?", b"r"))
        client.sync(no_responders(b"svc", b"r", b"7"))

    def test_itself_with_echo_is_a_responder(self):
        client = self.client(REQUESTS)
        client.send(b"SUB r 7\r\nSUB svc 8\r\n" + pub(b"svc", b"?", b"r"))
        client.sync(msg(b"svc", b"8", b"?", b"r"))

    def test_no_reply_no_503(self):
        client = self.client(REQUESTS)
        client.send(b"SUB r 7\r\n" + pub(b"svc", b"?")).sync()

    def test_not_asked_for(self):
        for connect in (HEADERS, QUIET, NO_ECHO):
            client = self.client(connect)
            client.send(b"SUB r 7\r\n" + pub(b"svc", b"?", b"r")).sync()

    def test_no_subscription_for_the_reply(self):
        client, other = self.client(REQUESTS), self.client(REQUESTS)
        other.send(b"SUB r 1\r\n").sync()  # the requester's own is what counts
        client.send(pub(b"svc", b"?", b"r"))
        hears(client, (other, b""))

    def test_queue_subscription_for_the_reply_does_not_count(self):
        client = self.client(REQUESTS)
        client.send(b"SUB r q 7\r\n" + pub(b"svc", b"?", b"r")).sync()

    def test_several_subscriptions_for_the_reply_get_one(self):
        client = self.client(REQUESTS)
        client.send(b"SUB r.x 1\r\nSUB r.x 2\r\nSUB r.* 3\r\n" + pub(b"svc", b"?", b"r.x") +
                    b"PING\r\n")
        self.assertTrue(client.message().header.startswith(b"NATS/1.0 503\r\n"))
        client.expect(PONG)

    def test_it_does_not_count_towards_max(self):
        client, other = self.client(REQUESTS), self.client()
        client.send(b"SUB r 7\r\nUNSUB 7 1\r\n" + pub(b"svc", b"?", b"r") * 3)
        client.sync(no_responders(b"svc", b"r", b"7") * 3)
        other.send(pub(b"r", b"x") * 2)
        hears(other, (client, msg(b"r", b"7", b"x")))

    def test_after_the_ok_of_verbose(self):
        client = self.client(REQUESTS.replace(b'"verbose":false', b'"verbose":true'))
        client.send(b"SUB r 7\r\n" + pub(b"svc", b"?", b"r"))
        client.sync(b"+OK\r\n" * 3 + no_responders(b"svc", b"r", b"7"))

    def test_long_subjects(self):
        client = self.client(REQUESTS)
        for size in (1, 67, 68, 967, 968, 3000):
            client.send(b"SUB r 7\r\n" + pub(b"s" * size, b"?", b"r"))
            client.sync(no_responders(b"s" * size, b"r", b"7"))

    def test_subject_with_an_empty_token_has_no_responders(self):
        client, other = self.client(REQUESTS), self.client()
        other.send(b"SUB > 1\r\n").sync()
        client.send(b"SUB r 7\r\n" + pub(b"a..b", b"?", b"r"))
        client.sync(no_responders(b"a..b", b"r", b"7"))

    def test_many_requesters_at_once(self):
        clients = [self.client(REQUESTS) for _ in range(8)]
        for at, client in enumerate(clients):
            client.send(b"SUB r.%d 7\r\n" % at + pub(b"svc", b"?", b"r.%d" % at) * 50)
        for at, client in enumerate(clients):
            client.sync(no_responders(b"svc", b"r.%d" % at, b"7") * 50)


if __name__ == "__main__":
    unittest.main()
