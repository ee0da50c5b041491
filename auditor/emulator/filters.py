"""``$filter``: read an OData expression, refuse what the directory refuses, and test rows with it.

Understood: eq ne gt ge lt le in, and or not, startswith endswith contains, any/all with a lambda, ``x/$count``, literals.
Which of it needs an advanced query: https://learn.microsoft.com/graph/aad-advanced-queries
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from auditor.emulator.messages import bad_request, unsupported_query
from auditor.emulator.schema import Type
from auditor.emulator.store import Row

Test = Callable[[dict[str, Any]], Any]
"""From the variables in scope (``""`` is the row itself) to a value."""

MAX_NESTING = 30
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')"
    r"|(?P<date>\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?)"
    r"|(?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
    r"|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_@$][\w.$@]*)"
    r"|(?P<mark>[(),/:]))"
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: bool(left == right),
    "ne": lambda left, right: bool(left != right),
    "gt": lambda left, right: left is not None and right is not None and left > right,
    "ge": lambda left, right: left is not None and right is not None and left >= right,
    "lt": lambda left, right: left is not None and right is not None and left < right,
    "le": lambda left, right: left is not None and right is not None and left <= right,
}
_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "startswith": lambda text, part: text.startswith(part),
    "endswith": lambda text, part: text.endswith(part),
    "contains": lambda text, part: part in text,
}
_CONSTANTS = {"true": True, "false": False, "null": None}


@dataclass
class Filter:
    """A filter that was read: ``matches`` a row or not."""

    test: Test
    properties: set[str] = field(default_factory=set)
    """First segments of the property paths it uses."""
    advanced: set[str] = field(default_factory=set)
    """The operators in it that the directory grants to advanced queries only."""
    operators: set[str] = field(default_factory=set)

    def matches(self, row: Row) -> bool:
        """Whether ``row`` passes."""
        try:
            return bool(self.test({"": row}))
        except (TypeError, AttributeError):
            return False  # Values of different types never compare.


def parse(text: str, kind: Type | None) -> Filter:
    """The filter behind ``text``; property names are checked against ``kind`` where it is known.

    Raises:
        Refusal: 400, the expression is malformed or names a property that does not exist.
    """
    return _Parser(text, kind).parse()


class _Parser:
    def __init__(self, text: str, kind: Type | None) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._kind = kind
        self._lambdas: list[str] = []
        self._depth = 0
        self._filter = Filter(lambda scope: True)

    def parse(self) -> Filter:
        self._filter.test = self._either()
        if self._at < len(self._tokens):
            _malformed(f"Syntax error at position {self._at}")
        return self._filter

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _accept(self, word: str) -> bool:
        kind, text = self._peek()
        if kind in ("name", "mark") and text.lower() == word:
            self._at += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            _malformed(f"'{word}' expected at position {self._at}")

    def _either(self) -> Test:
        self._depth += 1
        if self._depth > MAX_NESTING:
            _malformed("The filter is nested too deeply")
        tests = [self._both()]
        while self._accept("or"):
            tests.append(self._both())
        self._depth -= 1
        return tests[0] if len(tests) == 1 else lambda scope: any(test(scope) for test in tests)

    def _both(self) -> Test:
        tests = [self._not()]
        while self._accept("and"):
            tests.append(self._not())
        return tests[0] if len(tests) == 1 else lambda scope: all(test(scope) for test in tests)

    def _not(self) -> Test:
        if self._accept("not"):
            self._filter.advanced.add("Not")
            self._depth += 1
            if self._depth > MAX_NESTING:
                _malformed("The filter is nested too deeply")
            test = self._not()
            self._depth -= 1
            return lambda scope: not test(scope)
        return self._comparison()

    def _comparison(self) -> Test:
        if self._accept("("):
            inner = self._either()
            self._expect(")")
            return inner
        left = self._operand()
        kind, word = self._peek()
        operator = word.lower() if kind == "name" else ""
        if operator == "in":
            self._at += 1
            return self._membership(left)
        if operator not in _COMPARISONS:
            return left
        self._at += 1
        self._filter.operators.add(operator)
        if operator == "ne":
            self._filter.advanced.add("NotEqualsMatch")
        right = self._operand()
        compare = _COMPARISONS[operator]
        return lambda scope: compare(_folded(left(scope)), _folded(right(scope)))

    def _membership(self, left: Test) -> Test:
        self._filter.operators.add("in")
        self._expect("(")
        values = [self._operand()]
        while self._accept(","):
            values.append(self._operand())
        self._expect(")")
        return lambda scope: any(_folded(left(scope)) == _folded(value(scope)) for value in values)

    def _operand(self) -> Test:
        kind, text = self._next()
        if kind == "text":
            value: Any = text[1:-1].replace("''", "'")
            return lambda scope: value
        if kind in ("date", "guid"):
            return lambda scope: text
        if kind == "number":
            number = float(text) if "." in text else int(text)
            return lambda scope: number
        if kind != "name":
            _malformed(f"A value is missing at position {self._at - 1}")
        if text.lower() in _CONSTANTS:
            constant = _CONSTANTS[text.lower()]
            return lambda scope: constant
        if text.lower() in _FUNCTIONS and self._peek()[1] == "(":
            return self._function(text.lower())
        return self._path(text)

    def _function(self, name: str) -> Test:
        self._filter.operators.add(name)
        if name == "endswith":
            self._filter.advanced.add("EndsWith")
        self._expect("(")
        left = self._operand()
        self._expect(",")
        right = self._operand()
        self._expect(")")
        call = _FUNCTIONS[name]
        return lambda scope: call(str(_folded(left(scope)) or ""), str(_folded(right(scope)) or ""))

    def _path(self, first: str) -> Test:
        variable = first if first in self._lambdas else ""
        names = [] if variable else [first]
        if not variable:
            self._note(first)
        while self._accept("/"):
            _, name = self._next()
            if name.lower() in ("any", "all") and self._peek()[1] == "(":
                return self._lambda(_reader(variable, names), name.lower())
            if name.lower() == "$count":
                self._filter.advanced.add("$count")
                read = _reader(variable, names)
                return lambda scope: len(read(scope) or ())
            names.append(name)
        return _reader(variable, names)

    def _lambda(self, collection: Test, name: str) -> Test:
        self._expect("(")
        self._filter.operators.add(name)
        if self._accept(")"):
            return lambda scope: bool(collection(scope))
        variable = self._next()[1]
        self._expect(":")
        self._lambdas.append(variable)
        test = self._either()
        self._lambdas.pop()
        self._expect(")")
        decide = any if name == "any" else all
        return lambda scope: decide(test({**scope, variable: item}) for item in collection(scope) or ())

    def _note(self, name: str) -> None:
        self._filter.properties.add(name)
        if self._kind is not None and self._kind.name != "directoryObject":
            self._kind.require_property(name)


def check_support(found: Filter, *, advanced: bool, filterable: frozenset[str] | None, resource: str) -> None:
    """Refuse what the service behind a collection does not run.

    Args:
        found: The filter.
        advanced: Whether the request is an advanced query.
        filterable: Properties that may be filtered; None: any.
        resource: Name of the type for the message, e.g. ``Application``.

    Raises:
        Refusal: 400 ``Request_UnsupportedQuery``.
    """
    if filterable is not None:
        strange = sorted(found.properties - filterable)
        beyond = found.operators - {"eq", "in"}
        if strange or beyond or found.advanced:
            name = (strange or sorted(found.properties) or ["?"])[0]
            raise unsupported_query(
                f"Unsupported or invalid query filter clause specified for property '{name}' of resource '{resource}'."
            )
        return
    if "contains" in found.operators:
        raise unsupported_query("Unsupported Query. Operator: 'contains' is not supported.")
    if found.advanced and not advanced:
        operator = min(found.advanced)
        raise unsupported_query(
            f"Unsupported Query. Operator: '{operator}' is not supported because the required parameters might be missing. "
            "Try adding $count=true query parameter and ConsistencyLevel:eventual header. "
            "Refer to https://aka.ms/graph-docs/advanced-queries for more information."
        )


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            _malformed(f"Syntax error: character '{text[at]}' is not valid at position {at}")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return tokens


def _reader(variable: str, names: list[str]) -> Test:
    """Walks from a variable through ``names``; a missing step is null."""

    def read(scope: dict[str, Any]) -> Any:
        value = scope[variable]
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    return read


def _folded(value: Any) -> Any:
    """The directory compares texts without regard to case."""
    return value.casefold() if isinstance(value, str) else value


def _malformed(what: str) -> NoReturn:
    raise bad_request(f"Invalid filter clause: {what}.")
