"""Faults done to the real command: killed, stopped, on a full or read-only disk, two at once; large in `make prove`."""

import signal
import subprocess

import pytest

from faulty import (
    MONTH,
    MONTHS,
    SECONDS,
    await_staging,
    begin,
    change,
    differing,
    full_disks,
    home_in,
    is_told,
    kill_points,
    report,
    small_disk,
    stands,
)


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """A home on a small disk of its own."""
    try:
        with small_disk(tmp_path_factory.mktemp("disks") / "small") as place:
            yield home_in(place)
    except PermissionError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with a published month, whose next report is another one."""
    place = home_in(tmp_path_factory.mktemp("home"))
    change(place, "first")
    assert report(place)[0] == 0
    change(place, "second")
    return place


def test_a_report_that_is_killed_leaves_the_last_whole_one_and_the_next_is_made(tmp_path):
    assert kill_points(home_in(tmp_path), 1) == []


def test_a_full_disk_is_told_and_leaves_the_last_whole_report(disk):
    assert full_disks(disk, [0, 0.6]) == []


def test_a_read_only_disk_is_told_and_leaves_the_last_whole_report(disk):
    change(disk, "before")
    assert report(disk)[0] == 0
    change(disk, "after")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    code, said = report(disk)
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert code == 4
    assert is_told(said, "Read-only")
    assert stands(disk, "before")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_report_that_is_stopped_says_so_and_leaves_the_last_whole_one(home, number):
    process = begin(home)
    await_staging(home)
    process.send_signal(number)
    _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + number
    assert "Stopped." in said
    assert "Traceback" not in said
    assert stands(home, "first")


def test_of_two_runs_of_one_month_at_once_each_makes_it_or_says_that_the_other_does(home):
    said = [(process.communicate(timeout=SECONDS)[1], process.returncode) for process in (begin(home), begin(home))]
    assert {code for _, code in said} <= {0, 2}
    assert 0 in {code for _, code in said}
    assert all(code == 0 or is_told(text, MONTH, "another run") for text, code in said)
    assert stands(home, "second")


def test_months_made_at_once_are_all_published_and_listed(home):
    processes = [begin(home, "--month", month) for month in MONTHS[:3]]
    assert [process.communicate(timeout=SECONDS)[1] for process in processes] == ["", "", ""]
    index = (home / "reports" / "index.html").read_text()
    assert all(f'"{month}/index.html"' in index for month in MONTHS[:3])


def test_a_month_is_the_same_to_the_byte_in_another_zone_locale_hash_seed_and_folder(tmp_path):
    many, wrong = differing(tmp_path, "--only", "scorecard")
    assert wrong == []
    assert many > 8
