"""NATS-WIRE 3: subjects, wildcards, queue groups, UNSUB, reserved names, order.

Goal:   each message reaches exactly the subscriptions it should, on whichever worker they live.
Method: several connections, opened one after another so that they spread over the workers; after
        a publish, PING on the publisher and then on each receiver bounds what must have come.
"""

import collections
import itertools
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import (HEADERS, HubTest, NO_ECHO, QUIET, QUIRKS, SLOWNESS, VERBOSE, hears, msg,
                     pub, seeded_random)

PONG = b"PONG\r\n"


def matches(pattern, subject):
    """The oracle: NATS-WIRE 3.1 in a few lines."""
    want, have = pattern.split("."), subject.split(".")
    if "" in have:
        return False
    for at, token in enumerate(want):
        if token == ">" and at == len(want) - 1:
            return len(have) > at
        if at >= len(have) or token not in ("*", have[at]):
            return False
    return len(want) == len(have)


class WildcardTest(HubTest):
    EACH = True

    def test_every_pattern_against_every_subject(self):
        """Patterns and subjects of up to three tokens out of a, b, * and >."""
        texts = [".".join(tokens) for size in (1, 2, 3)
                 for tokens in itertools.product(["a", "b", "*", ">"], repeat=size)]
        patterns = [text for text in texts if ">" not in text.split(".")[:-1]]
        receivers = [self.client() for _ in range(4)]
        for at, pattern in enumerate(patterns):
            receivers[at % 4].send(b"SUB %s %d\r\n" % (pattern.encode(), at))
        for receiver in receivers:
            receiver.sync()
        publisher = self.client()
        for subject in texts:  # a wildcard in a publish is delivered as a literal
            publisher.send(pub(subject.encode(), b"x"))
        publisher.sync()
        got = collections.Counter()
        for receiver in receivers:
            receiver.send(b"PING\r\n")
            while True:
                line = receiver.line()
                if line == PONG:
                    break
                self.assertEqual(receiver.read(3), b"x\r\n")
                _, subject, sid, _ = line.split()
                got[(subject.decode(), patterns[int(sid)])] += 1
        want = {(subject, pattern) for subject in texts for pattern in patterns
                if matches(pattern, subject)}
        self.assertEqual(set(got), want)
        self.assertEqual(max(got.values()), 1)

    def test_subjects_differ_by_case_and_length(self):
        receiver, publisher = self.client(), self.client()
        receiver.send(b"SUB foo 1\r\nSUB FOO 2\r\nSUB fo 3\r\nSUB fooo 4\r\nSUB foo.> 5\r\n").sync()
        publisher.send(pub(b"foo", b"a") + pub(b"Foo", b"b") + pub(b"fooo", b"c") +
                       pub(b"foo.x", b"d"))
        hears(publisher, (receiver, msg(b"foo", b"1", b"a") + msg(b"fooo", b"4", b"c") +
                          msg(b"foo.x", b"5", b"d")))

    def test_empty_tokens_match_nothing(self):
        receiver, publisher = self.client(), self.client()
        receiver.send(b"SUB > 1\r\nSUB *.* 2\r\nSUB foo.> 3\r\nSUB foo.* 4\r\n").sync()
        for subject in (b"foo.", b".foo", b"foo..x", b".", b"..", b"foo.x."):
            publisher.send(pub(subject, b"x"))
        hears(publisher, (receiver, b""))

    def test_one_copy_per_subscription(self):
        receiver, publisher = self.client(), self.client()
        receiver.send(b"SUB foo 1\r\nSUB foo 2\r\nSUB * 3\r\nSUB > 4\r\n").sync()
        publisher.send(pub(b"foo", b"x"))
        publisher.sync()
        receiver.send(b"PING\r\n")
        sids = sorted(receiver.message().sid for _ in range(4))
        self.assertEqual(sids, [b"1", b"2", b"3", b"4"])
        receiver.expect(PONG)

    def test_reserved_looking_subjects_are_ordinary(self):
        receiver, publisher = self.client(), self.client()
        receiver.send(b"SUB $SYS.> 1\r\nSUB _INBOX.> 2\r\nSUB $foo 3\r\n").sync()
        publisher.send(pub(b"$SYS.foo.bar", b"a") + pub(b"_INBOX.x.y", b"b") + pub(b"$foo", b"c"))
        hears(publisher, (receiver, msg(b"$SYS.foo.bar", b"1", b"a") +
                          msg(b"_INBOX.x.y", b"2", b"b") + msg(b"$foo", b"3", b"c")))


