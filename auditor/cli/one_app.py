"""Which app ``auditor check`` judges, and what it is declared to do: the command line and its ``[[apps]]`` entry together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from auditor import config, values
from auditor.errors import InputError, UsageError


@dataclass(frozen=True)
class Declared:
    """What the command line says of the app; None and empty: nothing."""

    calls: Sequence[str] = ()
    call_files: Sequence[Path] = ()
    flow: str | None = None
    users: Sequence[str] = ()
    account: str | None = None
    resource: str | None = None


def app_id_of(given: str | None, manifest: Mapping[str, Any] | None) -> str:
    """The app id to judge: the one given, or the manifest's.

    Raises:
        UsageError: neither says one, or they differ.
        ConfigError: the one given is no app id.
    """
    from auditor.audit.on_paper import NO_ID

    wanted = values.guid(given, values.Place("APP_ID")) if given is not None else None
    if manifest is None:
        if wanted is None:
            raise UsageError("auditor check needs an APP_ID, or the manifest of an app with --manifest.")
        return wanted
    held = str(manifest.get("appId") or "").lower()
    if wanted and held and wanted != held:
        raise UsageError(f"APP_ID is {wanted}, and the manifest is of the app {held}.")
    return wanted or held or NO_ID


def entry(settings: config.Settings, app_id: str, said: Declared, calls: Sequence[str]) -> config.AppSettings:
    """The app's ``[[apps]]`` entry with what the command line says: flags win, calls of both are judged.

    Args:
        settings: the configuration.
        app_id: the app.
        said: the command line.
        calls: its calls, as ``calls_of`` gives them.

    Raises:
        ConfigError: a flag is not what was expected.
    """
    found = next((app for app in settings.apps if app.app_id == app_id), config.AppSettings(app_id=app_id))
    words: dict[str, Any] = {
        "flow": _read(said.flow, values.one_of(*get_args(config.Flow)), "--flow"),
        "account": _read(said.account, values.one_of(*get_args(config.Account)), "--account"),
        "resource": _read(said.resource, values.resource, "--resource"),
        "users": tuple(_read(user, values.user, "--user") for user in said.users),
        "calls": tuple(dict.fromkeys([*found.calls, *calls])),
    }
    return replace(found, **{name: value for name, value in words.items() if value not in (None, ())})


def _read(value: str | None, read: Any, flag: str) -> Any:
    return None if value is None else read(value, values.Place(flag))


def calls_of(said: Declared) -> tuple[list[str], list[str]]:
    """The calls of the command line in their normal form, those of files after those of ``--call``; and remarks for people.

    Raises:
        InputError: a call is none, or a file holds none or cannot be read.
    """
    from auditor.predict.call import parse_call
    from auditor.predict.call_files import read_calls

    texts: list[str] = []
    remarks: list[str] = []
    for text in said.calls:
        try:
            texts.append(parse_call(text).text)
        except InputError as error:
            raise InputError(f"--call: {error}") from None
    for path in said.call_files:
        found = read_calls(path)
        texts += [call.text for call in found.calls]
        remarks += found.notes
        if found.ignored:
            remarks.append(f"{path}: requests that are no calls to judge: {found.ignored:,}.")
    return texts, remarks


def is_without_tenant(settings: config.Settings, environ: Mapping[str, str]) -> bool:
    """Whether nothing names a tenant or a way to sign in: no setting, and no variable of azure-identity or ours.

    Variables that only steer the Azure CLI (``AZURE_CONFIG_DIR``, ``AZURE_CORE_OUTPUT``) say nothing.
    """
    nothing = settings.tenant == config.TenantSettings() and settings.auth == config.AuthSettings()
    return nothing and not any(environ.get(name) for name in _SIGN_IN)


_SIGN_IN = (
    "AUDITOR_ACCESS_TOKEN",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_USERNAME",
)
"""Variables that a sign-in is made of. https://learn.microsoft.com/python/api/azure-identity/azure.identity.environmentcredential"""
