"""Work that goes on beside other work, on another core: what comes of it is in the order in which it was given."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

WORKERS, AHEAD = 2, 8


def ahead(things: Iterator) -> Iterator:
    """What an iterator gives, the next of which is made while one is worked on; None ends it."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, things, None)
        while (thing := coming.result()) is not None:
            coming = pool.submit(next, things, None)
            yield thing


def in_order(work: Callable, parts: Iterator) -> Iterator:
    """What comes of parts that are worked on at the same time, in their order."""
    with ThreadPoolExecutor(WORKERS) as pool:
        coming = deque(pool.submit(work, part) for part in islice(parts, AHEAD))
        while coming:
            result = coming.popleft().result()
            coming.extend(pool.submit(work, part) for part in islice(parts, 1))
            yield result
