"""The words of case files, each to the one word that is used here: flow, credential, account, resource, outcome, cause.

Files of cases are written by different hands. A word that is not known is ``unknown``, never an error; a cause that is not
known stays as it is, unless a part of it tells which check it belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

SLUGS: Mapping[str, str] = {
    "app-disabled-or-unassigned": "sign-in-blocked",
    "app-role-missing": "directory-role-missing",
    "tenant-license": "license-missing",
    "user-license": "license-missing",
    "token-personal-account": "personal-account",
    "token-expired": "token-invalid",
    "wrong-audience": "wrong-resource",
    "guest-restriction": "user-privilege",
    "credential-invalid": "credential-expired",
    "admin-consent-required": "consent-missing",
    "policy-blocked": "conditional-access",
}
"""Words for causes that are not themselves the slug of a check."""
CHECKS = frozenset(
    {
        *SLUGS.values(),
        "permission-missing",
        "permission-unknown",
        "permission-type-mismatch",
        "consent-partial",
        "consent-blocked",
        "delegated-only-api",
        "application-only-api",
        "workload-policy",
    }
)
"""The causes that a check of the product can find."""
BLAMELESS = frozenset(
    {"none", "not-an-auth-misconfiguration", "service-bug", "transient", "throttling", "propagation-delay", "not-auth"}
)
"""Causes that are nobody's configuration."""
_PARTS = (
    (r"\bbug\b|throttl|transient|outage|replicat|propagat|not-(?:an-)?auth|bad-request|code-error|data-error", "none"),
    (r"licen[cs]", "license-missing"),
    (r"block\w*-consent|consent\w*-(?:block|off|disab|restrict)|admin-approval", "consent-blocked"),
    (r"consent", "consent-missing"),
    (r"conditional|\bmfa\b|multi-?factor|security-defaults|device-complian", "conditional-access"),
    (r"personal|\bmsa\b|consumer-account", "personal-account"),
    (r"audience|resource-mismatch|wrong-(?:api|token)", "wrong-resource"),
    (r"secret|certificate|credential", "credential-expired"),
    (r"(?:permission|grant|scope)-?(?:type|kind)|wrong-(?:type|kind)|delegated-(?:instead|not-application)", "permission-type-mismatch"),
    (r"(?:app|service-principal|enterprise)[a-z-]*(?:disabled|not-found|missing|unassigned|deleted)|assignment-required", "sign-in-blocked"),
    (r"app[a-z-]*role|service-principal-role|directory-role", "directory-role-missing"),
    (r"guest|user[a-z-]*(?:role|right|privilege|access)|admin-role|not-(?:an-)?(?:admin|owner|member)", "user-privilege"),
    (r"app(?:lication)?-access-policy|exchange-|teams-policy|workload|rbac", "workload-policy"),
    (r"delegated-only|app-only-(?:un|not-)supported", "delegated-only-api"),
    (r"app(?:lication)?-only|delegated-(?:un|not-)supported", "application-only-api"),
    (r"unknown-permission|permission-(?:name|typo|unknown|removed)", "permission-unknown"),
    (r"token", "token-invalid"),
    (r"permission|scope|privilege", "permission-missing"),
)  # fmt: skip
"""Parts of a cause's name, the telling ones first."""

