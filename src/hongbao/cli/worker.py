"""`hongbao worker`: sends what is due and follows it to its end, until Ctrl-C or SIGTERM."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from hongbao import wiring
from hongbao.cli.packet import ConfigOption
from hongbao.cli.voice import LangOption, Voice, Words, both, speaking
from hongbao.clock import SystemDice
from hongbao.engine.ports import Notice, Store
from hongbao.settings import Settings, read_settings, settings_file


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "worker",
        help=both(
            "Send what is due for all merchants of the settings, and follow it, until Ctrl-C or SIGTERM."
            " Several may run on one database.",
            "为配置中的所有商户发放并跟踪红包，Ctrl-C 或 SIGTERM 结束；同一数据库可运行多个。",
        ),
    )(worker)


def worker(
    name: Annotated[
        str | None,
        typer.Option(
            help=both("Name of this worker, unlike all others; default: host and chance.", "本进程的唯一名称。")
        ),
    ] = None,
    fleet: Annotated[
        bool,
        typer.Option(
            "--fleet", help=both("One of many hosts on one PostgreSQL database.", "多主机共用 PostgreSQL 集群。")
        ),
    ] = False,
    config: ConfigOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help=both("Print one JSON line an event.", "每个事件输出一行 JSON。"))
    ] = False,
    lang: LangOption = None,
) -> None:
    with speaking(lang, as_json=as_json) as voice:
        settings = read_settings(settings_file(config))
        store = wiring.open_store(settings.database)
        try:
            name = name or f"{socket.gethostname()}-{SystemDice().token(8)}"
            asyncio.run(_work(voice, settings, store, name, fleet=fleet))
        finally:
            store.close()


async def _work(voice: Voice, settings: Settings, store: Store, name: str, *, fleet: bool) -> None:
    async def hear(notices: Sequence[Notice]) -> None:
        if voice.as_json:
            for notice in notices:
                voice.json(
                    {
                        "event": notice.kind,
                        "order_number": notice.number,
                        "mch_id": notice.merchant,
                        "campaign": notice.campaign,
                        "amount_fen": notice.fen,
                        "at_ms": notice.at_ms,
                    }
                )

    def alarm(text: str) -> None:
        print(json.dumps({"alarm": text}, ensure_ascii=False) if voice.as_json else text, file=sys.stderr, flush=True)  # noqa: T201

    engine = wiring.engine(settings, store, name=name, alarm=alarm, listener=hear, fleet=fleet)
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, engine.worker.stop)
    voice.note(
        Words(
            f"worker {name}: sending for {', '.join(settings.merchants) or 'nobody'}; Ctrl-C ends it",
            f"工作进程 {name}：商户 {', '.join(settings.merchants) or '无'}；Ctrl-C 结束",
        )
    )
    try:
        await engine.run()
    finally:
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(each)
    voice.note(Words("stopped; nothing is under way", "已停止，无在途请求"))
