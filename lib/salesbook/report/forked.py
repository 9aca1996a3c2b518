"""Kernels forked from a server that has imported what pages import: our side of forkserver.py.

Light to import, so that the server can begin while we import what a report needs.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading

# macOS can fork, but what its libraries did before does not survive it.
CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"

# What a kernel needs of our environment; the rest stays here, so that no secret reaches a page.
KEPT = {"PATH", "HOME", "LANG", "LANGUAGE", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "USERPROFILE", "VIRTUAL_ENV"}
KEPT_PREFIXES = ("LC_", "PYTHON", "LD_", "DYLD_", "CONDA_", "XDG_", "MPL", "COV")
# One thread of arithmetic a page: pages run side by side, sums come out the same, and no thread is there at a fork.
OURS = {
    "MPLBACKEND": "agg",
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}


def clean_environment() -> dict[str, str]:
    """The environment of every kernel: nothing of the user's IPython, no time zone, no secret."""
    kept = {key: value for key, value in os.environ.items() if key in KEPT or key.startswith(KEPT_PREFIXES)}
    return kept | OURS


class Forked:
    """The process of a forked kernel, with as much of subprocess.Popen as its users use."""

    stdin = stdout = stderr = None

    def __init__(self, line: socket.socket):
        self.line, self.guard, self.returncode = line, threading.Lock(), None
        self.replies = line.makefile()
        told = self.told()
        if not told:
            self.forget()
            raise RuntimeError("the process that kernels are forked from has ended")
        self.pid = int(told)

    def poll(self) -> int | None:
        """The exit code, below zero for a signal, or None while it runs."""
        return self.ended(0)

    def wait(self) -> int:
        """The exit code, when it has ended."""
        return self.ended(None)

    def ended(self, seconds: float | None) -> int | None:
        """The exit code if it comes within so many seconds; of a kernel whose server is gone, that of a kill."""
        with self.guard:
            if self.returncode is None and select.select([self.line], [], [], seconds)[0]:
                self.returncode = int(self.told() or -signal.SIGKILL)
                self.forget()
        return self.returncode

    def told(self) -> str:
        """The server's next line, or nothing where the server has gone."""
        try:
            return self.replies.readline()
        except ConnectionResetError:
            return ""

    def forget(self) -> None:
        """Close what led to the server."""
        self.replies.close()
        self.line.close()

    def send_signal(self, number: int) -> None:
        """Send the process a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


class Server:
    """The process that kernels are forked from. It ends when we do, and its kernels with it."""

    def __init__(self):
        self.has_forked = False
        self.control, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", "salesbook.report.forkserver", str(theirs.fileno())]
        with theirs:
            self.process = subprocess.Popen(command, env=clean_environment(), pass_fds=[theirs.fileno()],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            start_new_session=True)  # fmt: skip

    def fork(self, arguments: list[str], env: dict[str, str], cwd: str) -> Forked:
        """A new kernel; waits while the server still imports.

        Raises: RuntimeError where the server has ended.
        """
        self.has_forked = True
        line, theirs = socket.socketpair()
        with theirs:
            line.sendall(json.dumps({"arguments": arguments, "env": env, "cwd": cwd}).encode() + b"\n")
            try:
                socket.send_fds(self.control, [b"k"], [theirs.fileno()])
            except BrokenPipeError:
                theirs.close()  # then the line ends, and Forked says so
        return Forked(line)

    def close(self) -> None:
        """End the server and all its kernels."""
        self.control.close()
        if not self.has_forked:
            self.process.kill()  # it may still import
        self.process.wait()


def begin() -> None:
    """Begin the server, where there can be one: early, so that it has imported when pages begin."""
    if CAN_FORK:
        server()


SERVERS: list[Server] = []
guard = threading.Lock()


def server() -> Server:
    """The server of this process, begun when first asked for."""
    with guard:
        if not SERVERS or SERVERS[-1].process.poll() is not None:
            SERVERS.append(Server())
            atexit.register(SERVERS[-1].close)
        return SERVERS[-1]
