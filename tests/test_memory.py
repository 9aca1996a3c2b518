"""memory.py: a limit for all pages, its part for each, and what of that the engine may take."""

import ctypes
import dataclasses
import os
import subprocess
import sys

import pyarrow as pa
import pytest

from salesbook import memory
from salesbook.book import Book
from salesbook.cli import says_errors
from salesbook.engines.duckdb import connect
from salesbook.errors import MissingTool, WrongUsage
from salesbook.settings import load


@pytest.mark.parametrize(
    ("text", "size"), [("", 0), ("4GB", 4 * 10**9), ("1500MB", 15 * 10**8), ("1.5 GB", 15 * 10**8)]
)
def test_a_size_is_read(text, size):
    assert memory.size_of(text) == size


@pytest.mark.parametrize("text", ["4", "4 gigabytes", "-4GB", "4GiB", "GB"])
def test_a_size_that_cannot_be_read_is_refused(text):
    with pytest.raises(WrongUsage, match="4GB or 1500MB"):
        memory.size_of(text)


def test_the_limit_is_divided_by_the_pages_run_at_once_and_too_little_is_refused():
    assert memory.part(4 * 10**9, 2) == 2 * 10**9
    assert memory.part(0, 2) == 0
    with pytest.raises(WrongUsage, match="900 MB for 2 pages"):
        memory.part(9 * 10**8, 2)


def test_the_engine_of_a_page_keeps_to_half_of_the_pages_part(sample_book, monkeypatch):
    ask = "select current_setting('memory_limit') as size"
    monkeypatch.setenv(memory.PAGE, str(2 * 10**9))
    assert memory.for_engine() == "1000MB"
    assert Book(sample_book.folder).rows(ask)["size"].tolist() == ["953.6 MiB"]
    monkeypatch.delenv(memory.PAGE)
    assert memory.for_engine() == ""
    assert Book(sample_book.folder).rows(ask)["size"].tolist() != ["953.6 MiB"]


def test_a_build_leaves_a_fifth_of_the_limit_to_what_is_not_duckdb():
    assert memory.for_build("2GB") == "1600MB"
    assert memory.for_build("") == ""


def test_what_does_not_fit_goes_into_the_runs_folder_under_the_process_id(sample_book, monkeypatch):
    monkeypatch.setenv(memory.PAGE, str(300 * 10**6))
    book = Book(sample_book.folder)
    book.rows("create table much as select random() as a, r from range(20000000) t(r)")
    assert list((sample_book.folder / f"spill-{os.getpid()}").iterdir())
    book.connection.close()


def test_the_limit_of_the_settings_is_of_the_machine_and_no_part_of_a_run(project, tmp_path):
    text = (project / "salesbook.toml").read_text(encoding="utf-8")
    (tmp_path / "salesbook.toml").write_text(text.replace("# memory =", "memory ="), encoding="utf-8")
    limited, whole = load(tmp_path), load(project)
    assert (limited.memory, whole.memory) == ("4GB", "")
    assert repr(dataclasses.replace(limited, home=project)) == repr(whole)
    (tmp_path / "salesbook.toml").write_text(text.replace('# memory = "4GB"', 'memory = "much"'), encoding="utf-8")
    with pytest.raises(WrongUsage, match="much"):
        load(tmp_path)


def test_too_little_memory_ends_a_command_with_what_to_do_and_no_traceback(tmp_path, capsys):
    @says_errors
    def held() -> None:
        with connect([tmp_path], tmp_path / "spill", memory="20MB") as con:
            con.execute("select list(r) from range(10000000) t(r)").fetchall()

    with pytest.raises(SystemExit) as ended:
        held()
    assert ended.value.code == MissingTool.exit_code
    told = capsys.readouterr().err
    assert "too little memory" in told
    assert "[limits]" in told
    assert "19.0 MiB" in told


@pytest.mark.parametrize("error", [MemoryError(), pa.ArrowMemoryError("malloc of size 64 failed")])
def test_the_errors_of_other_libraries_without_memory_are_told_too(error):
    assert memory.refused(error).wrong == "There is too little memory."
    assert memory.refused(ValueError(str(error))) is None


@pytest.mark.skipif(sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="glibc alone has it")
def test_memory_that_is_freed_is_kept_for_what_is_asked_for_next():
    counting = """
import resource, sys
from salesbook import memory
if sys.argv[1] == "kept":
    memory.keep_freed()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
held = bytearray(2 << 20)
del held
before = faults()
for size in range(2 << 20, 12 << 20, 1 << 20):
    bytearray(size)
print(faults() - before)
"""
    asked = [[sys.executable, "-c", counting, way] for way in ("kept", "left")]
    kept, left = (int(subprocess.run(one, capture_output=True, text=True, check=True).stdout) for one in asked)
    assert kept < left / 2
