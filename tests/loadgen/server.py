"""A NATS server with known faults, to see whether hubload finds them. Standard library only.

    delay_s      every message is delivered so long after it arrived
    stall        (index, seconds): when the message with that index arrives, nothing is delivered
                 for so long
    fault        what happens to message FAULT_AT, at the first subscriber only
    cut          bytes a write; 0: as they come
    ping_every   before every so many-th message everybody is asked for a PONG; 0: never

Knows subjects, wildcards, queue groups (members in turn), replies and UNSUB.
"""
import collections
import re
import socket
import select
import threading
import time

FAULT_AT = 50
FAULTS = ("lost", "tail", "duplicated", "reordered", "overtaken", "payload", "header", "foreign", "refused",
          "closed", "garbage")
INFO = b'INFO {"server_id":"FAULTY","version":"2.9.0","proto":1,"max_payload":1048576}\r\n'


def matches(pattern, subject):
    wanted, given = pattern.split(b"."), subject.split(b".")
    if wanted[-1] == b">":
        return len(given) >= len(wanted) and matches_each(wanted[:-1], given)
    return len(given) == len(wanted) and matches_each(wanted, given)


def matches_each(wanted, given):
    return all(w in (b"*", g) for w, g in zip(wanted, given))


class Client:
    def __init__(self, sock):
        self.sock = sock
        self.received = b""
        self.unsent = bytearray()
        self.subscriptions = {}  # sid -> (subject, group)
        self.literals = {}  # subject -> {sid: group}
        self.wildcards = {}  # pattern -> {sid: group}
        # (key, index, frame): goes out after the next one of that subscription and stream, or,
        # overtaken, after the next message's.
        self.held = None


class Server:
    def __init__(self, delay_s=0.0, stall=None, fault=None, cut=0, ping_every=0):
        assert fault is None or fault in FAULTS
        self.delay_s, self.stall, self.fault, self.cut = delay_s, stall, fault, cut
        self.ping_every = ping_every
        self.pings = 0
        self.pongs = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.clients = {}
        self.queue = collections.deque()  # (due, index, subject, reply, payload)
        self.count = 0
        self.accepted = 0
        self.names = []  # as clients said them
        self.stalled_until = 0.0
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join(5)
        for client in self.clients.values():
            client.sock.close()
        self.listener.close()

    def run(self):
        while not self.stopping:
            writing = [c.sock for c in self.clients.values() if c.unsent]
            timeout = 0.02
            if self.queue:
                due = max(self.queue[0][0], self.stalled_until)
                timeout = min(timeout, max(0.0, due - time.monotonic()))
            readable, writable, _ = select.select(
                [self.listener, *(c.sock for c in self.clients.values())], writing, [], timeout)
            for sock in readable:
                if sock is self.listener:
                    self.accept()
                elif sock in self.clients:
                    self.read(self.clients[sock])
            self.deliver()
            for sock in list(self.clients):
                self.write(self.clients[sock])

    def accept(self):
        sock, _ = self.listener.accept()
        self.accepted += 1
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.clients[sock] = Client(sock)
        sock.sendall(INFO)
        sock.setblocking(False)

    def read(self, client):
        try:
            data = client.sock.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.drop(client)
            return
        data = client.received + data
        at = 0
        while (end := data.find(b"\r\n", at)) >= 0:
            words = data[at:end].split()
            if words[0] == b"PUB":
                size = int(words[-1])
                if len(data) < end + 2 + size + 2:
                    break
                reply = words[2] if len(words) == 4 else b""
                self.published(words[1], reply, data[end + 2:end + 2 + size])
                at = end + 2 + size + 2
                continue
            self.control(client, words)
            at = end + 2
        client.received = data[at:]

    def control(self, client, words):
        if words[0] == b"PING":
            client.unsent += b"PONG\r\n"
        elif words[0] == b"PONG":
            self.pongs += 1
        elif words[0] == b"SUB":
            if self.fault == "refused":
                client.unsent += b"-ERR 'Permissions Violation for Subscription'\r\n"
            group = words[2] if len(words) == 4 else None
            client.subscriptions[words[-1]] = (words[1], group)
            self.table(client, words[1]).setdefault(words[1], {})[words[-1]] = group
        elif words[0] == b"UNSUB":
            pattern, _ = client.subscriptions.pop(words[1], (None, None))
            if pattern is not None:
                del self.table(client, pattern)[pattern][words[1]]
        elif words[0] == b"CONNECT":
            self.names += re.findall(r'"name":"([^"]*)"', b" ".join(words).decode())

    @staticmethod
    def table(client, pattern):
        return client.wildcards if b"*" in pattern or b">" in pattern else client.literals

    def published(self, subject, reply, payload):
        now = time.monotonic()
        if self.stall is not None and self.count == self.stall[0]:
            self.stalled_until = now + self.stall[1]
        self.queue.append((now + self.delay_s, self.count, subject, reply, payload))
        self.count += 1

    def deliver(self):
        now = time.monotonic()
        while self.queue and self.queue[0][0] <= now and now >= self.stalled_until:
            _, index, subject, reply, payload = self.queue.popleft()
            if self.ping_every != 0 and index % self.ping_every == 0:
                for client in self.clients.values():
                    client.unsent += b"PING\r\n"
                    self.pings += 1
            first = True
            for client, sid in self.audience(index, subject):
                self.deliver_one(client, sid, index, subject, reply, payload, first)
                first = False

    def audience(self, index, subject):
        """Who gets a message: everybody who wants it, and of each group one member in turn."""
        everybody, groups = [], {}
        for client in list(self.clients.values()):
            found = [client.literals.get(subject, {})]
            found += [sids for pattern, sids in client.wildcards.items() if matches(pattern, subject)]
            for sid, group in (item for sids in found for item in sids.items()):
                (everybody if group is None else groups.setdefault(group, [])).append((client, sid))
        return everybody + [members[index % len(members)] for members in groups.values()]

    def deliver_one(self, client, sid, index, subject, reply, payload, first):
        faulty = first and index == FAULT_AT
        fault = self.fault if faulty else None
        if self.fault == "tail" and first and index >= FAULT_AT:
            return
        if fault == "lost":
            return
        if fault == "payload":
            payload = payload[:-1] + bytes([payload[-1] ^ 1])
        if fault == "header":
            payload = bytes([payload[0] ^ 1]) + payload[1:]
        if fault == "garbage":
            client.unsent += b"BOGUS 1 2 3\r\n"
        if fault == "closed":
            self.drop(client)
            return
        if fault == "foreign":
            client.unsent += b"MSG %s 999 %d\r\n%s\r\n" % (subject, len(payload), payload)
        words = b"%s %s %s" % (subject, sid, reply) if reply else b"%s %s" % (subject, sid)
        frame = b"MSG %s %d\r\n%s\r\n" % (words, len(payload), payload)
        if fault == "reordered":
            client.held = (sid + payload[7:8] + payload[12:14], index, frame)
            return
        if fault == "overtaken":
            client.held = (None, index, frame)
            return
        client.unsent += frame * (2 if fault == "duplicated" else 1)
        if client.held is not None and client.held[1] != index and client.held[0] in (
                None, sid + payload[7:8] + payload[12:14]):
            client.unsent += client.held[2]
            client.held = None

    def write(self, client):
        try:
            while client.unsent:
                size = self.cut or len(client.unsent)
                sent = client.sock.send(client.unsent[:size])
                del client.unsent[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self.drop(client)

    def drop(self, client):
        self.clients.pop(client.sock, None)
        client.sock.close()
