"""The compiled catalog against Microsoft's file, read a second time by code that shares nothing with the compiler."""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from pathlib import Path

import pytest

from auditor.reference import build, place
from auditor.reference.catalog import Catalog

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "permissions.json"
SCHEMES = {"DelegatedWork": "delegated", "DelegatedPersonal": "personal", "Application": "application"}
# Typing slips in the file, which nobody would write into a call.
SLIPS = ("permissionsscope=", ")range", "requests{", "roletemplateid=", "(team-id)", "87654321-")

pytestmark = pytest.mark.skipif(
    not PUBLISHED.exists(), reason="Microsoft's permissions.json is not beside the repository"
)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.from_bytes(place.SHIPPED.read_bytes(), "shipped")


def same_resource(template: str) -> str:
    text = re.sub(r"\{[^{}]*\}+", "{}", template.split("?", maxsplit=1)[0].rstrip("/").lower().replace(" ", ""))
    text = (
        text.replace("foldera/fileb.txt:", "{}:")
        .replace("(team-id)", "{}")
        .replace("/87654321-0abc-zqf0-321456789q", "/{}")
    )
    return text.replace("('{}')", "/{}").replace("({})", "/{}").replace("/graph.", "/microsoft.graph.")


class Published:
    """The file by (method, resource): what each scheme accepts, and which permissions are least."""

    def __init__(self) -> None:
        self.claims: dict[tuple[str, str], dict[str, set[tuple[str, tuple[str, ...]]]]] = defaultdict(
            lambda: defaultdict(set)
        )
        self.marked: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.methods: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        self.spellings: dict[str, set[str]] = defaultdict(set)
        for name, permission in json.loads(PUBLISHED.read_text("utf-8"))["permissions"].items():
            if permission["authorizationType"] != "RSC":
                for path_set in permission["pathSets"]:
                    self._add(name, path_set)

    def _add(self, name: str, path_set: dict) -> None:
        for template, text in path_set["paths"].items():
            resource = same_resource(template)
            self.spellings[resource].add(template)
            marks = dict(pair.split("=") for pair in text.split(";") if pair)
            also = [(other,) for other in marks["AlsoRequires"].split(",")] if "AlsoRequires" in marks else [()]
            for method in path_set["methods"]:
                for key in path_set["schemeKeys"]:
                    scheme = SCHEMES[key]
                    self.methods[resource, scheme, name].add(method)
                    self.claims[method, resource][scheme].update((name, required) for required in also)
                    if key in marks.get("least", "").split(","):
                        self.marked[method, resource][scheme].add(name)

    def least(self, method: str, resource: str, scheme: str) -> set[str]:
        """Of several marked, those with the fewest methods on this resource."""
        spread = {name: len(self.methods[resource, scheme, name]) for name in self.marked[method, resource][scheme]}
        return {name for name, count in spread.items() if count == min(spread.values())}


@pytest.fixture(scope="module")
def published() -> Published:
    return Published()


@pytest.mark.parametrize("scheme", SCHEMES.values())
def test_a_thousand_calls_agree_with_the_file(published: Published, catalog: Catalog, scheme: str) -> None:
    calls = sorted((m, t) for m, resource in published.claims for t in published.spellings[resource])
    calls = [call for call in calls if not any(slip in call[1].lower() for slip in SLIPS)]
    wrong = []
    for method, template in random.Random(20260807).sample(calls, 1000):
        resource = same_resource(template)
        listed = (catalog.authorizing(method, template, raw=True) or {}).get(scheme, ())
        claims = {(row.permission, row.also_requires) for row in listed}
        least = {row.permission for row in listed if row.least}
        if claims != published.claims[method, resource].get(scheme, set()) or least != published.least(
            method, resource, scheme
        ):
            wrong.append((method, template, sorted(claims), sorted(least)))
    assert wrong == []


def test_nothing_of_the_file_is_lost(published: Published, catalog: Catalog) -> None:
    calls = {(m, t) for m, resource in published.claims for t in published.spellings[resource]}
    missing = {call for call in calls if not catalog.authorizing(*call, raw=True)}
    assert {call for call in missing if not any(slip in call[1].lower() for slip in SLIPS)} == set()


def test_the_shipped_files_are_what_the_compiler_makes() -> None:
    names = (
        "permissions.json",
        "provisioningInfo.json",
        "GraphAppRoles.csv",
        "GraphDelegateRoles.csv",
        "MicrosoftApps.json",
    )
    sources = build.read_sources({name: (PUBLISHED.parent / name).read_bytes() for name in names})
    assert build.compile_catalog(sources, "2026-08-07") == place.SHIPPED.read_bytes()
    assert build.compile_first_party(sources.apps) == place.SHIPPED.with_name("first_party.tsv").read_bytes()


def test_real_urls_find_their_template(catalog: Catalog) -> None:
    """Every template with plain placeholders, filled with a GUID and asked for as a URL, gets the same answer."""
    rng = random.Random(7)
    plain = [(m, t) for m, t, _ in catalog.entries() if not set("():$") & set(t)]
    for method, template in rng.sample(plain, 500):
        url = (
            "https://graph.microsoft.com/beta"
            + template.replace("{id}", "0f5a2e4b-6f5e-4a3c-9d6b-1c2d3e4f5a6b").upper()
        )
        found = catalog.authorizing(method, url, raw=True)
        expected = catalog.authorizing(method, template, raw=True)
        assert found == expected, (method, template)
