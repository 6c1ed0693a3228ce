"""A whole simulator in one object: pay server, proxy and control door, in a thread of their own.

::

    with Simulator() as sim:
        # point a client at sim.base_url with sim.ca_file, sim.merchant.certificate, sim.merchant.key
        sim.control.open_packet(sim.merchant.mch_id, number)
        sim.control.jump(hours=24)

The world is touched by the event loop of that thread alone; everything from outside goes through `control`, the same
door that other processes use. docs/reference/simulator.md.
"""

import asyncio
import contextlib
import socket
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Self

import uvicorn

from hongbao.clock import SystemClock
from hongbao.errors import BadInput, HongbaoError
from hongbao.simulator.certificates import Authority, Flaw, Pair, Recognition
from hongbao.simulator.clock import SimulatorClock
from hongbao.simulator.control import control_app
from hongbao.simulator.control_client import ControlClient
from hongbao.simulator.face import Arrival, Departure, Face
from hongbao.simulator.keep import Keep
from hongbao.simulator.proxy import Proxy
from hongbao.simulator.rules import Era
from hongbao.simulator.server import PayServer
from hongbao.simulator.tls import Link, server_context
from hongbao.simulator.views import Json
from hongbao.simulator.world import World

MCH_ID = "1900000001"
"""The merchant that is there from the start."""

API_KEY = "SimulatorPlayKey0000000000000001"
"""Its API key. Public: whoever wants a secret one opens another merchant."""

OFFICIAL_APPID = "wx1900000001000001"
MINI_APPID = "wx1900000001000002"
CORP_APPID = "ww1900000001000003"
WORK_SECRET = "SimulatorPlaySecret000000000000000000000001"
"""The secret of its enterprise-pay app, for workwx_sign. As public as the API key."""

BALANCE_FEN = 100_000_000
"""What it can give out at first: 1,000,000.00 yuan."""

_RENEW_SECONDS_MAX = 30


class SimulatorDidNotStart(HongbaoError):
    """A port could not be listened on, or the data folder cannot be made. Nothing is left running."""


@dataclass(frozen=True, slots=True)
class MerchantAccess:
    """What a client needs to act for a merchant of the simulator.

    Attributes:
        api_key: the API key; kept out of the repr.
        work_secret: the enterprise-pay secret for workwx_sign, "" without one; kept out of the repr.
        certificate, key: the PEM pair.
        p12: both in one file, passphrase: the mch_id.
        official_appid, mini_appid, corp_appid: bound accounts: an official account, a mini-program, an enterprise;
            "" when there is none.
    """

    mch_id: str
    api_key: str = field(repr=False)
    certificate: Path
    key: Path
    p12: Path
    official_appid: str = ""
    mini_appid: str = ""
    corp_appid: str = ""
    work_secret: str = field(default="", repr=False)


class _Desk:
    """The world in play. It can be exchanged for a fresh one while the servers stay."""

    def __init__(self, world: World) -> None:
        self.put(world)

    def put(self, world: World) -> None:
        self.world = world
        self._face = Face(world)

    def answer(self, arrival: Arrival) -> Departure:
        return self._face.answer(arrival)

    def now_ms(self) -> int:
        return self.world.clock.now_ms()


