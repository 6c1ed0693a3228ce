"""`hongbao simulator`: WeChat Pay on a desk, until Ctrl-C; and its certificates alone."""

import json
import signal
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.cells import cell_len, set_cell_size

from hongbao.cli.voice import Lang, LangOption, both, speaking
from hongbao.clock import SystemClock
from hongbao.errors import BadInput, HongbaoError

if TYPE_CHECKING:
    from hongbao.simulator.simulator import Simulator
    from hongbao.simulator.views import Json

app = typer.Typer(
    help=both(
        "Run WeChat Pay on a desk and print its addresses and files; Ctrl-C or SIGTERM ends it.",
        "运行微信支付模拟器并输出地址与文件；Ctrl-C 或 SIGTERM 结束。",
    ),
    invoke_without_command=True,
)


class EraName(StrEnum):
    """Whose behaviour the simulator shows."""

    E2015 = "2015"
    E2016 = "2016"
    E2017 = "2017"
    E2025 = "2025"


class FlawName(StrEnum):
    """What is wrong with a certificate made to be refused."""

    SELF_SIGNED = "self-signed"
    OTHER_CA = "other-ca"
    EXPIRED = "expired"


@app.callback()
def run(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help=both("Where pay API and proxy listen.", "支付接口与代理的监听地址。"))
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help=both("Port of the pay API; 0 takes a free one.", "支付接口端口，0 为任选空闲端口。"))
    ] = 8443,
    proxy_port: Annotated[
        int, typer.Option(help=both("Port of the CONNECT proxy; 0 takes a free one.", "CONNECT 代理端口。"))
    ] = 8444,
    control_port: Annotated[
        int, typer.Option(help=both("Port of the control door; 0 takes a free one.", "控制台端口。"))
    ] = 8445,
    control_host: Annotated[
        str, typer.Option(help=both("Where the control door listens.", "控制台的监听地址。"))
    ] = "127.0.0.1",
    control_exposed: Annotated[
        bool,
        typer.Option(
            help=both(
                "Allow a control host that other machines reach. The door has no lock.",
                "允许其他机器访问控制台（无鉴权）。",
            )
        ),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            help=both(
                "Folder that keeps state and certificates; without it: memory.",
                "保存状态与证书的目录，缺省仅存于内存。",
            )
        ),
    ] = None,
    era: Annotated[
        EraName | None,
        typer.Option(
            help=both(
                "Whose behaviour and limits; without it: the folder's, else 2025.",
                "模拟哪一年的行为，缺省随目录，否则 2025。",
            )
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help=both(
                "Decides everything that is chance; without it: the folder's, else 0.", "随机种子，缺省随目录，否则 0。"
            )
        ),
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            help=both(
                "Override a rule, as name=value with a JSON value; may be repeated.",
                "覆盖规则，写作 name=JSON 值，可重复。",
            )
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help=both("Print one JSON line when ready.", "就绪后输出一行 JSON。"))
    ] = False,
    lang: LangOption = None,
) -> None:
    if context.invoked_subcommand is not None:
        return
    with _speaking(lang, as_json=as_json):
        from hongbao.simulator.simulator import Simulator

        simulator = Simulator(
            era=None if era is None else era.value,
            data_folder=data,
            seed=seed,
            rules=_rules(rule or []),
            host=host,
            port=port,
            proxy_port=proxy_port,
            control_host=control_host,
            control_port=control_port,
            control_exposed=control_exposed,
        )
        leave = threading.Event()

        def end(_signal: int, _frame: FrameType | None) -> None:
            leave.set()

        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, end)
        with simulator:
            if as_json:
                typer.echo(json.dumps(_described(simulator), ensure_ascii=False))
                sys.stdout.flush()
            else:
                _show(simulator, data)
            leave.wait()


