"""Patterns as trees: written for Vectorscan or for re, and matched by trying everything.

A tree is ("byte", b), ("set", bytes, text), ("cat", trees), ("or", trees), ("rep", tree, least, most or None),
("start",), ("end",), ("edge",).
"""

LETTERS = b"ab1 "
SETS = [(b"ab", "[ab]"), (b"1", "[0-9]"), (b"1", r"\d"), (b"ab1", r"\w"), (b"ab1 ", "."), (b" ", r"\s"), (b"b1 ", "[^a]"),
        (b"1 ", r"[^\x61-z]")]


def tree(rng):
    """Anchors only at the ends: Vectorscan has no others."""
    parts = [inner_tree(rng)]
    if rng.random() < 0.15:
        parts.insert(0, ("start",))
    if rng.random() < 0.15:
        parts.append(("end",))
    return ("cat", parts) if len(parts) > 1 else parts[0]


def inner_tree(rng, depth=0, edges=True):
    kind = rng.random()
    if edges and depth > 0 and kind < 0.05:
        return ("edge",)
    if depth > 3 or kind < 0.4:
        return ("byte", rng.choice(LETTERS)) if rng.random() < 0.7 else ("set",) + rng.choice(SETS)
    if kind < 0.65:
        return ("cat", [inner_tree(rng, depth + 1, edges) for _ in range(rng.randrange(2, 4))])
    if kind < 0.8:
        return ("or", [inner_tree(rng, depth + 1, edges) for _ in range(rng.randrange(2, 4))])
    least, most = rng.choice([(0, None), (1, None), (0, 1), (2, 2), (1, 3), (0, 2), (2, None)])
    return ("rep", inner_tree(rng, depth + 1, False), least, most)


def write(node, end="$"):
    """As text. end: how the very end, or the end before a last line feed, is written."""
    kind = node[0]
    if kind == "byte":
        return "\\x20" if node[1] == 0x20 else chr(node[1])
    if kind == "set":
        return node[2]
    if kind == "cat":
        return "".join(write(one, end) for one in node[1])
    if kind == "or":
        return "(?:%s)" % "|".join(write(one, end) for one in node[1])
    if kind == "rep":
        bounds = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get(node[2:])
        return "(?:%s)%s" % (write(node[1], end), bounds or "{%d,%s}" % (node[2], node[3] if node[3] is not None else ""))
    return {"start": "^", "end": end, "edge": r"\b"}[kind]


def is_word(text, at):
    return 0 <= at < len(text) and (chr(text[at]).isalnum() and text[at] < 0x80 or text[at] == 0x5F)


def can_stand(kind, text, at):
    if kind == "start":
        return at == 0
    if kind == "edge":
        return is_word(text, at - 1) != is_word(text, at)
    return at == len(text) or (at == len(text) - 1 and text[at] == 0x0A)


def is_of(node, byte):
    """Of the letters and of others: sets are written in classes that others may be of."""
    written = node[2]
    if written == ".":
        return byte != 0x0A
    if written == r"\w":
        return is_word(bytes([byte]), 0)
    if written == r"\s":
        return byte in b" \t\n\v\f\r"
    if written == "[^a]":
        return byte != 0x61
    if written == r"[^\x61-z]":
        return not 0x61 <= byte <= 0x7A
    return byte in (b"0123456789" if written in ("[0-9]", r"\d") else node[1])


class Text:
    """Where matches of trees begin and end in one text; what was found out is kept."""

    def __init__(self, text, flag=""):
        self.text, self.known = text.lower() if flag == "(?i)" else text, {}
        self.dot_is_all = flag == "(?s)"

    def ends(self, node, start):
        """Where a match that begins here can end."""
        key = id(node), start
        if key not in self.known:
            self.known[key] = self.look(node, start)
        return self.known[key]

    def ends_of_all(self, node, starts):
        return set().union(*(self.ends(node, start) for start in starts))

    def look(self, node, start):
        kind, byte = node[0], self.text[start:start + 1]
        if kind == "byte":
            return {start + 1} if byte and byte[0] == node[1] else set()
        if kind == "set":
            return {start + 1} if byte and (self.dot_is_all and node[2] == "." or is_of(node, byte[0])) else set()
        if kind == "cat":
            now = {start}
            for one in node[1]:
                now = self.ends_of_all(one, now)
            return now
        if kind == "or":
            return set().union(*(self.ends(one, start) for one in node[1]))
        if kind == "rep":
            return self.repetitions(node, start)
        return {start} if can_stand(kind, self.text, start) else set()

    def repetitions(self, node, start):
        _, inner, least, most = node
        now, found, count = {start}, {start} if least == 0 else set(), 0
        while now and (most is None or count < most):
            now, count = self.ends_of_all(inner, now), count + 1
            if count < least:
                continue
            if most is None:
                now -= found
            found |= now
        return found


def is_in(node, text, flag=""):
    """Is there a match, be it an empty one?"""
    whole = Text(text, flag)
    return any(whole.ends(node, start) for start in range(len(text) + 1))


def matches(node, text):
    """Every (from, to) that is a match and not empty."""
    whole = Text(text)
    return [(start, end) for start in range(len(text)) for end in whole.ends(node, start) if end > start]


def can_be_empty(node):
    kind = node[0]
    if kind in ("byte", "set"):
        return False
    if kind == "cat":
        return all(can_be_empty(one) for one in node[1])
    if kind == "or":
        return any(can_be_empty(one) for one in node[1])
    return node[2] == 0 or can_be_empty(node[1]) if kind == "rep" else True
