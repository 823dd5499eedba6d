"""NATS-WIRE 1.1 to 1.6: what one connection sends, and exactly what comes back.

Goal:   every statement about lexing, limits, payloads and malformed input holds, however the bytes
        are cut into segments.
Method: a table of (bytes sent, bytes expected, closes or stays open). Each row runs whole, byte by
        byte, cut around every CR and LF, and cut at seeded random places; a row that stays open
        must then answer PING with PONG and nothing else.
"""

import collections
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import (Client, Closed, HEADERS, HubTest, PEDANTIC, QUIET, QUIRKS, VERBOSE,
                     difference, msg, seeded_random)

RAW = b""  # no CONNECT at all: verbose and pedantic
UNKNOWN = b"-ERR 'Unknown Protocol Operation'\r\n"
TOO_LONG = b"-ERR 'maximum control line exceeded'\r\n"
TOO_BIG = b"-ERR 'Maximum Payload Violation'\r\n"
INVALID = b"-ERR 'Invalid Subject'\r\n"
INVALID_PUBLISH = b"-ERR 'Invalid Publish Subject'\r\n"
OK = b"+OK\r\n"
PONG = b"PONG\r\n"

Row = collections.namedtuple("Row", "name connect send expect closes")


def stays(name, send, expect=b"", connect=QUIET):
    return Row(name, connect, send, expect, False)


def closes(name, send, expect=b"", connect=QUIET):
    return Row(name, connect, send, expect, True)


def sub_of(size):
    """SUB whose arguments have exactly this many bytes."""
    return b"SUB " + b"s" * (size - 2) + b" 1\r\n"


def connect_of(size):
    """CONNECT whose argument has exactly this many bytes."""
    head, tail = b'{"verbose":false,"pedantic":false,"name":"', b'"}'
    return b"CONNECT " + head + b"n" * (size - len(head) - len(tail)) + tail + b"\r\n"


SELF = b"SUB foo 1\r\n"  # most rows listen to themselves

