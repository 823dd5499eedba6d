"""Starts the hub under test and speaks to it over raw sockets. Python 3 standard library only.

Which hub, from the environment:

    E2E_KIND      nats | ringhub (default: ringhub)
    E2E_SERVER    the executable; default: nats-server, or RINGHUB, E2E_BUILD (what ctest built),
                  build/release/ringhub
    E2E_IO        uring | epoll | auto: given to ringhub as --io
    E2E_WORKERS   number: given to ringhub as --workers
    E2E_FLAGS     more flags for every ringhub, split at blanks
    E2E_SLOWNESS  factor on every time limit (sanitizers, busy machines); default 1

A nats-server is the reference the tests are checked against. QUIRKS holds every place where ringhub
is asked for something else than nats-server 2.9.10 does, so that no test says it on its own.
"""

import collections
import errno
import functools
import json
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent

KIND = os.environ.get("E2E_KIND", "ringhub")
IO = os.environ.get("E2E_IO", "")
WORKERS = os.environ.get("E2E_WORKERS", "")
FLAGS = os.environ.get("E2E_FLAGS", "").split()
SLOWNESS = float(os.environ.get("E2E_SLOWNESS", "1"))

# One row a difference: (what nats-server 2.9.10 does, what ringhub is asked for, why).
QUIRKS_TABLE = {
    "version": ("2.9.10", "2.12.8", "libraries gate features on it"),
    "version_text": (b"nats-server: v2.9.10", b"2.12.8", "what -v prints contains this"),
    "503_subject": (False, True, "2.12.0: the 503 carries Nats-Subject"),
    "info_after_pong": (False, True, "2.12.0: INFO with connect_info after the first PONG"),
    "connect_drops_subs": (False, True, "2.12.8: a second CONNECT drops the subscriptions"),
    "nrg_refused": (False, True, "2.11.0: publishing to $NRG is a violation"),
    "pedantic_twice": (True, False, "2.9.10 parses a cut PUB line twice and complains twice"),
    "swallows_lf": (True, False, "2.9.10 takes an LF after white space for an argument"),
    "listening_is_alive": (True, False, "2.9.10 takes deliveries for signs of life"),
    "reset_allowed": (True, False, "unread input may turn its error close into a reset"),
    "sigterm_exit": (1, 0, "an orderly stop is a success"),
    "stalls": (True, False, "over max_pending it keeps the socket until a write returns"),
    "loose_test": (True, False, "-t accepts max_payload above max_pending"),
    "flags_as_config": (True, False, "the limits can only be set in a configuration file"),
    "memory_bound": (False, True, "-t prints the memory bound"),
    "counters": (False, True, "SIGUSR1 prints the counters into the log"),
    "holds_itself": (False, True, "who publishes to itself waits for as long as it reads nothing"),
    "flushes_at_stop": (False, True, "SIGTERM sends what is queued for a reader that is behind"),
}
QUIRKS = {name: row[0 if KIND == "nats" else 1] for name, row in QUIRKS_TABLE.items()}

INFO_TIMEOUT = 5 * SLOWNESS
REPLY_TIMEOUT = 5 * SLOWNESS

QUIET = b'CONNECT {"verbose":false,"pedantic":false}\r\n'
HEADERS = b'CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\n'
REQUESTS = b'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n'
NO_ECHO = b'CONNECT {"verbose":false,"pedantic":false,"echo":false}\r\n'
VERBOSE = b'CONNECT {"verbose":true,"pedantic":false}\r\n'
PEDANTIC = b'CONNECT {"verbose":false,"pedantic":true}\r\n'
PROTOCOL_1 = b'CONNECT {"verbose":false,"pedantic":false,"protocol":1}\r\n'


def executable():
    """Path of the hub under test, or None where there is none."""
    path = os.environ.get("E2E_SERVER")
    if not path and KIND == "nats":
        path = shutil.which("nats-server")
    if not path:
        path = (os.environ.get("RINGHUB") or os.environ.get("E2E_BUILD") or
                str(REPOSITORY / "build" / "release" / "ringhub"))
    path = os.path.abspath(path)
    return path if os.access(path, os.X_OK) else None


