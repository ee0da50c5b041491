"""An app registration from a file, before it is deployed: Graph's ``application`` JSON or the portal's older manifest.

Both formats in, Graph's property names out; also the answer of a request for one application and a compiled Bicep file
with one application. Secrets, keys and certificates are left behind. What the registration means is for the tenant's
tables, as of one that was read.

Formats: https://learn.microsoft.com/graph/api/resources/application,
https://learn.microsoft.com/entra/identity-platform/azure-active-directory-graph-app-manifest-deprecation
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from auditor.errors import InputError
from auditor.predict.input_file import decoded, parsed, read_bytes
from auditor.redaction import redact
from auditor.values import is_guid

MAX_BYTES = 16 * 2**20

_EXPECTED = "an app manifest: one JSON object, Microsoft Graph's application or the portal's older format"
_AUDIENCES = ("AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount")
_COMMON = frozenset(("id", "name", "tags", "web", "api", "createdDateTime"))
"""Names that files of other kinds have as well: a package's description is no app without permissions."""
_REDIRECTS = {"web": "web", "spa": "spa", "installedclient": "publicClient"}
"""``type`` of ``replyUrlsWithType``, lower case -> Graph's property that holds such redirect URIs."""

Read = Callable[[Any, str], Any]
"""Takes a value and its place (``file: key``), gives it back checked, or raises InputError."""


def read_manifest(path: Path) -> dict[str, Any]:
    """Read a manifest file as Graph's ``application`` object: Graph's names, known properties alone, no secret values.

    ``appId`` is always there, None where the file has none (a registration that is not created yet); other properties are
    there if the file has them. Raises InputError (one sentence with file and key) for what cannot be read.
    """
    return manifest_in(read_bytes(path, MAX_BYTES), str(path))


def manifest_in(raw: bytes, name: str) -> dict[str, Any]:
    """Read a manifest's content; as ``read_manifest``."""
    given = _one_application(parsed(decoded(raw, name), name, _EXPECTED), name)
    found: dict[str, Any] = {"appId": None}
    # What the older format says first: where a file has both, Graph's names win.
    for key, (read, place) in _OLDER.items():
        if given.get(key) is not None:
            _put(found, place, read(given[key], f"{name}: {key}"))
    _older_redirects(given, found, name)
    for key, read in _APPLICATION.items():
        # publicClient is an object of Graph's, and was a switch before.
        if given.get(key) is not None and not (key == "publicClient" and isinstance(given[key], bool)):
            _put(found, (key,), read(given[key], f"{name}: {key}"))
    if given.get("availableToOtherTenants") is not None:
        others = _flag(given["availableToOtherTenants"], f"{name}: availableToOtherTenants")
        found.setdefault("signInAudience", "AzureADMultipleOrgs" if others else "AzureADMyOrg")
    return found


