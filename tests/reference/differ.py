"""differ.py PIPE KIND [--payloads N] [--seed S] - core's rules and the reference's on the same random messages.

Every kind of rule is a list of steps in the order of docs/scrub.md. For each set of rules a handful of messages is sent
through PIPE (scrub_pipe) and through the steps, and what is left must be the same: reason, headers, body, byte for
byte. With fields, white space may differ where something was taken, and only there.
"""

import argparse
import os
import random
import sys

import json_steps
import pipe
import steps
import texts

AT_ONCE = 4000  # messages, or a few more, for one run of the pipe
TOO_MUCH = ("too large", "too complex", "not supported", "can never match")  # what Vectorscan says of patterns it cannot have


def one(step, words=None):
    """A kind with this step alone, and any text."""
    return lambda rng: ([step(rng)], lambda: texts.any_text(rng, words))


def on_json(*others):
    """A kind for payloads that are JSON, or nearly."""
    return lambda rng: ([json_steps.Json(rng)] + [other(rng) for other in others], lambda: texts.nearly_json(rng))


def fields(rng):
    return ([json_steps.Json(rng), json_steps.Fields(rng)],
            lambda: texts.nearly_json(rng) if rng.random() < 0.1 else texts.value(rng).encode())


def schema(rng):
    return [json_steps.Json(rng), json_steps.Schema(rng)], lambda: texts.value(rng, 2 * rng.randrange(2), True).encode()


LETTERS = [b"a", b"b", b"1", b" ", b"ab", b"aa", b"B", b"\n", b"-"]
LETTERS_AND_OTHERS = LETTERS + [b"\xC3\xA4", b"\xE2\x82\xAC", b"\xC3", b"\xA4", b"\xF0\x9F\x98\x80", b"X", b"[masked]"]


def short(words):
    """Few letters, now and then with much before, between or behind them."""
    def make(rng):
        def body():
            most = 9 if rng.random() < 0.9 else 3
            parts = [texts.pieces(rng, most=most, words=words) for _ in range(1 if most == 9 else 3)]
            return rng.choice([b"-", b".", b"a", b" "]).join(
                part + (rng.choice(words[:4] + [b"-"]) * rng.randrange(90) if most == 3 else b"") for part in parts)
        return body
    return make


def must(rng):
    return [steps.Must(rng)], short(LETTERS)(rng)


def masks(rng):
    return [steps.Masks(rng)], short(LETTERS_AND_OTHERS)(rng)


def headers_step(rng):
    return steps.Headers(rng, ["Kind", "X-Trace", "A", "b", "Nats-Msg-Id"], ["a", "b", "a b", "\u00e4", "a:b", ""])


def headers(rng):
    one_step = headers_step(rng)
    return [one_step, steps.HeaderChanges(one_step)], lambda: rng.choice([b"", b"body"])


def together(rng):
    """Any of them in one rule; fields only behind minify, which leaves no white space to differ."""
    chosen = [step(rng) for step in (steps.Size, steps.Utf8, steps.Control, steps.Trim, steps.Must) if rng.random() < 0.3]
    if rng.random() < 0.6:
        chosen.append(json_steps.Json(rng))
        chosen += [step(rng) for step in (json_steps.Schema, json_steps.Minify) if rng.random() < 0.5]
        if isinstance(chosen[-1], json_steps.Minify) and rng.random() < 0.7:
            chosen.append(json_steps.Fields(rng))
    elif rng.random() < 0.5:
        chosen.append(steps.Masks(rng))
    if rng.random() < 0.5:
        chosen.append(headers_step(rng))
        chosen.append(steps.HeaderChanges(chosen[-1]))
    if not chosen:
        chosen = [steps.Trim(rng)]
    return chosen, lambda: texts.any_text(rng) if rng.random() < 0.3 else texts.value(rng, 0, True).encode()


# A kind: what makes its steps and payloads, how many messages a set of rules gets, and how many of them take some
# seconds.
KINDS = {
    "utf8": (one(steps.Utf8), 400, 160000),
    "control": (one(steps.Control), 400, 120000),
    "trim": (one(steps.Trim), 400, 160000),
    "json": (on_json(), 100, 40000),
    "minify": (on_json(json_steps.Minify), 100, 40000),
    "fields": (fields, 40, 32000),
    "schema": (schema, 20, 24000),
    "must": (must, 40, 24000),
    "masks": (masks, 40, 8000),
    "headers": (headers, 40, 80000),
    "together": (together, 40, 24000),
}


def rule_of(chosen):
    """The conf text: what stands inside json { } is gathered from its steps."""
    parts, inside = [], []
    for step in sorted(chosen, key=lambda step: -step.order):  # the order of writing must not matter
        if hasattr(step, "inside"):
            inside.append(step.inside())
        elif step.conf():
            parts.append(step.conf())
    if inside:
        parts.append("json { %s }" % "\n".join(words for words in inside if words) if any(inside) else "json: true")
    return "{ subject: s\n%s }" % "\n".join(parts)


