"""Runs the pages: the one place that starts notebooks. papermill's own record is not believed; see `judged`."""

import ast
import contextlib
import os
import re
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode, ValidationError
from nbformat.reader import NotJSONError
from papermill import PapermillExecutionError, execute_notebook
from papermill.engines import NBClientEngine, papermill_engines
from rich.console import Console
from rich.progress import Progress

from salesbook import memory
from salesbook.book import SLICES
from salesbook.cells import MARK, MIME
from salesbook.errors import WrongUsage
from salesbook.report.forked import CAN_FORK
from salesbook.report.kernels import PageKernel, close, kill
from salesbook.settings import PERIOD
from salesbook.words import LANGUAGE

ADDED = {"injected-parameters", "papermill-error-cell-tag"}  # cells that papermill adds
LINE = re.compile(r"Cell In\s*\[\d+\], line (\d+)")
TICK = 0.05  # seconds between two looks at whether the pages are done
ANSI = re.compile(r"\x1b\[[0-9;]*m")
# AssertionError: how nbclient says that a kernel did not answer before its first cell.
FAULTS = (PapermillExecutionError, CellExecutionError, CellTimeoutError, DeadKernelError, RuntimeError, AssertionError)


@dataclass(frozen=True)
class Limits:
    """How long a cell and the whole run may take, how many pages run at once, how many bytes all of them may hold (0 is
    no limit), and whether their kernels are forked from a server or started anew."""

    cell_seconds: int = 300
    run_seconds: int = 1800
    at_once: int = 2
    memory: int = 0
    is_forked: bool = CAN_FORK


DEFAULT = Limits()


