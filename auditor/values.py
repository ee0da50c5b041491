"""What a value of the configuration, the environment or a flag must look like: one reader a kind of value.

A reader takes the raw value and its place and returns the value typed, or raises ConfigError with the place and what
was expected. Which key has which reader is said in ``auditor.config``. Imports nothing heavy.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from auditor.call_parts import call_parts, shown_call
from auditor.errors import ConfigError

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]*[a-z0-9]", re.IGNORECASE)
_SLUG = re.compile(r"[a-z]+(-[a-z]+)*")
_RESOURCES = ("graph", "aad-graph", "exchange", "sharepoint", "arm")


@dataclass(frozen=True)
class Place:
    """Where a value stands, in words: a flag, a variable, or file and key."""

    name: str
    folder: Path | None = None
    """Folder that relative paths start from; None: the current one."""
    private: bool = False
    """Its value is never shown: where signing in is configured, people put secrets by mistake."""

    def refusal(self, value: Any, expected: str) -> ConfigError:
        """The error for a value that is not what is expected."""
        if self.private:
            return ConfigError(f"{self.name}: what is given (not shown here) is not valid, expected {expected}.")
        return ConfigError(f"{self.name}: {shown(value)} is not valid, expected {expected}.")


def shown(value: Any) -> str:
    """A value as an error message shows it: quoted, printable, at most 60 characters, no nested content."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) >= 10**60:
        return "a huge number"  # Python refuses to write thousands of digits
    if isinstance(value, int | float | date):
        return str(value)
    if isinstance(value, str):
        printable = "".join(
            character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in value
        )
        return f'"{printable[:60]}…"' if len(printable) > 60 else f'"{printable}"'
    return "a table" if isinstance(value, dict) else "an array" if isinstance(value, list) else "this value"


def from_environment(raw: str, default: Any) -> Any:
    """A variable's text as the type its key's default has: lists are separated by commas, numbers are digits."""
    if isinstance(default, tuple):
        return [part.strip() for part in raw.split(",") if part.strip()]
    if isinstance(default, int) and raw.strip().isdecimal() and len(raw.strip()) <= 60:
        return int(raw)
    return raw


def is_guid(value: str) -> bool:
    """Whether a string is a GUID in its usual form, in either case."""
    return _GUID.fullmatch(value) is not None


def text(value: Any, place: Place) -> str:
    """Any string."""
    if isinstance(value, str):
        return value
    raise place.refusal(value, "a string")


def filled_text(value: Any, place: Place) -> str:
    """A string with something in it."""
    if isinstance(value, str) and value.strip():
        return value
    raise place.refusal(value, "a string that is not empty")


def user(value: Any, place: Place) -> str:
    """A user principal name or an id. Spaces around it go: with them nobody would be found, and nothing said of it."""
    name = value.strip() if isinstance(value, str) else ""
    if name and name.isprintable():
        return name
    raise place.refusal(value, "a user principal name or an id")


def strings(value: Any, place: Place) -> tuple[str, ...]:
    """An array of strings."""
    if not isinstance(value, list | tuple) or not all(isinstance(entry, str) for entry in value):
        raise place.refusal(value, "an array of strings")
    return tuple(value)


def users(value: Any, place: Place) -> tuple[str, ...]:
    """An array of users, as ``user`` reads them."""
    return tuple(user(entry, place) for entry in strings(value, place))


def guid(value: Any, place: Place) -> str:
    """A GUID, given back in lower case."""
    if isinstance(value, str) and is_guid(value.strip()):
        return value.strip().lower()
    raise place.refusal(value, "a GUID such as 11111111-2222-3333-4444-555555555555")


def optional_guid(value: Any, place: Place) -> str:
    """A GUID in lower case, or the empty string."""
    return "" if value == "" else guid(value, place)


def tenant_id(value: Any, place: Place) -> str:
    """A tenant id or a domain name of the tenant, in lower case; or the empty string."""
    if isinstance(value, str):
        name = value.strip().lower()
        if not name or is_guid(name) or _DOMAIN.fullmatch(name):
            return name
    raise place.refusal(
        value, "a tenant id (a GUID) or one of the tenant's domain names, such as contoso.onmicrosoft.com"
    )


