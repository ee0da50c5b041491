"""Facts out of prose, for cases without a line in ``facts.toml``: general phrases, in the vocabulary of ``facts``.

It reads what people wrote about the configuration and nothing else: neither cause nor fix, evidence or error.
A phrase that is not known says nothing; a wrong guess is worse than none. The phrases are in ``phrases.toml``.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from auditor.emulator.baseline import ROLES
from auditor.reference import overlay
from tests.cases.case import HERE
from tests.cases.facts import Facts

_SENTENCES = re.compile(r"(?<=\.)\s+(?=[A-Z(/{])|(?<=;)\s+")
_NOT = re.compile(
    r"\b(?:no|not|without|never|neither|nor|lacks?|isn't|aren't|wasn't|excluded from|instead of)\b[^,]*$", re.IGNORECASE
)
_HOLDS = re.compile(
    r"\b(?:holds?|holding|has|have|had|is|are|was|were|as|with|signed in|member of|given|assigned|role)\b",
    re.IGNORECASE,
)
_WANTED = re.compile(r"\b(?:needs?|needed|requires?|required|must|should|asks? for|only for)\b", re.IGNORECASE)
_OF_AN_APP = re.compile(r"service principal|\bapp(?:lication)?\b|\bidentity\b|\bSP\b", re.IGNORECASE)
_OF_A_TARGET = re.compile(r"\b(?:target|(?:deleted|restored|other|another) user)\b", re.IGNORECASE)
_ARTICLE = re.compile(r"\W*(?:(?:an?|the)\s+)?", re.IGNORECASE)
_ADMIN = re.compile(
    r"\b(?:an?|the|tenant) admin(?:istrator)? (?:signs|signed|is signed) in\b"
    r"|(?<!target )(?<!deleted )(?<!restored )(?<!other )\b(?:user|caller|account) (?:is|was) (?:an? |the )?(?:tenant |global )?admin(?:istrator)?\b(?! (?:of|in|on) (?:the|that|this|one) (?:site|team|group|plan))",
    re.IGNORECASE,
)
"""People who say no more than administrator mean the one who may do everything."""
_OF_A_USER = re.compile(r"\b(?:user|caller|account|person|member|sign\w*[- ]in|admin\w*)\b", re.IGNORECASE)
_NO_ROLE = re.compile(
    r"\b(?:no|without(?: any| a)?|not hold(?:ing)?(?: an?| any)?) (?:\w+ or )?(?:directory |admin(?:istrator|istrative)? |Entra )?roles?\b"
    r"|\b(?:signed-in|calling|ordinary|normal|regular|standard|plain|non-admin(?:istrator)?) (?:member|user|account) "
    r"(?:without|with no|is (?:an? )?(?:ordinary|normal|regular|standard|plain|non-admin))"
    r"|\b(?:is|as) an? (?:ordinary|normal|regular|standard|plain|non-admin\w*) (?:member|user)|\bis not an? admin",
    re.IGNORECASE,
)
_SENT = re.compile(r"\b(?:body|propert\w+|payload|fields?|sets?|updat\w+|PATCH|POST)\b", re.IGNORECASE)
_PASSWORD = re.compile(
    r"reset\w* (?:the |their |a |user )?passwords?|password resets?|sets? (?:a |the )?(?:new )?password", re.IGNORECASE
)
_OTHER_NAMES = (
    ("Intune Service Administrator", "Intune Administrator"),
    ("Company Administrator", "Global Administrator"),
    ("Global Admin", "Global Administrator"),
    ("User Account Administrator", "User Administrator"),
    ("User Admin", "User Administrator"),
    ("Application Admin", "Application Administrator"),
    ("Cloud Application Admin", "Cloud Application Administrator"),
    ("Teams Service Administrator", "Teams Administrator"),
)


@dataclass(frozen=True)
class Phrases:
    """One fact and how people say it."""

    fact: str
    value: Any
    patterns: tuple[re.Pattern[str], ...]
    negatable: bool
    """Whether a "not" before it turns it into its opposite, which says nothing."""

    def said_in(self, prose: str) -> bool:
        """Whether a sentence says it."""
        return any(self._in(sentence) for sentence in _SENTENCES.split(prose))

    def _in(self, sentence: str) -> bool:
        found = (match for pattern in self.patterns if (match := pattern.search(sentence)))
        return any(not (self.negatable and _NOT.search(sentence[: match.start()])) for match in found)


@lru_cache(maxsize=1)
def phrases() -> tuple[Phrases, ...]:
    """The phrases, in the order of the file: the first that holds for a fact gives its value."""
    entries = tomllib.loads((HERE / "phrases.toml").read_text(encoding="utf-8"))["phrase"]
    return tuple(
        Phrases(
            entry["fact"],
            entry["value"],
            tuple(re.compile(pattern, re.IGNORECASE) for pattern in entry["said"]),
            entry.get("negatable", True),
        )
        for entry in entries
    )


def infer_facts(prose: str) -> Facts:
    """What a text about a configuration says, in the vocabulary of ``facts.Facts``."""
    found: dict[str, Any] = {}
    for one in phrases():
        if isinstance(one.value, list):
            if one.said_in(prose):
                found[one.fact] = tuple(dict.fromkeys((*found.get(one.fact, ()), *one.value)))
        elif one.fact not in found and one.said_in(prose):
            found[one.fact] = one.value
    if found.get("policy_when") == "workload":
        found["policy"] = "block"
    if "policy" not in found:
        found.pop("policy_when", None)
    found |= _roles(prose)
    body = _fields(prose)
    if found.get("app") == "disabled":
        body = tuple(name for name in body if name != "accountEnabled")  # said of the service principal
    if body:
        found["body"] = body
    return Facts(**found)


@lru_cache(maxsize=1)
def _role_names() -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern for every name of a directory role, longest first, and what each means."""
    names = {name.lower(): name for name in ROLES} | {other.lower(): name for other, name in _OTHER_NAMES}
    longest = sorted(names, key=len, reverse=True)
    return re.compile(rf"\b({'|'.join(re.escape(name) for name in longest)})s?\b", re.IGNORECASE), names


