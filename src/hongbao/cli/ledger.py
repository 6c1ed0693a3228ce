"""`hongbao ledger`: the books, added up again by a second hand, and how they stand."""

import typer
from rich.table import Table

from hongbao.cli.desk import at_desk, money
from hongbao.cli.packet import ConfigOption, MerchantOption
from hongbao.cli.voice import Exit, JsonOption, LangOption, Words, both, speaking
from hongbao.engine.ports import Campaign
from hongbao.ledger.account import Balance
from hongbao.ledger.audit import audit

app = typer.Typer(help=both("The books: prove them, show them.", "账本：核对与查看。"), no_args_is_help=True)


@app.command("verify", help=both("Add all transfers up again and compare.", "重算全部记账并核对。"))
def verify(
    config: ConfigOption = None, merchant: MerchantOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    with speaking(lang, as_json=as_json) as voice, at_desk(config, merchant) as desk:
        with desk.store.audit() as books:
            merchants, campaigns = books.merchants(), books.campaigns()
            findings = audit(books.transfers(), merchants, campaigns, books.grants())
        if as_json:
            voice.json(
                {
                    "books": {
                        "closed": not findings,
                        "merchants": len(merchants),
                        "campaigns": len(campaigns),
                        "findings": [
                            {"check": finding.check, "subject": finding.subject, "text": finding.says}
                            for finding in findings
                        ],
                    }
                }
            )
        else:
            for finding in findings:
                voice.show(f"{finding.subject}: {finding.says}")
            voice.show(
                voice.say(
                    Words(
                        f"the books do not close: {len(findings)} findings"
                        if findings
                        else f"the books close to the fen: {len(merchants)} merchants, {len(campaigns)} campaigns",
                        f"账目不平：{len(findings)} 处"
                        if findings
                        else f"账目分毫不差：{len(merchants)} 个商户，{len(campaigns)} 个活动",
                    )
                )
            )
        if findings:
            raise typer.Exit(Exit.FAULT_FOUND)


@app.command("statement", help=both("Show a merchant's money, campaign by campaign.", "查看商户及各活动的资金。"))
def statement(
    config: ConfigOption = None, merchant: MerchantOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    with speaking(lang, as_json=as_json) as voice, at_desk(config, merchant) as desk:
        kept = desk.kept()
        campaigns: list[Campaign] = []
        while page := desk.store.campaigns(desk.mch_id, campaigns[-1].campaign if campaigns else None, 500):
            campaigns += page
        if as_json:
            voice.json(
                {
                    "statement": {
                        "mch_id": kept.merchant,
                        **_told(kept.balance),
                        "campaigns": [
                            {"campaign": each.campaign, "state": each.state.value, **_told(each.balance)}
                            for each in campaigns
                        ],
                    }
                }
            )
            return
        table = Table(
            *(
                voice.say(name)
                for name in (
                    Words("", ""),
                    Words("funded", "累计资金"),
                    Words("free", "可用"),
                    Words("promised", "已预留"),
                    Words("paid", "已支出"),
                    Words("came back", "累计退回"),
                )
            ),
            box=None,
        )
        table.add_row(f"{desk.name} ({kept.merchant})", *_shown(kept.balance))
        for each in campaigns:
            table.add_row(f"{each.campaign} ({each.state.value})", *_shown(each.balance))
        voice.show_table(table)


def _told(balance: Balance) -> dict[str, object]:
    return {
        "funded_fen": balance.funded,
        "free_fen": balance.free,
        "reserved_fen": balance.reserved,
        "paid_fen": balance.paid,
        "returned_fen": balance.returned,
    }


def _shown(balance: Balance) -> list[str]:
    return [money(fen) for fen in (balance.funded, balance.free, balance.reserved, balance.paid, balance.returned)]