def slug(value: Any, place: Place) -> str:
    """A check's slug by its form; whether there is such a check is for the runner to say."""
    if isinstance(value, str) and _SLUG.fullmatch(value):
        return value
    raise place.refusal(value, "the slug of a check, such as consent-missing (auditor checks lists them)")


def days(value: Any, place: Place) -> int:
    """A whole number of days, 0 to 3650."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 3650:
        return value
    raise place.refusal(value, "a whole number of days from 0 to 3650")


def day(value: Any, place: Place) -> date:
    """A date, as TOML writes it or as an ISO string."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise place.refusal(value, "a date such as 2027-06-30")


def optional_path(value: Any, place: Place) -> Path | None:
    """A path, relative ones from the place's folder; the empty string is None."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or "\0" in value:
        raise place.refusal(value, "the path of a file")
    if not value:
        return None
    try:
        path = Path(value).expanduser()
    except RuntimeError:
        raise place.refusal(value, "the path of a file; ~ is followed by no user that has a home folder") from None
    return path if place.folder is None else place.folder / path


def one_of(*choices: str) -> Callable[[Any, Place], str]:
    """One of a few words."""

    def read(value: Any, place: Place) -> str:
        if isinstance(value, str) and value in choices:
            return value
        raise place.refusal(value, f"one of {', '.join(choices)}")

    return read


def list_of(*choices: str) -> Callable[[Any, Place], tuple[str, ...]]:
    """An array of some of a few words, each kept once, at least one."""

    def read(value: Any, place: Place) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or not value:
            raise place.refusal(value, f"an array with some of {', '.join(choices)}")
        for entry in value:
            if not isinstance(entry, str) or entry not in choices:
                raise place.refusal(entry, f"one of {', '.join(choices)}")
        return tuple(dict.fromkeys(value))

    return read


def calls(value: Any, place: Place) -> tuple[str, ...]:
    """Calls as ``auditor.call_parts`` reads them: ``GET /users``, ``beta:GET /users``; body fields that decide may follow."""
    listed = strings(value, place)
    for call in listed:
        try:
            call_parts(call)
        except ValueError as error:
            raise ConfigError(f"{place.name}: {shown_call(call)} is not valid, expected {error}.") from None
    return tuple(call.strip() for call in listed)


def resource(value: Any, place: Place) -> str:
    """A well-known resource by its short name, or an App ID URI, or an app id."""
    if isinstance(value, str) and (
        value in _RESOURCES or is_guid(value) or re.fullmatch(r"[a-z][a-z0-9+.-]*:\S+", value, re.IGNORECASE)
    ):
        return value
    raise place.refusal(value, f"one of {', '.join(_RESOURCES)}, or an App ID URI such as api://contoso-orders")


def graph_url(value: Any, place: Place) -> str:
    """The root address of a Graph: https, or plain http to a loopback address. Empty is allowed."""
    expected = (
        "an https address without path, such as https://graph.microsoft.com; plain http is for loopback addresses alone"
    )
    return _service_root(value, place, expected, loopback_http=True)


def authority(value: Any, place: Place) -> str:
    """The root address of a sign-in service: https; without a scheme it is https. Empty is allowed."""
    if isinstance(value, str) and value and "://" not in value:
        value = f"https://{value}"  # AZURE_AUTHORITY_HOST is often given so, and azure-identity allows it
    return _service_root(
        value, place, "an https address without path, such as https://login.microsoftonline.com", loopback_http=False
    )


def _service_root(value: Any, place: Place, expected: str, *, loopback_http: bool) -> str:
    if value == "":
        return ""
    if not isinstance(value, str):
        raise place.refusal(value, expected)
    try:
        parts = urlsplit(value.strip())
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise place.refusal(value, expected) from None
    if "@" in parts.netloc:
        raise place.refusal("an address with a user name", expected)  # what stands before the @ may be a password
    secure = parts.scheme == "https" or (loopback_http and parts.scheme == "http" and is_loopback(host or ""))
    if not host or not secure or parts.path.strip("/") or parts.query or parts.fragment:
        raise place.refusal(value, expected)
    return f"{parts.scheme}://{parts.netloc}"


def is_loopback(host: str) -> bool:
    """Whether a host is one of the three names of this machine that may be spoken to without TLS.

    Not all of 127.0.0.0/8: msgraph-sdk sends a token over plain http to these three alone.
    """
    return host.lower() in ("localhost", "127.0.0.1", "::1")