# 1.2 Lexing
LEXING = [
    stays("PING is answered by one PONG", b"PING\r\n", PONG),
    stays("op names in any case: ping", b"pInG\r\nPiNg\r\nping\r\n", PONG * 3),
    stays("op names in any case: sub, pub, unsub",
          b"sUb foo 1\r\npub foo 2\r\nhi\r\nuNsUb 1\r\nPUB foo 2\r\nho\r\n",
          msg(b"foo", b"1", b"hi")),
    stays("op names in any case: hpub", SELF + b"hPuB foo 12 14\r\nNATS/1.0\r\n\r\nhi\r\n",
          b"HMSG foo 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", HEADERS),
    stays("op names in any case: connect", b'cOnNeCt {"verbose":true}\r\n', OK),
    closes("leading space", b" PING\r\n", UNKNOWN),
    closes("leading tab", b"\tPING\r\n", UNKNOWN),
    closes("empty line, CR LF", b"\r\n", UNKNOWN),
    closes("empty line, LF", b"\n", UNKNOWN),
    closes("SUB without white space after it", b"SUB\r\n", UNKNOWN),
    closes("UNSUB without white space after it", b"UNSUB\r\n", UNKNOWN),
    closes("PUB without white space after it", b"PUB\r\n", UNKNOWN),
    closes("HPUB without white space after it", b"HPUB\r\n", UNKNOWN, HEADERS),
    closes("SUB with white space and nothing else", b"SUB \r\n"),
    closes("UNSUB with white space and nothing else", b"UNSUB \r\n"),
    closes("PUB with white space and nothing else", b"PUB \r\n"),
    closes("HPUB with white space and nothing else", b"HPUB \r\n", b"", HEADERS),
    stays("tabs separate", b"SUB\tfoo\t1\r\nPUB\tfoo\t2\r\nhi\r\n", msg(b"foo", b"1", b"hi")),
    stays("runs of white space separate",
          b"SUB \t foo \t\t 1 \t\r\nPUB  \t foo  2  \r\nhi\r\n", msg(b"foo", b"1", b"hi")),
    stays("white space around HPUB arguments",
          SELF + b"HPUB \t foo \t 12\t 14 \t\r\nNATS/1.0\r\n\r\nhi\r\n",
          b"HMSG foo 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", HEADERS),
    stays("white space around UNSUB arguments",
          SELF + b"UNSUB \t 1 \t 1 \t\r\n" + b"PUB foo 1\r\na\r\n" * 2, msg(b"foo", b"1", b"a")),
    stays("CONNECT without white space", b'CONNECT{"verbose":true}\r\n', OK),
    stays("CONNECT with much white space", b'CONNECT \t  {"verbose":true} \t \r\n', OK),
    stays("LF alone ends a control line", b"SUB foo 1\nPUB foo 2\nhi\r\nPING\n",
          msg(b"foo", b"1", b"hi") + PONG),
    stays("LF alone ends CONNECT", b'CONNECT {"verbose":true}\n', OK),
    stays("LF alone ends UNSUB", SELF + b"UNSUB 1\nPUB foo 1\r\na\r\n"),
    stays("LF alone ends HPUB", SELF + b"HPUB foo 12 14\nNATS/1.0\r\n\r\nhi\r\n",
          b"HMSG foo 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", HEADERS),
    stays("after PING all is ignored up to LF",
          b"PING foo\r\nPINGxyz\r\nPING \r\nPING\n", PONG * 4),
    stays("after PING 100 kB are ignored", b"PING" + b"x" * 100000 + b"\r\n", PONG),
    stays("after PONG all is ignored", b"PONG\r\nPONGxyz\r\nPONG foo\r\npOnG\n"),
    stays("after PONG 100 kB are ignored", b"PONG" + b"x" * 100000 + b"\r\n"),
    stays("+OK is ignored", b"+OK\r\n+ok\r\n+OK whatever\r\n"),
    stays("INFO is parsed and ignored", b'INFO {"server_id":"x","port":4222}\r\nINFO{}\r\n'),
    closes("INFO with bad JSON", b"INFO {bad\r\n"),
    closes("-ERR from a client", b"-ERR 'x'\r\n"),
    closes("-ERR without argument", b"-ERR\r\n", UNKNOWN),
    closes("MSG from a client", b"MSG foo 1 2\r\nhi\r\n", UNKNOWN),
    closes("HMSG from a client", b"HMSG foo 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", UNKNOWN),
    closes("RS+ from a client", b"RS+ $G foo\r\n", UNKNOWN),
    closes("LS+ from a client", b"LS+ foo\r\n", UNKNOWN),
    closes("A+ from a client", b"A+ $G\r\n", UNKNOWN),
    closes("RMSG from a client", b"RMSG $G foo 2\r\nhi\r\n", UNKNOWN),
    stays("NUL and non-UTF-8 in a subject",
          b"SUB f\0o.\xff\xfe 1\r\nPUB f\0o.\xff\xfe 2\r\nhi\r\n",
          msg(b"f\0o.\xff\xfe", b"1", b"hi")),
    stays("non-UTF-8 in a sid and a reply",
          b"SUB foo \x80\x01\r\nPUB foo \xfe.r 2\r\nhi\r\n",
          msg(b"foo", b"\x80\x01", b"hi", b"\xfe.r")),
    stays("every other byte in a subject",
          b"SUB > 1\r\n" + b"".join(b"PUB x%cy 1\r\na\r\n" % byte for byte in range(256)
                                    if byte not in b" \t\r\n."),
          b"".join(msg(b"x%cy" % byte, b"1", b"a") for byte in range(256)
                   if byte not in b" \t\r\n.")),
]

