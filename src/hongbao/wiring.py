"""The only place where the parts meet: settings become credentials, limits and clients.

Nothing else reads a key from a file. What is read here is never shown.
"""

import asyncio
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from pydantic import SecretStr

from hongbao.batch.keeper import BatchKeeper
from hongbao.channel.wechat import Caller, WeChatChannel
from hongbao.clock import SystemClock, SystemDice
from hongbao.engine.issuer import Issuer
from hongbao.engine.lane import Lane, LaneRunner
from hongbao.engine.notifier import Listener, Notifier
from hongbao.engine.ports import Store
from hongbao.engine.reconciler import Reconciler
from hongbao.engine.rescuer import Rescuer
from hongbao.engine.running import Alarm
from hongbao.engine.worker import Service, Worker
from hongbao.errors import BadInput, HongbaoError
from hongbao.ids import MerchantId
from hongbao.lanes.local import LocalLanes
from hongbao.settings import DatabaseSettings, MerchantSettings, Settings, TimeoutSettings
from hongbao.wechat import AsyncClient, Client, ClientCertificate, Credentials, LimitSet, Secret, Timeouts

if TYPE_CHECKING:
    from hongbao.simulator.simulator import Simulator

KEEP_MS = 300
"""How long the service that keeps batches rests when none has anything to do."""


class Lacking(HongbaoError):
    """A part of the installation that this needs is not there."""


class _Ways(TypedDict):
    base_url: tuple[str, ...]
    limits: LimitSet
    ca_file: Path | None
    timeouts: Timeouts


def api_key(merchant: MerchantSettings) -> Secret:
    """Return the API key of a merchant, from the settings or from its file.

    Raises:
        BadInput: the file cannot be read, or holds nothing.
    """
    return _required("api_key", merchant.api_key, merchant.api_key_file)


def certificate(merchant: MerchantSettings) -> ClientCertificate:
    """Open the client certificate of a merchant.

    Raises:
        BadInput: a file cannot be read or opened, or key and certificate do not belong together.
    """
    if merchant.p12 is not None:
        passphrase = _optional("p12_passphrase", merchant.p12_passphrase, merchant.p12_passphrase_file)
        return ClientCertificate.from_p12(merchant.p12, merchant.mch_id if passphrase is None else passphrase.reveal())
    if merchant.certificate is None or merchant.key is None:
        raise BadInput(field="p12", fault="is missing", remedy="give p12, or certificate and key")
    return ClientCertificate.from_pem(merchant.certificate, merchant.key)


def workwx_secrets(merchant: MerchantSettings) -> dict[int | None, Secret]:
    """Return the enterprise secrets of a merchant: the pay app's under None, each agent's under its agentid.

    Raises:
        BadInput: a file cannot be read, or holds nothing.
    """
    secrets: dict[int | None, Secret] = {
        agentid: _from_file(f"agents.{agentid}", file) for agentid, file in merchant.agents.items()
    }
    own = _optional("workwx_secret", merchant.workwx_secret, merchant.workwx_secret_file)
    return secrets if own is None else {None: own, **secrets}


def credentials(merchant: MerchantSettings) -> Credentials:
    """Read everything that proves a merchant.

    Raises:
        BadInput: as `api_key`, `certificate` and `workwx_secrets`.
    """
    return Credentials(
        mch_id=merchant.mch_id,
        api_key=api_key(merchant),
        certificate=certificate(merchant),
        workwx_secrets={**workwx_secrets(merchant)},
    )


def limits(merchant: MerchantSettings) -> LimitSet:
    """Return the public limits with what the settings say of this merchant's portal.

    Raises:
        BadInput: as `LimitSettings.limit_set`.
    """
    return LimitSet() if merchant.limits is None else merchant.limits.limit_set()


def client(merchant: MerchantSettings) -> Client:
    """Make a client that waits. Nothing is opened before its first call.

    Raises:
        BadInput: as `credentials` and `limits`, or the CA file cannot be read.
    """
    return Client(credentials(merchant), **_ways(merchant))


def async_client(merchant: MerchantSettings) -> AsyncClient:
    """Make a client for an event loop. Raises as `client`."""
    return AsyncClient(credentials(merchant), **_ways(merchant))


def open_store(database: DatabaseSettings) -> Store:
    """Open the store; what is not there yet is made.

    Raises:
        BadInput: the key under which openids are hashed is not there, or too short or long.
        Lacking: an extra is not installed.
        StoreDown: the database cannot be reached.
    """
    try:
        from hongbao.store.opening import open_postgres, open_sqlite
    except ImportError as error:
        raise Lacking(f"the server's extra is not installed ({error}): pip install 'hongbao[server]'") from None
    key = _person_key(database)
    file = database.sqlite_file
    if file is not None:
        return open_sqlite(str(file), clock=SystemClock(), person_key=key)
    try:
        return open_postgres(database.url, person_key=key)
    except ImportError as error:
        raise Lacking(f"the extra for PostgreSQL is not installed ({error}): pip install 'hongbao[postgres]'") from None


