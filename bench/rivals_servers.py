"""rivals_servers.py - who is measured, and with which settings? All of them are here.

Fair means: nothing is stored; nobody is dropped for being slow (a drop would look like speed); one
listener on loopback; no TLS, no authentication; as many CPUs as the others.
"""
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import time

START_S = 10   # until it listens
STOP_S = 10    # from asked to killed


class Server:
    """One row of the tables. Subclasses say how it is started; ours come from the build."""
    name = ""          # of rows and files
    program = ""       # in PATH, or in the build when ours
    scheme = "nats"
    ours = False
    settings = ""      # for readers
    version_option = "--version"

    def __init__(self, build):
        self.path = os.path.join(build, self.program) if self.ours else self.find()
        self.version = self.ask_version() if self.path else ""

    def find(self):
        # Daemons live where users' PATH may not look.
        return shutil.which(self.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")

    def there(self):
        return bool(self.path) and os.path.exists(self.path)

    def ask_version(self):
        if not self.there():
            return ""
        said = subprocess.run([self.path, self.version_option], stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout
        found = re.search(r"\bv?=?(\d+\.\d+[\w.+-]*)", said)
        return found.group(1) if found else ""

    def config(self, port, connections, cpus):
        """The text of a configuration file, or None."""

    def arguments(self, port, connections, cpus, config_path):
        raise NotImplementedError


class Ceiling(Server):
    program = "ceiling"
    ours = True
    mode = "send"

    def ask_version(self):
        return ""

    def arguments(self, port, connections, cpus, config_path):
        return ["--mode", self.mode, "--port", str(port)]


class CeilingSend(Ceiling):
    name = "ceiling-send"
    settings = "not a hub: copies one stream to all, one `send` each; the kernel's limit"


class CeilingUring(Ceiling):
    name = "ceiling-uring"
    mode = "uring"
    settings = "the same over io_uring"


class CeilingAgain(Ceiling):
    name = "ceiling-again"
    settings = "`ceiling-send` once more: what differs between the two is noise"


class Ringhub(Server):
    name = "ringhub"
    program = "ringhub"
    ours = True
    settings = "one worker per CPU given; `max_pending` 1 GB and `write_deadline` 60 s, so that nobody is dropped"

    def arguments(self, port, connections, cpus, config_path):
        return ["-a", "127.0.0.1", "-p", str(port), "--workers", str(len(cpus)), "--max_pending", "1GB",
                "--write_deadline", "60s", "--max_connections", str(connections)]


class Nats(Server):
    name = "nats-server"
    program = "nats-server"
    settings = ("as many Go processors as CPUs given (by affinity); `max_pending` 1 GB and `write_deadline` 60 s, so "
                "that nobody is dropped; no JetStream, no monitoring")

    def config(self, port, connections, cpus):
        return ('listen: "127.0.0.1:%d"\nmax_connections: %d\nmax_pending: 1GB\nwrite_deadline: "60s"\n'
                % (port, connections))

    def arguments(self, port, connections, cpus, config_path):
        return ["-c", config_path]


class Redis(Server):
    name = "redis"
    program = "redis-server"
    scheme = "redis"
    settings = ("no snapshots, no append-only file; not protected, for hubload comes from many loopback addresses; "
                "no output buffer limit for pub/sub; `io-threads` as CPUs given, where more than one")

    def arguments(self, port, connections, cpus, config_path):
        threads = ["--io-threads", str(len(cpus))] if len(cpus) > 1 else []
        return ["--bind", "127.0.0.1", "--port", str(port), "--protected-mode", "no", "--save", "", "--appendonly", "no",
                "--client-output-buffer-limit", "pubsub 0 0 0", "--maxclients", str(connections),
                "--daemonize", "no", "--loglevel", "warning"] + threads


class Valkey(Redis):
    name = "valkey"
    program = "valkey-server"
    settings = "as redis"


class Mosquitto(Server):
    name = "mosquitto"
    program = "mosquitto"
    scheme = "mqtt"
    settings = ("QoS 0; no persistence; no limit of queued messages; no $SYS topics; `set_tcp_nodelay`; it has one "
                "thread, whatever CPUs are given")
    version_option = "-h"

    def config(self, port, connections, cpus):
        return ("listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nmax_connections -1\n"
                "max_queued_messages 0\nmax_queued_bytes 0\nset_tcp_nodelay true\nsys_interval 0\n"
                "log_type error\nuser root\n" % port)

    def arguments(self, port, connections, cpus, config_path):
        return ["-c", config_path]


# In the order of the tables.
ALL = [CeilingSend, CeilingUring, CeilingAgain, Ringhub, Nats, Redis, Valkey, Mosquitto]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def first():
    """What a program is started with so that it comes before all others on its CPU, where that is allowed."""
    words = ["chrt", "-f", "1"]
    return words if subprocess.run(words + ["true"], stderr=subprocess.DEVNULL, check=False).returncode == 0 else []


def last():
    """The opposite: it has the time that nobody else wants (sched(7))."""
    return ["chrt", "-i", "0"]


def die_with_us():
    """In the child: the kernel ends it when we are gone, however that happened."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Running:
    """A started server; `with Running(...) as running`. Ends by its pid when the block ends."""

    def __init__(self, server, connections, cpus, folder):
        self.server = server
        self.port = free_port()
        self.url = "%s://127.0.0.1:%d" % (server.scheme, self.port)
        config_path = os.path.join(folder, server.name + ".conf")
        config = server.config(self.port, connections, cpus)
        if config is not None:
            with open(config_path, "w", encoding="utf-8") as file:
                file.write(config)
        self.command = [server.path] + server.arguments(self.port, connections, cpus, config_path)
        self.pinned = ["taskset", "-c", ",".join(map(str, cpus))] if cpus else []
        self.log_path = os.path.join(folder, server.name + ".log")
        self.process = None

    def __enter__(self):
        try:
            with open(self.log_path, "wb") as log:
                # taskset becomes the server: one process, one pid.
                self.process = subprocess.Popen(self.pinned + self.command, stdin=subprocess.DEVNULL,
                                                stdout=log, stderr=subprocess.STDOUT, preexec_fn=die_with_us)
            self.wait()
        except BaseException:  # __exit__ is not called for what happens here, and an interrupt may
            self.stop()
            raise
        return self

    def wait(self):
        until = time.monotonic() + START_S
        while not listens(self.port):
            if self.process.poll() is not None or time.monotonic() > until:
                with open(self.log_path, encoding="utf-8", errors="replace") as log:
                    said = log.read().strip()[-300:]
                raise RuntimeError("%s does not listen on port %d: %s" % (self.server.name, self.port, said))
            time.sleep(0.02)

    def __exit__(self, *unused):
        self.stop()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