def _put(found: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    for part in place[:-1]:
        found = found.setdefault(part, {})
    last = place[-1]
    if isinstance(value, dict) and isinstance(found.get(last), dict):
        for name, inner in value.items():
            _put(found[last], (name,), inner)
    else:
        found[last] = value


def _one_application(content: Any, name: str) -> Mapping[str, Any]:
    """The application in a file: the object itself, the one of an answer, the one of a template."""
    if isinstance(content, dict) and "resources" in content and "requiredResourceAccess" not in content:
        resources = content["resources"]
        listed = list(resources.values()) if isinstance(resources, dict) else resources
        content = [
            one.get("properties")
            for one in (listed if isinstance(listed, list) else ())
            if isinstance(one, dict) and str(one.get("type")).lower().startswith("microsoft.graph/applications@")
        ]
    elif isinstance(content, dict) and isinstance(content.get("value"), list) and "appId" not in content:
        content = content["value"]
    if isinstance(content, list):
        if len(content) != 1:
            raise InputError(f"{name} holds {len(content)} applications, expected {_EXPECTED}.")
        content = content[0]
    if not isinstance(content, dict):
        raise InputError(f"{name} is {_kind(content)}, expected {_EXPECTED}.")
    telling = {*_APPLICATION, *_OLDER, *_OLDER_REDIRECTS, "availableToOtherTenants"} - _COMMON
    if telling.isdisjoint(content):
        raise InputError(f"{name} has no property of an application, expected {_EXPECTED}.")
    return content


# Readers of one kind of value each. No message repeats a value: anything may stand where a secret was pasted.


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {bool: "true or false", str: "a string", list: "an array", dict: "an object"}
    return kinds.get(type(value), "a number")


def _wrong(value: Any, place: str, expected: str) -> InputError:
    return InputError(f"{place} is {_kind(value)}, expected {expected}.")


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise _wrong(value, place, "a string")
    return redact(value)


def _guid(value: Any, place: str) -> str:
    if not isinstance(value, str) or not is_guid(value.strip()):
        kind = "no GUID" if isinstance(value, str) else _kind(value)
        raise InputError(f"{place} is {kind}, expected a GUID such as 11111111-2222-3333-4444-555555555555.")
    return value.strip().lower()


def _optional_guid(value: Any, place: str) -> str | None:
    return None if value == "" else _guid(value, place)


def _flag(value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(value, place, "true or false")
    return value


def _number(value: Any, place: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(value, place, "a whole number")
    return value


def _one_of(*choices: str) -> Read:
    def read(value: Any, place: str) -> str:
        for choice in choices:
            if isinstance(value, str) and value.lower() == choice.lower():
                return choice
        kind = "none of its words" if isinstance(value, str) else _kind(value)
        raise InputError(f"{place} is {kind}, expected one of {', '.join(choices)}.")

    return read


def _each(read: Read, expected: str) -> Read:
    def read_all(value: Any, place: str) -> list[Any]:
        if not isinstance(value, list):
            raise _wrong(value, place, f"an array of {expected}")
        return [read(item, f"{place}[{number}]") for number, item in enumerate(value)]

    return read_all


def _object(
    readers: Mapping[str, Read], required: tuple[str, ...] = (), names: Mapping[str, str] | None = None
) -> Read:
    """An object's known properties; ``names`` gives the older name of a property -> Graph's."""

    def read(value: Any, place: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong(value, place, "an object")
        known = {(names or {}).get(key, key): (key, inner) for key, inner in value.items() if inner is not None}
        for key in required:
            if key not in known:
                raise InputError(f"{place} has no {key}, expected one.")
        return {
            key: reader(known[key][1], f"{place}.{known[key][0]}") for key, reader in readers.items() if key in known
        }

    return read


_texts = _each(_text, "strings")
_guids = _each(_guid, "GUIDs")
_credentials = _each(
    _object(
        # Neither secretText, value, key nor customKeyIdentifier: these are the secret, the certificate or its hash.
        {
            "keyId": _guid,
            "displayName": _text,
            "type": _text,
            "usage": _text,
            "startDateTime": _text,
            "endDateTime": _text,
        },
        names={"startDate": "startDateTime", "endDate": "endDateTime"},
    ),
    "objects",
)
_scopes = _each(_object({"id": _guid, "value": _text, "type": _text, "isEnabled": _flag}), "objects")
_preauthorized = _each(
    _object({"appId": _guid, "delegatedPermissionIds": _guids}, names={"permissionIds": "delegatedPermissionIds"}),
    "objects",
)
_redirects = _object({"redirectUris": _texts})
_APPLICATION: dict[str, Read] = {
    "id": _guid,
    "appId": _optional_guid,
    "displayName": _text,
    "createdDateTime": _text,
    "signInAudience": _one_of(*_AUDIENCES),
    "disabledByMicrosoftStatus": _text,
    "isDisabled": _flag,
    "isFallbackPublicClient": _flag,
    "isDeviceOnlyAuthSupported": _flag,
    "publisherDomain": _text,
    "identifierUris": _texts,
    "tags": _texts,
    "requiredResourceAccess": _each(
        _object(
            {
                "resourceAppId": _guid,
                "resourceAccess": _each(
                    _object({"id": _guid, "type": _one_of("Scope", "Role")}, required=("id", "type")), "objects"
                ),
            },
            required=("resourceAppId",),
        ),
        "objects",
    ),
    "api": _object(
        {
            "requestedAccessTokenVersion": _number,
            "oauth2PermissionScopes": _scopes,
            "preAuthorizedApplications": _preauthorized,
            "knownClientApplications": _guids,
            "acceptMappedClaims": _flag,
        }
    ),
    "web": _object(
        {
            "redirectUris": _texts,
            "homePageUrl": _text,
            "logoutUrl": _text,
            "implicitGrantSettings": _object({"enableAccessTokenIssuance": _flag, "enableIdTokenIssuance": _flag}),
        }
    ),
    "spa": _redirects,
    "publicClient": _redirects,
    "appRoles": _each(
        _object({"id": _guid, "value": _text, "displayName": _text, "isEnabled": _flag, "allowedMemberTypes": _texts}),
        "objects",
    ),
    "passwordCredentials": _credentials,
    "keyCredentials": _credentials,
    "verifiedPublisher": _object({"displayName": _text, "verifiedPublisherId": _text, "addedDateTime": _text}),
    "optionalClaims": _object(
        {
            token: _each(_object({"name": _text, "source": _text, "essential": _flag}), "objects")
            for token in ("accessToken", "idToken", "saml2Token")
        }
    ),
}
"""Properties of Graph's application that are kept."""
_OLDER: dict[str, tuple[Read, tuple[str, ...]]] = {
    "name": (_text, ("displayName",)),
    "allowPublicClient": (_flag, ("isFallbackPublicClient",)),
    "oauth2AllowImplicitFlow": (_flag, ("web", "implicitGrantSettings", "enableAccessTokenIssuance")),
    "oauth2AllowIdTokenImplicitFlow": (_flag, ("web", "implicitGrantSettings", "enableIdTokenIssuance")),
    "oauth2Permissions": (_scopes, ("api", "oauth2PermissionScopes")),
    "preAuthorizedApplications": (_preauthorized, ("api", "preAuthorizedApplications")),
    "knownClientApplications": (_guids, ("api", "knownClientApplications")),
    "accessTokenAcceptedVersion": (_number, ("api", "requestedAccessTokenVersion")),
    "acceptMappedClaims": (_flag, ("api", "acceptMappedClaims")),
    "signInUrl": (_text, ("web", "homePageUrl")),
    "logoutUrl": (_text, ("web", "logoutUrl")),
}
"""Properties of the older format -> where Graph has them."""
_OLDER_REDIRECTS = ("replyUrlsWithType", "replyUrls")


def _older_redirects(given: Mapping[str, Any], found: dict[str, Any], name: str) -> None:
    """Redirect URIs with their types; before there were types, the app's kind was one switch, ``publicClient``."""
    native = given.get("publicClient") is True
    if native:
        found.setdefault("isFallbackPublicClient", True)
    read = _each(_object({"url": _text, "type": _one_of("Web", "Spa", "InstalledClient")}, ("url", "type")), "objects")
    listed = []
    if given.get("replyUrlsWithType") is not None:
        listed = read(given["replyUrlsWithType"], f"{name}: replyUrlsWithType")
    elif given.get("replyUrls") is not None:
        kind = "InstalledClient" if native else "Web"
        listed = [{"url": url, "type": kind} for url in _texts(given["replyUrls"], f"{name}: replyUrls")]
    for entry in listed:
        holder = found.setdefault(_REDIRECTS[entry["type"].lower()], {})
        holder.setdefault("redirectUris", []).append(entry["url"])
