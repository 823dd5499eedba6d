"""A NATS server with known faults, to see whether hubload finds them. Standard library only.

    delay_s      every message is delivered so long after it arrived
    stall        (index, seconds): when the message with that index arrives, nothing is delivered
                 for so long
    fault        what happens to message FAULT_AT, at the first subscriber only
    cut          bytes a write; 0: as they come

All subscribers get all messages: there is one subject.
"""
import collections
import socket
import select
import threading
import time

FAULT_AT = 50
FAULTS = ("lost", "tail", "duplicated", "reordered", "payload", "header", "foreign", "refused",
          "closed", "garbage")
INFO = b'INFO {"server_id":"FAULTY","version":"2.9.0","proto":1,"max_payload":1048576}\r\n'


class Client:
    def __init__(self, sock):
        self.sock = sock
        self.received = b""
        self.unsent = bytearray()
        self.sid = None
        self.held = None  # a frame that goes out after the next one


class Server:
    def __init__(self, delay_s=0.0, stall=None, fault=None, cut=0):
        assert fault is None or fault in FAULTS
        self.delay_s, self.stall, self.fault, self.cut = delay_s, stall, fault, cut
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.clients = {}
        self.queue = collections.deque()  # (due, index, subject, payload)
        self.count = 0
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
                self.published(words[1], data[end + 2:end + 2 + size])
                at = end + 2 + size + 2
                continue
            self.control(client, words)
            at = end + 2
        client.received = data[at:]

    def control(self, client, words):
        if words[0] == b"PING":
            client.unsent += b"PONG\r\n"
        elif words[0] == b"SUB":
            if self.fault == "refused":
                client.unsent += b"-ERR 'Permissions Violation for Subscription'\r\n"
            client.sid = words[-1]

    def published(self, subject, payload):
        now = time.monotonic()
        if self.stall is not None and self.count == self.stall[0]:
            self.stalled_until = now + self.stall[1]
        self.queue.append((now + self.delay_s, self.count, subject, payload))
        self.count += 1

    def deliver(self):
        now = time.monotonic()
        while self.queue and self.queue[0][0] <= now and now >= self.stalled_until:
            _, index, subject, payload = self.queue.popleft()
            first = True
            for client in list(self.clients.values()):
                if client.sid is not None:
                    self.deliver_one(client, index, subject, payload, first)
                    first = False

    def deliver_one(self, client, index, subject, payload, first):
        faulty = first and index == FAULT_AT
        fault = self.fault if faulty else None
        sid = client.sid
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
        frame = b"MSG %s %s %d\r\n%s\r\n" % (subject, sid, len(payload), payload)
        if fault == "reordered":
            client.held = frame
            return
        client.unsent += frame * (2 if fault == "duplicated" else 1)
        if client.held is not None:
            client.unsent += client.held
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