def kind_flags():
    """What every ringhub started by the tests is given; nothing for nats-server."""
    flags = []
    if KIND == "ringhub":
        if IO:
            flags += ["--io", IO]
        if WORKERS:
            flags += ["--workers", WORKERS]
        flags += FLAGS
    return flags


def option_flags(options, directory):
    """Limits and times -> flags. nats-server has no flags for them, so it gets a file."""
    if not QUIRKS["flags_as_config"]:
        return [text for name, value in options.items() for text in ("--" + name, str(value))]
    if not options:
        return []
    path = os.path.join(directory, "hub.conf")
    with open(path, "w", encoding="ascii") as config:
        for name, value in options.items():
            config.write("%s: %s\n" % (name, value if isinstance(value, int) else '"%s"' % value))
    return ["-c", path]


class Hub:
    """One running server. Options are named as in the configuration file of nats-server.

    files: its RLIMIT_NOFILE. config: the text of a configuration file.
    """

    def __init__(self, host="127.0.0.1", flags=(), name=None, environment=None,
                 port=-1, files=None, config=None, **options):
        path = executable()
        if path is None:
            raise unittest.SkipTest("no executable of the hub under test")
        self.directory = tempfile.mkdtemp(prefix="e2e-")
        if name is not None:
            link = os.path.join(self.directory, name)
            os.symlink(path, link)
            path = link
        self.host = host
        self.log_path = os.path.join(self.directory, "log")
        self.pid_path = os.path.join(self.directory, "pid")
        self.errors_path = os.path.join(self.directory, "stderr")
        arguments = [path, "-a", host, "-p", str(port), "--ports_file_dir", self.directory,
                     "-l", self.log_path, "-P", self.pid_path]
        arguments += kind_flags() + option_flags(options, self.directory) + list(flags)
        if config is not None:
            config_path = os.path.join(self.directory, "test.conf")
            with open(config_path, "w", encoding="ascii") as file:
                file.write(config)
            arguments += ["-c", config_path]
            if not reads_files():
                raise unittest.SkipTest("this hub reads no configuration file")
        if files is not None:
            arguments = ["prlimit", "--nofile=%d:%d" % (files, files)] + arguments
        self.arguments = arguments
        # A sanitizer's report must not end in the log that the tests read.
        with open(self.errors_path, "wb") as errors:
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=errors,
                                            stderr=errors, cwd=self.directory, env=environment)
        self.pid = self.process.pid
        self.ports_path = os.path.join(self.directory,
                                       "%s_%d.ports" % (os.path.basename(path), self.pid))
        try:
            self.port = self._wait_for_port()
        except Exception:
            self.kill()
            raise

    def _wait_for_port(self):
        deadline = time.monotonic() + 10 * SLOWNESS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError("the hub ended at start: %s\n%s" % (self.arguments,
                                                                         self.output()))
            try:
                with open(self.ports_path, "rb") as ports:
                    url = json.loads(ports.read())["nats"][0]
                    port = int(url.rsplit(":", 1)[1])
                if b"Server is ready" in self.log():
                    return port
            except (OSError, ValueError):
                pass
            time.sleep(0.005)
        raise AssertionError("the hub is not ready after 10 s: %s\n%s" % (self.arguments,
                                                                          self.output()))

    def log(self):
        try:
            with open(self.log_path, "rb") as log:
                return log.read()
        except OSError:
            return b""

    def output(self):
        with open(self.errors_path, "rb") as errors:
            return (errors.read() + self.log()).decode("utf-8", "replace")

    def address(self):
        return (self.host, self.port)

    def rss_bytes(self):
        with open("/proc/%d/statm" % self.pid, "rb") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def counters(self):
        """What the hub counts, by name. ringhub prints it to its log on SIGUSR1.

        For nats-server only the connections are known, from its descriptors.
        """
        if not QUIRKS["counters"]:
            return {}
        before = len(re.findall(rb"counters: .*\n", self.log()))
        os.kill(self.pid, signal.SIGUSR1)
        deadline = time.monotonic() + 5 * SLOWNESS
        while len(re.findall(rb"counters: .*\n", self.log())) == before:
            if time.monotonic() > deadline:
                raise AssertionError("SIGUSR1 brings no counters into the log")
            time.sleep(0.01)
        return counters(self.log().decode("utf-8", "replace"))

    def wait(self, seconds=10):
        """Waits for the hub to end by itself; its exit code."""
        return self.process.wait(seconds * SLOWNESS)

    def stop(self):
        """Orderly stop; a hub that crashed, hangs or reports a sanitizer's finding is an error."""
        crashed = self.process.poll()
        try:
            if crashed is None:
                self.process.send_signal(signal.SIGTERM)
                code = self.wait()
            else:
                code = crashed
            text = self.output()
            if code < 0 or code > 1 or "Sanitizer" in text or "ASSERT" in text:
                raise AssertionError("the hub ended with %d:\n%s" % (code, text[-4000:]))
            if crashed is not None:
                raise AssertionError("the hub had ended before the test did:\n%s" % text[-4000:])
        except subprocess.TimeoutExpired:
            raise AssertionError("the hub does not stop on SIGTERM") from None
        finally:
            self.kill()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def run_hub(arguments, seconds=10):
    """Runs the hub to its end with these arguments; returns (exit code, stdout + stderr)."""
    path = executable()
    if path is None:
        raise unittest.SkipTest("no executable of the hub under test")
    done = subprocess.run([path] + list(arguments), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=seconds * SLOWNESS, check=False)
    return done.returncode, done.stdout


