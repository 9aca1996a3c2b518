"""The kernels of pages: the interpreter that runs us, a clean environment, a process group of their own."""

import contextlib
import os
import signal
import socket
import sys
import uuid
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop
from traitlets import Dict, Unicode

# What a kernel needs of our environment; the rest stays here, so that no secret reaches a page.
KEPT = {"PATH", "HOME", "LANG", "LANGUAGE", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "USERPROFILE", "VIRTUAL_ENV"}
KEPT_PREFIXES = ("LC_", "PYTHON", "LD_", "DYLD_", "CONDA_", "XDG_", "MPL", "OMP_", "OPENBLAS_", "COV")


LONGEST_SOCKET = 90  # the path of a socket may have 104 signs on macOS, 108 on Linux


class PageKernel(AsyncKernelManager):
    """A kernel for one page, reached through sockets in a folder of ours where the system has them."""

    page_env = Dict(help="variables of the page's own")
    page_folder = Unicode(help="a folder for sockets and for what IPython writes")

    def __init__(self, **options):
        super().__init__(**options)
        place = Path(self.page_folder) / uuid.uuid4().hex[:8]
        self.connection_file = f"{place}.json"
        if hasattr(socket, "AF_UNIX") and len(str(place)) < LONGEST_SOCKET:
            self.transport, self.ip = "ipc", str(place)

    @property
    def kernel_spec(self) -> KernelSpec:
        """This very interpreter, whatever kernels the user has installed."""
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="salesbook", language="python")

    async def _async_start_kernel(self, **options) -> None:
        """Start with a clean environment: nothing of the user's IPython, no time zone, no secret."""
        kept = {key: value for key, value in os.environ.items() if key in KEPT or key.startswith(KEPT_PREFIXES)}
        ours = {"IPYTHONDIR": self.page_folder, "MPLBACKEND": "agg", "PYTHONHASHSEED": "0", "TZ": "UTC"}
        await super()._async_start_kernel(**options, env=kept | ours | self.page_env)

    start_kernel = _async_start_kernel

    def client(self, **options):
        """A client, remembered: whoever brings a kernel must close what speaks to it."""
        self.clients = [*getattr(self, "clients", []), super().client(**options)]
        return self.clients[-1]


def kill(kernel: PageKernel) -> None:
    """End a kernel and all it started; it holds nothing that would need a goodbye. Safe from any thread."""
    process = getattr(kernel.provisioner, "process", None)
    if process is None or process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        if hasattr(os, "killpg") and os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def close(kernel: PageKernel) -> None:
    """End a kernel and close what spoke to it, in the thread that used it, with that thread's event loop."""
    kill(kernel)
    for client in getattr(kernel, "clients", []):
        client.stop_channels()
    loop = ensure_event_loop()
    loop.run_until_complete(kernel.cleanup_resources())
    loop.close()
