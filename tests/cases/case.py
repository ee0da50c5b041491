"""Real failures and successes as they are written down: one JSON object a line, read as it stands.

``cases()`` reads the file that lies beside the repository (it is not part of it), ``own_cases()`` the ones in
``more.jsonl``, which are. Any hand may have written a file: no line is refused, missing keys and other words are borne, and
a line that cannot be read at all is a case with a ``fault``. How a case becomes a tenant is ``express``'s, how an answer is
judged ``judge``'s, which words are borne ``words``'s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from auditor.predict.call import GRAPH_HOSTS
from tests.cases.words import BLAMELESS, SLUGS, cause_of, is_true, number, outcome_of, plain, word

HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[2] / "shared" / "cases.jsonl"
"""Where the collection lies on machines that have it."""
OWN = HERE / "more.jsonl"


def slug_of(cause: str) -> str:
    """The check that a cause belongs to."""
    return SLUGS.get(cause, cause)


@dataclass(frozen=True)
class Granted:
    """Permissions of Microsoft Graph (or, by their names, of another API) by type."""

    delegated: tuple[str, ...] = ()
    application: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.delegated or self.application)


@dataclass(frozen=True)
class Case:
    """One thread: what was called, with what, and what came of it."""

    id: str
    source: str
    calls: tuple[Mapping[str, Any], ...]
    """``method`` (``*``: any), ``path`` (with query), ``version``, and ``body``: names of fields that were sent."""
    flow: str
    """app-only, delegated, unknown."""
    credential: str
    account: str
    """work, personal, guest, unknown."""
    resource: str
    requested: Granted
    granted: Granted
    grants_known: str
    """stated, assumed, unknown: what ``granted`` is worth."""
    prose: str
    """What is known beside: in people's words, read by ``infer`` alone and never shown."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Facts in the words of ``facts.Facts``; cases of our own carry them."""
    outcome: str = "fail"
    cause: str = "none"
    secondary: tuple[str, ...] = ()
    predictable: bool = True
    error_code: str = ""
    http_status: int = 0
    fault: str = ""
    """Why the line could not be read."""

    @property
    def slug(self) -> str | None:
        """The check that ought to decide; None where no configuration is to blame."""
        return None if self.cause in BLAMELESS else slug_of(self.cause)

    @property
    def kind(self) -> str:
        """``works``, ``fails`` (predictable) or ``unpredictable``."""
        return "works" if self.outcome == "success" else "fails" if self.predictable else "unpredictable"


def read(path: Path) -> list[Case]:
    """The cases of a file, one a line; none for a line that is empty."""
    lines = enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1)
    return [case_of(line, f"line-{number}") for number, line in lines if line.strip()]


def cases(path: Path = SHARED) -> list[Case]:
    """The collection, or nothing on machines without it."""
    return read(path) if path.is_file() else []


def own_cases() -> list[Case]:
    """The cases of this repository."""
    return read(OWN) if OWN.is_file() else []


def case_of(line: str, name: str = "case") -> Case:
    """One line as a case; ``name`` is its id where it has none."""
    try:
        raw = json.loads(line)
        if not isinstance(raw, Mapping):
            raise TypeError("it is not a JSON object")
        return _case(raw, name)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        nothing = Granted()
        return Case(
            name, "", (), "unknown", "unknown", "work", "graph", nothing, nothing, "unknown", "", fault=str(error)
        )


