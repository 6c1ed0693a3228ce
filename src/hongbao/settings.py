"""What an installation is told: merchants, their accounts, where their keys lie. One frozen object, read once.

A TOML file and the environment are read into the same schema; the environment wins. Every key:
docs/reference/configuration.md (generated from here).
"""

import os
import tomllib
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic import model_validator as check_model
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from hongbao.errors import BadInput
from hongbao.ids import AppId
from hongbao.merchant import LimitSet
from hongbao.wechat import HOSTS, Timeouts
from hongbao.wechat.client import check_base_url
from hongbao.wechat.transport import TIMEOUT_MS_MAX

FILE_VARIABLE = "HONGBAO_CONFIG"
"""The environment variable that names the file."""

DEFAULT_FILE = Path("hongbao.toml")
"""The file that is read when nothing names one, if it is there."""

PREFIX = "HONGBAO_"
"""How every environment variable of ours begins."""

_SQLITE = "sqlite:///"
_PAGE = "see docs/reference/configuration.md"


def _path(path: Path) -> Path:
    if "\0" in str(path):
        raise PydanticCustomError("path", "holds a NUL, which no path can")
    try:
        return path.expanduser()
    except RuntimeError:
        raise PydanticCustomError("path", "begins with a home folder that this machine does not know") from None


FilePath = Annotated[Path, AfterValidator(_path)]
"""A path: in the TOML file relative to the file's folder, in the environment to the working directory; ~ is home."""


class BadSettings(BadInput):
    """The settings cannot be used.

    Attributes:
        faults: every fault that was found; the first one's parts are this error's own.
    """

    def __init__(self, faults: list[BadInput]) -> None:
        """Keep all faults, one a line in the message."""
        first = faults[0]
        super().__init__(field=first.field, fault=first.fault, remedy=first.remedy)
        self.args = ("\n".join(str(fault) for fault in faults),)
        self.faults = tuple(faults)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, str_strip_whitespace=True)


class SceneLimits(_Section):
    """What the portal shows for one scene."""

    fen_min: int = Field(ge=1, description="smallest packet of the scene, fen")
    fen_max: int = Field(ge=1, description="largest packet of the scene, fen")


class LimitSettings(_Section):
    """Limits that the portal shows for this merchant, where they differ from the public ones."""

    as_of: date = Field(description="the day the portal was looked at")
    amount_fen_min: int | None = Field(default=None, ge=0, description="smallest packet without a scene, fen")
    amount_fen_max: int | None = Field(default=None, ge=0, description="largest packet without a scene, fen")
    scene_amount_fen_min: int | None = Field(default=None, ge=0, description="smallest packet with a scene, fen")
    scene_amount_fen_max: int | None = Field(default=None, ge=0, description="largest packet with a scene, fen")
    group_people_min: int | None = Field(default=None, ge=0, description="fewest people of a group packet")
    group_people_max: int | None = Field(default=None, ge=0, description="most people of a group packet")
    group_average_fen_min: int | None = Field(default=None, ge=0, description="smallest average share of a group, fen")
    group_average_fen_max: int | None = Field(default=None, ge=0, description="largest average share of a group, fen")
    group_amount_fen_max: int | None = Field(default=None, ge=0, description="largest group packet, fen")
    preorder_amount_fen_min: int | None = Field(default=None, ge=0, description="smallest pre-order, fen")
    preorder_amount_fen_max: int | None = Field(default=None, ge=0, description="largest pre-order, fen")
    scenes: dict[str, SceneLimits] = Field(
        default_factory=dict[str, SceneLimits], description="amounts by scene, `PRODUCT_1` to `PRODUCT_8`"
    )
    text_bytes_max: dict[str, int] = Field(
        default_factory=dict[str, int],
        description="most UTF-8 bytes of a text, by `field` or `endpoint.field`, such as `wishing`",
    )

    @check_model(mode="after")
    def _makes_a_set(self) -> Self:
        try:
            self.limit_set()
        except BadInput as error:
            raise _fault(error.field, error.fault, error.remedy) from None
        return self

    def limit_set(self) -> LimitSet:
        """Return the public limits with what stands here in their place.

        Raises:
            BadInput: a scene or a text is not known, or the smallest value of a range is above its largest.
        """
        single = self.model_dump(exclude={"as_of", "scenes", "text_bytes_max"}, exclude_none=True)
        result = LimitSet().entered(self.as_of, **single)
        for scene_id, scene in self.scenes.items():
            result = result.with_scene(scene_id, fen_min=scene.fen_min, fen_max=scene.fen_max, as_of=self.as_of)
        for name, bytes_max in self.text_bytes_max.items():
            result = result.with_text_bytes(name, bytes_max, as_of=self.as_of)
        return result