# 1.3 Limits
LIMITS = [
    stays("4,096 bytes of SUB arguments", sub_of(4096)),
    closes("4,097 bytes of SUB arguments", sub_of(4097), TOO_LONG),
    closes("trailing spaces count", b"SUB foo 1" + b" " * 4092 + b"\r\n", TOO_LONG),
    stays("leading white space does not count", b"SUB" + b" " * 5000 + sub_of(4096)[4:]),
    stays("4,096 bytes of PUB arguments, LF", b"PUB " + b"s" * 4094 + b" 2\nhi\r\n"),
    closes("4,097 bytes of PUB arguments", b"PUB " + b"s" * 4095 + b" 2\r\nhi\r\n", TOO_LONG),
    closes("4,097 bytes of HPUB arguments",
           b"HPUB " + b"s" * 4091 + b" 12 14\r\n", TOO_LONG, HEADERS),
    closes("4,097 bytes of UNSUB arguments", b"UNSUB " + b"s" * 4097 + b"\r\n", TOO_LONG),
    stays("4,096 bytes of CONNECT argument", connect_of(4096)),
    closes("4,097 bytes of CONNECT argument", connect_of(4097), TOO_LONG),
    closes("an endless SUB line", b"SUB " + b"s" * 9000, TOO_LONG),
    closes("an endless PUB line", b"PUB " + b"s" * 9000, TOO_LONG),
    closes("an endless CONNECT line", b"CONNECT {" + b"s" * 9000, TOO_LONG),
    closes("an endless INFO line", b"INFO {" + b"s" * 9000, TOO_LONG),
    stays("a payload of max_payload", SELF + b"PUB foo 1048576\r\n" + b"p" * 1048576 + b"\r\n",
          msg(b"foo", b"1", b"p" * 1048576)),
    closes("a payload over max_payload", b"PUB foo 1048577\r\n", TOO_BIG),
    closes("a payload far over max_payload", b"PUB foo 999999999\r\n", TOO_BIG),
    closes("a payload over max_payload, payload sent",
           b"PUB foo 1048577\r\n" + b"p" * 20000, TOO_BIG),
    closes("HPUB: the total counts", b"HPUB foo 12 1048577\r\n", TOO_BIG, HEADERS),
    stays("size text of 9 digits", SELF + b"PUB foo 000000002\r\nhi\r\n",
          b"MSG foo 1 000000002\r\nhi\r\n"),
    closes("size text of 10 digits", SELF + b"PUB foo 0000000002\r\nhi\r\n"),
    closes("size with a sign", b"PUB foo +2\r\nhi\r\n"),
    closes("size negative", b"PUB foo -1\r\n"),
    closes("size with a letter", b"PUB foo 2x\r\nhi\r\n"),
    closes("size in hex", b"PUB foo 0x2\r\nhi\r\n"),
    closes("size with a point", b"PUB foo 2.0\r\nhi\r\n"),
    closes("header size of 10 digits", b"HPUB foo 0000000012 14\r\n", b"", HEADERS),
    closes("total size of 10 digits", b"HPUB foo 12 0000000014\r\n", b"", HEADERS),
    stays("size text of HPUB is kept too", SELF + b"HPUB foo 012 00014\r\nNATS/1.0\r\n\r\nhi\r\n",
          b"HMSG foo 1 012 00014\r\nNATS/1.0\r\n\r\nhi\r\n", HEADERS),
]

# 1.4 Payloads
PAYLOAD = [
    stays("payload with CR LF in it", SELF + b"PUB foo 8\r\na\r\nb\r\n\r\n\r\n",
          b"MSG foo 1 8\r\na\r\nb\r\n\r\n\r\n"),
    stays("payload that looks like the protocol", SELF + b"PUB foo 6\r\nPING\r\n\r\n",
          b"MSG foo 1 6\r\nPING\r\n\r\n"),
    stays("payload of size 0", SELF + b"PUB foo 0\r\n\r\n", b"MSG foo 1 0\r\n\r\n"),
    stays("payload of every byte", SELF + b"PUB foo 256\r\n" + bytes(range(256)) + b"\r\n",
          msg(b"foo", b"1", bytes(range(256)))),
    closes("payload followed by LF", SELF + b"PUB foo 2\r\nhi\n", UNKNOWN),
    closes("payload followed by CR and another byte", SELF + b"PUB foo 2\r\nhi\rx", UNKNOWN),
    closes("payload longer than its size", SELF + b"PUB foo 2\r\nhix\r\n", UNKNOWN),
    closes("payload shorter than its size swallows what follows",
           SELF + b"PUB foo 4\r\nhi\r\nPING\r\n", UNKNOWN),
    closes("size 0 with a payload", SELF + b"PUB foo 0\r\nhi\r\n", UNKNOWN),
    stays("reply", SELF + b"PUB foo bar 2\r\nhi\r\n", msg(b"foo", b"1", b"hi", b"bar")),
    stays("reply is not validated",
          SELF + b"".join(b"PUB foo %s 1\r\na\r\n" % reply for reply in
                          (b"*", b">", b"a..b", b".", b"..", b"a.", b".a", b"a.>.b")),
          b"".join(msg(b"foo", b"1", b"a", reply) for reply in
                   (b"*", b">", b"a..b", b".", b"..", b"a.", b".a", b"a.>.b"))),
    stays("reply is not validated when pedantic either", SELF + b"PUB foo a..* 1\r\na\r\n",
          msg(b"foo", b"1", b"a", b"a..*"), PEDANTIC),
    closes("what precedes a fatal error takes effect", SELF + b"PUB foo 2\r\nok\r\nBAD\r\nPING\r\n",
           msg(b"foo", b"1", b"ok") + UNKNOWN),
    closes("what precedes a silent close takes effect",
           SELF + b"PUB foo 2\r\nok\r\nPUB foo\r\nPING\r\n",
           msg(b"foo", b"1", b"ok")),
    stays("commands in one packet keep their order",
          b"SUB foo 1\r\nPUB foo 1\r\na\r\nPING\r\nUNSUB 1\r\nPUB foo 1\r\nb\r\nSUB foo 2\r\n"
          b"PUB foo 1\r\nc\r\nPING\r\n",
          msg(b"foo", b"1", b"a") + PONG + msg(b"foo", b"2", b"c") + PONG),
]

