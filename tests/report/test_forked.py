"""forked.py, forkserver.py, launch.py: forked kernels give what kernels started anew give, faster."""

import os
import sys
from pathlib import Path

import nbformat
import pytest

from fake_book import LIGHT, LIGHT_DONE, RUN, notebook, run_folder, whole_notebook
from salesbook.report import forked
from salesbook.report.export import page_html
from salesbook.report.run import Limits, run_pages
from salesbook.words import Words

pytestmark = pytest.mark.skipif(not forked.CAN_FORK, reason="this system cannot fork")
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def ran(place: Path, made, **limits):
    """A notebook, run."""
    nbformat.write(made, place / "funnel.ipynb")
    [page] = run_pages(run_folder(place / "run"), [place / "funnel.ipynb"], month="2026-10", limits=Limits(**limits))
    return page


def printed(page) -> str:
    """What the cells of a page printed."""
    outputs = [output for cell in page.notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.get("name") == "stdout")


def test_a_page_is_the_same_to_the_byte_with_either_kind_of_kernel(tmp_path):
    pages = [ran(tmp_path, whole_notebook(), is_forked=is_forked) for is_forked in (True, False)]
    assert [page.failure for page in pages] == [None, None]
    one, other = (page_html(page.notebook, Words("en", "EUR"), RUN, name="funnel") for page in pages)
    assert one.count("<svg") > 2
    assert one == other


def test_what_a_page_draws_without_a_seed_is_the_same_in_every_kernel(tmp_path):
    draw = "import random\nimport numpy\nprint(random.random(), numpy.random.rand())"
    drawn = [printed(ran(tmp_path, notebook(LIGHT, draw, LIGHT_DONE), is_forked=way)) for way in (True, True, False)]
    assert drawn[0]
    assert len(set(drawn)) == 1


@pytest.mark.parametrize("is_forked", [True, False])
def test_a_page_that_wants_more_memory_than_its_part_is_told_so(tmp_path, is_forked):
    greedy = notebook(LIGHT, "import numpy\nnumpy.ones(2 * 10**8)", LIGHT_DONE)
    failure = ran(tmp_path, greedy, is_forked=is_forked, memory=12 * 10**8).failure
    assert (failure.why, failure.cell, failure.error) == ("memory", 4, "MemoryError")
    assert "a page may hold 600 MB" in failure.detail
    assert ran(tmp_path, notebook(LIGHT, "1 + 1", LIGHT_DONE), is_forked=is_forked, memory=12 * 10**8).failure is None


@linux
def test_the_server_has_one_thread_and_so_can_be_forked_from(tmp_path):
    assert ran(tmp_path, notebook(LIGHT, LIGHT_DONE)).failure is None
    assert len(os.listdir(f"/proc/{forked.server().process.pid}/task")) == 1


def test_a_forked_kernel_has_imported_what_pages_import(tmp_path):
    look = (
        "import sys\nprint({'pandas', 'scipy.stats', 'duckdb', 'salesbook.kpis', 'salesbook.page'} - set(sys.modules))"
    )
    assert printed(ran(tmp_path, notebook(LIGHT, look, LIGHT_DONE))) == "set()\n"


def test_a_kernel_of_a_server_that_has_gone_is_a_failure_and_the_next_run_has_another_server(tmp_path, monkeypatch):
    lost = forked.Server()
    lost.process.kill()
    lost.process.wait()
    with pytest.raises(RuntimeError, match="has ended"):
        lost.fork([], {}, str(tmp_path))
    lost.control.close()
    monkeypatch.setattr(forked, "SERVERS", [lost])
    assert forked.server() is not lost
    forked.server().close()


def test_a_server_that_is_closed_takes_its_kernels_along(tmp_path):
    server = forked.Server()
    kernel = server.fork(["-f", str(tmp_path / "none.json")], {"IPYTHONDIR": str(tmp_path)}, str(tmp_path))
    assert kernel.poll() is None
    server.close()
    assert kernel.wait() == -9


@pytest.mark.parametrize("is_forked", [True, False])
def test_what_the_engine_spilled_for_a_page_goes_when_the_page_ends(tmp_path, is_forked):
    spill = "from pathlib import Path\nspill = Path(run) / f'spill-{os.getpid()}'\nspill.mkdir()\nassert spill.is_dir()"
    assert ran(tmp_path, notebook(LIGHT, spill, LIGHT_DONE), is_forked=is_forked).failure is None
    assert list((tmp_path / "run").glob("spill*")) == []
