"""Pages as PDF, printed by Chromium."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from salesbook.errors import MissingTool

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge")
SECONDS = 120
OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-pdf-header-footer",
)


def browser() -> str:
    """The path of a Chromium.

    Raises: MissingTool where there is none.
    """
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if not found:
        looked = f"Looked for {', '.join(NAMES)}."
        raise MissingTool("There is no browser to print PDF with.", looked, "Install Chromium: apt install chromium.")
    return found


def print_page(html: Path, pdf: Path) -> None:
    """Print an HTML file to PDF, as its style sheet for paper says.

    Raises: MissingTool where the browser is missing or does not print.
    """
    # As root, in a container, Chromium cannot make its sandbox; the page has no script and asks nothing of a network.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as profile:
        command = [browser(), *OPTIONS, *sandbox, f"--user-data-dir={profile}", f"--print-to-pdf={pdf}", html.as_uri()]
        try:
            done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            found = f"Nothing after {SECONDS} seconds for {html.name}."
            raise MissingTool("The browser did not print.", found, "Try again, or leave out --format pdf.") from error
    if done.returncode or not pdf.is_file():
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise MissingTool("The browser did not print.", f"{html.name}: {last[0]}.", "See salesbook doctor.")
