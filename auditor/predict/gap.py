"""A list of permissions that a token does not meet, and the questions one asks of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from auditor.predict.kinship import nearly_met
from auditor.predict.rules import SHOWN, Requirement, Rules, written
from auditor.predict.services import refusal, service_of
from auditor.predict.subject import Subject
from auditor.predict.token import Token
from auditor.predict.verdict import Question
from auditor.reference import catalog
from auditor.reference.claims import Authorization


@dataclass(frozen=True)
class Gap:
    """What a call needs and a token lacks."""

    who: Subject
    question: Question
    carried: Token
    facts: Rules
    wanted: Requirement
    base: tuple[Authorization, ...]
    """The call's own list, where a body field replaced it."""

    @property
    def app_only(self) -> bool:
        """Whether the token is an app's, without a user."""
        return self.question.flow == "app-only"

    @property
    def kind(self) -> str:
        """Type of the permissions that count."""
        return "application" if self.app_only else "delegated"

    @property
    def text(self) -> str:
        """The call, with the field that decides."""
        field = self.wanted.because
        call = self.question.call
        shown = field and field.lower() not in {name.lower() for name in (*call.body, *call.query)}
        return f"{call.text} with {field}" if shown else call.text

    @property
    def needed(self) -> str:
        """What it needs, in words: the least privileged permission."""
        ways = self.wanted.needs
        return (
            ways[0] if len(ways) == 1 else f"{ways[0]} or a higher permission" if ways else "no permission of this type"
        )

    @property
    def repair(self) -> str:
        """What to request and have consented to."""
        if not self.wanted.is_published:
            return f"Microsoft Graph publishes no {self.kind} permission for this call that an app can request; use another call."
        return f"Request the {self.kind} permission {self.wanted.needs[0]} and give admin consent to it."

    @property
    def refusal(self) -> tuple[int, str | None]:
        """HTTP status and error code of the service."""
        return refusal(self.question.call.path, empty=self.app_only and not self.carried.held)

    @property
    def in_directory(self) -> bool:
        """Whether the directory itself answers the call."""
        return service_of(self.question.call.path) == "directory"

    def met_with(self, names: frozenset[str]) -> bool:
        """Whether these permissions beside the token's would meet the list."""
        return bool(names) and bool(self.wanted.met_by(names | self.carried.held))

    def among(self, names: frozenset[str]) -> tuple[str, ...]:
        """The ways that these permissions beside the token's would meet, least privileged first; ``A + B`` for two together."""
        return tuple(dict.fromkeys(written(way) for way in self.wanted.met_by(names | self.carried.held)))[:SHOWN]

    def which(self, names: frozenset[str]) -> str:
        """As ``among``, in words, and without what the token carries."""
        held = {name.lower() for name in self.carried.held}
        ways = [way.split(" + ") for way in self.among(names)]
        found = dict.fromkeys(" and ".join(one for one in way if one.lower() not in held) for way in ways)
        return " or ".join(list(found)[:3]) or self.needed

    def names(self, permission: str) -> bool:
        """Whether the list names a permission."""
        return any(permission.lower() == way.permission.lower() for way in self.wanted.ways)

    def of_other_type(self) -> tuple[Authorization, ...]:
        """What opens the call to the other type of token; of /me, what an app would call in its place."""
        listed = self.facts.listed or {}
        call = self.question.call
        if not self.app_only and call.path.lower().startswith("/me/"):
            listed = catalog.load().authorizing(call.method, f"/users/{{id}}{call.path[3:]}") or {}
        return listed.get("delegated" if self.app_only else "application", ())

    def under_other_type(self) -> tuple[str, ...]:
        """Permissions requested or granted as the other type that would open the call there, or nearly would by their names."""
        ways = self.of_other_type()
        met = Requirement(ways).met_by(self.carried.wrong_type)
        return tuple(way.permission for way in met) or nearly_met(ways, self.carried.wrong_type)

    def held_by_groups(self) -> tuple[str, ...]:
        """Permissions of the list that groups hold as application permissions."""
        if not self.carried.by_group:
            return ()
        known = catalog.load()
        held = {name for one in self.carried.by_group if (name := known.name_of(one, "application")) is not None}
        return tuple(sorted(name for name in held if self.met_with(frozenset({name}))))


def some(names: Iterable[str], most: int = 4) -> str:
    """A few names, and how many more."""
    ordered = sorted(names)
    rest = len(ordered) - most
    return ", ".join(ordered[:most]) + (f" and {rest} more" if rest > 0 else "")
