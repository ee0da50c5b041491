"""The configuration: TOML, environment and flags, read into frozen settings.

Precedence: flag, then environment, then file, then default. Each key is declared once, as a field of its table's
dataclass, with its reader, its default, its flag and one line about it; ``docs/configuration.md`` and the test of
``config.example.toml`` are made from the same declarations. Scalar keys can be set by the environment variable
``AUDITOR_<TABLE>_<KEY>``; ``AZURE_TENANT_ID``, ``AZURE_CLIENT_ID`` and ``AZURE_AUTHORITY_HOST`` work as azure-identity's
users expect. ``AUDITOR_ACCESS_TOKEN`` means method ``token`` where no method is configured. Secrets are never read
here: the settings name the files that hold them.

What a value must look like is in ``auditor.values``. This module imports nothing heavy, so that every command can use it.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from auditor import values
from auditor.errors import ConfigError
from auditor.reference.clouds import CLOUDS, Cloud

DEFAULT_FILE = "config.toml"
"""Read from the current folder if it is there and no ``--config`` is given."""

AuthMethod = Literal[
    "default",
    "client-secret",
    "certificate",
    "managed-identity",
    "workload-identity",
    "device-code",
    "interactive",
    "azure-cli",
    "token",
]
FailOn = Literal["critical", "high", "medium", "low", "never"]
Flow = Literal["app-only", "delegated"]
Account = Literal["work", "personal"]
FORMATS = ("xlsx", "html", "json", "csv", "md", "sarif", "junit")
"""Report formats, the same as ``reports.FORMATS`` (a test says so; importing it here would import pandas)."""


@dataclass(frozen=True)
class Key:
    """What is declared of a key beside its type and default, as metadata of its annotation."""

    read: Callable[[Any, values.Place], Any]
    """Checks and converts a raw value (``auditor.values``)."""
    about: str
    """One line for people."""
    flag: str | None = None
    """The option of the command line that wins over everything."""
    variables: tuple[str, ...] = ()
    """More environment variables, asked after ``AUDITOR_<TABLE>_<KEY>``."""
    example: str = ""
    """A value in TOML, for keys whose default is to be left out."""


@dataclass(frozen=True)
class TenantSettings:
    """``[tenant]``: which tenant, in which cloud."""

    id: Annotated[
        str,
        Key(values.tenant_id, "Tenant id or one of its domain names.", flag="--tenant", variables=("AZURE_TENANT_ID",)),
    ] = ""
    cloud: Annotated[str, Key(values.one_of(*CLOUDS), f"The Microsoft cloud of the tenant: {', '.join(CLOUDS)}.")] = (
        "global"
    )
    graph_url: Annotated[str, Key(values.graph_url, "Overrides the cloud's Graph address.", flag="--graph-url")] = ""
    authority: Annotated[
        str, Key(values.authority, "Overrides the cloud's sign-in address.", variables=("AZURE_AUTHORITY_HOST",))
    ] = ""


@dataclass(frozen=True)
class AuthSettings:
    """``[auth]``: how to sign in. It names files, and never holds a secret."""

    method: Annotated[
        AuthMethod, Key(values.one_of(*get_args(AuthMethod)), f"How to sign in: {', '.join(get_args(AuthMethod))}.")
    ] = "default"
    client_id: Annotated[
        str,
        Key(
            values.optional_guid,
            "App id to sign in as, or client id of a user-assigned managed identity.",
            variables=("AZURE_CLIENT_ID",),
        ),
    ] = ""
    secret_file: Annotated[Path | None, Key(values.optional_path, "File that holds the client secret.")] = None
    certificate_file: Annotated[
        Path | None, Key(values.optional_path, "PEM or PFX file that holds certificate and private key.")
    ] = None
    certificate_password_file: Annotated[
        Path | None, Key(values.optional_path, "File that holds the password of the certificate file.")
    ] = None


@dataclass(frozen=True)
class ReportSettings:
    """``[report]``: where reports go, and which."""

    out: Annotated[
        Path | None,
        Key(values.optional_path, "Folder for the reports; empty: a new audit-<tenant>-<UTC time>.", flag="--out"),
    ] = None
    formats: Annotated[
        tuple[str, ...], Key(values.list_of(*FORMATS), f"Formats to write: {', '.join(FORMATS)}.", flag="--format")
    ] = (
        "xlsx",
        "html",
        "json",
    )


@dataclass(frozen=True)
class GateSettings:
    """``[gate]``: when the exit code tells a pipeline to stop."""

    fail_on: Annotated[
        FailOn,
        Key(
            values.one_of(*get_args(FailOn)),
            "Exit with 1 if a finding that is neither known nor waived is of this severity or worse:"
            f" {', '.join(get_args(FailOn))}.",
            flag="--fail-on",
        ),
    ] = "never"


@dataclass(frozen=True)
class BaselineSettings:
    """``[baseline]``: an earlier audit whose findings are known."""

    file: Annotated[
        Path | None,
        Key(
            values.optional_path,
            "An earlier audit.json, or the folder of a snapshot; findings already in it are marked known.",
            flag="--baseline",
        ),
    ] = None


@dataclass(frozen=True)
class CheckSettings:
    """``[checks]``: numbers that checks go by."""

    credential_expiry_days: Annotated[
        int, Key(values.days, "A credential that ends within so many days counts as soon expired.")
    ] = 30


@dataclass(frozen=True, kw_only=True)
class AppSettings:
    """One ``[[apps]]`` entry: what you know of an app and the tenant does not."""

    app_id: Annotated[str, Key(values.guid, "App (client) id.", example='"11111111-2222-3333-4444-555555555555"')]
    flow: Annotated[
        Flow | None,
        Key(
            values.one_of(*get_args(Flow)),
            "How its tokens are obtained: app-only, delegated; left out: inferred.",
            example='"app-only"',
        ),
    ] = None
    calls: Annotated[
        tuple[str, ...],
        Key(
            values.calls,
            "Calls it makes, each a method and a path: v1.0, or beta:GET /path. Each is judged, and one that will be refused is a"
            " finding.",
            example='["GET /users", "POST /users/{id}/sendMail"]',
        ),
    ] = ()
    users: Annotated[
        tuple[str, ...],
        Key(
            values.users,
            "Who signs in (delegated): user principal names or ids. Their roles and licences are read, and bear on the verdicts.",
            example='["alice@contoso.com"]',
        ),
    ] = ()
    account: Annotated[
        Account, Key(values.one_of(*get_args(Account)), "Kind of account that signs in: work, personal.")
    ] = "work"
    resource: Annotated[
        str,
        Key(
            values.resource,
            "What its tokens are asked for: graph, aad-graph, exchange, sharepoint, arm, or an App ID URI.",
        ),
    ] = "graph"


@dataclass(frozen=True, kw_only=True)
class WaiverSettings:
    """One ``[[waivers]]`` entry: an accepted risk. It stays visible in every report and does not count for ``fail_on``."""

    check: Annotated[str, Key(values.slug, "Slug of the check.", example='"consent-missing"')]
    app_id: Annotated[
        str | None,
        Key(values.guid, "Only this app; left out: every app.", example='"11111111-2222-3333-4444-555555555555"'),
    ] = None
    permission: Annotated[
        str | None, Key(values.filled_text, "Only this permission; left out: every one.", example='"Mail.Read"')
    ] = None
    reason: Annotated[
        str,
        Key(
            values.filled_text, "Why the risk is accepted.", example='"consent is given by the customer at onboarding"'
        ),
    ]
    owner: Annotated[str | None, Key(values.filled_text, "Who answers for it.", example='"identity team"')] = None
    expires: Annotated[
        date | None, Key(values.day, "Last day it holds; past it the finding counts again.", example="2027-06-30")
    ] = None


@dataclass(frozen=True)
class Settings:
    """Everything the configuration says, valid as it stands."""

    tenant: TenantSettings = TenantSettings()
    auth: AuthSettings = AuthSettings()
    report: ReportSettings = ReportSettings()
    gate: GateSettings = GateSettings()
    baseline: BaselineSettings = BaselineSettings()
    checks: CheckSettings = CheckSettings()
    apps: tuple[AppSettings, ...] = ()
    waivers: tuple[WaiverSettings, ...] = ()
    file: Path | None = field(default=None, compare=False)
    """The file that was read, for messages; None: none was."""


TABLES: dict[str, type[Any]] = {
    "tenant": TenantSettings,
    "auth": AuthSettings,
    "report": ReportSettings,
    "gate": GateSettings,
    "baseline": BaselineSettings,
    "checks": CheckSettings,
}
"""Tables that occur once: ``[name]``."""
ARRAYS: dict[str, type[Any]] = {"apps": AppSettings, "waivers": WaiverSettings}
"""Tables that occur any number of times: ``[[name]]``."""


def load(
    path: Path | None = None,
    *,
    environ: Mapping[str, str],
    flags: Mapping[str, Any] | None = None,
    without_file: bool = False,
    defaults: Mapping[str, Mapping[str, Any]] | None = None,
) -> Settings:
    """The settings of this run.

    Args:
        path: the file of ``--config``; None: ``config.toml`` of the current folder if it is there.
        environ: environment variables; an empty value is as good as none.
        flags: values by option, e.g. ``{"--tenant": "contoso.com"}``; None and empty values are left out.
        without_file: no file is read, not even ``config.toml``.
        defaults: values by table and key for a command whose defaults are others; everything wins over them.

    Raises:
        ConfigError: a file that cannot be read or parsed, an unknown key, a value that is not what is expected.
    """
    file = path if path is not None else Path(DEFAULT_FILE)
    is_there = not without_file and (path is not None or file.is_file())
    data = _parse(file) if is_there else {}
    _refuse_unknown(data, {*TABLES, *ARRAYS}, file, "")
    given = {name: {**(defaults or {}).get(name, {}), **_table(name, data.get(name, {}), file)} for name in TABLES}
    for name, kind in TABLES.items():
        given[name] |= _from_environment(name, kind, environ) | _from_flags(kind, flags or {})
    if environ.get("AUDITOR_ACCESS_TOKEN") and "method" not in given["auth"]:
        given["auth"]["method"] = "token"
    tables: dict[str, Any] = {name: kind(**given[name]) for name, kind in TABLES.items()}
    tables |= {name: _entries(name, data.get(name, []), file) for name in ARRAYS}
    settings = Settings(**tables, file=file if is_there else None)
    _refuse_twice(settings.apps, file)
    return settings


def cloud_of(tenant: TenantSettings, name: str | None = None) -> Cloud:
    """The cloud of a tenant, with the host of ``[tenant] authority`` for sign-in where that is set.

    Args:
        tenant: the settings.
        name: a cloud that wins over the configured one (a snapshot knows where it comes from).
    """
    cloud = CLOUDS[name or tenant.cloud]
    return replace(cloud, login_host=tenant.authority.removeprefix("https://")) if tenant.authority else cloud


def key_of(declared: Field[Any]) -> Key:
    """What a field of a settings class declares of its key."""
    key: Key = declared.type.__metadata__[0]  # type: ignore[union-attr]
    return key


def variables_of(table: str, declared: Field[Any]) -> tuple[str, ...]:
    """The environment variables that set a key of a single table; the first that is set wins."""
    return (f"AUDITOR_{table}_{declared.name}".upper(), *key_of(declared).variables)


def _parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{file}: the configuration file cannot be read ({error.strerror or error}).") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: the configuration file is not UTF-8 text; save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not valid TOML: {error}.") from None
    except RecursionError:
        raise ConfigError(f"{file}: not valid TOML: arrays or tables are nested too deep.") from None
    except ValueError:  # Python reads no number of thousands of digits
        raise ConfigError(f"{file}: not valid TOML: a number has too many digits.") from None


def _table(name: str, data: Any, file: Path) -> dict[str, Any]:
    """The values of one ``[name]`` table."""
    if not isinstance(data, dict):
        raise ConfigError(f"{file}: {name} must be a table, written [{name}].")
    return _values(TABLES[name], data, file, name)


def _entries(name: str, data: Any, file: Path) -> tuple[Any, ...]:
    """All ``[[name]]`` entries, counted from 1 in messages."""
    if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
        raise ConfigError(f"{file}: {name} must be an array of tables, each written [[{name}]].")
    entries = []
    for number, entry in enumerate(data, 1):
        given = _values(ARRAYS[name], entry, file, f"{name}[{number}]")
        for declared in fields(ARRAYS[name]):
            if declared.default is MISSING and declared.name not in given:
                raise ConfigError(f"{file}: {name}[{number}] has no {declared.name}; every [[{name}]] entry needs one.")
        entries.append(ARRAYS[name](**given))
    return tuple(entries)


def _values(kind: type[Any], data: Mapping[str, Any], file: Path, where: str) -> dict[str, Any]:
    """The typed values of one table of the file. Relative paths start from the file's folder."""
    declared = {entry.name: entry for entry in fields(kind)}
    _refuse_unknown(data, set(declared), file, f"{where}.")
    return {
        name: key_of(declared[name]).read(
            value, values.Place(f"{file}: {where}.{name}", folder=file.parent, private=kind is AuthSettings)
        )
        for name, value in data.items()
    }