class Watched(NBClientEngine):
    """papermill's engine, which hands over the notebook it runs: one that fails is seen as far as it got."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, *, seen: dict, **options) -> None:
        """Run the notebook; `seen` has it from the start."""
        seen["notebook"] = nb_man.nb
        super().execute_managed_notebook(nb_man, kernel_name, **options)


papermill_engines.register("salesbook", Watched)


@dataclass(frozen=True)
class Failure:
    """What failed and where: the notebook, its cell counted from the top, the line there, and why (a key of the words
    under `failure`)."""

    notebook: str
    why: str
    cell: int = 0
    line: int = 0
    source: str = ""
    error: str = ""
    detail: str = ""

    def __str__(self) -> str:
        """The failure in a line, for whoever mends it."""
        where = f" cell {self.cell}" if self.cell else ""
        where += f" line {self.line}" if self.line else ""
        told = ": ".join(filter(None, [self.error, self.detail])) or self.why
        return f"{self.notebook}{where}{f' `{self.source}`' if self.source else ''}: {told}"


@dataclass(frozen=True)
class PageRun:
    """A page that was run: its notebook as far as it got, and the failure if there is one."""

    name: str
    notebook: NotebookNode
    failure: Failure | None = None


def run_pages(
    run: Path,
    notebooks: list[Path],
    *,
    month: str,
    language: str = "",
    limits: Limits = DEFAULT,
    narrowed: dict[str, str] | None = None,
) -> list[PageRun]:
    """Run notebooks on a run's folder, some at once.

    Rule: a page succeeded when papermill returned, every code cell was run, no output is an error and the last cell
    left this run's mark. One that fails does not stop the others. Ctrl-C and SIGTERM end every kernel.
    Parameters: `run`, the run's folder; `notebooks`, in the order of the pages; `month`, as 2026-10 or 2026-Q3;
    `language`, in place of the run's; `limits`; `narrowed`, the product, team, territory or channel to tell of.
    Returns: a PageRun for each notebook, in their order.
    Raises: WrongUsage where a parameter is not one; KeyboardInterrupt or SystemExit when told to stop.
    """
    parameters = typed({"month": month, "run": str(Path(run).resolve())} | (narrowed or {}))
    with Stage(parameters, language, limits, [Path(notebook) for notebook in notebooks]) as stage:
        return stage.play()


def typed(parameters: dict[str, str]) -> dict[str, str]:
    """The parameters, if each is one that is known and of its kind.

    Raises: WrongUsage where one is not.
    """
    kinds = {"month": PERIOD.fullmatch, "run": os.path.isdir} | dict.fromkeys(SLICES, str.isprintable)
    for name, value in parameters.items():
        if name not in kinds or not isinstance(value, str) or not kinds[name](value):
            raise WrongUsage(
                f"The parameter {name} cannot be used.", f"Found {value!r}.", f"Known: {', '.join(kinds)}."
            )
    return parameters


class Stage:
    """A run of pages: the kernels it started, the mark it asks for, whether it was told to stop."""

    def __init__(self, parameters: dict[str, str], language: str, limits: Limits, notebooks: list[Path]):
        self.parameters, self.limits, self.notebooks = parameters, limits, notebooks
        self.mark = secrets.token_hex(16)
        self.part = memory.part(limits.memory, limits.at_once)
        self.variables = {MARK: self.mark, LANGUAGE: language, memory.PAGE: str(self.part)}
        self.kernels: list[PageKernel] = []
        self.done: list[Future] = []
        self.guard = threading.Lock()
        self.stopped = ""

    def __enter__(self):
        """Make the working folder, the pool and the progress bar; from here on SIGTERM stops the run."""
        self.after = contextlib.ExitStack()
        self.folder = Path(self.after.enter_context(tempfile.TemporaryDirectory(prefix="salesbook-")))
        is_terminal = sys.stderr.isatty()
        self.progress = self.after.enter_context(Progress(console=Console(stderr=True), disable=not is_terminal))
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
            self.after.callback(signal.signal, signal.SIGTERM, before)
        self.pool = ThreadPoolExecutor(self.limits.at_once)
        self.after.callback(self.stop, "stopped")
        return self

    def __exit__(self, *error):
        """End what still runs."""
        self.after.close()

    def play(self) -> list[PageRun]:
        """Run all pages, no longer than the limit."""
        futures = [self.pool.submit(self.page, notebook) for notebook in self.notebooks]
        for future in futures:
            future.add_done_callback(self.done.append)
        until = time.monotonic() + self.limits.run_seconds
        # Asleep, this thread holds no lock: one that Ctrl-C took it from would stay held, and a page wait for it.
        while len(self.done) < len(futures) and time.monotonic() < until:
            time.sleep(TICK)
        if len(self.done) < len(futures):
            self.halt("late")
        return [future.result() for future in futures]

    def halt(self, why: str) -> None:
        """Let no page begin any more, and end the kernels of those that run."""
        with self.guard:
            self.stopped = self.stopped or why
            kernels = list(self.kernels)
        for kernel in kernels:
            kill(kernel)

    def stop(self, why: str) -> None:
        """Halt, and wait until the threads are done."""
        self.halt(why)
        self.pool.shutdown(wait=True, cancel_futures=True)

    def page(self, path: Path) -> PageRun:
        """Run one page."""
        try:
            notebook = nbformat.read(path, as_version=4)
            lacking = self.lacking(notebook)
        except (NotJSONError, ValidationError, SyntaxError) as error:
            notebook, lacking = nbformat.v4.new_notebook(), f"it cannot be read ({type(error).__name__})"
        if lacking:
            return PageRun(path.stem, notebook, Failure(path.stem, "unfit", detail=lacking))
        task = self.progress.add_task(path.stem, total=len(notebook.cells))
        kernel = PageKernel(page_env=self.variables, page_folder=str(self.folder), is_forked=self.limits.is_forked)
        with self.guard:
            if self.stopped:
                return PageRun(path.stem, notebook, Failure(path.stem, self.stopped))
            self.kernels.append(kernel)
        seen = {"cell": 0}

        def begun(cell: NotebookNode, cell_index: int) -> None:
            seen["cell"] = cell_index
            self.progress.update(task, completed=cell_index)

        try:
            notebook, error = self.executed(path, kernel, begun)
        finally:
            self.clear(kernel)
            self.progress.update(task, completed=len(notebook.cells))
        failure = judged(path.stem, notebook, error, seen["cell"], self.mark, self.stopped)
        return PageRun(path.stem, notebook, limited(failure, self.part))

    def clear(self, kernel: PageKernel) -> None:
        """End a kernel and remove what DuckDB spilled for it."""
        close(kernel)
        shutil.rmtree(Path(self.parameters["run"]) / f"spill-{kernel.provisioner.pid}", ignore_errors=True)

    def lacking(self, notebook: NotebookNode) -> str:
        """What a notebook lacks to be run at all: the cell that takes the parameters, or one of them."""
        cells = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
        if not cells:
            return "no cell is tagged parameters"
        tree = ast.parse(cells[0].source)
        names = {target.id for node in tree.body for target in ast.walk(node) if isinstance(target, ast.Name)}
        missing = sorted(set(self.parameters) - names)
        return f"its parameters lack {', '.join(missing)}" if missing else ""

    def executed(self, path: Path, kernel: PageKernel, begun) -> tuple[NotebookNode, Exception | None]:
        """The notebook as papermill left it, and what it raised."""
        seen = {"notebook": nbformat.v4.new_notebook()}
        error = None
        try:
            # papermill takes braces in a path for parameters.
            safe = str(path.resolve()).replace("{", "{{").replace("}", "}}")
            # Without a file to write: papermill would write all of it after every cell.
            execute_notebook(safe, None, self.parameters, engine_name="salesbook", kernel_name="python3",
                             language="python", km=kernel, progress_bar=False, seen=seen, on_cell_start=begun,
                             execution_timeout=self.limits.cell_seconds)  # fmt: skip
        except FAULTS as raised:
            error = raised
        return seen["notebook"], error


def judged(name: str, notebook: NotebookNode, error: Exception | None, at: int, mark: str, stopped: str):
    """The failure of a page that was run, or None where it succeeded.

    Rule: papermill's record is not enough: it lies after a dead kernel or a time-out, and returns normally after
    `sys.exit(0)` or a failed magic.
    """
    code = [
        (spot, cell) for spot, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.source.strip()
    ]
    for spot, cell in code:
        for output in cell.outputs:
            if output.output_type == "error":
                return raised_in(name, notebook, spot, output)
        if cell.metadata.get("papermill", {}).get("exception"):
            return Failure(name, "error", number(notebook, spot), error="error", detail="a command in it failed")
    if stopped:
        return Failure(name, stopped, number(notebook, at))
    if error is not None:
        why = "late" if isinstance(error, CellTimeoutError) else "dead"
        told = ANSI.sub("", str(error)).strip().splitlines()
        return Failure(name, why, number(notebook, at), error=type(error).__name__, detail=told[0] if told else "")
    unrun = [spot for spot, cell in code if cell.execution_count is None]
    if unrun:
        return Failure(name, "unrun", number(notebook, unrun[0]))
    marks = [output.get("data", {}).get(MIME.format("done"), {}) for output in (code[-1][1].outputs if code else [])]
    if not any(left.get("mark") == mark for left in marks):
        detail = "its last cell does not call page.done(book)"
        return Failure(name, "unfinished", number(notebook, code[-1][0]) if code else 0, detail=detail)
    return None


def limited(failure: Failure | None, part: int) -> Failure | None:
    """The failure; of a kernel that went without a word, also with what it could hold: most likely it wanted more."""
    if failure is None or not part or failure.why not in ("dead", "memory"):
        return failure
    told = f"a page may hold {part // 10**6} MB (limits.memory, divided by the pages run at once)"
    return replace(failure, detail="; ".join(filter(None, [failure.detail, told])))


def raised_in(name: str, notebook: NotebookNode, spot: int, output: NotebookNode) -> Failure:
    """The failure of a cell that raised an error."""
    match = LINE.search(ANSI.sub("", "\n".join(output.get("traceback", []))))
    line = int(match[1]) if match else 0
    lines = notebook.cells[spot].source.splitlines()
    source = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    detail = " ".join(str(output.evalue).split())[:300]
    why = "memory" if output.ename in memory.ERRORS else "error"
    return Failure(name, why, number(notebook, spot), line, source, output.ename, detail)


def number(notebook: NotebookNode, spot: int) -> int:
    """A cell's number from the top of the notebook as its author has it."""
    return sum(ADDED.isdisjoint(cell.metadata.get("tags", [])) for cell in notebook.cells[: spot + 1])
