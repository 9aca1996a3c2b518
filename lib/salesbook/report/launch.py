"""What a page's kernel does before IPython takes over: its memory limit and its seeds.

An ordinary kernel runs this file (`python -m salesbook.report.launch`); a forked one calls `run_kernel`.
"""

import random
import sys

from salesbook import memory

SEED = 0  # of whatever a page draws without a seed of its own: the same in every kernel, forked or not


def run_kernel(arguments: list[str]) -> None:
    """Be a kernel until it is ended."""
    memory.limit()
    from ipykernel.kernelapp import IPKernelApp

    kernel = IPKernelApp.instance()
    kernel.initialize(arguments)
    kernel.shell.events.register("pre_run_cell", seed)
    kernel.start()


def seed(_) -> None:
    """Seed the generators that a process has one of, before the first cell: what comes up until then draws too."""
    import numpy as np
    from IPython import get_ipython

    get_ipython().events.unregister("pre_run_cell", seed)
    random.seed(SEED)
    np.random.seed(SEED)


if __name__ == "__main__":
    run_kernel(sys.argv[1:])
