"""Sign-in errors and well-known apps."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from auditor.reference import aadsts, resources

FILE = Path(aadsts.__file__).with_name("aadsts.toml")
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.mark.parametrize(
    ("code", "words", "check"),
    [
        (65001, "consented", "consent-missing"),
        (7000222, "expired", "credential-expired"),
        (7000215, "secret", "credential-expired"),
        (700016, "not found", "sign-in-blocked"),
        (50105, "not assigned", "sign-in-blocked"),
        (53003, "Conditional Access", "conditional-access"),
        (50076, "Multifactor", "conditional-access"),
        (90094, "admin", "consent-blocked"),
        (650053, "does not publish", "permission-unknown"),
        (500200, "personal", "personal-account"),
        (90002, "tenant", None),
        (50126, "password", None),
    ],
)
def test_a_number_is_explained(code: int, words: str, check: str | None) -> None:
    text = aadsts.explain(code)
    assert text is not None
    assert words in text
    known = aadsts.refusal(code)
    assert known is not None
    assert known.check == check


def test_unknown_numbers() -> None:
    assert aadsts.explain(1) is None
    assert aadsts.explain(-65001) is None


def test_every_number_of_the_facts_sheet() -> None:
    codes = """65001 90094 90095 90008 90009 65002 65004 65005 650056 650057 650052 650054 650053 70011 28002 28003 700022 700023
    1002012 50105 501051 50001 500011 700016 700011 70001 7000112 1000031 7000215 7000222 700027 700030 700025 7000218 700054 70005
    50011 70004 900971 50194 90130 9002332 9001023 70021 700211 700213 50020 50034 50014 16000 51004 90072 500200 500208 500212
    500213 500021 500022 50074 50076 50079 50072 50078 50097 50129 50155 50187 50131 50158 53000 53001 53002 53003 53004 53010
    53011 530032 530035 530034 70043 50173 50132 50133 700082 700084 50057 50053 50055 50126 90002 90038 90051 90027 90099 90055
    90024"""
    assert [code for code in codes.split() if aadsts.explain(int(code)) is None] == []


def test_every_entry_is_one_sentence_in_two_halves() -> None:
    for code, entry in tomllib.loads(FILE.read_text("utf-8")).items():
        assert code.isdigit()
        assert set(entry) <= {"meaning", "cause", "check", "source"}, code
        assert entry["meaning"][0].isupper(), code
        assert not entry["meaning"].endswith("."), code
        assert not entry["cause"].endswith("."), code
        text = aadsts.explain(int(code))
        assert text is not None
        assert "\n" not in text


def test_resource_names() -> None:
    assert resources.resource_name(resources.GRAPH.upper()) == "Microsoft Graph"
    assert resources.resource_name(resources.EXCHANGE) == "Office 365 Exchange Online"
    assert resources.resource_name("11111111-2222-3333-4444-555555555555") is None
    constants = {name: value for name, value in vars(resources).items() if name.isupper() and isinstance(value, str)}
    assert all(GUID.fullmatch(value) for value in constants.values())
    assert [
        name for name, value in constants.items() if name != "CONSUMER_TENANT" and not resources.resource_name(value)
    ] == []


def test_first_party_apps() -> None:
    assert resources.first_party_name(resources.GRAPH_POWERSHELL) == "Microsoft Graph Command Line Tools"
    assert resources.first_party_name(
        "0EC2D138-5A70-4A33-B2C7-7D296C996ACE"
    )  # no published name, and known all the same
    # An Azure role and a permission id that the published list holds beside apps.
    assert resources.first_party_name("00482a5a-887f-4fb3-b363-3b7fe8e74483") is None
    assert resources.first_party_name("024d486e-b451-40bb-833d-3e66d98c5c73") is None
    owners = {
        line.split("\t")[1]
        for line in Path(resources.__file__).with_name("first_party.tsv").read_text("utf-8").splitlines()
    }
    assert owners <= resources.MICROSOFT_TENANTS
    assert resources.CONSUMER_TENANT not in resources.MICROSOFT_TENANTS
