"""options.py - what is an option of the hub worth? The same hub with flags A and with flags B, in turns.

    python3 bench/options.py [--rounds N] -- 'FLAGS OF A' 'FLAGS OF B' [option of hubload fanout...]

    python3 bench/options.py -- '--io epoll' '--io uring' --subscribers 1000 --window-messages 512
    python3 bench/options.py --server-a other/ringhub -- '' '' --subscribers 100 --size 262144

Each measurement is on a fresh hub on the first CPU, hubload on the second; `hubload compare` gives the
words. Results stay in build/options/.
"""
import argparse
import os
import resource
import subprocess
import sys

import rivals
import rivals_servers

CONNECTIONS = 18000


class Hub(rivals_servers.Ringhub):
    def __init__(self, build, path, flags):
        super().__init__(build)
        self.path = path or self.path
        self.flags = flags.split()

    def arguments(self, port, connections, cpus, config_path):
        return super().arguments(port, connections, cpus, config_path) + self.flags


def measure(options, hub, cpus, words, path):
    server_cpus, client_cpus = cpus
    folder = os.path.dirname(path)
    with rivals_servers.Running(hub, CONNECTIONS, server_cpus, folder) as running:
        pinned = ["taskset", "-c", ",".join(map(str, client_cpus))] if client_cpus else []
        command = pinned + [os.path.join(options.build, "hubload"), "fanout", "--url", running.url, "--label", "ringhub",
                            "--warmup", str(options.warmup), "--duration", str(options.duration), "--server-pid",
                            str(running.process.pid), "--json", path] + words
        done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True, check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120)
        if done.returncode != 0:
            sys.exit("options: hubload: " + done.stdout.strip()[-600:])


def main(words):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--duration", type=float, default=1.0)
    parser.add_argument("--warmup", type=float, default=0.4)
    parser.add_argument("--server-a", help="another executable for A")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("flags_a")
    parser.add_argument("flags_b")
    options, load = parser.parse_known_args(words)
    options.server_cpus = options.client_cpus = None
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    folder = os.path.join(options.build, "options")
    os.makedirs(folder, exist_ok=True)
    sides = {"A": Hub(options.build, options.server_a, options.flags_a), "B": Hub(options.build, None, options.flags_b)}
    paths = {"A": [], "B": []}
    for number in range(options.rounds):
        for side in ("AB", "BA")[number % 2]:
            paths[side].append(os.path.join(folder, "%s-%d.json" % (side, number)))
            measure(options, sides[side], rivals.cpus_choose(options), load, paths[side][-1])
    return subprocess.run([os.path.join(options.build, "hubload"), "compare", *paths["A"], "vs", *paths["B"]],
                          check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