class TimeoutSettings(_Section):
    """How long a call waits. Running out after the request left makes its outcome unknown."""

    connect_ms: int = Field(
        default=Timeouts().connect_ms, ge=1, le=TIMEOUT_MS_MAX, description="for name, connection and TLS, ms"
    )
    read_ms: int = Field(
        default=Timeouts().read_ms, ge=1, le=TIMEOUT_MS_MAX, description="for each wait on WeChat after that, ms"
    )


class WordingSettings(_Section):
    """Texts that a packet gets when the command does not say others."""

    send_name: str | None = Field(default=None, description="sender shown on the packet, at most 31 UTF-8 bytes")
    wishing: str | None = Field(default=None, description="blessing shown on the packet, at most 127 bytes")
    act_name: str | None = Field(default=None, description="name of the activity, at most 31 bytes")
    remark: str | None = Field(default=None, description="note that only old clients show, at most 255 bytes")


class DatabaseSettings(_Section):
    """Where batches, grants and the books are kept."""

    url: str = Field(
        default="sqlite:///hongbao.db",
        repr=False,
        pattern=r"^(sqlite:///.+|postgresql://.+)$",
        description="`sqlite:///FILE`, or `postgresql://…` as libpq reads it",
    )
    person_key_file: FilePath | None = Field(
        default=None,
        description="file with 16 to 64 secret characters under which openids are hashed, the same for the life of the"
        " database; without it, for SQLite: a file beside it that ends in `.key`, made with the database",
    )

    @property
    def sqlite_file(self) -> Path | None:
        """The file, if it is one."""
        return Path(self.url.removeprefix(_SQLITE)) if self.url.startswith(_SQLITE) else None


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class MerchantSettings(_Section):
    """One merchant: who they are, where their keys lie, their accounts.

    The API key and the certificate are required, each in one of its forms.
    """

    mch_id: str = Field(pattern=r"^[0-9]{1,32}$", description="merchant number (商户号)")
    api_key: SecretStr | None = Field(
        default=None, description="APIv2 key (API密钥), 32 characters; or give `api_key_file`"
    )
    api_key_file: FilePath | None = Field(default=None, description="file with the APIv2 key and nothing else")
    p12: FilePath | None = Field(default=None, description="`apiclient_cert.p12`; or give `certificate` and `key`")
    p12_passphrase: SecretStr | None = Field(default=None, description="its passphrase; without one: the mch_id")
    p12_passphrase_file: FilePath | None = Field(default=None, description="file with that passphrase")
    certificate: FilePath | None = Field(default=None, description="`apiclient_cert.pem`")
    key: FilePath | None = Field(default=None, description="`apiclient_key.pem`")
    base_url: Annotated[tuple[str, ...], BeforeValidator(_several)] = Field(
        default=HOSTS,
        min_length=1,
        description="where WeChat is: one URL, or several to try in turn while nothing was sent",
    )
    ca_file: FilePath | None = Field(
        default=None, description="PEM file of a private CA to trust instead of the system's: a simulator's"
    )
    client_ip: str = Field(default="127.0.0.1", description="IPv4 address of the calling machine, as packets name it")
    workwx_secret: SecretStr | None = Field(default=None, description="secret of the enterprise-pay app (企业支付应用)")
    workwx_secret_file: FilePath | None = Field(default=None, description="file with that secret")
    agents: dict[int, FilePath] = Field(
        default_factory=dict[int, Path], description="by agentid of an enterprise app: file with its secret"
    )
    accounts: dict[str, str] = Field(
        default_factory=dict[str, str], description="by a name of your own: appid or corpid of an account (公众号)"
    )
    wording: WordingSettings = Field(default_factory=WordingSettings, description="texts of packets; below")
    limits: LimitSettings | None = Field(default=None, description="what the portal allows; below")
    timeouts: TimeoutSettings = Field(default_factory=TimeoutSettings, description="how long to wait; below")

    @check_model(mode="after")
    def _one_of_each(self) -> Self:
        _exactly_one(self, "api_key", "api_key_file")
        if self.p12 is None and self.certificate is None and self.key is None:
            raise _fault("p12", "is missing, and so is the PEM pair", "give p12, or certificate and key")
        if self.p12 is not None and (self.certificate is not None or self.key is not None):
            raise _fault("p12", "is given beside the PEM pair", "give one of the two")
        if (self.certificate is None) != (self.key is None):
            lacking = "key" if self.key is None else "certificate"
            raise _fault(lacking, "is missing: a PEM pair has two files", "give certificate and key")
        _at_most_one(self, "p12_passphrase", "p12_passphrase_file")
        _at_most_one(self, "workwx_secret", "workwx_secret_file")
        for url in self.base_url:
            try:
                check_base_url(url)
            except BadInput as error:
                raise _fault("base_url", error.fault, error.remedy) from None
        return self

    def appid(self, account: str | None) -> AppId:
        """Return the appid of an account.

        Args:
            account: its name here, or an appid; None takes the only account there is.

        Raises:
            BadInput: no such account, or several and none named.
        """
        names = ", ".join(self.accounts) or "none"
        if account is None:
            if len(self.accounts) == 1:
                return AppId(next(iter(self.accounts.values())))
            raise BadInput(
                field="account", fault=f"is not named, and the settings know: {names}", remedy="give --account"
            )
        appid = self.accounts.get(account)
        if appid is None and (account in self.accounts.values() or account.startswith(("wx", "ww"))):
            appid = account
        if appid is None:
            raise BadInput(
                field="account",
                fault=f"{account!r} is neither an account of this merchant nor an appid",
                remedy=f"known accounts: {names}",
            )
        return AppId(appid)


