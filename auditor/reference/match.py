"""Matching the tokens of a call against the path templates of the map.

An exact segment beats a placeholder, with backtracking; only where the strict reading fails do the other spellings
of the same resource count: type casts left out, ``$ref`` / ``$value`` / ``$count`` left out, keys in brackets, drive
paths. What the templates authorize is ``catalog.py``'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from auditor.reference import paths

Leaf = tuple[str, str]
"""A template and what is written beside it: its methods."""


class Node:
    """One segment of a trie of templates: the next tokens, and the template that ends here."""

    __slots__ = ("leaf", "next")

    def __init__(self) -> None:
        self.next: dict[str, Node] = {}
        self.leaf: Leaf | None = None

    def step(self, *tokens: str) -> Node | None:
        """Follow tokens exactly; None where the trie has no such way."""
        node: Node | None = self
        for token in tokens:
            node = node.next.get(token) if node is not None else None
        return node


CASTS = "microsoft.graph."
_SUFFIXES = frozenset({"$ref", "$value", "$count"})
_DETOURS = 4
"""How many other spellings one call may combine."""


def grow(templates: Iterable[Leaf]) -> Node:
    """Build a trie of templates."""
    root = Node()
    for template, entry in templates:
        node = root
        for token in template_tokens(template):
            node = node.next.setdefault(token, Node())
        node.leaf = (template, entry)
    return root


def template_tokens(template: str) -> tuple[str, ...]:
    """Return the tokens of a template as the compiled catalog writes it."""
    if "(" in template or ":" in template:
        return paths.tokens(template) or ()
    # The common case, ten times faster: thousands of templates are read at the first look-up.
    return tuple(template[1:].lower().replace("{id}", paths.PLACEHOLDER).split("/"))


def first_segment(template: str) -> str:
    """Return the first segment in lower case, without keys or arguments: ``applications`` of ``/applications(appid={value})``."""
    return template[1:].partition("/")[0].partition("(")[0].lower()


def leaves(root: Node, tokens: tuple[str, ...]) -> Iterator[Leaf]:
    """Yield the templates a call may mean, the best first: strict matches, then those with one detour, then more."""
    levels: list[list[tuple[Node, int]]] = [[(root, 0)]] + [[] for _ in range(_DETOURS)]
    seen: set[tuple[int, int]] = set()
    for cost, level in enumerate(levels):
        stack = level[::-1]
        while stack:
            node, position = stack.pop()
            if (id(node), position) in seen:
                continue
            seen.add((id(node), position))
            if position == len(tokens):
                if node.leaf is not None:
                    yield node.leaf
                continue
            # Last in, first out: the exact segment is tried before the placeholder.
            stack.extend((child, position + 1) for child in _strict(node, tokens[position]))
            if cost < _DETOURS:
                levels[cost + 1].extend(_detours(node, tokens, position))


def _strict(node: Node, token: str) -> Iterator[Node]:
    general = f"{paths.PLACEHOLDER}:" if token.endswith(":") else paths.PLACEHOLDER
    if general in node.next and (token.endswith(":") or paths.is_value(token)):
        yield node.next[general]
    if token in node.next:
        yield node.next[token]


def _detours(node: Node, tokens: tuple[str, ...], position: int) -> Iterator[tuple[Node, int]]:
    """Yield the places other spellings of the next segment lead to."""
    token, after = tokens[position], position + 1
    ways: list[tuple[Node | None, int]] = []
    if token.startswith(CASTS):
        ways = [(node, after), (node.step(token.rpartition(".")[2]), after)]
    elif token in _SUFFIXES and after == len(tokens):
        ways = [(node, after)]
    elif (name := paths.function_name(token)) is not None:
        collection = node.step(name)
        keyed = node.step(name, paths.PLACEHOLDER)
        # `users(userPrincipalName='…')` is a key of a collection; `delta(token='…')` a function with its arguments left out.
        ways = (
            [(keyed, after)]
            if keyed is not None and "," not in token
            else [(collection if keyed is None else None, after)]
        )
    elif token.endswith(":"):
        if after < len(tokens) and tokens[after].endswith(":"):
            ways = [(_drive_item(node, token), after + 1)]
    elif token == "root":  # noqa: S105 - a segment of a drive path
        ways = [(node.step("items", paths.PLACEHOLDER), after)]
    else:
        # Where the map knows one mail folder by name, it means any.
        ways = [(node.step(CASTS + token), after), (node.step("inbox") if paths.is_value(token) else None, after)]
    return ((child, at) for child, at in ways if child is not None)


def _drive_item(node: Node, token: str) -> Node | None:
    """Return where ``root:/path:`` or ``items/{id}:/path:`` or ``sites/host:/path:`` stands for ``{id}``."""
    return node.step("items", paths.PLACEHOLDER) if token == "root:" else node.step(paths.PLACEHOLDER)  # noqa: S105
