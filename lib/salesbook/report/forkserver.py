"""The process that page kernels are forked from: it imports what pages import, once, then forks whenever asked.

Our own, because the standard library's server takes over our environment, secrets included, and its kernels run our
main module again. forked.py speaks to it: one socket per kernel, on which the request comes in and two lines go back,
the kernel's process id and, when it ended, its exit code.
"""

import gc
import importlib
import json
import os
import signal
import socket
import sys

from salesbook.report.launch import run_kernel

# What pages use. Nothing here may start a thread or open a DuckDB connection: neither survives a fork. Not
# matplotlib_inline.backend_inline either: a kernel that finds it imported shows no figures.
PRELOAD = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "pyarrow",
    "pandas",
    "scipy.stats",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "duckdb",
    "salesbook.book",
    "salesbook.page",
    "salesbook.kpis",
    "salesbook.compare",
    "salesbook.findings",
)


def serve(control: socket.socket) -> dict | None:
    """Fork a kernel for every socket that comes in on `control`, until its other end is gone.

    Rule: kernels that are left then are ended, with all they started.
    Returns: in a forked process what was asked of it; in the server, at its end, None.
    """
    lines: dict[int, socket.socket] = {}
    signal.signal(signal.SIGCHLD, lambda *_: reap(lines))
    while files := socket.recv_fds(control, 1, 1)[1]:
        line = socket.socket(fileno=files[0])
        with line.makefile() as asking:
            asked = json.loads(asking.readline())
        # A kernel that ends at once must not be reaped before it is known.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        pid = os.fork()
        if not pid:
            for other in (control, *lines.values()):
                other.close()
            begin(line)
            return asked
        lines[pid] = line
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for pid in lines:
        os.killpg(pid, signal.SIGKILL)
    return None


def begin(line: socket.socket) -> None:
    """Make of a forked process one of its own, and tell its id."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    os.setsid()
    with line:
        line.sendall(f"{os.getpid()}\n".encode())


def reap(lines: dict[int, socket.socket]) -> None:
    """Tell of every kernel that has ended how it did."""
    while lines:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with lines.pop(pid) as line:
            try:
                line.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
            except BrokenPipeError:
                continue  # whoever asked for it has gone, and this server will end too


def main(file: int) -> None:
    """Import, serve; in a forked process, be a kernel."""
    for name in PRELOAD:
        importlib.import_module(name)
    gc.freeze()  # what is not looked at is not copied
    asked = serve(socket.socket(fileno=file))
    if asked:
        os.environ |= asked["env"]
        os.chdir(asked["cwd"])
        run_kernel(asked["arguments"])
    os._exit(0)  # nothing to tidy: taking down what was frozen only makes noise


if __name__ == "__main__":
    main(int(sys.argv[1]))