class EchoTest(HubTest):
    EACH = True

    def test_no_echo_hears_others_and_not_itself(self):
        mute, other = self.client(NO_ECHO), self.client()
        mute.send(b"SUB foo 1\r\nSUB * 2\r\n").sync()
        mute.send(pub(b"foo", b"mine")).sync()
        other.send(pub(b"foo", b"theirs")).sync()
        mute.send(b"PING\r\n")
        self.assertEqual(sorted([mute.message(), mute.message()]),
                         [(b"foo", b"1", None, b"", b"theirs"),
                          (b"foo", b"2", None, b"", b"theirs")])
        mute.expect(PONG)

    def test_no_echo_does_not_hide_from_others(self):
        mute, other = self.client(NO_ECHO), self.client()
        other.send(b"SUB foo 1\r\n").sync()
        mute.send(b"SUB foo 1\r\n" + pub(b"foo", b"x"))
        hears(mute, (other, msg(b"foo", b"1", b"x")))


class QueueTest(HubTest):
    EACH = True

    def counts(self, publisher, members, messages, subject=b"work"):
        """Publishes, and counts what each (client, sid) got; every message must come once."""
        for start in range(0, messages, 100):
            publisher.send(b"".join(pub(subject, b"%d" % number)
                                    for number in range(start, min(messages, start + 100))))
        publisher.sync()
        counts, seen = collections.Counter(), []
        # A member that left or was used up while a message travelled to it makes the hub pick
        # again, so that message may come after the PONG; but it comes, once.
        deadline = time.monotonic() + 5 * SLOWNESS
        while True:
            for number, client in enumerate(members):
                client.send(b"PING\r\n")
                while True:
                    line = client.line()
                    if line == PONG:
                        break
                    _, _, sid, size = line.split()
                    seen.append(int(client.read(int(size) + 2)))
                    counts[(number, sid)] += 1
            if len(seen) >= messages or time.monotonic() > deadline:
                break
        self.assertEqual(sorted(seen), list(range(messages)))
        return counts

    def assert_even(self, counts, members, messages):
        """Six standard deviations: one false alarm in half a milliard runs a member."""
        self.assertEqual(len(counts), members, counts)
        share = messages / members
        slack = 6 * (messages * (1 / members) * (1 - 1 / members)) ** 0.5
        for member, count in counts.items():
            self.assertLess(abs(count - share), slack, (member, counts))

    def test_one_delivery_per_group_evenly(self):
        members = [self.client() for _ in range(4)]
        for member in members:
            member.send(b"SUB work q 1\r\n").sync()
        self.assert_even(self.counts(self.client(), members, 2000), 4, 2000)

    def test_members_weigh_the_same_wherever_they_live(self):
        """Three members on one connection, one on each of two others."""
        clients = [self.client() for _ in range(3)]
        clients[0].send(b"SUB work q 1\r\nSUB work q 2\r\nSUB work q 3\r\n").sync()
        clients[1].send(b"SUB work q 1\r\n").sync()
        clients[2].send(b"SUB work q 1\r\n").sync()
        self.assert_even(self.counts(self.client(), clients, 2500), 5, 2500)

    def test_group_is_its_name_whatever_the_subject(self):
        members = [self.client() for _ in range(4)]
        for member, subject in zip(members, (b"foo.bar", b"foo.*", b"foo.>", b"*.bar")):
            member.send(b"SUB %s q 1\r\n" % subject).sync()
        counts = self.counts(self.client(), members, 2000, b"foo.bar")
        self.assert_even(counts, 4, 2000)

    def test_each_group_and_each_plain_subscription_has_its_copy(self):
        clients = [self.client() for _ in range(6)]
        for client, line in zip(clients, (b"SUB foo a 1", b"SUB foo a 1", b"SUB * b 1",
                                          b"SUB foo b 1", b"SUB foo 1", b"SUB > 1")):
            client.send(line + b"\r\n").sync()
        publisher = self.client()
        publisher.send(pub(b"foo", b"x") * 100).sync()
        got = []
        for client in clients:
            client.send(b"PING\r\n")
            count = 0
            while client.line() != PONG:
                client.read(3)
                count += 1
            got.append(count)
        self.assertEqual(got[0] + got[1], 100)
        self.assertEqual(got[2] + got[3], 100)
        self.assertEqual(got[4:], [100, 100])

    def test_group_names_are_any_bytes(self):
        names = (b"a.b", b"*", b">", b"a.*.>", b"\xff\x00", b"n" * 1000, b"A")
        for subject, name in zip((b"s%d" % at for at in range(len(names))), names):
            one, two, other = self.client(), self.client(), self.client()
            one.send(b"SUB %s %s 1\r\n" % (subject, name)).sync()
            two.send(b"SUB %s %s 1\r\n" % (subject, name)).sync()
            other.send(b"SUB %s a 1\r\n" % subject).sync()  # another name, another group
            publisher = self.client()
            publisher.send(pub(subject, b"x") * 10).sync()
            total = []
            for client in (one, two, other):
                client.send(b"PING\r\n")
                count = 0
                while client.line() != PONG:
                    client.read(3)
                    count += 1
                total.append(count)
                client.close()
            publisher.close()
            self.assertEqual((total[0] + total[1], total[2]), (10, 10), name)

    def test_no_echo_member_of_the_publisher_is_passed_over(self):
        publisher, other = self.client(NO_ECHO), self.client()
        publisher.send(b"SUB foo q 1\r\n").sync()
        other.send(b"SUB foo q 1\r\n").sync()
        publisher.send(pub(b"foo", b"x") * 50).sync()
        other.expect(msg(b"foo", b"1", b"x") * 50)  # picked again, it may come after a PONG
        hears(publisher, (other, b""))

    def test_no_echo_member_alone_gets_nothing(self):
        publisher = self.client(NO_ECHO)
        publisher.send(b"SUB foo q 1\r\n" + pub(b"foo", b"x") * 5).sync()

    def test_member_that_leaves_is_not_missed(self):
        members = [self.client() for _ in range(3)]
        for member in members:
            member.send(b"SUB work q 1\r\n").sync()
        members[0].send(b"UNSUB 1\r\n").sync()
        publisher = self.client()
        counts = self.counts(publisher, members, 400)
        self.assertEqual(counts[(0, b"1")], 0)
        members[1].half_close()
        members[1].expect_closed()
        counts = self.counts(publisher, [members[2]], 100)
        self.assertEqual(counts, {(0, b"1"): 100})

    def test_member_used_up_lets_the_rest_take_over(self):
        members = [self.client() for _ in range(2)]
        members[0].send(b"SUB work q 1\r\nUNSUB 1 5\r\n").sync()
        members[1].send(b"SUB work q 1\r\n").sync()
        counts = self.counts(self.client(), members, 200)
        self.assertEqual(counts, {(0, b"1"): 5, (1, b"1"): 195})

    def test_plain_and_queue_subscription_of_one_connection(self):
        client, publisher = self.client(), self.client()
        client.send(b"SUB foo 1\r\nSUB foo q 2\r\n").sync()
        publisher.send(pub(b"foo", b"x")).sync()
        client.send(b"PING\r\n")
        self.assertEqual(sorted([client.message().sid, client.message().sid]), [b"1", b"2"])
        client.expect(PONG)