@functools.lru_cache
def reads_files():
    """Whether the hub under test takes -c FILE with the blocks of docs/limits.md."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write("limits {accept_rate: 5}")
        file.flush()
        return KIND != "ringhub" or run_hub(["-t", "-c", file.name])[0] == 0


UNITS = {name: 1024 ** power for power, name in enumerate(("B", "KiB", "MiB", "GiB", "TiB"))}


def memory_bound(text, of_process=False):
    """Bytes that "Memory:   at most 1.2 GiB" in what -t prints or the log holds promises; or None.

    It is printed with one digit after the point, so half of that is allowed on top. of_process: less
    the rows of what the kernel holds for it.
    """
    found = re.search(r"Memory:\s+at most (\d+(?:\.\d+)?) ([KMGT]?i?B)\b", text)
    if found is None:
        return None
    whole = int((float(found.group(1)) + 0.05) * UNITS[found.group(2)])
    rows = re.findall(r"in the kernel\b[^:\n]*: (?:.* = )?(\d+(?:\.\d+)?) ([KMGT]?i?B)$", text, re.M)
    return whole - sum(int((float(size) - 0.05) * UNITS[unit]) for size, unit in rows if of_process)


def counters(text):
    """The last "counters: a=1 b=2" line of a log as a dictionary; or None."""
    found = re.findall(r"counters: (.*)", text)
    if not found:
        return None
    return {name: int(value) for name, value in re.findall(r"(\S+)=(\d+)", found[-1])}


class Closed(Exception):
    """The hub closed the connection while more was expected."""


PING = b"PING\r\n"


class Client:
    """A raw connection. expect() wants exact bytes; nothing is parsed behind the test's back.

    One exception: a hub asks every client once, some two seconds after CONNECT. Where a test is
    not about that (pings=False), a PING that comes between two lines is taken out.
    """

    def __init__(self, hub, connect=QUIET, receive_buffer=None, info=True, pings=False):
        self.pings = pings
        family = socket.AF_INET6 if ":" in hub.host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(REPLY_TIMEOUT)
        self.socket.connect(hub.address())
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.reset = False
        self.ended = False
        self.info = None
        if info:
            line = self.line(INFO_TIMEOUT)
            if not line.startswith(b"INFO "):
                raise AssertionError("no INFO but %r" % line[:200])
            self.info = json.loads(line[5:])
        if connect:
            self.send(connect)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def abort(self):
        """Vanishes: the peer sees a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def send_pieces(self, pieces, pause=0.0002):
        """One send a piece. Stops where the hub has already closed; True if all went out."""
        for piece in pieces:
            try:
                self.socket.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                return False
            if pause:
                time.sleep(pause)
        return True

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def _fill(self, seconds):
        """Receives once; False when nothing came in time. Sets ended at the end of the stream."""
        if self.ended:
            return False
        ready, _, _ = select.select([self.socket], [], [], max(0, seconds))
        if not ready:
            return False
        try:
            data = self.socket.recv(1 << 18)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
            self.reset = True
        except OSError as error:
            if error.errno != errno.ETIMEDOUT:
                raise
            data = b""
            self.reset = True
        if not data:
            self.ended = True
            return False
        self.buffer += data
        return True

    def read(self, size, seconds=REPLY_TIMEOUT):
        """Exactly size bytes, or fewer when the stream ends or time is up."""
        deadline = time.monotonic() + seconds
        while len(self.buffer) < size and not self.ended:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._fill(left)
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def line(self, seconds=REPLY_TIMEOUT):
        """One line with its CR LF."""
        line = self._line(seconds)
        while line == PING and not self.pings:
            line = self._line(seconds)
        return line

    def _line(self, seconds):
        deadline = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or self.ended:
                what = "closed" if self.ended else "timeout"
                raise Closed("%s after %r" % (what, bytes(self.buffer[:200])))
            self._fill(left)
        end = self.buffer.index(b"\n") + 1
        data = bytes(self.buffer[:end])
        del self.buffer[:end]
        return data

    def expect(self, data, seconds=REPLY_TIMEOUT):
        """The next bytes are exactly these."""
        got = self.read_as(data, seconds)
        if got != data:
            raise AssertionError(difference(data, got, "closed" if self.ended else "open"))
        return self

    def read_as(self, data, seconds=REPLY_TIMEOUT):
        """As read() of so many bytes, less a PING where what came parts from data."""
        got = self.read(len(data), seconds)
        while got != data and not self.pings:
            without = self._without_ping(data, got)
            if without is None:
                break
            got = without
        return got

    def unread(self, data):
        """What was read comes once more."""
        self.buffer[:0] = data

    def _without_ping(self, data, got):
        """got without the PING at which it parts from data, filled up again; or None."""
        same = common(data, got)
        got += self.read(len(PING), 0.5 if len(got) - same < len(PING) else 0)
        for start in range(max(0, same - 1), min(same + 1, len(got))):
            if got[start:start + 6] == PING and (start == 0 or got[start - 1:start] == b"\n"):
                got = got[:start] + got[start + 6:]
                got += self.read(max(0, len(data) - len(got)))
                self.buffer[:0] = got[len(data):]
                return got[:len(data)]
        self.buffer[:0] = got[len(data):]
        return None

    def _drop_ping(self):
        while not self.pings and self.buffer.startswith(PING):
            del self.buffer[:len(PING)]

    def sync(self, data=b""):
        """Everything sent so far was processed, and the replies to it were exactly data."""
        self.send(b"PING\r\n")
        self.expect(data + b"PONG\r\n")
        return self

    def expect_closed(self, seconds=REPLY_TIMEOUT):
        """Nothing more comes, then the hub closes: by FIN, if it is asked for that."""
        deadline = time.monotonic() + seconds
        while not self.ended and time.monotonic() < deadline:
            self._fill(deadline - time.monotonic())
        self._drop_ping()
        if self.buffer:
            raise AssertionError("unexpected before the close: %r" % bytes(self.buffer[:300]))
        if not self.ended:
            raise AssertionError("the hub did not close the connection")
        if self.reset and not QUIRKS["reset_allowed"]:
            raise AssertionError("the hub closed with a reset, not with FIN")

    def expect_nothing(self, seconds):
        """Stays open and silent that long."""
        deadline = time.monotonic() + seconds
        while not self.ended and not self.buffer and time.monotonic() < deadline:
            self._fill(deadline - time.monotonic())
            self._drop_ping()
        if self.buffer or self.ended:
            raise AssertionError("expected silence, got %r%s" % (
                bytes(self.buffer[:300]), ", closed" if self.ended else ""))

    def drain(self, seconds):
        """Reads until the end of the stream or until time is up; what came."""
        deadline = time.monotonic() + seconds
        while not self.ended and time.monotonic() < deadline:
            self._fill(deadline - time.monotonic())
        data = bytes(self.buffer)
        self.buffer.clear()
        return data

    def message(self, seconds=REPLY_TIMEOUT):
        """The next MSG or HMSG, taken apart."""
        line = self.line(seconds)
        words = line.rstrip(b"\r\n").split(b" ")
        if words[0] not in (b"MSG", b"HMSG"):
            raise AssertionError("expected a message, got %r" % line[:300])
        fixed = 4 if words[0] == b"MSG" else 5
        reply = words[3] if len(words) > fixed else None
        size = int(words[-1])
        payload = self.read(size + 2, seconds)
        if len(payload) != size + 2 or payload[-2:] != b"\r\n":
            raise AssertionError("payload of %r ends in %r" % (line, payload[-20:]))
        header = int(words[-2]) if words[0] == b"HMSG" else 0
        return Message(words[1], words[2], reply, payload[:header], payload[header:-2])