class Settings(BaseSettings):
    """Everything an installation is told."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    default_merchant: str | None = Field(
        default=None, description="the merchant that is meant when none is named; not needed if there is one"
    )
    merchants: dict[str, MerchantSettings] = Field(
        default_factory=dict[str, MerchantSettings], description="by a name of your own: a merchant; below"
    )
    database: DatabaseSettings = Field(default_factory=DatabaseSettings, description="where all is kept; below")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, which arrives as arguments; read nothing else."""
        return (env_settings, init_settings)

    @check_model(mode="after")
    def _default_is_known(self) -> Self:
        if self.default_merchant is not None and self.default_merchant not in self.merchants:
            raise _fault(
                "default_merchant",
                f"{self.default_merchant!r} is not a merchant",
                f"known merchants: {', '.join(self.merchants) or 'none'}",
            )
        return self

    def merchant(self, name: str | None = None) -> tuple[str, MerchantSettings]:
        """Return a merchant and its name; without a name the default one, or the only one.

        Raises:
            BadInput: no such merchant, or several and none is the default.
        """
        names = ", ".join(self.merchants) or "none"
        chosen = name or self.default_merchant
        if chosen is None:
            if len(self.merchants) == 1:
                return next(iter(self.merchants.items()))
            remedy = "give --merchant or default_merchant" if self.merchants else f"write {DEFAULT_FILE}; {_PAGE}"
            raise BadInput(field="merchant", fault=f"is not named, and the settings know: {names}", remedy=remedy)
        merchant = self.merchants.get(chosen)
        if merchant is None:
            raise BadInput(
                field="merchant", fault=f"{chosen!r} is not in the settings", remedy=f"known merchants: {names}"
            )
        return chosen, merchant


def settings_file(named: Path | None) -> Path | None:
    """Return the file that the settings are read from: the named one, else $HONGBAO_CONFIG, else ./hongbao.toml.

    None if nothing is named and the last is not there: then the environment must say everything.
    """
    if named is not None:
        return named
    if variable := os.environ.get(FILE_VARIABLE):
        return Path(variable)
    return DEFAULT_FILE if DEFAULT_FILE.is_file() else None


def read_settings(file: Path | None) -> Settings:
    """Read a TOML file, if one is given, and the environment.

    Raises:
        BadInput: the file cannot be read or is not TOML, or a variable that must be JSON is not.
        BadSettings: a key is unknown, missing or has a value that does not fit.
    """
    told: dict[str, Any] = {} if file is None else _toml(file)
    try:
        return Settings(**told)
    except ValidationError as error:
        raise BadSettings([_told(each) for each in error.errors(include_url=False, include_input=False)]) from None
    except SettingsError:
        pass
    # Outside the handler: that error carries the whole value, which may hold a key, and would stay as the context.
    raise BadInput(
        field="environment",
        fault=f"one of {PREFIX}MERCHANTS… holds what is not the JSON its key needs",
        remedy=f"give each key of a table its own variable, and a list as JSON; {_PAGE}",
    )


