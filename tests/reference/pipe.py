"""Core, asked through scrub_pipe: rules and messages in, what is left out."""

import struct
import subprocess
from collections import namedtuple

# What became of a message. reason: "" unless refused.
Left = namedtuple("Left", "reason detail header body")
Message = namedtuple("Message", "header body limit")


def quoted(data):
    """A string of the configuration format with these bytes."""
    data = data.encode("utf-8") if isinstance(data, str) else data
    return '"%s"' % "".join(chr(byte) if chr(byte).isalnum() and byte < 0x80 else "\\x%02X" % byte for byte in data)


def listed(texts):
    return "[%s]" % ", ".join(quoted(text) for text in texts)


def text(data):
    return struct.pack("<I", len(data)) + data


class Answers:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self):
        size, = struct.unpack_from("<I", self.data, self.at)
        self.at += 4 + size
        return self.data[self.at - size:self.at]

    def next(self, kind):
        assert self.data[self.at:self.at + 1] == kind, "the pipe is out of step"
        self.at += 1
        if kind == b"R":
            return self.take().decode("utf-8", "replace")
        reason, detail, header, body = self.take(), self.take(), self.take(), self.take()
        return Left(reason.decode(), detail.decode(), header, body)


def ask(program, sets):
    """sets: [(rules, [Message, ...])]; one (error, [Left, ...]) for each. No message is sent to rules
    that cannot be used."""
    words = []
    for rules, messages in sets:
        words.append(b"R" + text(rules.encode()))
        words += [b"M" + text(one.header) + text(one.body) + text(b"%d" % one.limit) for one in messages]
    answers = Answers(run(program, b"".join(words)))
    result = []
    for _, messages in sets:
        error = answers.next(b"R")
        result.append((error, [answers.next(b"M") for _ in messages] if error == "" else []))
    return result


def run(program, data):
    done = subprocess.run([program], input=data, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise AssertionError("scrub_pipe ended with %d" % done.returncode)
    return done.stdout
