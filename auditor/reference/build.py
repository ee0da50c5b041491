"""The compiler: Microsoft's published permission files -> the compact catalog that ships with the package.

``compile_catalog`` takes permissions.json (the map) and, where given, provisioningInfo.json and the live lists of
application and delegated permissions; ``compile_first_party`` takes the list of Microsoft's own apps. Facts only:
names, ids, schemes, levels, paths; no display names or descriptions of permissions. The same inputs give the same
bytes, one entry a line, so that a new version reads well as a diff. Reading it back is ``catalog.py``; fetching and
replacing files is ``store.py``.

Formats: https://github.com/microsoftgraph/kibali/blob/main/specs/permissions.md
"""

from __future__ import annotations

import csv
import datetime
import hashlib
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from auditor.errors import InputError
from auditor.reference import paths
from auditor.reference.catalog import FORMAT
from auditor.reference.claims import LEAST

SCHEMES = {"DelegatedWork": "d", "DelegatedPersonal": "p", "Application": "a"}
"""Microsoft's scheme names and our letters; ``r`` stands for application permissions of resource-specific consent."""

_REPAIRS = (
    # Typing slips in the published templates, each seen in the file of 2026-08-07.
    (re.compile(r"\(team-id\)"), "{id}"),
    (re.compile(r"/87654321-0abc-zqf0-321456789q(?=/|$)"), "/{id}"),
    (re.compile(r"requests\{subjectrightsrequestid\}"), "requests/{id}"),
    (re.compile(r"\)range(?=/|$)"), ")/range"),
    (re.compile(r"geteffectivepermissionsscope=\{value\}"), "geteffectivepermissions(scope={value})"),
    (re.compile(r"/roletemplateid=\{roletemplateid\}"), "(roletemplateid={value})"),
    # The sample file path of the drive pages stands for any path.
    (re.compile(r"root:/foldera/fileb\.txt:"), "root:/{id}:"),
)

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Claim = tuple[str, str]
"""A permission and what it also requires (empty: nothing)."""
Rules = dict[tuple[str, ...], dict[str, dict[str, dict[Claim, bool]]]]
"""Template tokens -> method -> scheme letter -> claim -> marked least."""


@dataclass
class Sources:
    """The published files, recognised by their content; ``hashes`` is file name -> sha256 of each."""

    permissions: dict[str, Any] = field(default_factory=dict)
    deployments: dict[str, Any] = field(default_factory=dict)
    live: dict[str, dict[str, str]] = field(default_factory=dict)
    """Scheme letter -> permission -> id, as Microsoft Graph's own service principal publishes them."""
    apps: list[dict[str, str]] = field(default_factory=list)
    hashes: dict[str, str] = field(default_factory=dict)


def read_sources(files: Mapping[str, bytes]) -> Sources:
    """Recognise each file by what is in it, whatever its name.

    Raises InputError (one sentence) for a damaged file, a file of another kind, or two of the same kind.
    """
    sources = Sources()
    for name, content in files.items():
        kind = _add_source(sources, name, content)
        if kind in sources.hashes:
            raise InputError(f"{name}: there is a second {kind} file; give each kind once.")
        sources.hashes[kind] = hashlib.sha256(content).hexdigest()
    return sources


def _add_source(sources: Sources, name: str, content: bytes) -> str:
    text = content.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] in b"{[" and text:
        try:
            data = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise InputError(f"{name} is damaged: not valid JSON ({error}).") from None
        return _add_json(sources, name, data)
    return _add_table(sources, name, text)


def _add_json(sources: Sources, name: str, data: Any) -> str:
    if isinstance(data, dict) and isinstance(data.get("permissions"), dict) and data.get("format") is None:
        sources.permissions = data["permissions"]
        return "permissions.json"
    if isinstance(data, dict) and isinstance(data.get("permissionDeployments"), dict):
        sources.deployments = data["permissionDeployments"]
        return "provisioningInfo.json"
    if isinstance(data, list) and data and all(isinstance(row, dict) and "AppId" in row for row in data):
        sources.apps = data
        return "MicrosoftApps.json"
    raise InputError(
        f"{name} is none of the files a catalog is built from: expected permissions.json, provisioningInfo.json, "
        "MicrosoftApps.json, or the CSV lists of application and delegated permissions."
    )