def _case(raw: Mapping[str, Any], name: str) -> Case:
    status, cause = number(raw.get("http_status")), cause_of(raw.get("cause"))
    flow = word("flow", raw.get("flow"))
    known = plain(raw.get("grants_known"))
    grants = [_granted(raw.get(key), flow) for key in ("requested", "granted")]
    return Case(
        id=str(raw.get("id") or name),
        source=_text(raw.get("source")),
        calls=tuple(_calls(raw.get("calls") or raw.get("call"))),
        flow=flow,
        credential=word("credential", raw.get("credential")),
        account=word("account", raw.get("account_type") or "work"),
        resource=word("resource", raw.get("resource_requested") or "graph"),
        requested=grants[0],
        granted=grants[1],
        grants_known=known if known in ("stated", "assumed") else "unknown" if known else "stated",
        prose=_text(raw.get("other_config")),
        facts=raw.get("facts") or {},
        outcome=outcome_of(raw.get("outcome"), cause, status),
        cause=cause,
        secondary=tuple(cause_of(one) for one in _list(raw.get("secondary_causes"))),
        predictable=is_true(raw.get("predictable_from_config")),
        error_code=_text(raw.get("error_code")),
        http_status=status,
    )


def _text(value: Any) -> str:
    """Prose, also where it was given in parts."""
    if isinstance(value, Mapping):
        return " ".join(f"{key}: {_text(one)}." for key, one in value.items())
    return " ".join(map(_text, value)) if isinstance(value, list) else "" if value is None else str(value)


def _list(value: Any) -> list[Any]:
    """Values that may be given as one, or as text with commas or spaces."""
    if isinstance(value, str):
        return [one for one in re.split(r"[,;\s]+", value) if one]
    return list(value) if isinstance(value, list | tuple) else []


def _calls(value: Any) -> Iterator[Mapping[str, Any]]:
    """Calls as they are given: objects, or text such as ``beta:GET /users``."""
    for one in [value] if isinstance(value, str | Mapping) else value or ():
        if isinstance(one, str):
            head, _, rest = one.strip().partition(" ")
            version, _, method = head.rpartition(":")
            yield _call({"method": method, "path": rest.strip(), "version": version} if rest else {"path": head})
        elif isinstance(one, Mapping):
            yield _call(one)


def _call(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Method, path and version in one form: a Graph address without its origin, its version taken from it."""
    method = str(raw.get("method") or "GET").strip().upper()
    path = re.sub(r"\s", "%20", str(raw.get("path") or raw.get("url") or "/").strip())
    version = str(raw.get("version") or "").strip().lower()
    if "://" in path and (urlsplit(path).hostname or "") in GRAPH_HOSTS:
        path = path.split("://", 1)[1].partition("/")[2]
    found = re.match(r"/*(v1\.0|beta)(?=/|$)", path, re.IGNORECASE)
    if found is not None:
        version, path = found[1].lower(), path[found.end() :]
    path = path if "://" in path else f"/{path.lstrip('/')}"
    body = [name for one in _fields(raw.get("body")) if (name := one.strip())]
    made = {"method": method, "path": path, "version": "beta" if version == "beta" else "v1.0"}
    return {**made, "body": body} if body else made


def _fields(body: Any) -> list[str]:
    """Names of the fields that were sent; with a value where it may decide."""
    if isinstance(body, Mapping):
        told = {name: value for name, value in body.items() if name == "resource" and isinstance(value, str)}
        types = [f"entityTypes={one}" for one in _list(body.get("entityTypes"))]
        return [f"{name}={told[name]}" if name in told else name for name in body if name != "entityTypes"] + types
    return [one if isinstance(one, str) else "" for one in _list(body)]


def _granted(raw: Any, flow: str) -> Granted:
    """Permissions by type. A plain list is of the type of the flow."""
    if isinstance(raw, str | list | tuple):
        raw = {"application" if flow == "app-only" else "delegated": raw}
    raw = raw if isinstance(raw, Mapping) else {}
    return Granted(_names(raw.get("delegated")), _names(raw.get("application")))


def _names(value: Any) -> tuple[str, ...]:
    """Names of permissions, each once, without the address of the API before them."""
    said = (one.get("value") or one.get("name") if isinstance(one, Mapping) else one for one in _list(value))
    names = (one.strip().rpartition("/")[2] for one in said if isinstance(one, str))
    return tuple(dict.fromkeys(name for name in names if name and name != ".default"))
