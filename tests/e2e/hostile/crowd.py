#!/usr/bin/env python3
"""A crowd of hostile clients: crowd.py KIND PORT COUNT SECONDS SEED

Connects COUNT clients to 127.0.0.1:PORT, says "ready", lets them misbehave for SECONDS, ends them
all and prints what happened as one line of JSON. KINDS below says what each kind does.
"""

import errno
import json
import random
import resource
import select
import socket
import struct
import sys
import time

CONNECT = b'CONNECT {"verbose":false,"pedantic":false}\r\n'
WAVE = 200  # connections under way at once: fewer than any listen queue holds
STEP = 65536


class Kind:
    """What one member does. Defaults: reads all, never comes back, sends opening() once."""

    reads = True
    returns = False  # connects again when the hub closed it

    def __init__(self, rng):
        self.random = rng

    def opening(self, number):
        return CONNECT

    def tick(self, member, now):
        """More to send at this time, or nothing."""
        return b""


class RandomBytes(Kind):
    """Bytes without meaning; half of them begin like something the parser knows."""

    returns = True

    def opening(self, number):
        start = self.random.choice([b"", b"", b"", CONNECT, b"PUB ", b"SUB ", b"HPUB a 1 ",
                                    b"CONNECT {", b"PUB a 100000\r\n", b"UNSUB ", b"PING"])
        return start + self.random.randbytes(self.random.randint(1, 3000))


class OneByteShort(Kind):
    """A PUB whose last byte never comes."""

    def opening(self, number):
        return CONNECT + SHORT


SHORT = b"PUB hostile.short 262144\r\n" + b"s" * 262144 + b"\r"


class Dribble(Kind):
    """A control line at a byte a second."""

    line = b"SUB hostile.dribble.and.so.on 1\r\n"

    def opening(self, number):
        return CONNECT

    def tick(self, member, now):
        if now - member.last < 1:
            return b""
        member.last = now
        member.step += 1
        return self.line[member.step - 1:member.step]


class DeafPings(Kind):
    """PINGs whose answers are never read."""

    reads = False

    def opening(self, number):
        return CONNECT + PINGS


PINGS = b"PING\r\n" * 50000


class ManySubs(Kind):
    """100,000 subscriptions of one subject, together; then somebody publishes to it."""

    def opening(self, number):
        return CONNECT + b"".join(b"SUB hostile.hot %d\r\n" % sid for sid in range(100))

    def tick(self, member, now):
        if member.number % 200 or member.step:
            return b""
        member.step = 1
        return b"PUB hostile.hot 2\r\nhi\r\n"


class LongSubjects(Kind):
    """Distinct subjects of 4,000 bytes, subscribed to and published to."""

    def opening(self, number):
        out = [CONNECT]
        for at in range(10):
            tail = b"%d.%d" % (number, at)
            subject = b"hostile." + b"x" * (4000 - 8 - len(tail)) + tail
            out.append(b"SUB %s %d\r\nPUB %s 2\r\nhi\r\n" % (subject, at, subject[:-1] + b"y"))
        return b"".join(out)


class Silent(Kind):
    """Nothing at all, not even CONNECT."""

    def opening(self, number):
        return b""


class DeafSubscribers(Kind):
    """Subscribers of the healthy traffic that never read."""

    reads = False

    def opening(self, number):
        return CONNECT + b"SUB healthy 1\r\n"


class DeafFlood(Kind):
    """Subscribers that never read what one of them publishes: 16 MiB for each."""

    reads = False

    def opening(self, number):
        return CONNECT + (b"SUB hostile.flood 1\r\n" if number else b"")

    def tick(self, member, now):
        if member.number or member.step == 16:
            return b""
        member.step += 1
        return (b"PUB hostile.flood 65536\r\n" + b"f" * 65536 + b"\r\n") * 16


class Vanish(Kind):
    """Subscribe, publish, and be gone by a reset, in random order."""

    reads = False

    def opening(self, number):
        return CONNECT + (b"SUB hostile.v.%d 1\r\nSUB hostile.v.* q 2\r\nUNSUB 1 3\r\n"
                          b"SUB hostile.%d.> 3\r\nPUB hostile.v.%d 5\r\nhello\r\n" %
                          (number % 500, number, self.random.randint(0, 499)))


