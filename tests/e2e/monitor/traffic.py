"""Steady traffic beside a test: subscribers that read, one that does not, a publisher."""

import select
import threading

from pages import connect_as
import harness


class Traffic:
    """subscribers of one subject, `rate` messages a second, until stop()."""

    def __init__(self, hub, subscribers=20, rate=200, size=100, slow=False):
        self.clients = []
        self.slow = None
        for number in range(subscribers):
            client = harness.Client(hub, connect_as("reader %d" % number))
            client.send(b"SUB traffic.* 1\r\n")
            self.clients.append(client)
        if slow:
            self.slow = harness.Client(hub, connect_as("stuck <b>reader</b>"),
                                       receive_buffer=4096)
            self.slow.send(b"SUB traffic.* 1\r\n")
        for client in self.clients:
            client.sync()
        self.publisher = harness.Client(hub, connect_as("writer"))
        self.rate, self.size = rate, size
        self.published = 0
        self.ends = threading.Event()
        self.threads = [threading.Thread(target=self._write), threading.Thread(target=self._read)]
        for thread in self.threads:
            thread.start()

    def _write(self):
        message = harness.pub(b"traffic.x", b"m" * self.size)
        while not self.ends.wait(0.02):
            count = max(1, self.rate // 50)
            self.publisher.socket.sendall(message * count)
            self.published += count

    def _read(self):
        sockets = [client.socket for client in self.clients + [self.publisher]]
        while not self.ends.is_set():
            ready, _, _ = select.select(sockets, [], [], 0.1)
            for one in ready:
                if b"PING" in one.recv(1 << 20):
                    one.sendall(b"PONG\r\n")

    def stop(self):
        self.ends.set()
        for thread in self.threads:
            thread.join()
        for client in self.clients + [self.publisher] + ([self.slow] if self.slow else []):
            client.close()