def _toml(file: Path) -> dict[str, Any]:
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(field="config", fault=f"{file} cannot be read: {error.strerror}", remedy="check the path") from (
            None
        )
    except UnicodeDecodeError:
        raise BadInput(field="config", fault=f"{file} is not UTF-8", remedy="save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise BadInput(field="config", fault=f"{file} is not TOML: {error}", remedy="mend that line") from None
    merchants = told.get("merchants")
    for merchant in cast("dict[str, Any]", merchants).values() if isinstance(merchants, dict) else ():
        if isinstance(merchant, dict):
            _anchor(cast("dict[str, Any]", merchant), file.absolute().parent)
    database = told.get("database")
    if isinstance(database, dict):
        _anchor_database(cast("dict[str, Any]", database), file.absolute().parent)
    return told


def _anchor_database(database: dict[str, Any], folder: Path) -> None:
    """Make its paths relative to the folder of the file they stand in."""
    url = database.get("url")
    if isinstance(url, str) and url.startswith(_SQLITE):
        database["url"] = f"{_SQLITE}{_anchored(url.removeprefix(_SQLITE), folder)}"
    if "person_key_file" in database:
        database["person_key_file"] = _anchored(database["person_key_file"], folder)


_PATHS = frozenset(
    {"api_key_file", "p12", "p12_passphrase_file", "certificate", "key", "ca_file", "workwx_secret_file"}
)


def _anchor(merchant: dict[str, Any], folder: Path) -> None:
    """Make the paths of a merchant relative to the folder of the file they stand in."""
    for name in _PATHS & merchant.keys():
        merchant[name] = _anchored(merchant[name], folder)
    agents = merchant.get("agents")
    if isinstance(agents, dict):
        merchant["agents"] = {
            agentid: _anchored(value, folder) for agentid, value in cast("dict[str, object]", agents).items()
        }


def _anchored(value: object, folder: Path) -> object:
    # What begins at a home folder is not relative, and whether there is such a home is for `_path` to say.
    return str(folder / value) if isinstance(value, str) and not value.startswith("~") else value


def _exactly_one(section: BaseModel, first: str, second: str) -> None:
    if getattr(section, first) is None and getattr(section, second) is None:
        raise _fault(first, "is missing", f"give {first} or {second}")
    _at_most_one(section, first, second)


def _at_most_one(section: BaseModel, first: str, second: str) -> None:
    if getattr(section, first) is not None and getattr(section, second) is not None:
        raise _fault(first, f"is given beside {second}", "give one of the two")


def _fault(key: str, fault: str, remedy: str) -> PydanticCustomError:
    return PydanticCustomError("fault", "{fault}", {"key": key, "fault": fault, "remedy": remedy})


def _told(error: ErrorDetails) -> BadInput:
    """Say one of pydantic's findings in our three parts; never with the value, which may be a key."""
    path = [str(part) for part in error["loc"]]
    context = cast("Mapping[str, Any]", error.get("ctx", {}))
    match error["type"]:
        case "fault":
            return BadInput(field=".".join([*path, context["key"]]), fault=context["fault"], remedy=context["remedy"])
        case "missing":
            return BadInput(field=".".join(path), fault="is missing", remedy=f"give it; {_PAGE}")
        case "extra_forbidden":
            return BadInput(field=".".join(path), fault="is not a key", remedy=_nearest(path))
        case "string_type":
            return BadInput(field=".".join(path), fault="is not a text", remedy=f"put it in quotes; {_PAGE}")
        case _:
            return BadInput(field=".".join(path), fault=error["msg"][:1].lower() + error["msg"][1:], remedy=_PAGE)


def _nearest(path: list[str]) -> str:
    """Suggest the key that was meant."""
    sections: dict[int, type[BaseModel]] = {1: Settings, 3: MerchantSettings}
    named: dict[str, type[BaseModel]] = {
        "limits": LimitSettings,
        "timeouts": TimeoutSettings,
        "wording": WordingSettings,
    }
    section = sections.get(len(path)) or named.get(path[2]) if len(path) != 2 else None
    if path[0] == "database":
        section = DatabaseSettings
    near = get_close_matches(path[-1], section.model_fields, n=1) if section is not None else []
    return f"did you mean {near[0]}? {_PAGE}" if near else _PAGE