KINDS = {"random_bytes": RandomBytes, "one_byte_short": OneByteShort, "dribble": Dribble,
         "deaf_pings": DeafPings, "many_subs": ManySubs, "long_subjects": LongSubjects,
         "silent": Silent, "deaf_subscribers": DeafSubscribers, "deaf_flood": DeafFlood,
         "vanish": Vanish}


class Member:
    def __init__(self, number):
        self.number = number
        self.socket = None
        self.out = memoryview(b"")
        self.connected = False
        self.last = 0.0
        self.step = 0


class Crowd:
    def __init__(self, kind, port, count, rng):
        self.kind, self.port, self.count, self.random = kind, port, count, rng
        self.poll = select.epoll()
        self.by_fd = {}
        self.waiting = [Member(number) for number in range(count)]
        self.stats = {"connected": 0, "closed_by_hub": 0, "sent": 0, "received": 0, "lost": 0}
        self.under_way = 0

    def connect_some(self):
        while self.waiting and self.under_way < WAVE:
            member = self.waiting.pop()
            member.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            member.socket.setblocking(False)
            if not self.kind.reads:
                member.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            code = member.socket.connect_ex(("127.0.0.1", self.port))
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, "connect")
            member.connected = False
            member.out = memoryview(self.kind.opening(member.number))
            self.under_way += 1
            self.by_fd[member.socket.fileno()] = member
            self.poll.register(member.socket, select.EPOLLOUT)

    def interest(self, member):
        events = (select.EPOLLIN if self.kind.reads else 0) | (select.EPOLLOUT if member.out else 0)
        self.poll.modify(member.socket, events)

    def gone(self, member):
        """The hub closed it, or it never came to be."""
        del self.by_fd[member.socket.fileno()]
        self.poll.unregister(member.socket)
        member.socket.close()
        if member.connected:
            self.stats["closed_by_hub"] += 1
        else:
            self.under_way -= 1
            self.stats["lost"] += 1
        if not member.connected or self.kind.returns:
            self.waiting.append(member)

    def handle(self, member, events):
        try:
            if not member.connected:
                code = member.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code:
                    return self.gone(member)
                member.connected = True
                self.under_way -= 1
                self.stats["connected"] += 1
                if not member.out:
                    return self.interest(member)
            if events & select.EPOLLOUT and member.out:
                sent = member.socket.send(member.out[:STEP])
                self.stats["sent"] += sent
                member.out = member.out[sent:]
                self.interest(member)
            if events & select.EPOLLIN:
                data = member.socket.recv(STEP)
                if not data:
                    return self.gone(member)
                self.stats["received"] += len(data)
            elif events & (select.EPOLLERR | select.EPOLLHUP):
                return self.gone(member)
        except BlockingIOError:
            pass
        except OSError:
            self.gone(member)
        return None

    def turn(self, seconds):
        self.connect_some()
        for fd, events in self.poll.poll(seconds, 256):
            member = self.by_fd.get(fd)
            if member is not None:
                self.handle(member, events)

    def tick(self):
        now = time.monotonic()
        for member in list(self.by_fd.values()):
            if member.connected and not member.out:
                more = self.kind.tick(member, now)
                if more:
                    member.out = memoryview(more)
                    self.interest(member)

    def run(self, seconds):
        deadline = time.monotonic() + 30
        while self.stats["connected"] < self.count and time.monotonic() < deadline:
            self.turn(0.05)
        print("ready", flush=True)
        deadline = time.monotonic() + seconds
        next_tick = 0.0
        while time.monotonic() < deadline:
            self.turn(0.05)
            if time.monotonic() > next_tick:
                next_tick = time.monotonic() + 0.1
                self.tick()

    def end(self, by_reset):
        members = list(self.by_fd.values())
        self.random.shuffle(members)
        for member in members:
            if by_reset:
                member.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                         struct.pack("ii", 1, 0))
            member.socket.close()
        self.stats["alive_at_end"] = len(members)


def main(name, port, count, seconds, seed):
    rng = random.Random(int(seed))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = Crowd(KINDS[name](rng), int(port), int(count), rng)
    crowd.run(float(seconds))
    # A reset leaves no TIME_WAIT, so thousands of ports come back at once.
    crowd.end(by_reset=True)
    print(json.dumps(crowd.stats), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
