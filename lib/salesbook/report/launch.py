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
    seed()  # last: what is imported on the way draws too
    kernel.start()


def seed() -> None:
    """Seed the generators that a process has one of: forked ones would otherwise share NumPy's state."""
    import numpy as np

    random.seed(SEED)
    np.random.seed(SEED)


if __name__ == "__main__":
    run_kernel(sys.argv[1:])
