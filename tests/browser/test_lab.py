"""The notebooks in JupyterLab in a real browser: opened, run from the top, their figures and tables seen."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

START_SECONDS = 60
# Lab keeps only the cells in view in the page, and asks whether to show news.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false"},
}


@pytest.fixture(scope="module")
def lab(home, tmp_path_factory):
    """The address of a JupyterLab on this machine alone, without a token, with settings of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = tmp_path_factory.mktemp("lab")
    own = {name: str(place / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    own |= {"JUPYTERLAB_SETTINGS_DIR": str(place / "user"), "JUPYTERLAB_WORKSPACES_DIR": str(place / "workspaces")}
    for name, values in SETTINGS.items():
        file = place / "user" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(values))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
               "--ServerApp.port_retries=0", "--IdentityProvider.token=", f"--ServerApp.root_dir={home}",
               "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]  # fmt: skip
    with (place / "log").open("w") as log:
        process = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=log, cwd=home)
    address = f"http://127.0.0.1:{port}"
    try:
        if not answers(f"{address}/api/status", process):
            pytest.fail(f"JupyterLab did not start: {(place / 'log').read_text()[-500:]}")
        yield address
    finally:
        process.terminate()
        process.wait(30)


def answers(address: str, process: subprocess.Popen) -> bool:
    """Whether a server comes up at an address."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return "started" in json.load(answer)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.3)
    return False


def test_every_notebook_runs_in_jupyterlab_and_shows_its_figures_and_tables(lab, home, drive):
    paths = sorted((home / "notebooks").glob("[!_]*.ipynb"))
    seen = drive("lab.mjs", lab, *(path.name for path in paths))
    assert {name: one["errors"] for name, one in seen.items() if one["errors"]} == {}
    assert {path.name: seen[path.name] for path in paths if not is_shown(path, seen[path.name])} == {}
    assert len(seen) > 3


def is_shown(path, seen: dict) -> bool:
    """Whether tables are seen, the glossary among them, and most figures: some only say why there is nothing."""
    return seen["tables"] > 0 and seen["figures"] > path.read_text(encoding="utf-8").count("page.figure(") / 2


def test_a_notebook_that_fails_is_seen_to(lab, home, drive):
    failing = json.loads((home / "notebooks" / "_template.ipynb").read_text())
    failing["cells"][-1]["source"] = "1 / 0"
    (home / "notebooks" / "explore").mkdir(exist_ok=True)
    (home / "notebooks" / "explore" / "fails.ipynb").write_text(json.dumps(failing))
    [seen] = drive("lab.mjs", lab, "explore/fails.ipynb").values()
    assert "ZeroDivisionError" in seen["errors"][0]
