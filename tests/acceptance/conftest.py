"""The command line at a desk: a simulator, a settings file, and commands that run in this process."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hongbao.cli.main import main
from hongbao.simulator import Simulator

OPENID = "o000000000000000000000000001"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON line it printed."""
        (line,) = self.out.splitlines()
        return json.loads(line)


class CommandLine:
    """Types commands into a terminal whose folder has a hongbao.toml for the simulator's merchant."""

    def __init__(self, simulator: Simulator, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.simulator = simulator
        self.merchant = simulator.merchant
        self.control = simulator.control
        self.folder = folder
        self.file = folder / "hongbao.toml"
        self._capsys = capsys
        self.write()

    def write(self, *, read_ms: int = 20_000, **changes: object) -> None:
        """Write the settings; a change that is None leaves a key out."""
        merchant = self.merchant
        keys: dict[str, object] = {
            "mch_id": merchant.mch_id,
            "api_key": merchant.api_key,
            "p12": merchant.p12,
            "base_url": self.simulator.base_url,
            "ca_file": self.simulator.ca_file,
            "workwx_secret": merchant.work_secret,
            **changes,
        }
        lines = [f'{name} = "{value}"' for name, value in keys.items() if value is not None]
        self.file.write_text(
            "\n".join(
                [
                    "[merchants.main]",
                    *lines,
                    "[merchants.main.accounts]",
                    f'shop = "{merchant.official_appid}"',
                    f'app = "{merchant.mini_appid}"',
                    f'company = "{merchant.corp_appid}"',
                    "[merchants.main.wording]",
                    'send_name = "示例商户"',
                    'wishing = "恭喜发财"',
                    'act_name = "活动"',
                    'remark = "备注"',
                    "[merchants.main.timeouts]",
                    f"read_ms = {read_ms}",
                ]
            ),
            encoding="utf-8",
        )
        self.file.chmod(0o600)

    def __call__(self, *arguments: str) -> Ran:
        """Run a command. Whatever it says, it gives away neither a key nor a person."""
        code = main(arguments)
        said = self._capsys.readouterr()
        for private in (self.merchant.api_key, self.merchant.work_secret, OPENID):
            assert private not in said.out + said.err
        return Ran(code, said.out, said.err)

    def send(self, *arguments: str, kind: str = "send", account: str = "shop", openid: str = OPENID) -> Ran:
        """Send 1.88 yuan as order number A1, unless the arguments say otherwise."""
        given = [*arguments]
        for option, value in (("--number", "A1"), ("--yuan", "1.88")):
            if not {option, {"--number": "--intent", "--yuan": "--fen"}[option]} & set(given):
                given += [option, value]
        return self("packet", kind, "--account", account, "--openid", openid, *given)


@pytest.fixture
def command_line(
    hongbao_simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    """Commands in English, in a folder of their own, against a simulator in a fresh world."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HONGBAO_LANG", "en")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("HONGBAO_CONFIG", raising=False)
    return CommandLine(hongbao_simulator, tmp_path, capsys)