def _person_key(database: DatabaseSettings) -> bytes:
    file, beside = database.person_key_file, database.sqlite_file
    if file is None and beside is None:
        raise BadInput(
            field="database.person_key_file",
            fault="is missing",
            remedy="put 32 random characters into a file and keep it as long as the database",
        )
    if file is None and beside is not None:
        file = beside.with_name(beside.name + ".key")
        if not file.exists():
            # With another key everybody would be somebody new, and could be promised everything once more.
            if beside.exists():
                raise BadInput(
                    field="database.person_key_file",
                    fault=f"{file} is not there, and the database is",
                    remedy="bring it back from where the database was kept before; a new one would not fit",
                )
            _write_secret(file, secrets.token_hex(32))
    key = _from_file("database.person_key_file", file or Path()).reveal().encode()
    if not 16 <= len(key) <= 64:
        raise BadInput(
            field="database.person_key_file", fault=f"holds {len(key)} bytes", remedy="put 16 to 64 bytes into it"
        )
    return key


def _write_secret(file: Path, text: str) -> None:
    try:
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(text, encoding="ascii")
    except OSError as error:
        raise BadInput(
            field="database.url", fault=f"{file} cannot be written: {error.strerror}", remedy="check the folder"
        ) from None


@dataclass(frozen=True, slots=True)
class Engine:
    """A worker with everything it runs on."""

    worker: Worker
    callers: dict[MerchantId, Caller]

    async def run(self) -> None:
        """Work until the worker is stopped, then close all connections."""
        try:
            await self.worker.run()
        finally:
            clients = [caller for caller in self.callers.values() if isinstance(caller, AsyncClient)]
            await asyncio.gather(*(client.close() for client in clients))


def engine(
    settings: Settings, store: Store, *, name: str, alarm: Alarm, listener: Listener, fleet: bool = False
) -> Engine:
    """Put a worker together for all merchants of the settings.

    Args:
        settings: who pays, and how they prove it.
        store: where the work is.
        name: of this worker; no other one may have it.
        alarm: takes what a person should read.
        listener: takes what became of grants.
        fleet: whether lanes are dealt out over many hosts, by DBOS on the PostgreSQL of the ledger.

    Raises:
        BadInput: as `client`, for any merchant; or a fleet on SQLite.
        Lacking: the extra that a fleet needs is not installed.
    """
    clock = SystemClock()
    callers: dict[MerchantId, Caller] = {
        MerchantId(merchant.mch_id): async_client(merchant) for merchant in settings.merchants.values()
    }
    channel = WeChatChannel(callers, clock)
    issuer = Issuer(store, channel, clock=clock, dice=SystemDice())
    lane = Lane(store, issuer, Reconciler(store, channel, clock=clock), owner=name, clock=clock, alarm=alarm)
    keeper = BatchKeeper(store, channel)
    worker = Worker(
        _fleet(settings.database, store, lane, name) if fleet else LocalLanes(store, lane, clock=clock),
        issuer,
        Rescuer(store),
        Notifier(store, listener),
        alarm=alarm,
        services=[Service("batches", keeper.step, KEEP_MS)],
    )
    return Engine(worker, callers)


def _fleet(database: DatabaseSettings, store: Store, lane: Lane, name: str) -> LaneRunner:
    if database.sqlite_file is not None:
        raise BadInput(
            field="database.url", fault="is a file, and a fleet needs PostgreSQL", remedy="leave out --fleet, or move"
        )
    try:
        from hongbao.lanes.dbos import DbosLanes
    except ImportError as error:
        raise Lacking(f"the extra for a fleet is not installed ({error}): pip install 'hongbao[postgres]'") from None
    return DbosLanes(store, lane, url=database.url, host=name, clock=SystemClock())


def rehearsal(simulator: "Simulator", timeouts: TimeoutSettings | None = None) -> MerchantSettings:
    """Return the settings of the merchant that a running simulator has ready.

    Going live changes these values and nothing else.
    """
    access = simulator.merchant
    return MerchantSettings(
        mch_id=access.mch_id,
        api_key=SecretStr(access.api_key),
        p12=access.p12,
        base_url=(simulator.base_url,),
        ca_file=simulator.ca_file,
        workwx_secret=SecretStr(access.work_secret),
        accounts={"shop": access.official_appid, "app": access.mini_appid, "company": access.corp_appid},
        timeouts=timeouts or TimeoutSettings(),
    )


def _ways(merchant: MerchantSettings) -> _Ways:
    return {
        "base_url": merchant.base_url,
        "limits": limits(merchant),
        "ca_file": merchant.ca_file,
        "timeouts": Timeouts(connect_ms=merchant.timeouts.connect_ms, read_ms=merchant.timeouts.read_ms),
    }


def _required(name: str, value: SecretStr | None, file: Path | None) -> Secret:
    secret = _optional(name, value, file)
    if secret is None:
        raise BadInput(field=name, fault="is missing", remedy=f"give {name} or {name}_file")
    return secret


def _optional(name: str, value: SecretStr | None, file: Path | None) -> Secret | None:
    if value is not None:
        return _secret(name, value.get_secret_value(), "give it as the portal shows it")
    return None if file is None else _from_file(f"{name}_file", file)


def _from_file(name: str, file: Path) -> Secret:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(field=name, fault=f"cannot be read: {error.strerror}", remedy=f"check the path {file}") from None
    except UnicodeDecodeError:
        raise BadInput(field=name, fault="is not UTF-8 text", remedy=f"put the secret alone into {file}") from None
    # An editor ends a file with a line break; a blank inside would be part of the secret.
    return _secret(name, text.strip(), f"put the secret alone into {file}")


def _secret(name: str, text: str, remedy: str) -> Secret:
    if not text:
        raise BadInput(field=name, fault="is empty", remedy=remedy)
    return Secret(text, field=name)