Message = collections.namedtuple("Message", "subject sid reply header payload")


def common(one, two):
    """How many bytes they begin with alike."""
    low, high = 0, min(len(one), len(two))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == two[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def difference(want, got, state="open"):
    """Where two byte strings part, in a form that fits a screen."""
    same = common(want, got)
    low = max(0, same - 60)
    return "connection %s, first difference at byte %d:\n  want %r\n  got  %r" % (
        state, same, want[low:same + 160], got[low:same + 160])


def msg(subject, sid, payload, reply=None):
    """The bytes of one delivered message."""
    words = [b"MSG", subject, sid] + ([reply] if reply else []) + [b"%d" % len(payload)]
    return b" ".join(words) + b"\r\n" + payload + b"\r\n"


def pub(subject, payload, reply=None):
    words = [b"PUB", subject] + ([reply] if reply else []) + [b"%d" % len(payload)]
    return b" ".join(words) + b"\r\n" + payload + b"\r\n"


def no_responders(subject, reply, sid):
    """The 503 that a request nobody hears is answered with."""
    block = b"NATS/1.0 503\r\n"
    if QUIRKS["503_subject"]:
        block += b"Nats-Subject: " + subject + b"\r\n"
    block += b"\r\n"
    return b"HMSG %s %s %d %d\r\n%s\r\n" % (reply, sid, len(block), len(block), block)


def hears(publisher, *receivers):
    """Whatever publisher sent so far brought each (client, bytes) exactly these bytes.

    The PONG to the publisher says that its messages were handed on; the PING of a receiver, sent
    after that, is answered behind them, on whichever worker the receiver lives.
    """
    publisher.sync()
    for client, data in receivers:
        client.sync(data)


def seeded_random():
    """A generator whose seed is printed, and can be given back as E2E_SEED."""
    seed = int(os.environ.get("E2E_SEED", random.SystemRandom().randrange(1 << 32)))
    print("E2E_SEED=%d" % seed, flush=True)
    return random.Random(seed)


class HubTest(unittest.TestCase):
    """One hub per test class, started with OPTIONS, watched for crashes.

    EACH: one hub per test. A connection that a test closed may still be a member of its groups
    when the next test begins, and what it is given then is nobody's.
    """

    OPTIONS = {}
    FLAGS = ()
    CONFIG = None  # text of a configuration file
    PINGS = False  # True: the hub's PINGs are part of what is compared

    EACH = False

    @classmethod
    def setUpClass(cls):
        cls.hub = None if cls.EACH else Hub(flags=cls.FLAGS, config=cls.CONFIG, **cls.OPTIONS)

    @classmethod
    def tearDownClass(cls):
        if cls.hub is not None:
            cls.hub.stop()

    def setUp(self):
        if self.EACH:
            self.hub = Hub(flags=self.FLAGS, config=self.CONFIG, **self.OPTIONS)
            self.addCleanup(self.hub.stop)

    def client(self, connect=QUIET, **more):
        client = Client(self.hub, connect, pings=self.PINGS, **more)
        self.addCleanup(client.close)
        return client

    def quick_hub(self, **options):
        """A hub of this test alone."""
        hub = Hub(**options)
        self.addCleanup(hub.kill)
        return hub
