"""The kernels of pages: the interpreter that runs us, a clean environment, a process group of their own."""

import contextlib
import os
import signal
import socket
import sys
import uuid
from pathlib import Path

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner
from jupyter_core.utils import ensure_event_loop
from traitlets import Bool, Dict, Unicode

from salesbook.report import forked

LONGEST_SOCKET = 90  # the path of a socket may have 104 signs on macOS, 108 on Linux
LAUNCH = [sys.executable, "-P", "-m", "salesbook.report.launch"]
ARGUMENTS = ["-f", "{connection_file}"]  # nbclient adds that no history is written


class ForkedProvisioner(LocalProvisioner):
    """Starts a kernel by forking it; all else is as with a process started anew."""

    async def launch_kernel(self, cmd: list[str], **options) -> KernelConnectionInfo:
        """Fork a kernel with the arguments of this command."""
        # A kernel without a terminal's parent: it neither greets nor watches us, its server does.
        arguments = [*cmd[len(LAUNCH) :], "--IPKernelApp.parent_handle=1"]
        cwd = str(options.get("cwd") or Path.cwd())
        self.process = forked.server().fork(arguments, self.parent.page_env, cwd)
        self.pid = self.pgid = self.process.pid
        return self.connection_info


class PageKernel(AsyncKernelManager):
    """A kernel for one page, reached through sockets in a folder of ours where the system has them."""

    page_env = Dict(help="variables of the page's own")
    page_folder = Unicode(help="a folder for sockets and for what IPython writes")
    is_forked = Bool(help="whether it is forked from the server rather than started anew")

    def __init__(self, **options):
        super().__init__(**options)
        self.page_env = {"IPYTHONDIR": self.page_folder} | self.page_env
        place = Path(self.page_folder) / uuid.uuid4().hex[:8]
        self.connection_file = f"{place}.json"
        if hasattr(socket, "AF_UNIX") and len(str(place)) < LONGEST_SOCKET:
            self.transport, self.ip = "ipc", str(place)
        if self.is_forked:
            self.kernel_id = place.name
            self.provisioner = ForkedProvisioner(kernel_id=place.name, kernel_spec=self.kernel_spec, parent=self)

    @property
    def kernel_spec(self) -> KernelSpec:
        """This very interpreter, whatever kernels the user has installed."""
        return KernelSpec(argv=[*LAUNCH, *ARGUMENTS], display_name="salesbook", language="python")

    async def _async_start_kernel(self, **options) -> None:
        """Start with a clean environment."""
        await super()._async_start_kernel(**options, env=forked.clean_environment() | self.page_env)

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