_FLOWS = {
    "app-only": "application app apponly client-credentials client-credential daemon app-only-flow application-only",
    "delegated": "user delegate on-behalf-of obo auth-code authorization-code interactive device-code ropc implicit spa",
}
_CREDENTIALS = {
    "secret": "client-secret password-credential app-secret key",
    "certificate": "cert client-certificate certificates thumbprint",
    "federated": "workload-identity workload-identity-federation federated-identity oidc federation federated-credential",
    "managed-identity": "msi system-assigned user-assigned system-assigned-managed-identity user-assigned-managed-identity",
    "public-client": "public native interactive browser desktop mobile wam broker",
    "ropc": "user-password username-password password resource-owner",
    "device-code": "devicecode device device-code-flow",
    "spa": "single-page single-page-app implicit pkce",
    "obo": "on-behalf-of onbehalfof middle-tier",
    "azure-cli": "az az-cli cli",
    "azure-powershell": "az-powershell",
    "graph-powershell": "mg-graph microsoft-graph-powershell graph-powershell-sdk",
    "graph-explorer": "",
    "none": "",
}
_ACCOUNTS = {
    "work": "school work-or-school organization organizational organisation entra aad b2c local member",
    "personal": "msa consumer live microsoft-account outlook.com personal-microsoft-account",
    "guest": "b2b external guest-user",
}
_RESOURCES = {
    "graph": "microsoft-graph ms-graph msgraph graph.microsoft.com graph.microsoft.us microsoftgraph.chinacloudapi.cn",
    "aad-graph": "azure-ad-graph azuread-graph graph.windows.net windows-azure-active-directory",
    "exchange": "outlook exchange-online outlook.office.com outlook.office365.com ews",
    "sharepoint": "sharepoint-online spo",
    "arm": "azure azure-resource-manager management management.azure.com management.core.windows.net",
    "azure-devops": "devops dev.azure.com",
    "key-vault": "keyvault vault.azure.net",
    "other": "own-api own custom custom-api own-web-api api",
}
_KINDS = {
    kind: {name: word for word, names in words.items() for name in (word, *names.split())}
    for kind, words in (
        ("flow", _FLOWS),
        ("credential", _CREDENTIALS),
        ("account", _ACCOUNTS),
        ("resource", _RESOURCES),
    )
}
_WORKED = frozenset({"success", "succeeded", "works", "worked", "ok", "pass", "passed", "allowed", "200", "true"})
_FAILED = frozenset({"fail", "fails", "failed", "failure", "error", "denied", "refused", "blocked", "false"})
_NO = frozenset({"false", "no", "n", "0", "not", "never"})


def plain(value: Any) -> str:
    """A word as it is looked up: lower case, hyphens; empty for what is no word."""
    if isinstance(value, list | tuple):
        value = value[0] if value else ""
    if not isinstance(value, str | int | bool):
        return ""
    text = re.sub(r"^https?://", "", str(value).strip().lower()).rstrip("/")
    return re.sub(r"[\s_/]+", "-", text.removesuffix("/.default"))


def word(kind: str, value: Any) -> str:
    """The word of a kind (flow, credential, account, resource), else ``unknown``; a resource that is none stays as it is."""
    text = plain(value)
    found = _KINDS[kind].get(text)
    if found is None and kind == "resource" and text and text not in ("unknown", "none"):
        return "other" if "." in text or ":" in text else text
    return found or "unknown"


def cause_of(value: Any) -> str:
    """A cause; ``none`` where nothing is said."""
    text = plain(value) or "none"
    if text in BLAMELESS or text in SLUGS or text in CHECKS:
        return text
    for part, check in _PARTS:
        if re.search(part, text):
            return check if check != "none" else "not-an-auth-misconfiguration"
    return text


def outcome_of(value: Any, cause: str, status: int) -> str:
    """``success`` or ``fail``: as said, else by the status, else by whether there is a cause."""
    text = plain(value)
    if text in _WORKED or text in _FAILED:
        return "success" if text in _WORKED else "fail"
    if status:
        return "success" if 200 <= status < 300 else "fail"
    return "success" if cause == "none" else "fail"


def is_true(value: Any) -> bool:
    """Whether something is said to be so; what is not said is."""
    return plain(value) not in _NO if value is not None else True


def number(value: Any) -> int:
    """A status: 403, "403", "403 Forbidden"; 0 where there is none."""
    found = re.match(r"\s*(\d{3})\b", str(value)) if isinstance(value, int | str) else None
    return int(found[1]) if found else 0
