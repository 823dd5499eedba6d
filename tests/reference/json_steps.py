"""The steps that read JSON: well-formedness, depth, schema, minify, and fields by path."""

import json
import re
from decimal import Decimal, InvalidOperation

import jsonschema

import patterns
import texts
from pipe import listed, quoted
from steps import Refused, Step

LEVELS = 512
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


def broken(text):
    raise ValueError(text)


def decimal(text):
    """An exponent may be beyond what decimals of Python have: then it is far from all others."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("Infinity")


def parse(body):
    """What a body means, or None: it is no well-formed JSON."""
    try:
        value = json.loads(body.decode("utf-8"), parse_float=decimal, parse_int=decimal, parse_constant=broken)
        for word in tokens(body):
            if word[0] == '"':
                json.loads(word).encode()  # no surrogate without its other half
        return value
    except (ValueError, UnicodeError):
        return None


def is_json(body):
    return parse(body) is not None or body.strip(b" \t\r\n") == b"null"


def tokens(body):
    return TOKEN.findall(body.decode("utf-8"))


def depth_of(words, counts_empty=True):
    depth = most = 0
    for word, follows in zip(words, words[1:] + [""]):
        depth += (word in "{[") - (word in "}]")
        most = max(most, depth) if counts_empty or follows not in ("}", "]") or word not in "{[" else most
    return most


def looks_deep(body):
    """Deeper than can be followed, whether or not what is deep is well-formed."""
    return body.count(b"[") + body.count(b"{") > LEVELS


class Json(Step):
    order = 5

    def __init__(self, rng):
        self.depth = rng.choice([0, 0, 1, 2, 3, 64, 512])

    def conf(self):
        return "json { depth: %d }" % self.depth if self.depth else "json: true"

    def inside(self):
        return "depth: %d" % self.depth if self.depth else ""

    def body(self, text):
        if not is_json(text):
            raise Refused("depth|json" if looks_deep(text) else "json")
        words = tokens(text)
        if depth_of(words, False) > LEVELS or (self.depth and depth_of(words) > self.depth):
            raise Refused("depth")
        return text


# ---- minify --------------------------------------------------------------------------------------

ESCAPE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL)
NEVER_RAW = re.compile("[\x7f-\x9f\u2028\u2029]")


def shortest(match):
    character = json.loads('"%s"' % match.group())
    return json.dumps(character, ensure_ascii=NEVER_RAW.match(character) is not None)[1:-1]


def minified(body):
    return "".join(ESCAPE.sub(shortest, word) for word in tokens(body)).encode()


class Minify(Step):
    order = 10

    def __init__(self, rng):
        pass

    def inside(self):
        return "minify: true"

    def body(self, text):
        return minified(text)


# ---- fields --------------------------------------------------------------------------------------


class Words:
    """Tokens of a text, one after another; the next can be looked at."""

    def __init__(self, body):
        self.words, self.at = tokens(body), 0

    def look(self):
        return self.words[self.at]

    def take(self):
        self.at += 1
        return self.words[self.at - 1]


def tree_of(words):
    """("{", [(name, name as written, child)]), ("[", [child]) or (text,)."""
    word = words.take()
    if word not in ("{", "["):
        return (word,)
    children = []
    while words.look() not in ("}", "]"):
        if words.look() == ",":
            words.take()
        if word == "[":
            children.append(tree_of(words))
            continue
        name, _ = words.take(), words.take()
        children.append((json.loads(name), name, tree_of(words)))
    words.take()
    return word, children


def children_of(node):
    """[(name or number, child)]"""
    if node[0] == "{":
        return [(name, child) for name, _, child in node[1]]
    return list(enumerate(node[1])) if node[0] == "[" else []


def below(nodes):
    """These and all below them, each once."""
    found, left = {}, list(nodes)
    while left:
        node = left.pop()
        if id(node) not in found:
            found[id(node)] = node
            left += [child for _, child in children_of(node)]
    return list(found.values())


def selected(node, path):
    """The identities of what a path names: textbook, one step after another."""
    now = [node]
    for is_deep, want in path:
        parents = below(now) if is_deep else now
        now = [child for parent in parents for key, child in children_of(parent)
               if want is None or (type(key) is type(want) and key == want)]
    return {id(one) for one in now}


def written(node, drop, mask):
    """As text without white space; None: it is dropped."""
    if id(node) in drop:
        return None
    if id(node) in mask:
        return '"[masked]"'
    if node[0] == "{":
        items = [(name, written(child, drop, mask)) for _, name, child in node[1]]
        return "{%s}" % ",".join("%s:%s" % item for item in items if item[1] is not None)
    if node[0] == "[":
        items = [written(child, drop, mask) for child in node[1]]
        return "[%s]" % ",".join(item for item in items if item is not None)
    return node[0]


class Fields(Step):
    order = 11

    def __init__(self, rng):
        self.drop = [self.path(rng, True) for _ in range(rng.randrange(3))]
        self.mask = [self.path(rng, False) for _ in range(rng.randrange(3))]
        if not self.drop + self.mask:
            self.drop = [self.path(rng, True)]

    @staticmethod
    def path(rng, is_drop):
        steps = []
        for number in range(rng.randrange(1, 4)):
            want = rng.choice([None, rng.randrange(3), "a", "b", "c"] + [key for key in texts.KEYS if key])
            steps.append((rng.random() < (0.6 if number == 0 else 0.2), want))
        if is_drop and isinstance(steps[-1][1], int):
            steps[-1] = (steps[-1][0], "a")
        return steps

    @staticmethod
    def write(path):
        out = "$"
        for is_deep, want in path:
            dots = ".." if is_deep else ""
            if isinstance(want, int):
                out += "%s[%d]" % (dots, want)
            elif want is None:
                out += (dots or ".") + "*" if len(out) % 2 else dots + "[*]"
            elif re.fullmatch("[ab]", want):
                out += (dots or ".") + want
            else:
                quote = "'" if '"' in want else '"'
                out += "%s[%s%s%s]" % (dots, quote, want, quote)
        return out

    def inside(self):
        sides = (("drop", self.drop), ("mask", self.mask))
        return "\n".join("%s: %s" % (name, listed([self.write(one) for one in side])) for name, side in sides if side)

    def compact(self, text):
        """What is left, without white space."""
        root = tree_of(Words(text))
        drop, mask = [set().union(*(selected(root, one) for one in side)) if side else set()
                      for side in (self.drop, self.mask)]
        return written(root, drop, mask).encode()

    def body(self, text):
        return self.compact(text)


def compact(body):
    return "".join(tokens(body)).encode()


# ---- schema --------------------------------------------------------------------------------------

TYPES = ["null", "boolean", "number", "integer", "string", "array", "object"]
PATTERNS = {}  # a schema's pattern -> the same for re


def equal(one, two):
    """Without Python's True == 1; numbers are decimals here."""
    if isinstance(one, bool) or isinstance(two, bool) or type(one) is not type(two):
        return one is two
    if isinstance(one, list):
        return len(one) == len(two) and all(equal(*pair) for pair in zip(one, two))
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(equal(one[key], two[key]) for key in one)
    return one == two


