"""`hongbao doctor`: is everything in place to send? Each check is one function that returns findings; none sends money.

A check that fails does not keep the others from running, as far as they can without it.
"""

import os
import socket
import ssl
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.text import Text

from hongbao import wiring
from hongbao.cli.packet import ConfigOption
from hongbao.cli.voice import Exit, JsonOption, LangOption, Voice, Words, both, speaking
from hongbao.clock import Clock, SystemClock
from hongbao.errors import BadInput
from hongbao.settings import BadSettings, MerchantSettings, Settings, read_settings, settings_file
from hongbao.wechat import (
    CallError,
    ClientCertificate,
    NothingSent,
    OrderIntent,
    QueryRedPack,
    QueryWorkRedPack,
    SameNumberAgain,
    Wait,
    order_number,
)

API_KEY_CHARACTERS = 32
CERTIFICATE_DAYS_MIN = 30
SKEW_WARN_MS = 5_000
SKEW_FAIL_MS = 60_000
_DAY_SECONDS = 86_400


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        check: which one.
        verdict: how it ended.
        fact: what is so.
        remedy: what to do, unless all is well.
    """

    check: Words
    verdict: Verdict
    fact: Words
    remedy: Words | None = None


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(
        "doctor",
        help=both("Check settings, keys, certificates, clock and WeChat.", "检查配置、密钥、证书、时钟与连通性。"),
    )(doctor)


def doctor(
    merchant: Annotated[
        str | None, typer.Option(help=both("Only this merchant; default: all.", "只检查此商户，默认全部。"))
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help=both("Leave out what needs the network.", "不做需要网络的检查。"))
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    with speaking(lang, as_json=as_json) as voice:
        clock = SystemClock()
        findings: list[tuple[str, Finding]] = []
        file = settings_file(config)
        settings, about_settings = check_settings(file)
        findings += [("", each) for each in about_settings]
        if settings is not None:
            chosen = dict([settings.merchant(merchant)]) if merchant is not None else dict(settings.merchants)
            for name, one in chosen.items():
                findings += [(name, each) for each in check_merchant(one, file, clock, offline=offline)]
        _report(voice, findings)


def check_settings(file: Path | None) -> tuple[Settings | None, list[Finding]]:
    """Read the settings; None if they cannot be used."""
    check = Words("settings", "配置")
    where = Words(str(file), str(file)) if file is not None else Words("environment only", "仅环境变量")
    try:
        settings = read_settings(file)
    except BadInput as error:
        faults = error.faults if isinstance(error, BadSettings) else (error,)
        return None, [_bad(check, each) for each in faults]
    if not settings.merchants:
        remedy = Words(
            "write hongbao.toml or give --config; see docs/reference/configuration.md",
            "请编写 hongbao.toml 或用 --config 指定；见 docs/reference/configuration.md",
        )
        fact = Words(f"no merchant ({where.en})", f"没有商户（{where.zh}）")
        return settings, [Finding(check, Verdict.FAIL, fact, remedy)]
    names = ", ".join(settings.merchants)
    return settings, [Finding(check, Verdict.OK, Words(f"{where.en}: merchants {names}", f"{where.zh}：商户 {names}"))]


def check_merchant(
    merchant: MerchantSettings, file: Path | None, clock: Clock, *, offline: bool = False
) -> Iterator[Finding]:
    """Run every check of one merchant."""
    yield from check_files(merchant, file)
    yield from check_api_key(merchant)
    yield from check_workwx_secrets(merchant)
    certificate, findings = open_certificate(merchant)
    yield from findings
    if certificate is not None:
        yield check_name(certificate, merchant.mch_id)
        yield check_dates(certificate, clock)
    if offline:
        return
    reached = False
    for url in merchant.base_url:
        host, about_clock = check_host(url, merchant, clock)
        yield host
        if about_clock is not None:
            reached = True
            yield about_clock
    if certificate is not None and reached:
        yield from check_queries(merchant)


def check_files(merchant: MerchantSettings, file: Path | None) -> Iterator[Finding]:
    """Warn of files with secrets in them that others on this machine can read."""
    if os.name != "posix":
        return
    check = Words("file modes", "文件权限")
    inline = merchant.api_key or merchant.p12_passphrase or merchant.workwx_secret
    secret = [
        file if inline is not None else None,
        merchant.api_key_file,
        merchant.p12,
        merchant.p12_passphrase_file,
        merchant.key,
        merchant.workwx_secret_file,
        *merchant.agents.values(),
    ]
    open_ones = [str(path) for path in secret if path is not None and _others_can_read(path)]
    if open_ones:
        names = ", ".join(open_ones)
        yield Finding(
            check,
            Verdict.WARN,
            Words(f"others on this machine can read {names}", f"本机其他用户可读取 {names}"),
            Words("chmod 600 them", "请执行 chmod 600"),
        )
    else:
        yield Finding(check, Verdict.OK, Words("secrets are readable by you alone", "密钥文件仅自己可读"))


def check_api_key(merchant: MerchantSettings) -> Iterator[Finding]:
    """See that the API key is there and has the shape of one."""
    check = Words("API key", "API 密钥")
    try:
        length = len(wiring.api_key(merchant).reveal())
    except BadInput as error:
        yield _bad(check, error)
        return
    if length != API_KEY_CHARACTERS:
        yield Finding(
            check,
            Verdict.FAIL,
            Words(f"has {length} characters, not {API_KEY_CHARACTERS}", f"长度为 {length}，应为 {API_KEY_CHARACTERS}"),
            Words("copy the APIv2 key from the portal, whole", "请从商户平台完整复制 APIv2 密钥"),
        )
    else:
        yield Finding(check, Verdict.OK, Words(f"{length} characters", f"{length} 个字符"))


def check_workwx_secrets(merchant: MerchantSettings) -> Iterator[Finding]:
    """See that the enterprise secrets can be read, where there are any."""
    if merchant.workwx_secret is None and merchant.workwx_secret_file is None and not merchant.agents:
        return
    check = Words("enterprise secrets", "企业微信 secret")
    try:
        count = len(wiring.workwx_secrets(merchant))
    except BadInput as error:
        yield _bad(check, error)
        return
    yield Finding(check, Verdict.OK, Words(f"{count} readable", f"{count} 个可读"))


def open_certificate(merchant: MerchantSettings) -> tuple[ClientCertificate | None, list[Finding]]:
    """Open the certificate and its key, and see that they belong together."""
    opens, fits = Words("certificate opens", "证书可读"), Words("key fits", "私钥匹配")
    try:
        certificate = wiring.certificate(merchant)
    except BadInput as error:
        if error.field == "key":
            return None, [_bad(fits, error)]
        return None, [_bad(opens, error)]
    serial = certificate.serial_number
    return certificate, [
        Finding(opens, Verdict.OK, Words(f"serial {serial}", f"序列号 {serial}")),
        Finding(fits, Verdict.OK, Words("the key belongs to the certificate", "私钥与证书匹配")),
    ]


def check_name(certificate: ClientCertificate, mch_id: str) -> Finding:
    """See that the certificate names this merchant."""
    check, name = Words("certificate's owner", "证书归属"), certificate.common_name
    if name == mch_id:
        return Finding(check, Verdict.OK, Words(f"names {name}", f"属于 {name}"))
    return Finding(
        check,
        Verdict.FAIL,
        Words(f"names {name or 'nobody'}, not {mch_id}", f"属于 {name or '无'}，而非 {mch_id}"),
        Words(
            "download the certificate of this mch_id: WeChat answers CA_ERROR",
            "请下载本商户号的证书，否则微信返回 CA_ERROR",
        ),
    )


def check_dates(certificate: ClientCertificate, clock: Clock) -> Finding:
    """See that the certificate is valid, and for how long."""
    check = Words("certificate's dates", "证书有效期")
    now = datetime.fromtimestamp(clock.now_ms() // 1000, tz=UTC)
    until = f"{certificate.not_after:%Y-%m-%d}"
    renew = Words("renew it in the portal (账户中心 > API安全)", "请在商户平台（账户中心 > API安全）更换证书")
    if now > certificate.not_after:
        return Finding(check, Verdict.FAIL, Words(f"ended on {until}", f"已于 {until} 过期"), renew)
    if now < certificate.not_before:
        begins = f"{certificate.not_before:%Y-%m-%d}"
        wait = Words("check this machine's clock", "请检查本机时钟")
        return Finding(check, Verdict.FAIL, Words(f"begins on {begins}", f"{begins} 才生效"), wait)
    days = int((certificate.not_after - now).total_seconds()) // _DAY_SECONDS
    fact = Words(f"valid until {until}, {days} days", f"有效至 {until}，还有 {days} 天")
    if days < CERTIFICATE_DAYS_MIN:
        return Finding(check, Verdict.WARN, fact, renew)
    return Finding(check, Verdict.OK, fact)


def check_host(url: str, merchant: MerchantSettings, clock: Clock) -> tuple[Finding, Finding | None]:
    """Reach a host by name, TCP and verified TLS; if it answers, compare its clock with ours."""
    parts = urlsplit(url)
    check = Words(f"reach {parts.hostname}", f"连通 {parts.hostname}")
    try:
        context = ssl.create_default_context(cafile=None if merchant.ca_file is None else str(merchant.ca_file))
    except OSError as error:
        fact = f"ca_file {merchant.ca_file}: {error.strerror or error}"
        remedy = Words("give a PEM file of CA certificates", "请提供 PEM 格式的根证书文件")
        return Finding(check, Verdict.FAIL, Words(fact, fact), remedy), None
    try:
        connection = HTTPSConnection(
            parts.hostname or "", parts.port or 443, timeout=merchant.timeouts.connect_ms / 1000, context=context
        )
        try:
            connection.connect()
            version = connection.sock.version() if isinstance(connection.sock, ssl.SSLSocket) else None
            before_ms = clock.now_ms()
            connection.request("GET", "/")
            date = connection.getresponse().getheader("Date")
            after_ms = clock.now_ms()
        finally:
            connection.close()
    except (OSError, HTTPException, ValueError) as error:
        return _unreached(check, error), None
    reached = Finding(
        check, Verdict.OK, Words(f"{version}, server certificate verified", f"{version}，服务器证书已验证")
    )
    return reached, check_clock(date, (before_ms + after_ms) // 2)


def check_clock(date: str | None, now_ms: int) -> Finding:
    """Compare a Date header, which has whole seconds, with our time (milliseconds UTC) when it was written."""
    check = Words("clock", "时钟")
    try:
        theirs_ms = int(parsedate_to_datetime(date or "").timestamp()) * 1000 + 500
    except ValueError:
        fact = Words("the server did not tell its time", "服务器未返回时间")
        return Finding(check, Verdict.WARN, fact, Words("compare with another clock", "请用其他时钟核对"))
    skew_ms = now_ms - theirs_ms
    seconds = abs(skew_ms) // 1000
    fact = Words(
        f"{seconds} s {'ahead of' if skew_ms > 0 else 'behind'} the server",
        f"比服务器{'快' if skew_ms > 0 else '慢'} {seconds} 秒",
    )
    remedy = Words("set this machine's clock (NTP)", "请校准本机时钟（NTP）")
    if abs(skew_ms) > SKEW_FAIL_MS:
        return Finding(check, Verdict.FAIL, fact, remedy)
    if abs(skew_ms) > SKEW_WARN_MS:
        return Finding(check, Verdict.WARN, fact, remedy)
    return Finding(check, Verdict.OK, fact)


def check_queries(merchant: MerchantSettings) -> Iterator[Finding]:
    """Query, for each account, a number that was never sent. NOT_FOUND proves sign, certificate and permission."""
    if not merchant.accounts:
        yield Finding(
            Words("query", "查询"),
            Verdict.WARN,
            Words("not tried: no account in the settings", "未执行：配置中没有公众号"),
            Words("add one under accounts", "请在 accounts 下添加"),
        )
        return
    try:
        client = wiring.client(merchant)
    except BadInput as error:
        yield _bad(Words("query", "查询"), error)
        return
    with client:
        for name, appid in merchant.accounts.items():
            number = order_number(
                OrderIntent(
                    mch_id=merchant.mch_id,
                    appid=appid,
                    campaign="hongbao doctor",
                    openid="nobody",
                    occasion="a number that is never sent",
                )
            )
            check = Words(f"query as {name}", f"以 {name} 查询")
            try:
                if appid.startswith("ww"):
                    client.call(QueryWorkRedPack(mch_billno=number, appid=appid))
                else:
                    client.call(QueryRedPack(mch_billno=number, appid=appid))
            except BadInput as error:
                yield _bad(check, error)
                continue
            except CallError as error:
                yield _judge_query(check, error)
                continue
            yield Finding(check, Verdict.OK, Words("answered", "已应答"))


def _judge_query(check: Words, error: CallError) -> Finding:
    if error.code == "NOT_FOUND":
        return Finding(
            check,
            Verdict.OK,
            Words(
                "NOT_FOUND, as it must: sign and certificate are accepted", "返回 NOT_FOUND，符合预期：签名与证书有效"
            ),
        )
    # A query moves no money: trouble that passes by itself is not the merchant's fault.
    passing = isinstance(error, Wait | SameNumberAgain) and not isinstance(error, NothingSent)
    verdict = Verdict.WARN if passing else Verdict.FAIL
    row = error.row
    if row is None:
        return Finding(
            check,
            verdict,
            Words(str(error.args[0]), f"{error.code or ''} {error.text or error.args[0]}".strip()),
            Words("look at what stands between here and WeChat, or ask WeChat", "请检查网络中间设备，或联系微信支付"),
        )
    return Finding(
        check,
        verdict,
        Words(f"{row.code}: {row.meaning} {row.cause}", f"{row.code} {error.text}"),
        Words(row.remedy, row.remedy_zh),
    )


def _unreached(check: Words, error: Exception) -> Finding:
    remedy = Words("check name, network and firewall", "请检查域名、网络与防火墙")
    if isinstance(error, ssl.SSLCertVerificationError):
        fact = Words(
            f"server certificate refused: {error.verify_message}", f"服务器证书验证失败：{error.verify_message}"
        )
        remedy = Words(
            "a simulator's CA goes into ca_file; elsewhere somebody stands between here and WeChat",
            "模拟器的根证书请配置为 ca_file；否则网络中可能有人中间截取",
        )
    elif isinstance(error, ssl.SSLError):
        fact = Words(f"TLS failed: {error.reason or error}", f"TLS 握手失败：{error.reason or error}")
    elif isinstance(error, socket.gaierror):
        fact = Words(f"name not found: {error.strerror}", f"域名解析失败：{error.strerror}")
    elif isinstance(error, TimeoutError):
        fact = Words("no answer in time", "超时未应答")
    else:
        fact = Words(f"not reached: {error}", f"无法连接：{error}")
    return Finding(check, Verdict.FAIL, fact, remedy)


def _bad(check: Words, error: BadInput) -> Finding:
    fact = f"{error.field}: {error.fault}"
    return Finding(check, Verdict.FAIL, Words(fact, fact), Words(error.remedy, error.remedy))


def _others_can_read(path: Path) -> bool:
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO))
    except OSError:
        # That it cannot be read is another check's finding.
        return False


_MARKS = {Verdict.OK: ("✓", "green"), Verdict.WARN: ("!", "yellow"), Verdict.FAIL: ("✗", "red")}


def _report(voice: Voice, findings: list[tuple[str, Finding]]) -> None:
    verdicts = {each.verdict for _, each in findings}
    worst = next(each for each in (Verdict.FAIL, Verdict.WARN, Verdict.OK) if each in verdicts)
    if voice.as_json:
        voice.json(
            {
                "verdict": worst.value,
                "findings": [
                    {
                        "merchant": name or None,
                        "check": each.check.en,
                        "verdict": each.verdict.value,
                        "fact": each.fact.en,
                        "fact_zh": each.fact.zh,
                        "remedy": each.remedy.en if each.remedy else None,
                        "remedy_zh": each.remedy.zh if each.remedy else None,
                    }
                    for name, each in findings
                ],
            }
        )
    else:
        for name, each in findings:
            mark, colour = _MARKS[each.verdict]
            line = Text(f"{mark} {each.verdict.value:<5}", style=colour)
            colon = voice.say(Words(": ", "："))
            told = colon.join([*([name] if name else []), voice.say(each.check), voice.say(each.fact)])
            line.append(told, style="default")
            voice.show(line)
            if each.remedy is not None:
                voice.show(f"         → {voice.say(each.remedy)}")
    if worst is Verdict.FAIL:
        raise typer.Exit(Exit.FAULT_FOUND)
