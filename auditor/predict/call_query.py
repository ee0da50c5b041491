"""Which properties the query of a call names: ``$select=displayName,signInActivity&$filter=…``.

Reads names alone; values of a query may be personal or secret and are never kept. Which property needs a permission of
its own is the reference's. Forms: https://learn.microsoft.com/graph/query-parameters
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import unquote_plus

_OPTIONS = frozenset(("select", "filter", "orderby", "expand"))
_NAME = re.compile(r"[A-Za-z_]\w{0,127}", re.ASCII)
_WORDS = re.compile(r"'(?:[^']|'')*'?|[^\s()',:;=<>]+|[(),:;=]")
_NO_NAMES = frozenset(
    ("eq", "ne", "gt", "ge", "lt", "le", "and", "or", "not", "in", "has", "any", "all", "true", "false", "null")
    + ("asc", "desc", "add", "sub", "mul", "div", "mod")
)
_COMPARISONS = frozenset(("eq", "ne", "gt", "ge", "lt", "le", "has"))


def named_properties(query: str) -> frozenset[str]:
    """Names of the properties in ``$select``, ``$filter``, ``$orderby`` and ``$expand``, nested ones too.

    Of a path such as ``signInActivity/lastSignInDateTime`` the first part. Never raises.
    """
    names: set[str] = set()
    for option in query.split("&"):
        name = _option(option)
        if name in _OPTIONS:
            names.update(_names(name, unquote_plus(option.partition("=")[2])))
    return frozenset(name for name in names if not name.startswith("eyJ"))


def filtered_properties(query: str) -> frozenset[str]:
    """Names of the properties in the ``$filter`` and ``$orderby`` of the call itself, as ``named_properties`` has them. Never raises."""
    options = [option for option in query.split("&") if _option(option) in ("filter", "orderby")]
    return named_properties("&".join(options))


def _option(text: str) -> str:
    return unquote_plus(text.partition("=")[0]).strip().lower().removeprefix("$")


def _names(option: str, value: str) -> Iterator[str]:
    """Walk an option's words; within the brackets of ``$expand`` other options begin."""
    open_options: list[str] = [option]
    words = _WORDS.findall(value)
    variables = {name for name, after in pairwise(words) if after == ":"}
    previous = ""
    for word, after in zip(words, [*words[1:], ""], strict=False):
        current = open_options[-1]
        if word == "(":
            open_options.append("" if current == "expand" else current)
        elif word == ")" and len(open_options) > 1:
            open_options.pop()
        elif word == ";" and len(open_options) > 1:
            open_options[-1] = ""
        elif word.startswith("$") and after == "=":
            open_options[-1] = word[1:].lower()
        elif current in _OPTIONS and not (current == "filter" and previous in _COMPARISONS):
            yield from _property(word, after, variables, current)
        previous = word.lower()


def _property(word: str, after: str, variables: set[str], option: str) -> Iterator[str]:
    segments = [part for part in word.split("/") if not part.lower().startswith("microsoft.graph.")]
    if option in ("filter", "orderby") and (after.startswith("'") or after == ":"):
        return  # guid'…', and the variable of a lambda
    if option in ("filter", "orderby") and after == "(":
        segments = segments[:-1]  # a function, or any and all behind a collection
    if not segments or segments[0] in variables or segments[0].lower() in _NO_NAMES:
        return
    if _NAME.fullmatch(segments[0]):
        yield segments[0]