def expected(chosen, message):
    """(reason, details or None, message)"""
    try:
        for step in sorted(chosen, key=lambda step: step.order):
            message = step.apply(message)
    except steps.Refused as refused:
        return refused.reason, refused.details, message
    return "", None, message


def message_of(rng, chosen, body):
    has_headers = any(isinstance(step, steps.Headers) for step in chosen)
    header = texts.block(rng) if has_headers else b""
    size = len(header) + len(body)
    # Where white space may stay, the reference does not know how large a text becomes.
    kinds = {type(step) for step in chosen}
    is_tight = rng.random() < 0.1 and (json_steps.Fields not in kinds or json_steps.Minify in kinds)
    return pipe.Message(header, body, size + rng.randrange(40) if is_tight else 1 << 20)


def is_same(chosen, message, left):
    reason, details, want = expected(chosen, message)
    if left.reason not in reason.split("|"):
        return False, reason
    if reason:
        is_fine = details is None or left.detail in details
        if left.detail == "false":  # a schema that is false: the package names who has it
            is_fine = not details.isdisjoint({None, "items", "additionalProperties"})
        return is_fine, "%s, by one of %s" % (reason, details)
    body = want.body
    if any(isinstance(step, json_steps.Fields) for step in chosen):
        untouched = body == json_steps.compact(message.body)
        is_fine = left.body == message.body if untouched else json_steps.compact(left.body) == body
        if any(isinstance(step, json_steps.Minify) for step in chosen):
            is_fine = left.body == body
        return is_fine and left.header == want.header, "%r %r" % (want.header, body)
    return left.body == body and left.header == want.header, "%r %r" % (want.header, body)


class Run:
    def __init__(self, options):
        self.options = options
        self.rng = random.Random("%s %d" % (options.kind, options.seed))
        self.payloads = self.rules = self.unusable = self.different = 0
        self.verdicts = {}

    def sets(self, make, each):
        for _ in range(-(-AT_ONCE // each)):
            chosen, body = make(self.rng)
            yield chosen, [message_of(self.rng, chosen, body()) for _ in range(each)]

    def tell(self, rules, message, left, want):
        self.different += 1
        if self.different <= 5:
            print("DIFFERENT, seed %d\n  rules %s\n  %r\n  core: %r\n  reference: %s"
                  % (self.options.seed, rules, message, left, want))

    def look_at_rules(self, chosen, rules, error):
        """Some masks may not be used, and then core has to say so."""
        self.rules += 1
        must_be = any(isinstance(step, steps.Masks) and step.refused() for step in chosen)
        says = "is found by a pattern of the same rule" in error
        is_too_much = any(words in error for words in TOO_MUCH)
        if error and not says and not is_too_much:
            self.tell(rules, None, error, "rules that can be used")
        elif says != must_be and not is_too_much:
            self.tell(rules, None, error, "refused: %s" % must_be)
        self.unusable += error != ""

    def batch(self, make, each):
        sets = list(self.sets(make, each))
        texts_of = [(rule_of(chosen), messages) for chosen, messages in sets]
        for (chosen, messages), (rules, _), (error, lefts) in zip(sets, texts_of, pipe.ask(self.options.pipe, texts_of)):
            self.look_at_rules(chosen, rules, error)
            for message, left in zip(messages, lefts):
                self.payloads += 1
                fine, want = is_same(chosen, message, left)
                kind = left.reason or ("passed" if left[2:] == message[:2] else "cleaned")
                self.verdicts[kind] = self.verdicts.get(kind, 0) + 1
                if not fine:
                    self.tell(rules, message, left, want)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("pipe")
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("--payloads", type=int, help="or in the environment's RINGHUB_REFERENCE_PAYLOADS")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    sys.setrecursionlimit(20000)
    run = Run(options)
    make, each, some = KINDS[options.kind]
    payloads = options.payloads or int(os.environ.get("RINGHUB_REFERENCE_PAYLOADS", some))
    while run.payloads < payloads:
        run.batch(make, each)
    counts = ", ".join("%s %d" % item for item in sorted(run.verdicts.items(), key=lambda item: -item[1]))
    print("%s, seed %d: %d payloads, %d sets of rules of which %d cannot be used; %s"
          % (options.kind, options.seed, run.payloads, run.rules, run.unusable, counts))
    # A kind of rule that never does anything, or always does, would compare nothing.
    is_telling = max(run.verdicts.values()) < 0.97 * run.payloads and run.unusable < 0.5 * run.rules
    if not is_telling:
        print("the payloads show too little")
    print("%d passed, %d failed, 0 skipped" % (run.different == 0 and is_telling, run.different > 0 or not is_telling))
    return 0 if run.different == 0 and is_telling else 1


if __name__ == "__main__":
    sys.exit(main())
