"""Query options: read ``$select``, ``$top`` and the rest from a query string, and refuse what no service accepts.

Whether an option suits the collection it is used on is ``query``'s business.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from auditor.emulator.messages import bad_request

_KNOWN = frozenset(
    ["select", "top", "skip", "filter", "expand", "orderby", "search", "count", "format", "skiptoken", "deltatoken"]
)


@dataclass
class Expand:
    """One ``$expand`` item."""

    name: str
    select: list[str] = field(default_factory=list)


@dataclass
class Options:
    """The query options of one request; names are those of OData without the dollar sign."""

    select: list[str] = field(default_factory=list)
    top: int | None = None
    skip: int | None = None
    filter: str = ""
    expand: list[Expand] = field(default_factory=list)
    orderby: list[tuple[str, bool]] = field(default_factory=list)
    """Property and whether descending."""
    search: str = ""
    count: bool = False
    skiptoken: str = ""
    is_eventual: bool = False
    """The request carried ``ConsistencyLevel: eventual``."""

    @property
    def is_advanced(self) -> bool:
        """An advanced query: the header and ``$count=true`` (``$search`` needs the header alone)."""
        return self.is_eventual and (self.count or bool(self.search))


def pairs(query: str) -> list[tuple[str, str]]:
    """The raw ``name, value`` pairs of a query string, decoded."""
    found = []
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            found.append((unquote_plus(name), unquote_plus(value)))
    return found


def parse(query: str, consistency_level: str) -> Options:
    """The options of a request.

    Args:
        query: Undecoded query string.
        consistency_level: Value of that header.

    Raises:
        Refusal: 400, an option is unknown, given twice or has a value of the wrong kind.
    """
    options = Options(is_eventual=consistency_level.strip().lower() == "eventual")
    seen: set[str] = set()
    for raw_name, value in pairs(query):
        name = raw_name.lower().removeprefix("$")
        if name not in _KNOWN:
            if raw_name.startswith("$"):
                raise bad_request(f"The query parameter '{raw_name}' is not supported.")
            continue  # Parameters of the caller's own are not ours to refuse.
        if name in seen:
            raise bad_request(
                f"Query option '${name}' was specified more than once, but it must be specified at most once."
            )
        seen.add(name)
        _set(options, name, value)
    return options


def _set(options: Options, name: str, value: str) -> None:
    if name in ("top", "skip"):
        setattr(options, name, _integer(name, value))
    elif name == "select":
        options.select = _names(value, "select")
    elif name == "expand":
        options.expand = [_expand(item) for item in _split(value)]
    elif name == "orderby":
        options.orderby = [_order(item) for item in value.split(",")]
    elif name == "count":
        if value.lower() not in ("true", "false"):
            raise bad_request(
                f"Invalid value '{value}' for $count query option found. Valid values are 'true' and 'false'."
            )
        options.count = value.lower() == "true"
    elif name in ("filter", "search", "skiptoken"):
        setattr(options, name, value)


def _integer(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > 9:
        raise bad_request(
            f"Invalid value '{value}' for ${name} query option found. "
            f"The ${name} query option requires a non-negative integer value."
        )
    return int(value)


def _names(value: str, option: str) -> list[str]:
    names = [name.strip() for name in value.split(",")]
    if not all(names):
        raise bad_request(f"Parsing OData Select and Expand failed: an empty name in ${option}.")
    return [] if "*" in names else list(dict.fromkeys(names))


def _split(value: str) -> list[str]:
    """``a($select=x,y),b`` as ``["a($select=x,y)", "b"]``."""
    items, depth, current = [], 0, ""
    for character in value:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            items.append(current)
            current = ""
        else:
            current += character
    return [*items, current]


def _expand(item: str) -> Expand:
    name, bracket, inner = item.strip().partition("(")
    if not name or (bracket and not inner.endswith(")")):
        raise bad_request("Parsing OData Select and Expand failed: an expand term is malformed.")
    select: list[str] = []
    for option in inner[:-1].split(";") if bracket else ():
        option_name, _, value = option.partition("=")
        if option_name.strip().lower().removeprefix("$") != "select":
            raise bad_request(f"Query option '{option_name.strip()}' is not supported inside $expand.")
        select = _names(value, "select")
    return Expand(name.strip(), select)


def _order(item: str) -> tuple[str, bool]:
    words = item.split()
    if not words or len(words) > 2 or (len(words) == 2 and words[1].lower() not in ("asc", "desc")):
        raise bad_request("Syntax error in $orderby.")
    return words[0], len(words) == 2 and words[1].lower() == "desc"
