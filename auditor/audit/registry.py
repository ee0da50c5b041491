"""All checks, found in the ``checks`` package: one module a slug, no list kept by hand."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.resources import files
from typing import cast

from auditor.audit.check import Check

_ORDER = (
    "credential-expired",
    "sign-in-blocked",
    "personal-account",
    "token-invalid",
    "permission-missing",
    "consent-missing",
    "consent-partial",
    "consent-blocked",
    "permission-unknown",
    "permission-excess",
    "permission-type-mismatch",
    "application-only-api",
    "delegated-only-api",
    "directory-role-missing",
    "user-privilege",
    "license-missing",
    "wrong-resource",
    "conditional-access",
    "workload-policy",
    "risky-grant",
)
"""The order of the documented causes on Microsoft's page; checks not named here follow by slug."""


@cache
def registry() -> tuple[Check, ...]:
    """Every check, in the order of the documented causes."""
    package = importlib.import_module("checks")
    names = [module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_")]
    checks = [cast(Check, importlib.import_module(f"checks.{name}")) for name in names]

    def rank(check: Check) -> tuple[int, str]:
        slug = check.META.slug
        return (_ORDER.index(slug) if slug in _ORDER else len(_ORDER), slug)

    return tuple(sorted(checks, key=rank))


def page(slug: str) -> str:
    """The Markdown page of a check, as shipped with the package; empty if it has none."""
    path = files("checks").joinpath(f"{slug.replace('-', '_')}.md")
    return path.read_text(encoding="utf-8") if path.is_file() else ""