# 1.5 Headers
HEADER_BLOCKS = [
    stays("headers are delivered byte-exact",
          SELF + b"HPUB foo 34 36\r\nNATS/1.0\r\naBc:  X\t\r\nD:\r\naBc: y\r\n\r\nhi\r\n",
          b"HMSG foo 1 34 36\r\nNATS/1.0\r\naBc:  X\t\r\nD:\r\naBc: y\r\n\r\nhi\r\n", HEADERS),
    stays("headers with reply", SELF + b"HPUB foo bar 12 14\r\nNATS/1.0\r\n\r\nhi\r\n",
          b"HMSG foo 1 bar 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", HEADERS),
    stays("the block is not validated", SELF + b"HPUB foo 3 5\r\nxyzhi\r\n",
          b"HMSG foo 1 3 5\r\nxyzhi\r\n", HEADERS),
    stays("header size 0 is a plain message", SELF + b"HPUB foo 0 2\r\nhi\r\n",
          b"MSG foo 1 2\r\nhi\r\n", HEADERS),
    stays("header without a body", SELF + b"HPUB foo 12 12\r\nNATS/1.0\r\n\r\n\r\n",
          b"HMSG foo 1 12 12\r\nNATS/1.0\r\n\r\n\r\n", HEADERS),
    stays("both sizes 0", SELF + b"HPUB foo 0 0\r\n\r\n", b"MSG foo 1 0\r\n\r\n", HEADERS),
    closes("header size over total size", b"HPUB foo 14 12\r\n", b"", HEADERS),
    closes("header size negative", b"HPUB foo -1 12\r\n", b"", HEADERS),
    closes("header size not a number", b"HPUB foo x 12\r\n", b"", HEADERS),
    closes("total size not a number", b"HPUB foo 12 x\r\n", b"", HEADERS),
    closes("HPUB with 2 arguments", b"HPUB foo 12\r\n", b"", HEADERS),
    closes("HPUB with 5 arguments", b"HPUB foo bar baz 12 14\r\n", b"", HEADERS),
    closes("HPUB without header support", b"HPUB foo 12 14\r\nNATS/1.0\r\n\r\nhi\r\n"),
    closes("HPUB before CONNECT", b"HPUB foo 12 14\r\nNATS/1.0\r\n\r\nhi\r\n", b"", RAW),
    closes("header payload without its terminator",
           SELF + b"HPUB foo 12 14\r\nNATS/1.0\r\n\r\nhi\n",
           UNKNOWN, HEADERS),
]

