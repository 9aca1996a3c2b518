"""Good records are numbered, some of them behind all others: each keeps its line and its text."""

from pathlib import Path

import numpy as np
import pytest

from salesbook.sources.copies import Copy
from salesbook.sources.files import SourceFile
from salesbook.sources.reader import Declared, read


def text_of(folder: Path, with_returns: bool):
    """Eight good records, of which one goes over two lines, with a bad one and an empty line between them."""
    lines = ["a,b", "0,x", "1,x", "bad", "2,x", '3,"x', 'y"', "4,x", "", "5,x", "6,x", "7,x"]
    path = folder / "things.csv"
    path.write_bytes(("\r\n" if with_returns else "\n").join(lines).encode())
    copy = Copy(SourceFile("things.csv", path, "", ()), path, "", path.stat().st_size)
    return read(copy, Declared(), set(), folder)


@pytest.mark.parametrize("with_returns", [False, True])
@pytest.mark.parametrize("behind", [[], [0], [7], [2, 3], [0, 1, 3, 6], list(range(8))], ids=str)
def test_records_that_are_numbered_behind_all_others_keep_their_line_and_text(tmp_path, behind, with_returns):
    text = text_of(tmp_path, with_returns).numbered_behind(np.array(behind, np.int64))
    lines, order = [2, 3, 5, 6, 8, 10, 11, 12], [*(row for row in range(8) if row not in behind), *behind]
    originals = dict(text.originals(np.arange(8)))
    firsts, shifts = text.shifts.T
    for number, row in enumerate(order):
        assert originals[number].startswith(f"{row},")
        assert number + shifts[np.searchsorted(firsts, number, side="right") - 1] == lines[row]
    asked = [number for number, row in enumerate(order) if row in (1, 3, 7)]
    assert dict(text.originals(np.array(asked))) == {number: originals[number] for number in asked}