class UnsubTest(HubTest):
    EACH = True

    def case(self, commands, want, connect=QUIET):
        """Commands; p publishes the next number from another connection and waits for it."""
        receiver, publisher = self.client(connect), self.client()
        number, got = 0, []
        for command in commands:
            if command == b"p":
                publisher.send(pub(b"foo", b"%d" % number)).sync()
                receiver.send(b"PING\r\n")
                while receiver.line() != PONG:
                    got.append(int(receiver.read(3)))
                number += 1
            else:
                receiver.send(command + b"\r\n").sync()
        self.assertEqual(got, want)

    def test_at_once(self):
        self.case([b"SUB foo 1", b"p", b"UNSUB 1", b"p"], [0])

    def test_max_counts_from_the_start(self):
        self.case([b"SUB foo 1", b"p", b"p", b"UNSUB 1 3", b"p", b"p"], [0, 1, 2])

    def test_max_reached_already(self):
        self.case([b"SUB foo 1", b"p", b"p", b"UNSUB 1 2", b"p"], [0, 1])

    def test_max_passed_already(self):
        self.case([b"SUB foo 1", b"p", b"p", b"p", b"UNSUB 1 1", b"p"], [0, 1, 2])

    def test_max_before_any_message(self):
        self.case([b"SUB foo 1", b"UNSUB 1 2", b"p", b"p", b"p"], [0, 1])

    def test_max_0(self):
        self.case([b"SUB foo 1", b"UNSUB 1 0", b"p"], [])

    def test_later_max_replaces(self):
        self.case([b"SUB foo 1", b"UNSUB 1 1", b"UNSUB 1 3"] + [b"p"] * 4, [0, 1, 2])
        self.case([b"SUB foo 1", b"UNSUB 1 5", b"UNSUB 1 2"] + [b"p"] * 4, [0, 1])

    def test_plain_unsub_overrides_a_max(self):
        self.case([b"SUB foo 1", b"UNSUB 1 5", b"p", b"UNSUB 1", b"p"], [0])

    def test_sid_is_free_afterwards(self):
        self.case([b"SUB foo 1", b"UNSUB 1 1", b"p", b"p", b"SUB foo 1", b"UNSUB 1 2"] + [b"p"] * 3,
                  [0, 2, 3])

    def test_duplicate_sid_keeps_the_count(self):
        self.case([b"SUB foo 1", b"p", b"SUB foo 1", b"UNSUB 1 2", b"p", b"p"], [0, 1])

    def test_duplicate_sid_keeps_the_max(self):
        self.case([b"SUB foo 1", b"UNSUB 1 2", b"SUB foo 1"] + [b"p"] * 3, [0, 1])

    def test_largest_max(self):
        self.case([b"SUB foo 1", b"UNSUB 1 999999999", b"p"], [0])

    def test_max_in_one_burst(self):
        receiver, publisher = self.client(), self.client()
        receiver.send(b"SUB foo 1\r\nUNSUB 1 7\r\nSUB foo 2\r\n").sync()
        publisher.send(b"".join(pub(b"foo", b"%03d" % number) for number in range(500))).sync()
        receiver.send(b"PING\r\n")
        got = {b"1": [], b"2": []}
        while True:
            line = receiver.line()
            if line == PONG:
                break
            got[line.split()[2]].append(int(receiver.read(5)))
        self.assertEqual(got, {b"1": list(range(7)), b"2": list(range(500))})

    def test_what_was_published_before_is_delivered_before(self):
        """UNSUB on the publishing connection: the message before it still comes."""
        client = self.client()
        client.send(b"SUB foo 1\r\n" + pub(b"foo", b"x") + b"UNSUB 1\r\n" + pub(b"foo", b"y"))
        client.sync(msg(b"foo", b"1", b"x"))

    def test_verbose_answers_every_unsub(self):
        client = self.client(VERBOSE)
        client.send(b"SUB foo 1\r\nUNSUB 1 5\r\nUNSUB 1\r\nUNSUB 1\r\n").sync(b"+OK\r\n" * 5)


