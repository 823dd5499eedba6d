#!/usr/bin/env python3
"""Runs a client library's tests against the hub: clients.py [--config NAME] PROGRAM [ARGUMENT]...

The program finds the hub's address in E2E_URL. Over the socket E2E_CONTROL it may say "stop",
"start", "restart" (on the same port), "ldm" (lame duck; a new hub follows when that one has gone) or
"use NAME" (the configuration becomes NAME.conf of this folder, by a reload), a line each, and hears
"done" when that is done. Exits with the program's status, or 77 when there is no hub to test.
"""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness

SKIP = 77
HERE = pathlib.Path(__file__).resolve().parent
OPTIONS = {"lame_duck_duration": "30s", "lame_duck_grace_period": "500ms"}


class Driver:
    """Owns the hub while the program runs, and does to it what the program asks for."""

    def __init__(self, config):
        self.options = dict(OPTIONS)
        if config:
            self.options["config"] = (HERE / (config + ".conf")).read_text()
        self.hub = harness.Hub(**self.options)
        self.port = self.hub.port
        self.problem = None
        self.after_lame_duck = None

    def stop(self):
        self.hub.stop()

    def start(self):
        self.hub = harness.Hub(port=self.port, **self.options)

    def restart(self):
        self.stop()
        self.start()

    def ldm(self):
        old = self.hub
        os.kill(old.pid, signal.SIGUSR2)

        def follow():
            try:
                code = old.wait(30)
                if code != 0:
                    self.problem = "lame duck ended with %d" % code
                self.start()
            except Exception as error:
                self.problem = "lame duck: %s" % error

        self.after_lame_duck = threading.Thread(target=follow, daemon=True)
        self.after_lame_duck.start()

    def use(self, name):
        sentence = b"Reloaded server configuration"
        before = self.hub.log().count(sentence)
        path = os.path.join(self.hub.directory, "test.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write((HERE / (name + ".conf")).read_text())
        os.kill(self.hub.pid, signal.SIGHUP)
        deadline = time.monotonic() + 10 * harness.SLOWNESS
        while self.hub.log().count(sentence) == before:
            if time.monotonic() > deadline:
                raise AssertionError("not reloaded: " + self.hub.output())
            time.sleep(0.005)

    def serve(self, control):
        commands = {name: getattr(self, name)
                    for name in ("stop", "start", "restart", "ldm", "use")}
        with control.makefile("rw", encoding="ascii") as lines:
            for line in lines:
                try:
                    command, *arguments = line.split()
                    commands[command](*arguments)
                except Exception as error:
                    self.problem = "%s: %s" % (line.strip(), error)
                    control.close()
                    return
                lines.write("done\n")
                lines.flush()


def main(command):
    if harness.executable() is None:
        print("skipped: no executable of the hub under test")
        return SKIP
    config = None
    if command[0] == "--config":
        config, command = command[1], command[2:]
    driver = Driver(config)
    ours, theirs = socket.socketpair()
    environment = dict(os.environ, E2E_URL="nats://127.0.0.1:%d" % driver.port,
                       E2E_CONTROL=str(theirs.fileno()))
    print("%s %s" % (" ".join(command), " ".join(driver.hub.arguments)), flush=True)
    try:
        with subprocess.Popen(command, env=environment, pass_fds=[theirs.fileno()]) as program:
            theirs.close()
            threading.Thread(target=driver.serve, args=[ours], daemon=True).start()
            try:
                code = program.wait(100 * harness.SLOWNESS)
            except subprocess.TimeoutExpired:
                program.kill()
                print("%s takes too long" % command[0])
                code = 1
        if driver.after_lame_duck is not None:
            driver.after_lame_duck.join(30)
        driver.stop()
    finally:
        driver.hub.kill()
    if driver.problem is not None:
        print(driver.problem)
        return 1
    return 1 if code else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
