"""publish.py: a month appears whole or not at all, and the last good one stays."""

import json
import os

import pytest

from salesbook.errors import MissingTool, SalesbookError, WrongUsage
from salesbook.report import publish
from salesbook.report.publish import staged, verified

MONTH = "2026-10"


def make(reports, text: str) -> None:
    """Publish a month of one page and one deeper file."""
    with staged(reports, MONTH) as folder:
        (folder / "index.html").write_text(text)
        (folder / "data").mkdir()
        (folder / "data" / "a.csv").write_text("a")


def read(reports) -> str:
    return (reports / MONTH / "index.html").read_text()


def test_a_month_is_published_with_a_manifest_that_holds(tmp_path):
    make(tmp_path, "one")
    assert read(tmp_path) == "one"
    assert list(json.loads((tmp_path / MONTH / "manifest.json").read_text())) == ["data/a.csv", "index.html"]
    assert verified(tmp_path / MONTH) == []


def test_a_changed_an_added_and_a_lacking_file_are_seen(tmp_path):
    make(tmp_path, "one")
    (tmp_path / MONTH / "index.html").write_text("two")
    (tmp_path / MONTH / "more.html").write_text("x")
    (tmp_path / MONTH / "data" / "a.csv").unlink()
    assert verified(tmp_path / MONTH) == ["data/a.csv", "index.html", "more.html"]


def test_a_folder_without_a_manifest_is_no_published_month(tmp_path):
    with pytest.raises(SalesbookError, match="no published month"):
        verified(tmp_path)


def test_a_second_run_takes_the_place_of_the_first_and_leaves_nothing(tmp_path):
    make(tmp_path, "one")
    make(tmp_path, "two")
    assert read(tmp_path) == "two"
    assert sorted(path.name for path in (tmp_path / ".versions").iterdir()) == ["2026-10.2", "2026-10.lock"]


def test_an_error_while_making_leaves_the_last_good_month_and_no_staging(tmp_path):
    make(tmp_path, "one")
    with pytest.raises(RuntimeError, match="half"):
        half_made(tmp_path)
    assert read(tmp_path) == "one"
    assert not list((tmp_path / ".versions").glob("*.staging"))


def half_made(reports) -> None:
    with staged(reports, MONTH) as folder:
        (folder / "index.html").write_text("half")
        raise RuntimeError("half")


STEPS = ["synced", "next_number", "listed", "sha256", "os.replace", "os.readlink", "shutil.rmtree"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("nth", [0, 1, 2, 3])
def test_a_kill_at_any_step_leaves_a_whole_month_and_the_next_run_works(tmp_path, step, nth):
    make(tmp_path, "one")
    child = os.fork()
    if not child:
        die_at(step, nth)
        make(tmp_path, "two")
        os._exit(0)
    os.waitpid(child, 0)
    assert read(tmp_path) in ("one", "two")
    assert verified(tmp_path / MONTH) == []
    make(tmp_path, "three")
    assert read(tmp_path) == "three"
    assert sorted(path.suffix for path in (tmp_path / ".versions").iterdir())[1:] == [".lock"]


def die_at(step: str, nth: int) -> None:
    """Make the nth call of a step end this process at once, as kill -9 would."""
    place, _, name = step.rpartition(".")
    owner = getattr(publish, place) if place else publish
    real, calls = getattr(owner, name), iter(range(10_000))

    def dying(*given, **more):
        if next(calls) == nth:
            os._exit(9)
        return real(*given, **more)

    setattr(owner, name, dying)


def test_the_kill_test_can_hit(tmp_path):
    child = os.fork()
    if not child:
        die_at("os.replace", 0)
        make(tmp_path, "two")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert not (tmp_path / MONTH).exists()


def test_one_run_at_a_time_makes_a_month(tmp_path):
    with staged(tmp_path, MONTH), pytest.raises(WrongUsage, match="another run"):
        make(tmp_path, "two")
    with staged(tmp_path, MONTH):
        make_other(tmp_path)


def make_other(reports) -> None:
    with staged(reports, "2026-09") as folder:
        (folder / "index.html").write_text("other")


def test_a_folder_in_the_place_of_a_month_is_not_overwritten(tmp_path):
    (tmp_path / MONTH).mkdir()
    with pytest.raises(WrongUsage, match="no link of ours"):
        make(tmp_path, "one")


def test_a_full_disk_is_told_in_three_parts_and_leaves_the_last_good_month(tmp_path):
    make(tmp_path, "one")
    with pytest.raises(MissingTool, match="No space left"), staged(tmp_path, MONTH):
        raise OSError(28, "No space left on device", str(tmp_path))
    assert read(tmp_path) == "one"