# 1.6 Malformed input
MALFORMED = [
    closes("unknown op", b"FOO\r\n", UNKNOWN),
    closes("unknown first byte", b"\x00", UNKNOWN),
    closes("first byte 0xff", b"\xff", UNKNOWN),
    closes("PUBS", b"PUBS foo 2\r\nhi\r\n", UNKNOWN),
    closes("SUBx", b"SUBx foo 1\r\n", UNKNOWN),
    closes("UNSUB_", b"UNSUB_1\r\n", UNKNOWN),
    closes("PI and no more", b"PIX\r\n", UNKNOWN),
    closes("PO and no more", b"POX\r\n", UNKNOWN),
    closes("CONNEXT", b"CONNEXT {}\r\n", UNKNOWN),
    closes("INFX", b"INFX {}\r\n", UNKNOWN),
    closes("+OX", b"+OX\r\n", UNKNOWN),
    closes("-ERX", b"-ERX 'x'\r\n", UNKNOWN),
    closes("an HTTP request", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", UNKNOWN),
    closes("an HTTP POST", b"POST / HTTP/1.1\r\n\r\n", UNKNOWN),
    closes("a TLS hello", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(32), UNKNOWN),
    closes("a TLS hello as the first thing", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1", UNKNOWN, RAW),
    closes("an HTTP request as the first thing", b"GET / HTTP/1.1\r\n\r\n", UNKNOWN, RAW),
    closes("SUB with 1 argument", b"SUB foo\r\n"),
    closes("SUB with 4 arguments", b"SUB foo bar 1 2\r\n"),
    closes("SUB with 5 arguments", b"SUB foo bar 1 2 3\r\n"),
    closes("UNSUB with 3 arguments", b"UNSUB 1 2 3\r\n"),
    closes("UNSUB with 4 arguments", b"UNSUB 1 2 3 4\r\n"),
    closes("PUB with 1 argument", b"PUB foo\r\n"),
    closes("PUB with 4 arguments", b"PUB foo bar baz 2\r\nhi\r\n"),
    closes("PUB with 5 arguments", b"PUB foo bar baz 1 2\r\nhi\r\n"),
    stays("SUB invalid: empty first token", b"SUB .a 1\r\n", INVALID),
    stays("SUB invalid: empty last token", b"SUB a. 1\r\n", INVALID),
    stays("SUB invalid: empty token between", b"SUB a..b 1\r\n", INVALID),
    stays("SUB invalid: point alone", b"SUB . 1\r\n", INVALID),
    stays("SUB invalid: > not last", b"SUB a.>.b 1\r\n", INVALID),
    stays("SUB invalid: > first", b"SUB >.a 1\r\n", INVALID),
    stays("SUB invalid: with a queue", b"SUB a..b q 1\r\n", INVALID),
    stays("SUB invalid is not registered", b"SUB a..b 1\r\nSUB foo 1\r\nPUB foo 1\r\na\r\n",
          INVALID + msg(b"foo", b"1", b"a")),
    stays("SUB invalid gets no +OK", b"SUB a..b 1\r\nSUB foo 1\r\n", OK + INVALID + OK, VERBOSE),
    stays("wildcard bytes inside a token are letters",
          b"SUB foo.*bar 1\r\nSUB foo> 2\r\nSUB ** 3\r\nSUB >* 4\r\nSUB a.b* 5\r\nSUB a.>b 6\r\n"
          b"PUB foo.*bar 1\r\na\r\nPUB foo> 1\r\nb\r\nPUB ** 1\r\nc\r\nPUB >* 1\r\nd\r\n"
          b"PUB foo.xbar 1\r\ne\r\nPUB a.b* 1\r\nf\r\nPUB a.>b 1\r\ng\r\nPUB a.bb 1\r\nh\r\n",
          msg(b"foo.*bar", b"1", b"a") + msg(b"foo>", b"2", b"b") + msg(b"**", b"3", b"c") +
          msg(b">*", b"4", b"d") + msg(b"a.b*", b"5", b"f") + msg(b"a.>b", b"6", b"g")),
    stays("pedantic: an empty token", b"PUB a..b 1\r\na\r\n", INVALID_PUBLISH, PEDANTIC),
    stays("pedantic: a wildcard token", b"PUB a.* 1\r\na\r\n", INVALID_PUBLISH, PEDANTIC),
    stays("pedantic: > token", b"PUB > 1\r\na\r\n", INVALID_PUBLISH, PEDANTIC),
    stays("pedantic: > in the middle", b"PUB a.>.b 1\r\na\r\n", INVALID_PUBLISH, PEDANTIC),
    stays("pedantic: empty first token", b"PUB .a 1\r\na\r\n", INVALID_PUBLISH, PEDANTIC),
    stays("pedantic: empty last token", b"PUB a. 1\r\na\r\n", INVALID_PUBLISH, PEDANTIC),
    stays("pedantic: wildcards inside a token pass", b"PUB a.b* 1\r\na\r\nPUB a> 1\r\na\r\n",
          b"", PEDANTIC),
    stays("pedantic: processing goes on, delivery too", b"SUB a.* 1\r\nPUB a.* 1\r\na\r\n",
          INVALID_PUBLISH + msg(b"a.*", b"1", b"a"), PEDANTIC),
    stays("pedantic and verbose: error, then +OK",
          b"PUB a..b 1\r\na\r\n", INVALID_PUBLISH + OK, RAW),
    closes("pedantic: the line is complained about, then the payload",
           b"PUB a..b 2\r\nhix\r\n", INVALID_PUBLISH + UNKNOWN, PEDANTIC),
    stays("pedantic: headers too", b"HPUB a..b 12 12\r\nNATS/1.0\r\n\r\n\r\n", INVALID_PUBLISH,
          b'CONNECT {"verbose":false,"pedantic":true,"headers":true}\r\n'),
    stays("not pedantic: no complaint, no delivery",
          b"SUB > 1\r\nPUB a..b 1\r\na\r\nPUB .a 1\r\nb\r\n"
          b"PUB a. 1\r\nc\r\n"),
    stays("UNSUB of an unknown sid", b"UNSUB 77\r\nUNSUB 77 5\r\n"),
    stays("UNSUB of an unknown sid, verbose", b"UNSUB 77\r\n", OK + OK, VERBOSE),
    stays("UNSUB with a bad max means now", SELF + b"UNSUB 1 xyz\r\nPUB foo 1\r\na\r\n"),
    stays("UNSUB with a negative max means now", SELF + b"UNSUB 1 -5\r\nPUB foo 1\r\na\r\n"),
    stays("UNSUB with a max of 10 digits means now",
          SELF + b"UNSUB 1 1000000000\r\nPUB foo 1\r\na\r\n"),
    stays("UNSUB with max 0 means now", SELF + b"UNSUB 1 0\r\nPUB foo 1\r\na\r\n"),
    stays("UNSUB with a bad max, verbose", SELF + b"UNSUB 1 xyz\r\n", OK + OK + OK, VERBOSE),
]

# 1.7 what holds without CONNECT
DEFAULTS = [
    stays("no CONNECT: SUB and PUB work, verbose", b"SUB foo 1\r\nPUB foo 2\r\nhi\r\nUNSUB 1\r\n",
          OK + OK + msg(b"foo", b"1", b"hi") + OK, RAW),
    stays("no CONNECT: PING works", b"PING\r\n", PONG, RAW),
    stays("verbose: no +OK for PING and PONG", b"PING\r\nPONG\r\n", OK + PONG, VERBOSE),
    stays("verbose: +OK of PUB precedes the self-delivery", SELF + b"PUB foo 2\r\nhi\r\n",
          OK + OK + OK + msg(b"foo", b"1", b"hi"), VERBOSE),
    stays("verbose: +OK of HPUB", b"HPUB foo 12 12\r\nNATS/1.0\r\n\r\n\r\n", OK + OK,
          b'CONNECT {"verbose":true,"pedantic":false,"headers":true}\r\n'),
    stays("sid is any token",
          b"SUB foo a-b_c\r\nSUB foo " + b"9" * 100 + b"\r\nUNSUB a-b_c\r\nPUB foo 1\r\na\r\n",
          msg(b"foo", b"9" * 100, b"a")),
    stays("duplicate sid is ignored",
          b"SUB foo 1\r\nSUB bar 1\r\nPUB bar 1\r\nb\r\nPUB foo 1\r\na\r\n",
          msg(b"foo", b"1", b"a")),
    stays("duplicate sid, verbose", b"SUB foo 1\r\nSUB bar q 1\r\n", OK * 3, VERBOSE),
    stays("a hundred tokens", b"SUB " + b".".join([b"t"] * 100) + b" 1\r\nPUB " +
          b".".join([b"t"] * 100) + b" 1\r\na\r\n", msg(b".".join([b"t"] * 100), b"1", b"a")),
    stays("two thousand tokens", b"SUB " + b".".join([b"t"] * 2000) + b" 1\r\nPUB " +
          b".".join([b"t"] * 2000) + b" 1\r\na\r\n", msg(b".".join([b"t"] * 2000), b"1", b"a")),
]

# There nats-server takes the LF for the first byte of the argument.
BLANK_LF = [closes("%s, a space and LF" % op.decode(), op + b" \nPING\r\n")
            for op in (b"SUB", b"UNSUB", b"PUB") if not QUIRKS["swallows_lf"]]

TABLE = BLANK_LF + LEXING + LIMITS + PAYLOAD + HEADER_BLOCKS + MALFORMED + DEFAULTS

BYTEWISE_MAX = 400  # longer rows are cut into random pieces only


def whole(data, _random):
    return [data]


def bytewise(data, random):
    if len(data) <= BYTEWISE_MAX:
        return [data[at:at + 1] for at in range(len(data))]
    return at_random(data, random)


def at_line_ends(data, random):
    """Cuts before and after each CR and each LF."""
    if len(data) > 20000:
        return at_random(data, random)
    pieces, start = [], 0
    for at in range(len(data)):
        if at > start and (data[at] in b"\r\n" or data[at - 1] in b"\r\n"):
            pieces.append(data[start:at])
            start = at
    return pieces + [data[start:]]


def at_random(data, random):
    count = random.randint(1, min(12, max(1, len(data) - 1)))
    places = sorted({random.randint(1, max(1, len(data) - 1)) for _ in range(count)})
    edges = [0] + places + [len(data)]
    return [data[low:high] for low, high in zip(edges, edges[1:]) if low < high]


def accepted(row):
    """The byte strings that may come back; more than one only where the reference has a quirk."""
    wants = [row.expect]
    if QUIRKS["pedantic_twice"] and INVALID_PUBLISH in row.expect:
        wants.append(row.expect.replace(INVALID_PUBLISH, INVALID_PUBLISH * 2))
    return wants


def read_row(client, row):
    """None, or how the bytes that came differ from what the row expects."""
    tail = b"" if row.closes else PONG + PONG
    got = b""
    for want in accepted(row):
        client.unread(got)
        got = client.read_as(want + tail)
        if got == want + tail:
            if row.closes:
                client.expect_closed()
            return None
    return difference(row.expect + tail, got, "closed" if client.ended else "open")


def run_row(hub, row, cut, random):
    """None, or what went wrong."""
    try:
        with Client(hub, row.connect) as client:
            all_sent = client.send_pieces(cut(row.send, random))
            if row.closes:
                return read_row(client, row)
            if not all_sent:
                return "closed while it was being sent; got %r" % client.drain(1)[:200]
            client.send(b"PING\r\nPING\r\n")
            return read_row(client, row)
    except (AssertionError, Closed, OSError) as error:
        return "%s: %s" % (type(error).__name__, error)


class LexingTest(HubTest):
    """Rows run one after another: several listen to the same subject."""

    def run_table(self, cut):
        random = seeded_random()
        seeds = [type(random)(random.random()) for _ in TABLE]
        failures = []
        for row, seed in zip(TABLE, seeds):
            problem = run_row(self.hub, row, cut, seed)
            if problem:
                failures.append("%s: %s\n  sent %r" % (row.name, problem, row.send[:120]))
        if failures:
            self.fail("%d of %d rows, %s:\n%s" % (len(failures), len(TABLE), cut.__name__,
                                                  "\n".join(failures)))

    def test_whole(self):
        self.run_table(whole)

    def test_byte_by_byte(self):
        self.run_table(bytewise)

    def test_cut_at_line_ends(self):
        self.run_table(at_line_ends)

    def test_cut_at_random(self):
        self.run_table(at_random)

    def test_row_names_are_unique(self):
        names = [row.name for row in TABLE]
        self.assertEqual(sorted(set(names)), sorted(names))


if __name__ == "__main__":
    unittest.main()