def _add_table(sources: Sources, name: str, text: bytes) -> str:
    try:
        reader = csv.DictReader(io.StringIO(text.decode("utf-8")))
        rows = list(reader)
        columns = set(reader.fieldnames or ())
    except (UnicodeDecodeError, csv.Error):
        columns, rows = set(), []
    if not {"Id", "Value"} <= columns or any(not row["Id"] or not row["Value"] for row in rows):
        raise InputError(f"{name} is neither JSON nor a CSV list with the columns Id and Value.")
    # The two lists differ by the name of their third column alone.
    kind, letter = (
        ("GraphDelegateRoles.csv", "d") if "AdminConsentDisplayName" in columns else ("GraphAppRoles.csv", "a")
    )
    sources.live[letter] = {row["Value"]: row["Id"].lower() for row in rows}
    return kind


def compile_catalog(sources: Sources, date: str) -> bytes:
    """Compile the catalog; ``date`` (ISO) is the date of the source data.

    Raises InputError where permissions.json is missing or has another shape than Microsoft publishes.
    """
    try:
        datetime.date.fromisoformat(date)
    except ValueError:
        raise InputError(f"The date of the permission data is {date!r}; expected a date such as 2026-08-07.") from None
    if not sources.permissions:
        raise InputError("A catalog needs Microsoft's permissions.json; it is not among the files given.")
    try:
        rules = _invert(sources.permissions)
        permissions = _permissions(sources)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            f"permissions.json has another shape than expected ({type(error).__name__}: {error})."
        ) from None
    spelling = _spelling(sources.permissions)
    rule_ids, entries = _encode(rules, spelling)
    hashes = {kind: sources.hashes[kind] for kind in sorted(sources.hashes) if kind != "MicrosoftApps.json"}
    return b"".join(
        (
            b'{\n"format": ',
            orjson.dumps(FORMAT),
            b',\n"date": ',
            orjson.dumps(date),
            b',\n"sources": ',
            _lines(hashes),
            b',\n"permissions": ',
            _lines(permissions),
            b',\n"rules": ',
            _lines(rule_ids),
            b',\n"paths": ',
            _lines(entries),
            b"\n}\n",
        )
    )


def compile_first_party(apps: Iterable[Mapping[str, str]]) -> bytes:
    """Compile the list of Microsoft's own apps: app id, owning tenant, name; tab separated, sorted.

    Only rows that name the owning tenant count. The published list also holds every GUID that Microsoft's pages mention
    (Azure roles, licences, permission ids) and contributed guesses, all without an owner: those are no evidence.
    Raises InputError where no row is left.
    """
    rows = {}
    for app in apps:
        app_id, owner = (str(app.get(key) or "").strip().lower() for key in ("AppId", "AppOwnerOrganizationId"))
        if _GUID.fullmatch(app_id) and _GUID.fullmatch(owner):
            rows[app_id] = f"{app_id}\t{owner}\t{' '.join(str(app.get('AppDisplayName') or '').split())}\n"
    if not rows:
        raise InputError("The list of Microsoft's apps names no app with its owning tenant.")
    return "".join(rows[app_id] for app_id in sorted(rows)).encode()


def _lines(entries: Mapping[str, Any]) -> bytes:
    body = b",\n".join(orjson.dumps(key) + b": " + orjson.dumps(entries[key]) for key in sorted(entries))
    return b"{\n" + body + b"\n}"


def template_tokens(text: str) -> tuple[str, ...] | None:
    """Return the tokens of a published template, its typing slips repaired."""
    for pattern, replacement in _REPAIRS:
        text = pattern.sub(replacement, text)
    return paths.tokens(text)


def _invert(permissions: Mapping[str, Any]) -> Rules:
    rules: Rules = defaultdict(lambda: defaultdict(lambda: defaultdict(dict)))
    for name, permission in permissions.items():
        resource_specific = permission["authorizationType"] == "RSC"
        for path_set in permission["pathSets"]:
            letters = [(scheme, "r" if resource_specific else SCHEMES[scheme]) for scheme in path_set["schemeKeys"]]
            for text, marks in path_set["paths"].items():
                parts = template_tokens(text)
                if parts is None:
                    raise ValueError(f"no path template: {text[:80]!r}")
                least, also = _marks(marks)
                for method in path_set["methods"]:
                    for scheme, letter in letters:
                        claims = rules[parts][method.upper()][letter]
                        for required in also:
                            claim = (name, required)
                            claims[claim] = claims.get(claim, False) or scheme in least
    for methods in rules.values():
        _keep_one_least(methods)
    return rules


