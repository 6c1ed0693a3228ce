"""The fixture that any project gets, and that nobody's pytest is disturbed when the simulator's extra is missing."""

import os
import subprocess
import sys
from pathlib import Path

from tests.acceptance.simulator_requests import SEND, element, post, send_body

from hongbao.simulator.simulator import Simulator

EXTRA = ("OpenSSL", "httptools", "starlette", "uvicorn", "uvloop")

PROJECT_TEST = """\

def test_first(hongbao_simulator):
    hongbao_simulator.control.add_fault("slow", wait_ms=1)
    hongbao_simulator.control.jump(days=40)

def test_second(hongbao_simulator, hongbao_simulator_session):
    assert hongbao_simulator is hongbao_simulator_session
    assert hongbao_simulator.control.faults() == []
    assert hongbao_simulator.base_url.startswith("https://127.0.0.1:")
"""


def run_pytest(project: Path, *arguments: str, without_extra: bool = False) -> subprocess.CompletedProcess[str]:
    """Run pytest as another project would; `without_extra` hides the extra's packages from that process."""
    environment = dict(os.environ)
    if without_extra:
        blind = "\n".join(["import sys", *(f"sys.modules[{name!r}] = None" for name in EXTRA)])
        (project / "sitecustomize.py").write_text(blind)
        environment["PYTHONPATH"] = str(project)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_fixture_sends_a_packet(hongbao_simulator: Simulator) -> None:
    """The fixture is known here without an import, and its merchant can send."""
    text = post(hongbao_simulator, SEND, send_body(hongbao_simulator.merchant, "A1"))[1]
    assert element(text, "err_code") == "SUCCESS"


def test_fixture_in_another_project(tmp_path: Path) -> None:
    """One server for the session, a fresh world for each test, no warnings."""
    (tmp_path / "test_project.py").write_text(PROJECT_TEST)
    done = run_pytest(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_without_the_extra_pytest_is_undisturbed(tmp_path: Path) -> None:
    """In a bare environment other tests run, and pytest starts without importing anything of ours but the plugin."""
    (tmp_path / "test_project.py").write_text(
        "import sys\n\ndef test_other():\n"
        "    ours = {name for name in sys.modules if name.split('.')[0] == 'hongbao'}\n"
        "    assert ours == {'hongbao', 'hongbao.pytest_plugin'}\n"
    )
    done = run_pytest(tmp_path, without_extra=True)
    assert done.returncode == 0, done.stdout + done.stderr
    version = run_pytest(tmp_path, "--version", without_extra=True)
    assert version.returncode == 0, version.stderr


def test_without_the_extra_the_fixture_says_what_to_install(tmp_path: Path) -> None:
    """Asking for the simulator in a bare environment fails with the command that cures it."""
    (tmp_path / "test_project.py").write_text("def test_it(hongbao_simulator):\n    pass\n")
    done = run_pytest(tmp_path, without_extra=True)
    assert done.returncode == 1
    assert "pip install 'hongbao[simulator]'" in done.stdout
    assert "Traceback" not in done.stdout
