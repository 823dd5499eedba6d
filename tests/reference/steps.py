"""The steps of a rule, each a conf fragment and what it makes of a message. All of it is slow and plain.

A step's conf(): what to write into a rule. A step's apply(message): another message, or Refused.
"""

import re

import patterns
from pipe import listed, quoted

ROUNDS = 8  # a cleaning step that still finds something then refuses


class Refused(Exception):
    def __init__(self, reason, details=None):
        super().__init__(reason)
        self.reason, self.details = reason, details


class Step:
    order = 0  # docs/scrub.md, in which order steps happen

    def body(self, text):
        return text

    def apply(self, message):
        body = self.body(message.body)
        return fitting(message._replace(body=body)) if body != message.body else message


def fitting(message):
    if len(message.header) + len(message.body) > message.limit:
        raise Refused("grew")
    return message


def settled(message, once):
    for _ in range(ROUNDS):
        body = once(message.body)
        if body is None:
            return message
        message = fitting(message._replace(body=body))
    raise Refused("unsettled")


# ---- bytes ---------------------------------------------------------------------------------------


class Size(Step):
    order = 1

    def __init__(self, rng):
        self.most = rng.randrange(1, 40)

    def conf(self):
        return "max_size: %d" % self.most

    def body(self, text):
        if len(text) > self.most:
            raise Refused("size")
        return text


class Utf8(Step):
    order = 2

    def __init__(self, rng):
        self.replaces = rng.random() < 0.8

    def conf(self):
        return "utf8: " + ("replace" if self.replaces else "refuse")

    def body(self, text):
        try:
            text.decode("utf-8")
            return text
        except UnicodeDecodeError:
            if not self.replaces:
                raise Refused("utf8") from None
        return text.decode("utf-8", "replace").encode()


# A backslash spelled as two is no start of an escape.
CONTROL = re.compile(rb"\\\\|(?P<spelled>\\u00(?:0[0-8bBcCeEfF]|1[0-9A-Fa-f]|7[fF]|[89][0-9A-Fa-f]))"
                     rb"|(?P<c1>\xC2[\x80-\x9F])|(?P<raw>[\x00-\x08\x0B\x0C\x0E-\x1F\x7F])", re.DOTALL)
CSI = re.compile(rb"[\x30-\x3F]*[\x20\x21\x23-\x2F]*[\x40-\x5B\x5D-\x7E]?", re.DOTALL)
ESC = re.compile(rb"[\x20\x21\x23-\x2F]*[\x30-\x5B\x5D-\x7E]?", re.DOTALL)


def controls(text):
    """{start: (code, end, is it spelled as JSON does)}"""
    found = {}
    for match in CONTROL.finditer(text):
        piece = match.group()
        if match.lastgroup == "spelled":
            found[match.start()] = int(piece[2:], 16), match.end(), True
        elif match.lastgroup is not None:
            found[match.start()] = piece[-1], match.end(), False
    return found


def string_end(text, at, found):
    """A title or link ends with BEL or ST, which is looked for up to the next quote or control."""
    for end in range(at, len(text)):
        if text[end:end + 1] == b'"':
            return at
        if end in found:
            code, behind, _ = found[end]
            if code in (0x07, 0x9C):
                return behind
            return end if code == 0x1B and text[behind:behind + 1] == b"\\" else at
    return at


def sequence_end(text, start, found):
    code, at, is_spelled = found[start]
    follows = text[at:at + 1]
    if code == 0x9B or (code == 0x1B and follows == b"["):
        return CSI.match(text, at + (code == 0x1B)).end()
    if code in (0x90, 0x98, 0x9D, 0x9E, 0x9F):
        return string_end(text, at, found)
    if code != 0x1B:
        return at
    if follows and follows in b"]PX^_":
        return string_end(text, at + 1, found)
    if follows == b"\\":
        is_st = not is_spelled or text[at:at + 2] == b"\\\\"
        return at + (2 if is_spelled else 1) if is_st else at
    return ESC.match(text, at).end()


class Control(Step):
    order = 3

    def __init__(self, rng):
        self.strips = rng.random() < 0.8

    def conf(self):
        return "control: " + ("strip" if self.strips else "refuse")

    @staticmethod
    def once(text):
        found = controls(text)
        if not found:
            return None
        kept, at = [], 0
        for start in sorted(found):
            if start >= at:
                kept.append(text[at:start])
                at = sequence_end(text, start, found)
        return b"".join(kept) + text[at:]

    def apply(self, message):
        if not self.strips and controls(message.body):
            raise Refused("control")
        return settled(message, self.once) if self.strips else message


class Trim(Step):
    order = 4

    def __init__(self, rng):
        pass

    def conf(self):
        return "trim: true"

    def body(self, text):
        return text.strip(b" \t\n\v\f\r")


# ---- patterns ------------------------------------------------------------------------------------


class Must(Step):
    order = 7

    def __init__(self, rng):
        self.all = [patterns.tree(rng) for _ in range(rng.randrange(3))]
        self.none = [patterns.tree(rng) for _ in range(rng.randrange(4))]
        if not self.all + self.none:
            self.none = [patterns.tree(rng)]
        self.sides = [[(rng.choice(["", "", "", "(?i)", "(?s)"]), one) for one in side] for side in (self.all, self.none)]

    def conf(self):
        written = [[flag + patterns.write(one) for flag, one in side] for side in self.sides]
        return "\n".join(name + ": " + listed(side)
                         for name, side in zip(("must_match", "must_not_match"), written) if side)

    def body(self, text):
        if not all(patterns.is_in(one, text, flag) for flag, one in self.sides[0]):
            raise Refused("must")
        if any(patterns.is_in(one, text, flag) for flag, one in self.sides[1]):
            raise Refused("must_not")
        return text


