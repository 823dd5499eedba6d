#!/usr/bin/env python3
"""A storm of reconnecting clients beside a steady fan-out: what do the established ones notice?

    bench/storm.py [--clients N] [--pace N] [--rate N] [--subscribers N]

Starts build/release/ringhub with limits { accept_rate: PACE } and measures with build/release/hubload,
one after the other: the latency of a fan-out alone, and the same while N clients connect at once. The
storm is over when all of them have the answer to the PING behind their SUB. Pace 0 is no limit.
"""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

BUILD = pathlib.Path(__file__).resolve().parent.parent / "build" / "release"
SECONDS = 8


def start_hub(directory, pace):
    arguments = [str(BUILD / "ringhub"), "-p", "-1", "--ports_file_dir", directory,
                 "-l", os.path.join(directory, "log")]
    if pace > 0:
        path = os.path.join(directory, "hub.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write("limits {accept_rate: %d}\n" % pace)
        arguments += ["-c", path]
    hub = subprocess.Popen(arguments)
    ports = os.path.join(directory, "ringhub_%d.ports" % hub.pid)
    while not os.path.exists(ports) or os.path.getsize(ports) == 0:
        if hub.poll() is not None:
            raise SystemExit("the hub ended at start")
        time.sleep(0.01)
    time.sleep(0.2)
    with open(ports, encoding="ascii") as file:
        return hub, json.load(file)["nats"][0]


def hubload(words, path):
    return subprocess.Popen([str(BUILD / "hubload")] + words + ["--json", path],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def fanout(url, options, directory, storm):
    path = os.path.join(directory, "fanout.json")
    steady = hubload(["fanout", "--url", url, "--subscribers", str(options.subscribers), "--rate",
                      str(options.rate), "--warmup", "2", "--duration", str(SECONDS)], path)
    took = None
    if storm:
        time.sleep(4)
        crowd_path = os.path.join(directory, "storm.json")
        crowd = hubload(["storm", "--url", url, "--subscribers", str(options.clients),
                         "--connecting", str(options.clients), "--subject", "storm", "--rate", "1",
                         "--duration", "1"], crowd_path)
        crowd.wait()
        with open(crowd_path, encoding="utf-8") as file:
            took = json.load(file)["runs"][0]
    steady.wait()
    with open(path, encoding="utf-8") as file:
        return json.load(file)["runs"][0], took


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clients", type=int, default=10000)
    parser.add_argument("--pace", type=int, default=2000, help="connections a second")
    parser.add_argument("--rate", type=int, default=200, help="messages a second")
    parser.add_argument("--subscribers", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        hub, url = start_hub(directory, options.pace)
        try:
            for storm in (False, True):
                result, crowd = fanout(url, options, directory, storm)
                show(result, crowd)
        finally:
            hub.send_signal(signal.SIGTERM)
            hub.wait()


def show(run, crowd):
    latency = run["latency"]
    print("%-9s p50 %.3f ms  p99 %.3f ms  max %.3f ms, %d of %d delivered" % (
        "alone:" if crowd is None else "in storm:", latency["p50_ns"] / 1e6,
        latency["p99_ns"] / 1e6, latency["max_ns"] / 1e6, run["delivered"], run["expected"]))
    if crowd is not None:
        print("the storm: %s" % json.dumps({key: crowd[key] for key in crowd
                                            if "connect" in key or key == "subscribers_reached"}))


if __name__ == "__main__":
    main()