class ReservedTest(HubTest):
    EACH = True

    def test_publish_to_route_replies_is_refused(self):
        error = b"-ERR 'Permissions Violation for Publish to \"_GR_.x\"'\r\n"
        client = self.client()
        client.send(b"SUB > 1\r\n" + pub(b"_GR_.x", b"a") + pub(b"foo", b"b"))
        client.sync(error + msg(b"foo", b"1", b"b"))

    def test_refused_publish_has_no_ok(self):
        client = self.client(VERBOSE)
        client.send(pub(b"_GR_.x", b"a"))
        client.sync(b"+OK\r\n-ERR 'Permissions Violation for Publish to \"_GR_.x\"'\r\n")

    def test_nrg(self):
        client = self.client()
        client.send(b"SUB $NRG.> 1\r\n" + pub(b"$NRG.x", b"a"))
        if QUIRKS["nrg_refused"]:
            client.sync(b"-ERR 'Permissions Violation for Publish to \"$NRG.x\"'\r\n")
        else:
            client.sync(msg(b"$NRG.x", b"1", b"a"))

    def test_reserved_replies_are_refused(self):
        client = self.client()
        client.send(b"SUB foo 1\r\n")
        for reply in (b"_R_.abc", b"_GR_.abc", b"$JS.ACK.abc"):
            client.send(pub(b"foo", b"a", reply))
            client.sync(b"-ERR 'Permissions Violation for Publish with Reply of \"%s\"'\r\n" %
                        reply)

    def test_reserved_replies_with_headers(self):
        client = self.client(HEADERS)
        client.send(b"SUB foo 1\r\nHPUB foo _R_.a 12 12\r\nNATS/1.0\r\n\r\n\r\n")
        client.sync(b"-ERR 'Permissions Violation for Publish with Reply of \"_R_.a\"'\r\n")

    def test_replies_that_only_look_reserved(self):
        client = self.client()
        client.send(b"SUB foo 1\r\n")
        for reply in (b"_R_", b"_GR_", b"$JS.ACK", b"_R_x.a", b"$JS.ACKS.a", b"_INBOX.a", b"_r_.a"):
            client.send(pub(b"foo", b"a", reply))
            client.sync(msg(b"foo", b"1", b"a", reply))

    def test_reserved_queue_name(self):
        client = self.client()
        client.send(b"SUB foo _sys_ 1\r\n")
        client.sync(b"-ERR 'Permissions Violation for Subscription to \"foo\" using queue "
                    b"\"_sys_\"'\r\n")
        client.send(pub(b"foo", b"x")).sync()