def enum(_, choices, instance, __):
    if not any(equal(choice, instance) for choice in choices):
        yield jsonschema.ValidationError("enum")


def const(_, constant, instance, __):
    if not equal(constant, instance):
        yield jsonschema.ValidationError("const")


def pattern(_, text, instance, __):
    if isinstance(instance, str) and PATTERNS[text].search(instance) is None:
        yield jsonschema.ValidationError("pattern")


CHECKER = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many({
    "number": lambda _, value: isinstance(value, Decimal),
    "integer": lambda _, value: isinstance(value, Decimal) and value == value.to_integral_value()})
VALIDATOR = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=CHECKER,
                                         validators={"enum": enum, "const": const, "pattern": pattern})


def number(rng):
    return rng.choice(["0", "1", "-1", "1.5", "2", "1e2", "-0.0", "10e-1", "123456789012345678901234567890"])


def random_pattern(rng):
    one = patterns.tree(rng)
    text = patterns.write(one)
    PATTERNS[text] = re.compile(patterns.write(one, end=r"\Z"), re.ASCII)
    return json.dumps(text)


def schema(rng, depth=0):
    """As text: numbers keep their spelling."""
    if depth > 2 or rng.random() < 0.08:
        return rng.choice(["true", "true", "false", "{}"])
    words = []
    for keyword in rng.sample(sorted(MAKERS), rng.randrange(1, 4)):
        words.append("%s:%s" % (json.dumps(keyword), MAKERS[keyword](rng, depth)))
    return "{%s}" % ",".join(words)


def some(rng, _):
    return texts.value(rng, 3, True)


def size(rng, _):
    return rng.choice(["0", "1", "2", "3", "2.0"])


MAKERS = {
    "type": lambda rng, _: json.dumps(rng.choice([rng.choice(TYPES), rng.sample(TYPES, rng.randrange(1, 4))])),
    "enum": lambda rng, depth: "[%s]" % ",".join(some(rng, depth) for _ in range(rng.randrange(1, 4))),
    "const": some,
    "required": lambda rng, _: json.dumps(rng.sample(texts.KEYS, rng.randrange(3))),
    "properties": lambda rng, depth: "{%s}" % ",".join(
        texts.spelled(rng, key) + ":" + schema(rng, depth + 1) for key in rng.sample(texts.KEYS, rng.randrange(1, 4))),
    "additionalProperties": lambda rng, depth: schema(rng, depth + 1),
    "items": lambda rng, depth: schema(rng, depth + 1),
    "pattern": lambda rng, _: random_pattern(rng),
    "title": lambda rng, _: texts.string(rng),
}
for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
    MAKERS[name] = lambda rng, _: number(rng)
for name in ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"):
    MAKERS[name] = size


class Schema(Step):
    order = 6

    def __init__(self, rng):
        self.text = schema(rng)
        meaning = json.loads(self.text, parse_float=Decimal, parse_int=Decimal)
        self.validator = VALIDATOR(meaning)

    def inside(self):
        return "schema: " + quoted(self.text)

    def body(self, text):
        errors = list(self.validator.iter_errors(parse(text)))
        if errors:
            raise Refused("schema", {one.validator for one in errors})
        return text