def _roles(prose: str) -> dict[str, Any]:
    """Directory roles that are held, and by whom: the app where the sentence speaks of it, else the user."""
    pattern, names = _role_names()
    found: dict[str, Any] = {}
    for sentence in _SENTENCES.split(prose):
        matches = list(pattern.finditer(sentence))
        if not matches:
            continue
        before = sentence[: matches[0].start()]
        if _NOT.search(before) or _WANTED.search(before) or _OF_A_TARGET.search(before):
            continue
        if not _ARTICLE.fullmatch(before) and not _HOLDS.search(before):
            continue
        whose = "app_roles" if _OF_AN_APP.search(before) else "user_roles"
        roles = (names[match.group(1).lower()] for match in matches)
        found[whose] = tuple(dict.fromkeys((*found.get(whose, ()), *roles)))
    if "user_roles" not in found and _ADMIN.search(prose):
        found["user_roles"] = ("Global Administrator",)
    if "user_roles" not in found and any(map(_without_role, _SENTENCES.split(prose))):
        found["user_roles"] = ("none",)
    return found


def _without_role(sentence: str) -> bool:
    """Whether it says that the user holds no role; that an app holds none says nothing."""
    of_an_app = _OF_AN_APP.search(sentence) is not None and _OF_A_USER.search(sentence) is None
    return not of_an_app and _NO_ROLE.search(sentence) is not None


def _fields(prose: str) -> tuple[str, ...]:
    """Body fields that can decide (those the reference has rules for), where the text names them."""
    names = sorted({name for rule in overlay.load().fields if rule.where == "body" for name in rule.names})
    sent = _SENT.search(prose) is not None
    found = []
    for name in names:
        field, _, value = name.partition("=")
        if value:
            is_named = re.search(rf"\b{re.escape(field)}\b[^.]{{0,30}}\b{re.escape(value)}s?\b", prose) is not None
        else:
            plain = name == name.lower()  # a word that may mean something else: identities
            is_named = (sent or not plain) and re.search(rf"\b{re.escape(name)}\b", prose) is not None
        if is_named:
            found.append(name)
    if _PASSWORD.search(prose):
        found.append("passwordProfile")
    return tuple(dict.fromkeys(found))