@app.command(
    help=both(
        "Make a CA, a server certificate and a merchant's pair as PEM and .p12 (passphrase: the mch_id).",
        "生成根证书、服务器证书和商户证书（PEM 与 .p12，口令为商户号）。",
    )
)
def certificates(
    out: Annotated[
        Path,
        typer.Option(
            help=both("Folder for the files; a CA that is there already is used again.", "输出目录；已有根证书则沿用。")
        ),
    ],
    mch_id: Annotated[
        list[str],
        typer.Option(help=both("The merchant the certificate names; may be repeated.", "证书所属商户号，可重复。")),
    ],
    flaw: Annotated[
        FlawName | None,
        typer.Option(help=both("Make a pair that must be refused instead of a good one.", "生成应被拒绝的证书。")),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help=both("Print the paths as one JSON line.", "以一行 JSON 输出路径。"))
    ] = False,
    lang: LangOption = None,
) -> None:
    with _speaking(lang, as_json=as_json):
        from hongbao.simulator.certificates import Authority

        clock = SystemClock()
        authority = Authority(out, clock)
        files = {"ca": str(authority.ca_file), "server": str(authority.server_file())}
        for merchant in mch_id:
            pair = (
                authority.merchant_pair(merchant)
                if flaw is None
                else authority.flawed_pair(merchant, flaw.value, clock.now_ms())
            )
            for kind in ("certificate", "key", "p12"):
                files[f"{merchant} {kind}"] = str(getattr(pair, kind))
    if as_json:
        typer.echo(json.dumps(files, ensure_ascii=False))
        return
    _show_pairs(files)


def _rules(texts: list[str]) -> dict[str, "Json"]:
    rules: dict[str, Json] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise BadInput(field="rule", fault=f"{text!r} has no =", remedy="write name=value, as in lenient_sign=true")
        try:
            rules[name] = json.loads(value)
        except ValueError:
            # A bare word is a text: bad_certificate=nginx_400.
            rules[name] = value
    return rules


def _described(simulator: "Simulator") -> dict[str, object]:
    merchant = simulator.merchant
    return {
        "base_url": simulator.base_url,
        "proxy_url": simulator.proxy_url,
        "control_url": simulator.control_url,
        "ca_file": str(simulator.ca_file),
        "merchant": {
            "mch_id": merchant.mch_id,
            "api_key": merchant.api_key,
            "certificate": str(merchant.certificate),
            "key": str(merchant.key),
            "p12": str(merchant.p12),
            "official_appid": merchant.official_appid,
            "mini_appid": merchant.mini_appid,
            "corp_appid": merchant.corp_appid,
            "work_secret": merchant.work_secret,
        },
    }


def _show(simulator: "Simulator", data: Path | None) -> None:
    merchant = simulator.merchant
    _show_pairs(
        {
            "pay API 支付接口": simulator.base_url,
            "CONNECT proxy 代理": simulator.proxy_url,
            "control door 控制台": simulator.control_url,
            "CA certificate 根证书": simulator.ca_file,
            "state 数据": data or "in memory, gone at the end",
            "merchant 商户号": merchant.mch_id,
            "API key 密钥": merchant.api_key,
            "p12 (passphrase: the mch_id)": merchant.p12,
            "PEM certificate 商户证书": merchant.certificate,
            "PEM key 证书私钥": merchant.key,
            "official account 公众号": merchant.official_appid,
            "mini-program 小程序": merchant.mini_appid,
            "enterprise 企业微信": merchant.corp_appid,
            "enterprise-pay secret": merchant.work_secret,
        }
    )
    typer.echo("Keys and money are for play. Ctrl-C ends it.")


def _show_pairs(pairs: Mapping[str, object]) -> None:
    """Print one pair per line, never wrapped: paths are there to be copied. Chinese is two cells wide."""
    width = max(cell_len(name) for name in pairs)
    for name, value in pairs.items():
        typer.echo(f"{set_cell_size(name, width)}  {value}")


@contextmanager
def _speaking(lang: Lang | None, *, as_json: bool) -> Generator[None]:
    """Turn errors into a report and an exit code; a missing extra is named."""
    with speaking(lang, as_json=as_json):
        try:
            yield
        except ImportError as error:
            raise HongbaoError(
                f"the simulator's extra is not installed ({error}): pip install 'hongbao[simulator]'"
            ) from error
