"""run.py: a page succeeds only when it came to its end; every other way is caught and named."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from fake_book import LIGHT as OPENED
from fake_book import LIGHT_DONE as DONE
from fake_book import PARAMETERS, notebook, run_folder
from salesbook.errors import WrongUsage
from salesbook.report.forked import CAN_FORK
from salesbook.report.run import Limits, run_pages, typed

FAULTS = {
    "raises": (notebook(OPENED, "x = 1\ny = x / 0", DONE), "error", 4, 2, "ZeroDivisionError"),
    "leaves": (notebook(OPENED, "import sys\nsys.exit(0)", DONE), "error", 4, 0, "SystemExit"),
    "dies": (notebook(OPENED, "os.kill(os.getpid(), 9)", DONE), "dead", 4, 0, "DeadKernelError"),
    "hangs": (notebook(OPENED, "import time\ntime.sleep(600)", DONE), "late", 4, 0, "CellTimeoutError"),
    "magic": (notebook(OPENED, "%no_such_magic", DONE), "error", 4, 0, "error"),
    "shell": (notebook(OPENED, "%%bash\nexit 3", DONE), "error", 4, 1, "CalledProcessError"),
    "no_mark": (notebook(OPENED, "1 + 1"), "unfinished", 4, 0, ""),
    "forged": (notebook(OPENED,  f"os.environ['SALESBOOK_REPORT'] = 'x'\n{DONE}"), "unfinished", 4, 0, ""),
    "untagged": (notebook(OPENED, DONE, parameters=None), "unfit", 0, 0, ""),
    "lacks_run": (notebook(OPENED, DONE, parameters="month = None"), "unfit", 0, 0, ""),
    "whole": (notebook(OPENED, "assert month == '2026-10'", DONE), None, 0, 0, ""),
}  # fmt: skip


KINDS = [pytest.param(True, id="forked", marks=pytest.mark.skipif(not CAN_FORK, reason="this system cannot fork")),
         pytest.param(False, id="anew")]  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def faults(tmp_path_factory, request):
    """Every fault run together, as a month's pages are, on kernels of either kind."""
    place = tmp_path_factory.mktemp("faults {braces} [and] spaces")
    run = run_folder(place / "run")
    paths = [place / f"{name}.ipynb" for name in FAULTS]
    for path in paths:
        nbformat.write(FAULTS[path.stem][0], path)
    pages = run_pages(
        run, paths, month="2026-10", limits=Limits(cell_seconds=4, run_seconds=60, is_forked=request.param)
    )
    return {page.name: page for page in pages}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_caught_and_its_cell_and_line_named(faults, name):
    _, why, cell, line, error = FAULTS[name]
    failure = faults[name].failure
    if why is None:
        assert failure is None
    else:
        assert (failure.why, failure.cell, failure.line, failure.error) == (why, cell, line, error), failure
        assert failure.notebook == name


def test_a_file_that_is_no_notebook_is_named_and_stops_no_other(tmp_path):
    (tmp_path / "torn.ipynb").write_text('{"cells": [')
    nbformat.write(notebook(OPENED, DONE, parameters="%magic"), tmp_path / "magic.ipynb")
    nbformat.write(notebook(OPENED, DONE), tmp_path / "whole.ipynb")
    paths = [tmp_path / f"{name}.ipynb" for name in ("torn", "magic", "whole")]
    pages = run_pages(run_folder(tmp_path / "run"), paths, month="2026-10")
    assert [page.failure.detail if page.failure else "" for page in pages] == [
        "it cannot be read (NotJSONError)", "it cannot be read (SyntaxError)", ""
    ]  # fmt: skip


def test_a_failure_tells_where_it_was_in_one_line(faults):
    assert str(faults["raises"].failure) == "raises cell 4 line 2 `y = x / 0`: ZeroDivisionError: division by zero"


@pytest.mark.parametrize("is_forked", KINDS)
def test_no_secret_of_ours_reaches_a_page(tmp_path, monkeypatch, is_forked):
    monkeypatch.setenv("WAREHOUSE_PASSWORD", "canary")
    monkeypatch.setattr("salesbook.report.forked.SERVERS", [])
    path = tmp_path / "p.ipynb"
    look = "assert 'WAREHOUSE_PASSWORD' not in os.environ\nassert 'canary' not in open('/proc/self/environ').read()"
    nbformat.write(notebook(OPENED, look if sys.platform == "linux" else look.splitlines()[0], DONE), path)
    [page] = run_pages(run_folder(tmp_path / "run"), [path], month="2026-10", limits=Limits(is_forked=is_forked))
    assert page.failure is None


def test_the_language_of_the_report_reaches_the_page(tmp_path):
    path = tmp_path / "p.ipynb"
    run = {"language": "en", "currency": "EUR", "month": "2026-10"}
    say = f"from salesbook.words import of_run\nassert of_run({run!r}).language == 'da'"
    nbformat.write(notebook(OPENED, say, DONE), path)
    [page] = run_pages(run_folder(tmp_path / "run"), [path], month="2026-10", language="da")
    assert page.failure is None


@pytest.mark.parametrize("is_forked", KINDS)
def test_a_run_that_takes_too_long_is_ended_and_its_page_named(tmp_path, is_forked):
    path = tmp_path / "slow.ipynb"
    nbformat.write(notebook(OPENED, "import time\ntime.sleep(600)", DONE), path)
    limits = Limits(run_seconds=7, is_forked=is_forked)
    [page] = run_pages(run_folder(tmp_path / "run"), [path], month="2026-10", limits=limits)
    assert (page.failure.why, page.failure.cell) == ("late", 4)


@pytest.mark.parametrize(
    "parameters", [{"month": "2026-13"}, {"month": "2026-10; x"}, {"run": "/no/such"}, {"colour": "A"}]
)
def test_a_parameter_that_is_unknown_or_of_the_wrong_kind_is_refused(parameters):
    with pytest.raises(WrongUsage, match=next(iter(parameters))):
        typed(parameters)


RUNNER = """
import sys
from pathlib import Path
from salesbook.report.run import Limits, run_pages
limits = Limits(is_forked=sys.argv[3] == "True")
run_pages(Path(sys.argv[1]), [Path(sys.argv[2])], month="2026-10", limits=limits)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("is_forked", KINDS[:1] if CAN_FORK else KINDS[1:])
def test_a_signal_to_the_run_ends_the_kernels(tmp_path, is_forked, number):
    sign = tmp_path / "kernel.pid"
    write = f"import os, time\nopen({str(sign)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    nbformat.write(notebook(write, DONE, parameters=PARAMETERS), tmp_path / "slow.ipynb")
    command = [sys.executable, "-c", RUNNER, str(run_folder(tmp_path / "run")), str(tmp_path / "slow.ipynb")]
    command.append(str(is_forked))
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as runner:
        try:
            until = time.monotonic() + 30
            while not (sign.exists() and sign.read_text()) and time.monotonic() < until:
                time.sleep(0.1)
            runner.send_signal(number)
            assert runner.wait(20) == {signal.SIGTERM: 143}.get(number, -number)
        finally:
            runner.kill()
    until = time.monotonic() + 20
    while alive(int(sign.read_text())) and time.monotonic() < until:
        time.sleep(0.1)  # a run that is killed cannot end its kernels: they see that it has gone
    assert not alive(int(sign.read_text()))


def alive(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    if not os.path.exists(f"/proc/{pid}/stat"):
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
