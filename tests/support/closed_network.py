"""A network namespace that reaches some ports of this machine's loopback and nothing else: no route, no other port.

A thread enters a new namespace and opens the ports there. A socket belongs to the namespace that it was made in, so
another thread accepts its connections and passes them on outside. What the first thread starts is in the namespace too.
Needs root.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import selectors
import socket
import subprocess
import threading

from . import namespaces

CLONE_NEWNET = 0x40000000


class ClosedNetwork:
    def __init__(self, ports):
        self._ports, self._work, self._ended = sorted(set(ports)), queue.Queue(), threading.Event()
        self._open, self.used = [], set()  # ports that were connected to
        threading.Thread(target=self._inside, daemon=True).start()
        self.run(self._enter)
        for server in self._open:
            threading.Thread(target=self._accept, args=(server,), daemon=True).start()

    def run(self, action):
        """Calls it in the namespace, and returns what it returns."""
        done = queue.Queue()
        self._work.put((action, done))
        result, error = done.get()
        if error:
            raise error
        return result

    def close(self):
        self._work.put(None)
        self._ended.set()
        for server in self._open:
            server.close()

    def _inside(self):
        while item := self._work.get():
            action, done = item
            try:
                done.put((action(), None))
            except BaseException as exc:
                done.put((None, exc))

    def _enter(self):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNET):  # of this thread alone
            raise OSError(ctypes.get_errno(), "unshare")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        for port in self._ports:
            self._open.append(socket.create_server(("127.0.0.1", port), backlog=100))

    def _accept(self, server):
        port = server.getsockname()[1]
        while not self._ended.is_set():
            try:
                inside, _address = server.accept()
            except OSError:
                return
            self.used.add(port)
            threading.Thread(target=self._pass_on, args=(inside, port), daemon=True).start()

    @staticmethod
    def _pass_on(inside, port):
        with (
            contextlib.suppress(OSError),
            inside,
            socket.create_connection(("127.0.0.1", port)) as outside,
            selectors.DefaultSelector() as selector,
        ):
            selector.register(inside, selectors.EVENT_READ, outside)
            selector.register(outside, selectors.EVENT_READ, inside)
            while selector.get_map():
                for key, _events in selector.select():
                    data = key.fileobj.recv(65536)
                    if data:
                        key.data.sendall(data)
                    else:
                        selector.unregister(key.fileobj)
                        with contextlib.suppress(OSError):
                            key.data.shutdown(socket.SHUT_WR)


def possible():
    return os.geteuid() == 0 and namespaces.possible("--net")
