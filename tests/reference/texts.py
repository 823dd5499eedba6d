"""Random payloads and headers: what is common, what is close to broken, and what is made to hurt."""

import json

PIECES = [b"a", b"b", b" ", b"\n", b"\t", b"\r", b"\v", b"\f", b"\xC3\xA4", b"\xE2\x82\xAC", b"\xF0\x9F\x98\x80",
          b"\xC3", b"\xE2\x82", b"\xF0\x9F\x98", b"\xED\xA0\x80", b"\xED\xB0\x80", b"\xC0\xAF", b"\xE0\x80\xAF",
          b"\xF0\x80\x80\xAF", b"\xF4\x90\x80\x80", b"\xF8", b"\xFF", b"\x80", b"\xBF", b"\xC2", b"\xC2\x9B", b"\xC2\x85",
          b"\xEF\xBB\xBF", b"\xEF\xBF\xBD", b"\0", b"\x07", b"\x1B", b"\x1B[", b"\x1B[31m", b"\x1B[1;2", b"\x1B]0;t", b"\x1B\\",
          b"\x1BP", b"\x1B(B", b"\x9B", b"\x9D", b"\x7F", b"\\", b"\\\\", b"\\u001b", b"\\u001B[0m", b"\\u0007", b"\\u009b",
          b"\\u007F", b"\\u00", b"\\u0041", b"\\n", b"\"", b";", b"[", b"]", b"m", b"0", b"7", b"/", b"(", b"^", b"_", b"X", b"~"]


def pieces(rng, most=16, words=None):
    """A text put together from pieces, one in four with a byte broken."""
    data = bytearray(b"".join(rng.choices(words or PIECES, k=rng.randrange(most))))
    if data and rng.random() < 0.25:
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def noise(rng, most=40):
    return rng.randbytes(rng.randrange(most))


def repeated(rng, words=None, size=1000):
    """A piece or two over and over, cut anywhere."""
    data = b"".join(rng.choices(words or PIECES, k=rng.randrange(1, 4)))
    return (data * (size // max(1, len(data)) + 1))[:rng.randrange(size)]


def any_text(rng, words=None):
    kind = rng.random()
    if kind < 0.85:
        return pieces(rng, words=words)
    return noise(rng) if kind < 0.995 else repeated(rng, words=words)


# ---- JSON ----------------------------------------------------------------------------------------

KEYS = ["a", "b", "c", "a.b", "\u00e4", "", "d\"q", "\\", "\u2028"]
SCALARS = ["0", "-0", "1", "-1.50", "1e2", "1E+2", "10e-1", "1e400", "123456789012345678901234567890", "0.1", "2.0",
           "true", "false", "null"]
CHARACTERS = ["a", "b", "\"", "\\", "/", "\n", "\b", "\u001b", "\u007f", "\u0085", "\u00e4", "\u2028", "\U0001F600", "\ufeff",
              " ", "\t", "0"]


def spelled(rng, value):
    """A JSON string of this meaning, each character in some spelling."""
    out = []
    for character in value:
        short = json.dumps(character, ensure_ascii=False)[1:-1]
        long = json.dumps(character)[1:-1]
        ways = [short, long]
        if ord(character) < 0x10000:
            ways += ["\\u%04x" % ord(character), "\\u%04X" % ord(character)]
        if character == "/":
            ways.append("\\/")
        if rng.random() < 0.7:
            ways = ways[:1]
        out.append(rng.choice(ways))
    return '"%s"' % "".join(out)


def string(rng):
    return spelled(rng, "".join(rng.choices(CHARACTERS, k=rng.randrange(5))))


def space(rng):
    return "".join(rng.choices(" \t\n\r", k=rng.randrange(1, 3))) if rng.random() < 0.15 else ""


def value(rng, depth=0, unique=False):
    """JSON as text; unique: no object has a key twice."""
    kind = rng.random()
    if depth > 4 or kind < 0.4:
        word = rng.choice(SCALARS) if rng.random() < 0.5 else string(rng)
    elif kind < 0.65:
        items = [value(rng, depth + 1, unique) for _ in range(rng.randrange(4))]
        word = "[%s%s]" % (space(rng), ",".join(items))
    else:
        keys = rng.sample(KEYS, rng.randrange(4)) if unique else rng.choices(KEYS, k=rng.randrange(4))
        items = [spelled(rng, key) + space(rng) + ":" + value(rng, depth + 1, unique) for key in keys]
        word = "{%s%s}" % (space(rng), ("," + space(rng)).join(items))
    return space(rng) + word + space(rng)


BREAKS = [b"", b",", b"\"", b"\\", b"[", b"]", b"{", b"}", b":", b"0", b"-", b".", b"e", b"\0", b"\x1F", b"\xFF", b"\\u", b"\\ud800",
          b"\\udc00", b"\xED\xA0\x80", b"\xEF\xBB\xBF", b"NaN", b"Infinity", b"tru", b"\x0B", b"'", b"/**/", b"\xC2\xA0"]


def nearly_json(rng):
    """JSON, half of it broken at one place."""
    data = value(rng).encode()
    kind = rng.random()
    if kind < 0.5:
        return data
    at = rng.randrange(len(data) + 1)
    if kind < 0.9:
        return data[:at] + rng.choice(BREAKS) + data[at + rng.randrange(3):]
    return deep(rng) if kind < 0.91 else data[:at]


def deep(rng):
    """Many levels, around the limit of 512 too; some of it not closed."""
    levels = rng.choice([1, 2, 3, 4, 8, 9, 63, 64, 65, 510, 511, 512, 513, 514, 900])
    opens = [rng.choice([("[", "]"), ("{\"a\":", "}")]) for _ in range(levels)]
    text = "".join(one[0] for one in opens) + "1" + "".join(one[1] for one in reversed(opens))
    return text.encode() if rng.random() < 0.8 else text.encode()[:-rng.randrange(1, 4)]


# ---- headers -------------------------------------------------------------------------------------

NAMES = ["A", "a", "Kind", "KIND", "kind", "X-Trace", "Nats-Msg-Id", "B", "b", "Kin", "Kinds"]
VALUES = ["a", "b", "", "a b", "\u00e4", "a:b", "hub"]


def any_case(rng, name):
    return "".join(rng.choice((letter.upper(), letter.lower())) for letter in name)


def block(rng):
    """A header block; some have none, some are broken at one place."""
    if rng.random() < 0.15:
        return b""
    first = rng.choice([b"NATS/1.0", b"NATS/1.0", b"NATS/1.0", b"NATS/1.0 503", b"NATS/1.0 408 Time out", b"NATS/1.0x"])
    lines = [first]
    for _ in range(rng.randrange(5)):
        blanks = [rng.choice(["", " ", "\t", "  "]) for _ in range(2)]
        lines.append((rng.choice(NAMES) + ":" + blanks[0] + rng.choice(VALUES) + blanks[1]).encode())
    data = b"\r\n".join(lines) + b"\r\n\r\n"
    if rng.random() < 0.8:
        return data
    at = rng.randrange(len(data) + 1)
    insert = rng.choice([b"", b"\r", b"\n", b"\r\n", b":", b" ", b"\0", b"\xFF", b"A: b\r\n", b"A\r\n", b" A: b\r\n", b": c\r\n"])
    return data[:at] + insert + data[at + rng.randrange(3):]
