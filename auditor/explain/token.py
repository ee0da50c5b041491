"""An access token as people paste it, decoded and not verified: its form, and the claims that explain a refusal.

The raw token is not kept: it is handed to ``redaction.hide`` and forgotten. What is wrong with it is ``faults``'s question.
Claims: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from auditor.explain.pasted import GUID, load_json, plain, walk, word
from auditor.redaction import hide
from auditor.reference.resources import CONSUMER_TENANT

Form = Literal[
    "jwt", "missing", "placeholder", "error-answer", "malformed", "opaque", "personal", "encrypted", "refresh"
]

_SCHEME = re.compile(r"(?:^|[\s\"'=:])(Bearer|PoP|Basic)(?:\s|%20|\+)+([^\s\"',;]+)", re.IGNORECASE)
_FIELDS = ("access_token", "accesstoken", "id_token", "idtoken", "token", "secrettoken")
"""Names, in lower case, under which token answers, ``az`` and Az PowerShell give a token; the first one wins."""
_WEB_TOKEN = re.compile(r"(?<![\w.-])eyJ[\w+/=-]*(?:\.[\w+/=-]*){1,4}")
_ASSIGNED = re.compile(r"^\s*(?:export\s+|set\s+|\$(?:env:)?)?(?!eyJ)\w{1,40}\s*=\s*(.+)$", re.IGNORECASE | re.DOTALL)
_PLACEHOLDERS = re.compile(
    r"null|none|nil|undefined|nan|true|false|\[object object\]|\[redacted\]|\*+|\.{2,}|x{3,}|"
    r"[$%]?\{*[$%]?\(?[a-z][\w.: ]{0,40}\)?\}*%?|<[^>]{0,60}>|system\.\S{1,80}",
    re.IGNORECASE,
)
_LONGEST = 100_000


@dataclass(frozen=True)
class Token:
    """What a token says. Empty, None or () where it says nothing; names and texts are harmless to show."""

    form: Form
    flaw: str = ""
    """Of a malformed one: what is wrong with it; a clause."""
    scheme: str = ""
    """``PoP`` or ``Basic`` where it was pasted with such a header; else empty."""
    field: str = ""
    """Where a token answer was pasted: ``access_token`` or ``id_token``."""
    audience: str = ""
    issuer: str = ""
    tenant_id: str = ""
    app_id: str = ""
    app_name: str = ""
    object_id: str = ""
    user: str = ""
    identity_provider: str = ""
    scopes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    directory_roles: tuple[str, ...] | None = None
    """Template ids in ``wids``; None where the claim is missing."""
    kind: str = ""
    """``idtyp``: app, user, device."""
    client_authentication: str = ""
    """``appidacr`` or ``azpacr``: 0 public client, 1 secret, 2 certificate or assertion."""
    capabilities: tuple[str, ...] = ()
    """``xms_cc``: cp1 is a client that understands claims challenges."""
    contexts: tuple[str, ...] = ()
    """``acrs``: authentication contexts that are satisfied."""
    version: str = ""
    issued_at: datetime | None = None
    not_before: datetime | None = None
    expires_at: datetime | None = None
    has_nonce: bool = False
    """``nonce`` among the claims (not in the header): an id token has it."""
    is_guest: bool = False
    is_managed_identity: bool = False
    is_bound: bool = False
    """Bound to a key (``cnf``, ``at``): a proof-of-possession token."""

    @property
    def is_readable(self) -> bool:
        """Whether its claims are known."""
        return bool(self.audience or self.tenant_id or self.app_id or self.issuer or self.expires_at)

    @property
    def is_delegated(self) -> bool | None:
        """Whether a user is signed in; None if that cannot be told. ``roles`` alone proves nothing: users have some too."""
        if not self.is_readable:
            return None
        if self.scopes or self.kind == "user":
            return True
        return not self.is_app_only

    @property
    def is_app_only(self) -> bool:
        """Whether no user is signed in."""
        return self.is_readable and not self.scopes and self.kind != "user" and (self.kind == "app" or not self.user)

    @property
    def is_personal(self) -> bool:
        """Whether a personal Microsoft account is signed in (a guest with one is not: guests have a directory)."""
        return self.form == "personal" or self.tenant_id == CONSUMER_TENANT or CONSUMER_TENANT in self.issuer

    @property
    def permissions(self) -> tuple[str, ...]:
        """What it carries: ``scp`` with a user, ``roles`` without."""
        return self.roles if self.is_app_only else self.scopes

    @property
    def is_id_token(self) -> bool:
        """Whether it tells the app who signed in, instead of opening an API: no client, no permission, a nonce or name."""
        if self.field == "id_token" and not self.scopes:
            return True
        return (
            self.is_readable and not (self.scopes or self.roles or self.app_id) and (self.has_nonce or bool(self.user))
        )


def read_token(text: str) -> Token:
    """Reads a token out of whatever was pasted: the bare token, a header line, a token answer, the output of ``az``.

    Never raises; what is no token becomes one of the other forms. The raw text is registered with ``redaction.hide``.
    """
    text = text.replace("\0", "").strip()
    value = load_json(text)
    if isinstance(value, dict | list):
        objects = walk(value)
        claims = next((one for one in objects if "aud" in one and ("exp" in one or "iss" in one)), None)
        if claims is not None:  # claims alone, as a page that decodes tokens shows them
            return _from_claims(claims, {}, "", "")
        raw, scheme, field = _in_json(objects)
    else:
        raw, scheme, field = _find(value if isinstance(value, str) else text)
    if raw is None:
        return Token("error-answer")
    joined = "".join(raw.split())
    if not joined:
        return Token("missing", scheme=scheme)
    if len(joined) < 60 and not joined.startswith("eyJ") and _PLACEHOLDERS.fullmatch(raw.strip()):
        return Token("placeholder", scheme=scheme)
    hide(joined[:_LONGEST])
    if scheme == "basic":
        return Token("malformed", flaw="it is a user name and password (Basic), not a token", scheme="Basic")
    named = {"pop": "PoP"}.get(scheme, "")
    parts = joined.split(".")
    if not joined.startswith("eyJ"):
        return _other_form(joined, named)
    if len(parts) == 5:
        return Token("encrypted", scheme=named, field=field)
    return _decoded(parts, named, field)


def _find(text: str) -> tuple[str, str, str]:
    """The token in a pasted text, the scheme of its header in lower case, and nothing for the field it stood in."""
    scheme = _SCHEME.search(text)
    if scheme:
        # A wrapped token goes on in the next lines, as long as they hold nothing but its letters.
        rest = re.match(r"(?:\s+[\w+/=.-]{20,}(?=\s|$))*", text[scheme.end() :])
        return scheme[2] + (rest[0] if rest else ""), scheme[1].lower(), ""
    if re.fullmatch(r"(?:Authorization\s*:?\s*)?(?:Bearer|PoP)\s*", text, re.IGNORECASE):
        return "", "", ""
    if len(text) > 60 and re.match(r"<[\w?:]+[\s>]", text):
        return text, "", ""
    text = text.strip("\"'`“”‘’<> \r\n\t")
    assigned = _ASSIGNED.match(text)
    if assigned and "." not in text.partition("=")[0]:
        text = assigned[1].strip("\"'`; \r\n\t")
    if re.fullmatch(r"[\w+/=.\s-]*", text) and (text.startswith("eyJ") or "eyJ" not in text):
        return text, "", ""
    inside = _WEB_TOKEN.search(text)
    return (inside[0] if inside else text), "", ""


def _in_json(objects: list[dict[str, Any]]) -> tuple[str | None, str, str]:
    """The token in JSON, with scheme and field; None: it is the answer of a request for a token that failed."""
    for wanted in _FIELDS:
        for one in objects:
            for name, content in one.items():
                if name.lower() == wanted and isinstance(content, str):
                    field = "id_token" if wanted in ("id_token", "idtoken") else "access_token"
                    return content.strip().removeprefix("Bearer ").strip(), "", field
    for one in objects:
        for name, content in one.items():
            if name.lower() == "authorization" and isinstance(content, str):
                scheme = _SCHEME.search(content)
                return (scheme[2], scheme[1].lower(), "") if scheme else (content, "", "")
    if any("error" in one or "error_description" in one for one in objects):
        return None, "", ""
    return "", "", ""


def _other_form(joined: str, scheme: str) -> Token:
    if re.match(r"Ew[A-Za-z0-9]", joined) and len(joined) > 60 and "." not in joined:
        return Token("personal", scheme=scheme)
    if re.match(r"[01]\.A[\w-]{10,}", joined) or re.match(r"M\.[A-Z]\d", joined):
        return Token("refresh", scheme=scheme)
    if joined.count(".") == 2 and len(joined) > 60:
        return Token("malformed", flaw="its first part is not the header of a JWT", scheme=scheme)
    if joined.startswith("<") or joined.startswith(("PD94", "PHNhbWw", "PEFzc2")):
        return Token("malformed", flaw="it is XML (a SAML assertion), not a JWT", scheme=scheme)
    if len(joined) < 60:
        return Token("malformed", flaw="it is too short to be a token", scheme=scheme)
    return Token("opaque", scheme=scheme)


def _decoded(parts: list[str], scheme: str, field: str) -> Token:
    """A token of the shape header.claims.signature, read as far as that goes."""
    flaws = []
    if len(parts) < 3:
        flaws.append(
            "it has no dots, and a JWT has three parts between two of them"
            if len(parts) == 1
            else "its signature is missing"
        )
    elif len(parts) > 3:
        flaws.append(f"it has {len(parts)} parts, and a JWT has three")
    elif not parts[2]:
        flaws.append("its signature is missing")
    if any("=" in part for part in parts):
        flaws.append("it has padding (=), which a JWT has not")
    elif any(set("+/") & set(part) for part in parts):
        flaws.append(
            "it is written in the letters of plain base64 (+ and /), and a JWT in those for addresses (- and _)"
        )
    elif any(not re.fullmatch(r"[\w-]*", part, re.ASCII) for part in parts):
        flaws.append("it holds characters that a JWT cannot hold")
    header, claims = _part(parts[0]), _part(parts[1]) if len(parts) > 1 else None
    if header is None:
        flaws.insert(0, "its header cannot be decoded")
    if claims is None and len(parts) > 1:
        flaws.insert(0, "its claims cannot be decoded: it was cut off or changed on its way")
    if len(parts) == 3 and parts[2].rstrip("=") and len(parts[2].rstrip("=")) % 4 == 1:
        flaws.append("its signature was cut off")
    return _from_claims(claims or {}, header or {}, scheme, field, flaws[0] if flaws else "")


def _part(text: str) -> dict[str, Any] | None:
    letters = text.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        value = orjson.loads(base64.b64decode(letters + "=" * (-len(letters) % 4), b"-_", validate=True))
    except (ValueError, binascii.Error):
        return None
    return value if isinstance(value, dict) else None


def _from_claims(
    claims: Mapping[str, Any], header: Mapping[str, Any], scheme: str, field: str, flaw: str = ""
) -> Token:
    """A token of its claims, whatever their types are."""

    def text(*names: str, limit: int = 120) -> str:
        for name in names:
            value = claims.get(name)
            if isinstance(value, str | int) and not isinstance(value, bool) and str(value)[:4000].strip():
                return plain(value, limit)
        return ""

    def identifier(*names: str) -> str:
        value = text(*names).lower()
        return value if GUID.fullmatch(value) else ""

    wids = claims.get("wids")
    resource_id = claims.get("xms_mirid")
    return Token(
        "malformed" if flaw else "jwt",
        flaw=flaw,
        scheme=scheme,
        field=field,
        audience=plain(_first(claims.get("aud"))) if _first(claims.get("aud")) else "",
        issuer=text("iss").lower(),
        tenant_id=identifier("tid"),
        app_id=identifier("appid", "azp"),
        app_name=text("app_displayname"),
        object_id=identifier("oid"),
        user=text("upn", "preferred_username", "unique_name", "email", "name"),
        identity_provider=text("idp").lower(),
        scopes=names_in(claims.get("scp")),
        roles=names_in(claims.get("roles")),
        directory_roles=tuple(name.lower() for name in _texts(wids) if GUID.fullmatch(name))
        if wids is not None
        else None,
        kind=text("idtyp", limit=20).lower(),
        client_authentication=text("appidacr", "azpacr", limit=10),
        capabilities=names_in(claims.get("xms_cc")),
        contexts=names_in(claims.get("acrs")),
        version=text("ver", limit=10),
        issued_at=_moment(claims.get("iat")),
        not_before=_moment(claims.get("nbf")),
        expires_at=_moment(claims.get("exp")),
        has_nonce=any(name in claims for name in ("nonce", "at_hash", "c_hash")),
        is_guest=str(claims.get("acct")) == "1",
        is_managed_identity=isinstance(resource_id, str) and bool(resource_id),
        is_bound="cnf" in claims or "at" in claims or str(header.get("typ", "")).lower() == "pop",
    )


def names_in(value: Any) -> tuple[str, ...]:
    """The names in a claim that is a list, or a text with spaces between them; each once, in their order."""
    return tuple(dict.fromkeys(name for text in _texts(value) for part in text.split()[:1000] if (name := word(part))))


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.split()
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _first(value: Any) -> Any:
    value = value[0] if isinstance(value, list) and value else value
    return value if isinstance(value, str) else ""


def _moment(value: Any) -> datetime | None:
    """A time in seconds since 1970, also as text; None for what is none, or far from any token's."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        return None
