#!/usr/bin/env python3
"""picture.py GNTSIM FILE: has the demo's vchan pair say hello, kills the server, and draws the trace.

A program is called after its file: each proxy is started by a link of another name. What is drawn are the two: xenstored, which only carried their addresses, is left out of it.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

PROXY = "/usr/lib/xen-4.17/bin/vchan-socket-proxy"
PATH = "/local/domain/0/data/first"
PATIENCE = 60


def start_proxy(gntsim, directory, domain, mode, peer):
    ours, its = socket.socketpair()
    machine, program = os.path.join(directory, "machine"), os.path.join(directory, "vchan-" + mode)
    os.symlink(PROXY, program)
    proxy = subprocess.Popen(
        [gntsim, "run", "--socket", machine, "--domain", str(domain), "--", program,
         "--mode", mode, str(peer), PATH, "-"],
        stdin=its, stdout=its, stderr=subprocess.DEVNULL)
    its.close()
    ours.settimeout(PATIENCE)
    return proxy, ours


def say(sender, receiver, text):
    sender.sendall(text)
    got = b""
    while len(got) < len(text):
        piece = receiver.recv(len(text) - len(got))
        if not piece:
            raise SystemExit("picture.py: a proxy ended too early")
        got += piece


def crash(gntsim, directory, trace):
    machine = os.path.join(directory, "machine")
    serve = subprocess.Popen([gntsim, "serve", "--xenstore", "--socket", machine, "--trace", trace,
                              "--trace-format", "json"], stdout=subprocess.PIPE, text=True)
    try:
        if not serve.stdout.readline():
            raise SystemExit("picture.py: gntsim serve did not start")
        # A node's permission for a domain that is not there yet is none for the one that comes: xenstored forgets it.
        subprocess.run([gntsim, "control", "--socket", machine, "create", "1"], check=True, timeout=PATIENCE)
        server, server_data = start_proxy(gntsim, directory, 0, "server", 1)
        client, client_data = start_proxy(gntsim, directory, 1, "client", 0)
        say(client_data, server_data, b"hello, other side")
        say(server_data, client_data, b"hello, client")
        server.send_signal(signal.SIGKILL)
        server.wait(PATIENCE)
        client.wait(PATIENCE)
    finally:
        serve.terminate()
        serve.wait(PATIENCE)


def only_proxies(trace, out):
    """The proxies' own calls, from the first one on; what passes with them in between stays."""
    with open(trace, encoding="utf-8") as text:
        lines = [json.loads(line) for line in text]
    with open(out, "w", encoding="utf-8") as file:
        for line in lines:
            if line["type"] == "gntsim-trace" or line.get("program", "").startswith("vchan-"):
                print(json.dumps(line), file=file)


def main():
    gntsim, picture = os.path.abspath(sys.argv[1]), sys.argv[2]
    directory = tempfile.mkdtemp()
    try:
        trace, proxies = (os.path.join(directory, name) for name in ("trace.json", "crash.json"))
        crash(gntsim, directory, trace)
        only_proxies(trace, proxies)
        if len(sys.argv) > 3:
            shutil.copy(trace, sys.argv[3])
        subprocess.run([gntsim, "timeline", proxies, "-o", picture, "--title",
                        "A vchan server in domain 0 gets a SIGKILL; its client in domain 1 hears of it"],
                       check=True)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