def _from_environment(table: str, kind: type[Any], environ: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for declared in fields(kind):
        variable = next((name for name in variables_of(table, declared) if environ.get(name)), None)
        if variable is not None:
            raw = values.from_environment(environ[variable], declared.default)
            place = values.Place(f"environment variable {variable}", private=kind is AuthSettings)
            found[declared.name] = key_of(declared).read(raw, place)
    return found


def _from_flags(kind: type[Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    return {
        declared.name: key.read(flags[key.flag], values.Place(key.flag))
        for declared in fields(kind)
        if (key := key_of(declared)).flag and flags.get(key.flag)
    }


def _refuse_unknown(data: Mapping[str, Any], known: set[str], file: Path, prefix: str) -> None:
    for key in data:
        if key in known:
            continue
        hint = f"expected one of {', '.join(sorted(known))}"
        if prefix == "auth." and any(word in key for word in ("secret", "password", "token")):
            hint = (
                "a secret does not belong in the configuration; put it in the environment, or name a file that holds it"
            )
        raise ConfigError(f"{file}: unknown key {values.shown(prefix + key)}: {hint}.")


def _refuse_twice(apps: tuple[AppSettings, ...], file: Path) -> None:
    seen: set[str] = set()
    for app in apps:
        if app.app_id in seen:
            raise ConfigError(f"{file}: {app.app_id} is declared twice, expected one [[apps]] entry an app.")
        seen.add(app.app_id)