class OrderTest(HubTest):
    EACH = True

    def test_one_publisher_to_many_subscriptions(self):
        """Each connection hears one publisher in order, across all its subscriptions."""
        random = seeded_random()
        receivers = [self.client() for _ in range(6)]
        for receiver in receivers:
            receiver.send(b"SUB a 1\r\nSUB b 2\r\nSUB *.c 3\r\nSUB a q 4\r\nSUB > 5\r\n").sync()
        publisher = self.client()
        count = 5000
        stream = bytearray()
        for number in range(count):
            subject = random.choice([b"a", b"b", b"x.c", b"y.c", b"z"])
            stream += pub(subject, b"%05d" % number + b"." * random.randint(0, 200))
            if len(stream) > 30000:
                publisher.send(stream)
                stream.clear()
        publisher.send(stream)
        publisher.sync()
        for receiver in receivers:
            receiver.send(b"PING\r\n")
            last, seen = -1, set()
            while True:
                line = receiver.line()
                if line == PONG:
                    break
                _, _, sid, size = line.split()
                number = int(receiver.read(int(size) + 2)[:5])
                self.assertGreaterEqual(number, last)
                last = number
                self.assertNotIn((number, sid), seen)
                seen.add((number, sid))
            self.assertEqual({number for number, sid in seen if sid == b"5"}, set(range(count)))

    def test_many_publishers_each_in_order(self):
        receivers = [self.client() for _ in range(3)]
        for receiver in receivers:
            receiver.send(b"SUB > 1\r\n").sync()
        publishers = [self.client() for _ in range(5)]
        for start in range(0, 600, 50):
            for at, publisher in enumerate(publishers):
                publisher.send(b"".join(pub(b"p.%d" % at, b"%05d" % number)
                                        for number in range(start, start + 50)))
        for publisher in publishers:
            publisher.sync()
        for receiver in receivers:
            receiver.send(b"PING\r\n")
            got = collections.defaultdict(list)
            while True:
                line = receiver.line()
                if line == PONG:
                    break
                got[line.split()[1]].append(int(receiver.read(7)))
            self.assertEqual(len(got), 5)
            for numbers in got.values():
                self.assertEqual(numbers, list(range(600)))

    def test_who_has_a_pong_for_sub_is_heard_by_all(self):
        """No publish after the PONG may miss the subscription, from whichever worker."""
        publishers = [self.client() for _ in range(4)]
        receivers = [self.client() for _ in range(4)]
        for number in range(200):
            receiver = receivers[number % 4]
            publisher = publishers[(number // 4) % 4]
            receiver.send(b"SUB n.%d %d\r\n" % (number, number)).sync()
            publisher.send(pub(b"n.%d" % number, b"x"))
            hears(publisher, (receiver, msg(b"n.%d" % number, b"%d" % number, b"x")))
            receiver.send(b"UNSUB %d\r\n" % number).sync()
            publisher.send(pub(b"n.%d" % number, b"y"))
            hears(publisher, (receiver, b""))

    def test_payloads_of_every_size(self):
        receiver, near, publisher = self.client(), self.client(), self.client()
        receiver.send(b"SUB foo 1\r\n").sync()
        near.send(b"SUB * 7\r\n").sync()
        sizes = list(range(0, 70)) + [power + step for power in
                                      (128, 512, 4096, 16384, 32768, 65536, 262144, 1048576 - 1)
                                      for step in (-1, 0, 1)]
        for size in sizes:
            payload = bytes((size + at) & 255 for at in range(251)) * (size // 251 + 1)
            publisher.send(pub(b"foo", payload[:size]))
            hears(publisher, (receiver, msg(b"foo", b"1", payload[:size])),
                  (near, msg(b"foo", b"7", payload[:size])))


if __name__ == "__main__":
    unittest.main()