def _marks(text: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """Read ``least=DelegatedWork,Application;AlsoRequires=A,B``: schemes marked least; alternatives also required."""
    values: dict[str, list[str]] = {}
    for pair in filter(None, text.split(";")):
        key, _, value = pair.partition("=")
        values[key.strip().lower()] = [item.strip() for item in value.split(",") if item.strip()]
    return frozenset(values.get("least", ())), tuple(values.get("alsorequires", ())) or ("",)


def _keep_one_least(methods: Mapping[str, dict[str, dict[Claim, bool]]]) -> None:
    """Where several permissions are marked least for a method and scheme, keep those made for that method.

    A path set marks its permission for all its methods, so GET /applications lists the read and the write permission.
    Kibali's rule: prefer permissions whose only method on this path is this one (all of them, if several); else
    those with the fewest methods.
    """
    spread: Counter[tuple[str, str]] = Counter()
    for schemes in methods.values():
        for letter, claims in schemes.items():
            spread.update({(letter, permission) for permission, _ in claims})
    for schemes in methods.values():
        for letter, claims in schemes.items():
            marked = {permission for (permission, _), least in claims.items() if least}
            if len(marked) > 1:
                fewest = min(spread[letter, permission] for permission in marked)
                for claim in claims:
                    claims[claim] = claims[claim] and spread[letter, claim[0]] == fewest


def _encode(rules: Rules, spelling: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Name each distinct set of claims by a hash of its content, so that one change moves few lines."""
    contents: dict[str, dict[str, str]] = {}
    wanted: dict[str, list[tuple[str, str]]] = {}
    for parts, methods in rules.items():
        template = _WORD.sub(lambda word: spelling.get(word.group(), word.group()), paths.template(parts))
        wanted[template] = []
        for method in sorted(methods):
            rule = {letter: _claims(claims) for letter, claims in sorted(methods[method].items())}
            key = hashlib.sha256(orjson.dumps(rule)).hexdigest()
            contents[key] = rule
            wanted[template].append((method, key))
    length = 6
    while len({key[:length] for key in contents}) < len(contents):
        length += 1
    entries = {
        template: " ".join(f"{method} {key[:length]}" for method, key in pairs) for template, pairs in wanted.items()
    }
    return {key[:length]: rule for key, rule in contents.items()}, entries


def _claims(claims: Mapping[Claim, bool]) -> str:
    return " ".join(
        f"{permission}{LEAST if claims[permission, required] else ''}{'+' + required if required else ''}"
        for permission, required in sorted(claims)
    )


def _permissions(sources: Sources) -> dict[str, dict[str, Any]]:
    """Return name -> {"d"|"a": [id, admin consent, level, enforcing app id], "p": true, "r": true}."""
    names = set(sources.permissions) | {name for live in sources.live.values() for name in live}
    return {name: _permission(sources, name) for name in names}


def _permission(sources: Sources, name: str) -> dict[str, Any]:
    published = sources.permissions.get(name, {})
    schemes = published.get("schemes", {})
    entry: dict[str, Any] = {}
    if published.get("authorizationType") == "RSC":
        entry["r"] = True
    if "DelegatedPersonal" in schemes:
        entry["p"] = True
    for scheme, letter in (("DelegatedWork", "d"), ("Application", "a")):
        live_id = sources.live.get(letter, {}).get(name)
        if scheme not in schemes and live_id is None:
            continue
        facts = schemes.get(scheme, {})
        deployed = _deployed(sources, name, scheme)
        # Where the live list is given it alone decides: the deployment file has other ids for some (graph-facts 3.3).
        permission_id = live_id if letter in sources.live else (deployed.get("id") or "").lower() or None
        # A permission that only the live list knows: four in five need an admin, so that is the safe assumption.
        consent = bool(facts.get("requiresAdminConsent", name not in OPENID))
        enforced_by = (deployed.get("resourceAppId") or "").lower()
        entry[letter] = [permission_id, consent, facts.get("privilegeLevel"), *([enforced_by] if enforced_by else [])]
    return entry


OPENID = frozenset({"openid", "profile", "email", "offline_access"})
"""Scopes every user may consent to; the map does not list them."""


def _deployed(sources: Sources, name: str, scheme: str) -> Mapping[str, Any]:
    rows = [
        row
        for row in sources.deployments.get(name, ())
        if row.get("scheme") == scheme
        and "public" in str(row.get("environment") or "public").split(";")
        and not row.get("isHidden")
    ]
    return rows[0] if rows else {}


_WORD = re.compile(r"(?<![\w.{])[A-Za-z][\w.]*(?![\w.}])")
"""A name in a template: a segment, a function, an argument; not a placeholder."""


def _spelling(permissions: Mapping[str, Any]) -> dict[str, str]:
    """Choose one spelling for each name that Microsoft also writes with capitals: the commonest (``resetPassword``)."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for permission in permissions.values():
        for path_set in permission["pathSets"]:
            for text in path_set["paths"]:
                for word in _WORD.findall(text):
                    if word != word.lower():
                        seen[word.lower()][word] += 1
    return {lower: min(words, key=lambda word: (-words[word], word)) for lower, words in seen.items()}