CHARACTER = re.compile(rb"[\xC2-\xDF][\x80-\xBF]|\xE0[\xA0-\xBF][\x80-\xBF]|[\xE1-\xEC\xEE\xEF][\x80-\xBF]{2}"
                       rb"|\xED[\x80-\x9F][\x80-\xBF]|\xF0[\x90-\xBF][\x80-\xBF]{2}|[\xF1-\xF3][\x80-\xBF]{3}"
                       rb"|\xF4[\x80-\x8F][\x80-\xBF]{2}", re.DOTALL)


def merged(spans):
    """Those that overlap are one, of the first pattern among them."""
    result = []
    for start, end, number in sorted(spans):
        if result and result[-1][1] > start:
            before = result.pop()
            start, end, number = before[0], max(before[1], end), min(before[2], number)
        result.append((start, end, number))
    return result


class Masks(Step):
    order = 12

    def __init__(self, rng):
        self.patterns = []
        while len(self.patterns) < rng.randrange(1, 4):
            one = ("byte", rng.randrange(0x80, 0x100)) if rng.random() < 0.1 else patterns.tree(rng)
            if not patterns.can_be_empty(one):
                self.patterns.append(one)
        self.puts = [rng.choice([b"", b"X", b"[masked]", b"\xC3\xA4", b"a"]) for _ in self.patterns]

    def conf(self):
        items = ["{ pattern: %s\n with: %s }" % (quoted(self.write(one)), quoted(put))
                 for one, put in zip(self.patterns, self.puts)]
        return "mask: [%s]" % ", ".join(items)

    @staticmethod
    def write(one):
        return "\\x%02X" % one[1] if one[0] == "byte" and one[1] >= 0x80 else patterns.write(one)

    def refused(self):
        """A text that is put in must not be found again."""
        return any(patterns.matches(one, put) for one in self.patterns for put in self.puts)

    def once(self, text):
        spans = [(start, end, number) for number, one in enumerate(self.patterns)
                 for start, end in patterns.matches(one, text)]
        characters = [match.span() for match in CHARACTER.finditer(text)]
        wide = []
        for start, end, number in merged(spans):
            for first, behind in characters:
                start = first if first < start < behind else start
                end = behind if first < end < behind else end
            wide.append((start, end, number))
        out, at = [], 0
        for start, end, number in merged(wide):
            out += [text[at:start], self.puts[number]]
            at = end
        return b"".join(out) + text[at:] if spans else None

    def apply(self, message):
        return settled(message, self.once)


# ---- headers -------------------------------------------------------------------------------------

BLOCK = re.compile(rb"(NATS/1\.0[^\n]*\r\n)((?:[!-9;-~]+:[^\n]*\r\n)*)\r\n", re.DOTALL)


def header_lines(data):
    """(the first line, [(name in small letters, value, line)])"""
    match = BLOCK.fullmatch(data)
    if match is None:
        raise Refused("headers")
    lines = []
    for line in match.group(2).split(b"\n")[:-1]:
        name, value = line[:-1].split(b":", 1)
        lines.append((name.lower(), value.strip(b" \t"), line + b"\n"))
    return match.group(1), lines


class Headers(Step):
    """Both what is required, which is a step of its own, and what comes and goes."""
    order = 8

    def __init__(self, rng, names=None, values=None):
        self.names, self.values = names, values
        self.required = {}
        for name in rng.sample(names, rng.choice([0, 0, 1, 2])):
            self.required[name] = rng.sample(values, rng.randrange(0, 4))
        self.allowed = rng.sample(names, rng.choice([0, 0, 0, 2, 4]))
        self.remove = rng.sample(names, rng.choice([0, 0, 1, 2]))
        self.add = {name: rng.choice(values) for name in rng.sample(names, rng.choice([0, 0, 1, 2]))}
        if not self.required and not self.allowed and not self.remove and not self.add:
            self.remove = rng.sample(names, 1)

    def conf(self):
        require = ["%s: %s" % (quoted(name), listed(values) if values else "true") for name, values in self.required.items()]
        add = ["%s: %s" % (quoted(name), quoted(value)) for name, value in self.add.items()]
        parts = []
        parts += ["allow: %s" % listed(self.allowed)] if self.allowed else []
        parts += ["require { %s }" % "\n".join(require)] if require else []
        parts += ["remove: %s" % listed(self.remove)] if self.remove else []
        parts += ["add { %s }" % "\n".join(add)] if add else []
        return "headers { %s }" % "\n".join(parts)

    def check(self, message):
        first, lines = header_lines(message.header) if message.header else (b"NATS/1.0\r\n", [])
        for name, allowed in self.required.items():
            values = [value for key, value, _ in lines if key == name.encode().lower()]
            if allowed and any(value.decode("utf-8", "surrogateescape") not in allowed for value in values):
                raise Refused("header_value")
            if not values:
                raise Refused("header_missing")
        known = [name.encode().lower() for name in self.allowed + list(self.required)]
        if self.allowed and any(key not in known for key, _, _ in lines):
            raise Refused("header_other")
        return first, lines

    def apply(self, message):
        self.check(message)
        return message

    def change(self, message):
        first, lines = header_lines(message.header) if message.header else (b"NATS/1.0\r\n", [])
        if not self.add and (not self.remove or not message.header):
            return message
        gone = [name.encode().lower() for name in self.remove + list(self.add)]
        kept = [line for key, _, line in lines if key not in gone]
        kept += [("%s: %s\r\n" % item).encode() for item in self.add.items()]
        return fitting(message._replace(header=first + b"".join(kept) + b"\r\n"))


class HeaderChanges(Step):
    order = 13

    def __init__(self, headers):
        self.headers = headers

    def conf(self):
        return ""

    def apply(self, message):
        return self.headers.change(message)