class Simulator:
    """WeChat Pay on a desk, running from `start` to `stop`, or inside a ``with``.

    Attributes:
        base_url: the pay API, ``https://127.0.0.1:<port>``.
        proxy_url: the CONNECT proxy for clients with a hard-coded host.
        control_url: the control door.
        ca_file: the certificate clients must trust.
        control: a client of the control door.
        merchant: a merchant ready to send.
    """

    base_url: str
    proxy_url: str
    control_url: str
    ca_file: Path
    control: ControlClient
    merchant: MerchantAccess

    def __init__(
        self,
        *,
        era: Era | None = None,
        data_folder: Path | None = None,
        clock: SimulatorClock | None = None,
        seed: int | None = None,
        rules: Mapping[str, Json] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        proxy_port: int = 0,
        control_host: str = "127.0.0.1",
        control_port: int = 0,
        control_exposed: bool = False,
    ) -> None:
        """Prepare a simulator; nothing runs yet.

        Args:
            era: whose behaviour and limits (docs/reference/eras.md); None: the data folder's, else 2025.
            data_folder: where state and certificates survive; None: in memory and gone at the end.
            clock: the simulator's clock; None: one that follows the machine's, or goes on where the data folder's
                clock stood.
            seed: decides everything that is chance, shares of a group and of a fault's calls among it; None: the
                data folder's, else 0.
            rules: overrides single rules of the era by name.
            host: where pay API and proxy listen.
            port: the pay API's; 0 takes a free one, as for the other two.
            proxy_port: the CONNECT proxy's.
            control_host: where the control door listens.
            control_port: its port.
            control_exposed: allow a `control_host` that other machines reach. The door has no lock.

        Raises:
            BadInput: `control_host` is not loopback and `control_exposed` is False.
        """
        if not control_exposed and not _is_loopback(control_host):
            raise BadInput(
                field="control_host",
                fault=f"{control_host} can be reached from other machines and the control door has no lock",
                remedy="use 127.0.0.1, or say control_exposed if every machine that reaches it may steer it",
            )
        self._era: Era | None = era
        self._data_folder = data_folder
        self._clock = clock
        self._seed = seed
        self._rules = rules
        self._host = host
        self._ports = (port, proxy_port, control_port)
        self._control_host = control_host
        self._control_exposed = control_exposed
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leave: asyncio.Event | None = None
        self._desk: _Desk | None = None

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def start(self) -> None:
        """Open all doors; they answer when this returns.

        Raises:
            SimulatorDidNotStart: a port is taken, or the data folder cannot be made.
            BadInput: an era or a rule that cannot be used, or a data folder: another simulator has it, it is of another
                era or version, or no database.
        """
        if self._thread is not None:
            raise SimulatorDidNotStart("this simulator runs already")
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="hongbao-simulator", daemon=True)
        self._thread.start()
        try:
            started.result()
        except OSError as error:
            self.stop()
            raise SimulatorDidNotStart(str(error)) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Close all doors; with a data folder everything has been written."""
        if self._loop is not None and self._leave is not None:
            # The loop may have ended on its own.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._leave.set)
        if self._thread is not None:
            self._thread.join()
        self._thread = self._loop = self._leave = self._desk = None
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def add_merchant(
        self,
        mch_id: str,
        *,
        api_key: str,
        official_appid: str = "",
        mini_appid: str = "",
        corp_appid: str = "",
        work_secret: str = "",
        balance_fen: int = BALANCE_FEN,
        settings: Mapping[str, Json] | None = None,
    ) -> MerchantAccess:
        """Open one more merchant with its accounts and its certificate.

        Raises:
            BadInput: the merchant exists, or a value cannot be used.
        """
        every: dict[str, Json] = dict(settings or {})
        if work_secret:
            every["work_secrets"] = {"": work_secret}
        self.control.add_merchant(mch_id, api_key=api_key, balance_fen=balance_fen, settings=every)
        accounts = {"official": official_appid, "mini": mini_appid, "corp": corp_appid}
        for kind, appid in accounts.items():
            if appid:
                self.control.bind_account(mch_id, appid, kind=kind)
        files = self.control.certificates(mch_id)
        return MerchantAccess(
            mch_id=mch_id,
            api_key=api_key,
            certificate=files["certificate"],
            key=files["key"],
            p12=files["p12"],
            official_appid=official_appid,
            mini_appid=mini_appid,
            corp_appid=corp_appid,
            work_secret=work_secret,
        )

    def flawed_certificate(self, mch_id: str, flaw: Flaw) -> Pair:
        """Make a pair that names `mch_id` but must be refused: self-signed, other-ca or expired."""
        files = self.control.certificates(mch_id, flaw)
        return Pair(certificate=files["certificate"], key=files["key"], p12=files["p12"])

    def renew(self) -> None:
        """Exchange the world for a fresh one: as after a restart in memory, but the addresses stay.

        Raises:
            BadInput: the simulator has a data folder; such a world is only ever reset.
        """
        if self._data_folder is not None:
            raise BadInput(field="renew", fault="the world is kept in a folder", remedy="use control.reset")
        desk, loop = self._desk, self._loop
        if desk is None or loop is None:
            raise BadInput(field="renew", fault="this simulator is not running", remedy="start it")
        done: Future[None] = Future()

        def exchange() -> None:
            try:
                desk.put(self._open_world(None))
                done.set_result(None)
            except HongbaoError as error:
                done.set_exception(error)

        loop.call_soon_threadsafe(exchange)
        done.result(_RENEW_SECONDS_MAX)

    # In the simulator's thread.

    def _run(self, started: "Future[None]") -> None:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            try:
                runner.run(self._serve(started))
            except BaseException as error:
                if started.done():
                    raise
                started.set_exception(error)

    async def _serve(self, started: "Future[None]") -> None:
        folder = self._folder()
        if self._data_folder is None:
            await self._serve_world(started, folder, None)
            return
        # Let go of whatever happens: a keep that is not closed locks the folder.
        with contextlib.closing(Keep(folder)) as keep:
            await self._serve_world(started, folder, keep)

    async def _serve_world(self, started: "Future[None]", folder: Path, keep: Keep | None) -> None:
        authority = Authority(folder / "certificates", SystemClock())
        desk = self._desk = _Desk(self._open_world(keep))
        server = PayServer(
            desk.answer,
            context=server_context(authority.server_file()),
            recognition=Recognition(authority.ca_file, desk),
            clock=desk,
        )
        proxy = Proxy(lambda: Link(server))
        control = uvicorn.Server(
            uvicorn.Config(
                control_app(lambda: desk.world, authority, exposed=self._control_exposed),
                loop="none",
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
            )
        )
        serving: asyncio.Task[None] | None = None
        port, proxy_port, control_port = self._ports
        try:
            port = await server.start(self._host, port)
            proxy_port = await proxy.start(self._host, proxy_port)
            control_socket = _listen(self._control_host, control_port)
            control_port = control_socket.getsockname()[1]
            serving = asyncio.create_task(control.serve([control_socket]))
            self.base_url = f"https://{_address(self._host)}:{port}"
            self.proxy_url = f"http://{_address(self._host)}:{proxy_port}"
            self.control_url = f"http://{_address(self._control_host)}:{control_port}"
            self.ca_file = authority.ca_file
            self.control = ControlClient(self.control_url)
            self.merchant = _ready_merchant(authority)
            self._leave = asyncio.Event()
            self._loop = asyncio.get_running_loop()
            started.set_result(None)
            await self._leave.wait()
        finally:
            proxy.close()
            # The proxy's tunnels are links of the server: it breaks them, then the proxy can end.
            await server.stop()
            await proxy.wait_closed()
            if serving is not None:
                control.should_exit = True
                await serving
            desk.world.close()

    def _folder(self) -> Path:
        if self._data_folder is not None:
            return self._data_folder
        self._temporary = tempfile.TemporaryDirectory(prefix="hongbao-simulator-")
        return Path(self._temporary.name)

    def _open_world(self, keep: Keep | None) -> World:
        world = World(era=self._era, clock=self._clock, seed=self._seed, keep=keep, rules=self._rules)
        if all(merchant.mch_id != MCH_ID for merchant in world.merchants()):
            world.add_merchant(
                MCH_ID, api_key=API_KEY, balance_fen=BALANCE_FEN, settings={"work_secrets": {"": WORK_SECRET}}
            )
            world.bind_account(MCH_ID, OFFICIAL_APPID, kind="official")
            world.bind_account(MCH_ID, MINI_APPID, kind="mini")
            world.bind_account(MCH_ID, CORP_APPID, kind="corp")
        return world


def _ready_merchant(authority: Authority) -> MerchantAccess:
    pair = authority.merchant_pair(MCH_ID)
    return MerchantAccess(
        mch_id=MCH_ID,
        api_key=API_KEY,
        certificate=pair.certificate,
        key=pair.key,
        p12=pair.p12,
        official_appid=OFFICIAL_APPID,
        mini_appid=MINI_APPID,
        corp_appid=CORP_APPID,
        work_secret=WORK_SECRET,
    )


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        # Not made for this platform; asyncio's own loop does the same, slower.
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _listen(host: str, port: int) -> socket.socket:
    """Listen at once, so that a caller who has read the address is queued and not refused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def _address(host: str) -> str:
    """Write a host for an address that clients can use; the server's certificate names only loopback."""
    if host in {"0.0.0.0", "::", ""}:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
