"""Facts out of prose, for cases without a line in ``facts.toml``: general phrases, in the vocabulary of ``facts``.

It reads what people wrote about the configuration and nothing else: neither cause nor fix, evidence or error.
A phrase that is not known says nothing; a wrong guess is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from auditor.reference import overlay
from tests.cases.facts import Facts

_I = re.IGNORECASE


def _any(*patterns: str) -> Callable[[str], bool]:
    compiled = [re.compile(pattern, _I) for pattern in patterns]
    return lambda text: any(pattern.search(text) for pattern in compiled)


_NO = r"\b(?:without|no|lacks?|lacking|missing|not have (?:an?|any)?|has no|had no|not licensed for|unlicensed for)"
_LIC = r"(?:licen[cs]es?|plans?|subscriptions?|SKUs?)"
_P1 = r"(?:Entra ID|Azure AD|AAD|Microsoft Entra)?\s*(?:Premium\s*)?\b(?:P1|P1/P2|P1 or P2|premium)\b"

# (fact, value, when). The first row that holds for a fact gives its value.
_RULES: tuple[tuple[str, Any, Callable[[str], bool]], ...] = (
    # --- the app ---
    (
        "app",
        "disabled",
        _any(
            r"^(?!.*\b(?:body|sets|PATCH|target)\b).*accountEnabled\s*[=:]?\s*(?:is |was )?false",
            r"service principal (?:is|was|had been) disabled",
            r"app(?:lication)? (?:is|was|had been) disabled",
            r"disabled for users to sign",
        ),
    ),
    (
        "app",
        "unassigned",
        _any(
            r"assignment[- ]required",
            r"appRoleAssignmentRequired\s*[=:]?\s*true",
            r"user assignment",
            r"requires? (?:user )?assignment",
            r"not assigned to the (?:enterprise )?app",
        ),
    ),
    (
        "app",
        "unknown",
        _any(
            r"(?:service principal|app(?:lication)?|client id)[^.]{0,60}(?:does not exist|did not exist|not found|removed|deleted|not present|absent)[^.]{0,40}",
            r"Microsoft (?:removed|retired|deleted)",
            r"no service principal (?:of|for|in)",
            r"never (?:been )?(?:consented|installed) in",
            r"wrong (?:tenant|directory|authority)",
            r"not (?:yet )?provisioned in",
        ),
    ),
    (
        "client",
        "azure-cli",
        _any(
            r"Azure CLI(?:'s)?(?: first-party)? client",
            r"first-party Azure CLI",
            r"\baz (?:ad|rest|login|account)\b[^.]*\b(?:user|token|sign)",
            r"get-access-token",
        ),
    ),
    (
        "client",
        "azure-powershell",
        _any(
            r"Azure PowerShell(?:'s)?(?: first-party)? client",
            r"first-party Azure PowerShell",
            r"1950a258-227b",
            r"Get-AzAccessToken",
        ),
    ),
    ("client", "intune-powershell", _any(r"Intune PowerShell client", r"d1ddf0e4-")),
    ("client", "graph-explorer", _any(r"Graph Explorer", r"de8bc8b5-d9f9")),
    (
        "client",
        "graph-powershell",
        _any(
            r"Graph PowerShell(?:'s)? (?:first-party|default|own|built-in) (?:app|client)",
            r"Graph Command Line Tools",
            r"14d82eec-204b",
        ),
    ),
    (
        "credentials",
        "renewed",
        _any(
            r"(?:secret|certificate)[^.;]{0,40}expired[^.]*(?:new|renew|rotat|replac)",
            r"(?:after|old|previous)[^.]{0,40}(?:rotat|renew)",
            r"kept the old (?:one|secret|value)",
        ),
    ),
    (
        "credentials",
        "expired",
        _any(
            r"(?:secret|certificate|credential)s?[^.]{0,30}(?:had |has |have |was |were |is |are )?(?<!not )expired",
            r"expired (?:client )?(?:secret|certificate|credential)",
        ),
    ),
    (
        "through_group",
        True,
        _any(
            r"(?:security )?group (?:that )?(?:contains|containing|with|including|holds|has)[^.]{0,30}(?:managed identit|service principal)",
            r"(?:assigned|granted|given)[^.]{0,30}to (?:a|the) (?:\w+ )?group",
            r"through (?:a|the) group",
        ),
    ),
    (
        "on_registration",
        True,
        _any(
            r"(?:granted|assigned|added|consented|given)[^.]{0,60}(?:app registration)[^.]{0,60}(?:managed identity|identity)",
            r"(?:permission|role|grant)s?[^.]{0,40}(?:on|to) (?:the|an|its|another) app(?:lication)? registration[^.]{0,40}(?:instead|rather|not|while|but)",
            r"managed identity (?:itself )?(?:has|had|holds|held) (?:no|none)",
        ),
    ),
    (
        "consented",
        "another-user",
        _any(
            r"(?:another|other|different|one|a single|only the (?:developer|admin|author)) (?:user|account|person|admin)?[^.]{0,30}(?:had |has )?consented",
            r"consent(?:ed)?[^.]{0,30}(?:for|by) (?:himself|herself|themsel|one user|a single user|another user|the admin(?:'s)? own|only)",
            r"not on behalf of the organi[sz]ation",
            r"only (?:for )?the (?:admin|user) (?:himself|who)",
        ),
    ),
    ("audience", "AzureADMyOrg", _any(r"single[- ]tenant app", r"signInAudience\W+AzureADMyOrg")),
    # --- the tenant ---
    (
        "user_consent",
        "off",
        _any(
            r"(?:disabled|disables|turned off|blocked|blocks|forbids?|restricts?|prohibits?)[^.]{0,20}user consent",
            r"user consent[^.]{0,40}(?:disabled|off|blocked|forbidden|not allowed|restricted)",
            r"requires? (?:an )?admin(?:istrator)?(?:'s)? (?:approval|consent)",
            r"users? (?:may|can|could|are) ?not (?:allowed to )?consent",
            r"do not allow user consent",
        ),
    ),
    (
        "policy",
        "block",
        _any(
            r"(?:blocked|blocks?)[^.]{0,40}(?:by )?conditional access",
            r"conditional access[^.]{0,60}block",
            r"(?:block|forbid)s?[^.]{0,30}(?:device code|legacy auth|username/password|ROPC)",
            r"username/password[^.]{0,80}\(?(?:location|device) (?:or \w+ )?condition",
            r"(?:location|named location|device) (?:or \w+ )?condition",
        ),
    ),
    (
        "policy",
        "device",
        _any(
            r"(?:compliant|managed|hybrid|joined|enrol\w+|Intune)[- ](?:\w+[- ])?devices?\b[^.]{0,40}(?:requir|polic|must|only|condition)",
            r"requires?[^.]{0,30}(?:compliant|managed|hybrid[- ]joined|joined|registered) device",
        ),
    ),
    (
        "policy",
        "mfa",
        _any(
            r"(?:requires?|enforces?|enforced|demands?|needs?)[^.]{0,30}\b(?:MFA|multi-?factor|2FA|second factor)\b",
            r"\b(?:MFA|multi-?factor\w*)[^.]{0,30}(?:required|enforced|enabled|is on|policy|for all)",
            r"conditional access",
        ),
    ),
    (
        "policy_when",
        "device-code",
        _any(
            r"device[- ]code[^.]{0,60}(?:block|forbid|conditional|not allowed|polic)",
            r"(?:block|forbid)\w*[^.]{0,40}device[- ]code",
        ),
    ),
    (
        "policy_when",
        "location",
        _any(
            r"(?:outside|trusted|named|corporate|office|company|internal)[^.]{0,25}(?:network|location|IP|VPN)",
            r"\blocation\b",
            r"\bIP (?:address|range)",
            r"non-Azure",
        ),
    ),
    ("policy_when", "workload", _any(r"workload identit", r"conditional access[^.]{0,40}service principals?")),
    (
        "policy_when",
        "platform",
        _any(r"\bplatform (?:condition|polic)", r"(?:Linux|Android|macOS) (?:is|was|are)? ?(?:blocked|not allowed)"),
    ),
    (
        "security_defaults",
        True,
        _any(r"security defaults (?:are |is )?(?:on|enabled|active|turned on)?(?! (?:off|disabled))"),
    ),
    # --- the user ---
    ("guest", True, _any(r"\bguest (?:user|account)s?\b", r"\bguests?\b(?! invit)", r"\bB2B\b", r"external user")),
    ("user_assigned", True, _any(r"user (?:is|was) assigned to the (?:enterprise )?app")),
    # --- the call ---
    (
        "target",
        "admin",
        _any(
            r"target (?:user )?(?:is|was|holds?|has)[^.]{0,20}(?:an? )?(?:admin|privileged|directory role)",
            r"(?:target|other) user[^.]{0,30}(?:admin|privileged|role)",
            r"admin (?:user|account)s? as target",
            r"role-assignable",
        ),
    ),
    (
        "target",
        "self",
        _any(
            r"(?:his|her|their|its|the user's) own (?:id|mailbox|calendar|object|user)",
            r"\{id\} is the signed-in user",
            r"for (?:him|her)self",
        ),
    ),
    ("target", "other", _any(r"(?:another|other|different) (?:user|person|people|mailbox)", r"other users?'s?")),
    ("resource", "aad-graph", _any(r"graph\.windows\.net", r"token (?:was |is )?for (?:Azure AD|AAD) Graph")),
    (
        "resource",
        "arm",
        _any(r"management\.(?:azure|core\.windows)", r"token (?:was |is )?for (?:ARM|Azure Resource Manager)"),
    ),
    (
        "resource",
        "sharepoint",
        _any(r"token (?:was |is )?for SharePoint", r"(?:scope|resource|audience|aud)[^.]{0,30}sharepoint\.com"),
    ),
    (
        "resource",
        "exchange",
        _any(
            r"token (?:was |is )?for (?:Exchange|Outlook)", r"(?:scope|resource|audience|aud)[^.]{0,30}outlook\.office"
        ),
    ),
    (
        "on_resource",
        "aad-graph",
        _any(
            r"permissions?[^.]{0,40}(?:on|of|from|under) (?:the )?(?:Azure AD Graph|AAD Graph|Azure Active Directory Graph|Windows Azure Active Directory)\b[^.]{0,60}(?:not|instead|rather|only|while|but)",
            r"(?:granted|added)[^.]{0,20}(?:on|for|under) (?:Azure AD Graph|AAD Graph|Azure Active Directory Graph|Windows Azure Active Directory)",
        ),
    ),
    (
        "on_resource",
        "sharepoint",
        _any(
            r"(?:granted|added|permissions?)[^.]{0,20}(?:on|for|under) (?:Office 365 )?SharePoint(?: Online)?(?: API)?[^.]{0,30}(?:not|instead|rather|API)"
        ),
    ),
    (
        "on_resource",
        "exchange",
        _any(
            r"(?:granted|added|permissions?)[^.]{0,20}(?:on|for|under) (?:Office 365 )?Exchange(?: Online)?(?: API)?[^.]{0,30}(?:not|instead|rather|API)"
        ),
    ),
)

_TENANT_PLANS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    (
        "entra-p1",
        _any(
            rf"{_NO}[^.]{{0,25}}{_P1}",
            r"unlicensed tenant",
            r"free tenant",
            r"(?:Entra ID|Azure AD|AAD) Free",
            rf"tenant[^.]{{0,20}}{_NO}[^.]{{0,15}}premium",
            r"not (?:a )?premium",
            r"non-premium",
        ),
    ),
    (
        "entra-p2",
        _any(
            rf"{_NO}[^.]{{0,35}}\b(?:P2|Governance|PIM)\b[^.]{{0,20}}",
            r"only (?:Entra ID |Azure AD )?P1\b",
            r"unlicensed tenant",
            r"free tenant",
            r"(?:Entra ID|Azure AD|AAD) Free",
        ),
    ),
    (
        "intune",
        _any(
            rf"{_NO}[^.]{{0,25}}Intune",
            r"Intune (?:is |was )?not (?:licen[cs]ed|set up|enabled|configured)",
            r"MDM authority (?:is |was )?(?:not set|unset|unknown)",
        ),
    ),
    ("sharepoint", _any(rf"tenant[^.]{{0,20}}{_NO}[^.]{{0,25}}(?:SharePoint|SPO|OneDrive)", r"no SPO licen")),
    ("exchange", _any(rf"tenant[^.]{{0,20}}{_NO}[^.]{{0,25}}Exchange")),
    ("teams", _any(rf"tenant[^.]{{0,20}}{_NO}[^.]{{0,25}}Teams {_LIC}")),
)
_USER_PLANS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    (
        "exchange",
        _any(
            rf"{_NO}[^.]{{0,25}}Exchange(?: Online)?(?: {_LIC})?",
            rf"{_NO}[^.]{{0,12}}mailbox(?:es)?\b",
            r"on-?premises? mailbox",
            r"mailbox[^.]{0,20}on-?prem",
            rf"{_NO} (?:a |an |any )?(?:Microsoft 365|Office 365|M365|O365|EXO) {_LIC}",
        ),
    ),
    (
        "sharepoint",
        _any(
            rf"{_NO}[^.]{{0,25}}(?:SharePoint|OneDrive)(?: {_LIC})?\b",
            r"mysite (?:not|was never|missing)",
            rf"{_NO} (?:a |an |any )?(?:Microsoft 365|Office 365|M365|O365) {_LIC}",
        ),
    ),
    ("teams", _any(rf"{_NO}[^.]{{0,15}}Teams {_LIC}")),
)
_ELSEWHERE: tuple[tuple[str, Callable[[str], bool]], ...] = (
    (
        "site-grant",
        _any(
            r"site permissions? (?:was |were |is |are )?(?:granted|given|assigned)",
            r"(?:granted|given)[^.]{0,30}(?:on|to) (?:one|the|a|that|single|specific) sites?\b",
            r"POST /sites/[^ ]+/permissions",
        ),
    ),
    (
        "exchange-rbac",
        _any(r"RBAC for Applications", r"management role", r"New-ManagementRoleAssignment", r"Exchange RBAC"),
    ),
    (
        "exchange-policy",
        _any(r"application access policy[^.]{0,60}(?:mailbox|Exchange|group)", r"(?<!Cs)ApplicationAccessPolicy"),
    ),
    ("teams-policy", _any(r"CsApplicationAccessPolicy[^.]{0,40}(?:granted|created|assigned|in place|exists)")),
    ("rsc", _any(r"resource[- ]specific consent", r"\bRSC\b", r"\.(?:Group|Chat)\b[^.]{0,20}(?:consent|permission)")),
    (
        "shared-mailbox",
        _any(
            r"(?:calendar|mailbox|folder)[^.]{0,20}(?:is|was|has been|had been) shared",
            r"delegate access",
            r"full access to (?:the|that) mailbox",
        ),
    ),
)
_OWNS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    (
        "group",
        _any(r"(?:owns|owner of|among|listed as owner|is an owner)[^.]{0,20}(?:the )?groups?\b", r"group'?s? owners?"),
    ),
    ("application", _any(r"(?:owns|owner of)[^.]{0,20}(?:the |an? )?(?:app\b|application|service principal)")),
)
_ROLES = (
    r"Global Administrator|Global Reader|Application Administrator|Application Developer|Authentication Administrator|"
    r"Cloud Application Administrator|Compliance Administrator|Conditional Access Administrator|Directory Readers|"
    r"Directory Writers|Exchange Administrator|Groups Administrator|Helpdesk Administrator|Intune Administrator|"
    r"Password Administrator|Privileged Authentication Administrator|Privileged Role Administrator|Reports Reader|"
    r"Security Administrator|Security Reader|SharePoint Administrator|Teams Administrator|User Administrator"
)
_ROLE = re.compile(rf"\b({_ROLES})s?\b", _I)
_NAMED = {name.lower(): name for name in _ROLES.split("|")}
_OTHER_NAMES = (
    (re.compile(r"Intune Service Administrators?", _I), "Intune Administrator"),
    (re.compile(r"Company Administrators?|Global Admins?\b", _I), "Global Administrator"),
    (re.compile(r"User Account Administrators?|User Admins?\b", _I), "User Administrator"),
    (re.compile(r"Application Admins?\b", _I), "Application Administrator"),
    (re.compile(r"Teams Service Administrators?", _I), "Teams Administrator"),
)
_HOLDS = re.compile(
    r"\b(?:holds?|has|have|had|is an?|are|as an?|with|signed in as|member of|assigned|given|only)\b", _I
)
_APP_HOLDS = re.compile(r"(?:service principal|\bapp(?:lication)?\b|managed identity|\bSP\b)", _I)
_NO_ROLE = _any(
    r"(?:no|without(?: any)?|not hold(?:ing)? (?:an?|any)) (?:directory |admin(?:istrator|istrative)? )roles?",
    r"(?:ordinary|normal|regular|standard|plain|non-admin(?:istrator)?) (?:member|user|account)",
    r"not an? admin",
)
_NOT = re.compile(r"\b(?:not|no|without|lacks?|never|neither)\b", _I)


def infer_facts(prose: str) -> Facts:
    """What a text about a configuration says, in the vocabulary of ``facts.Facts``."""
    found: dict[str, Any] = {}
    for name, value, holds in _RULES:
        if name not in found and holds(prose):
            found[name] = value
    if "policy" not in found:
        found.pop("policy_when", None)
    if found.get("policy_when") == "workload":
        found["policy"] = "block"
    for name, table in (
        ("lacks", _TENANT_PLANS),
        ("user_lacks", _USER_PLANS),
        ("elsewhere", _ELSEWHERE),
        ("owns", _OWNS),
    ):
        words = tuple(word for word, holds in table if holds(prose))
        if words:
            found[name] = words
    _roles(prose, found)
    if body := _fields(prose):
        found["body"] = body
    return Facts(**found)


def _roles(prose: str, found: dict[str, Any]) -> None:
    """Directory roles, and whose they are: the app's where the sentence speaks of it, else the user's."""
    text = prose
    for pattern, name in _OTHER_NAMES:
        text = pattern.sub(name, text)
    for sentence in re.split(r"[.;]", text):
        roles = tuple(dict.fromkeys(_NAMED[match.lower()] for match in _ROLE.findall(sentence)))
        if not roles:
            continue
        before = sentence[: _ROLE.search(sentence).start()]  # type: ignore[union-attr]
        if _NOT.search(before) or "target" in before.lower():
            continue
        whose = "app_roles" if _APP_HOLDS.search(before) and _HOLDS.search(before) else "user_roles"
        found[whose] = tuple(dict.fromkeys((*found.get(whose, ()), *roles)))
    if "user_roles" not in found and _NO_ROLE(text):
        found["user_roles"] = ("none",)


def _fields(prose: str) -> tuple[str, ...]:
    """Body fields that can decide (those the reference has rules for), where the text names them."""
    names = {name for rule in overlay.load().fields if rule.where == "body" for name in rule.names}
    sent = re.search(r"\b(?:body|propert\w+|payload|fields?|sets?|updat\w+|PATCH|POST)\b", prose, _I) is not None
    found = [
        name
        for name in sorted(names)
        if "=" not in name and (sent or name != name.lower()) and re.search(rf"\b{re.escape(name)}\b", prose)
    ]
    for name in sorted(names):
        field, _, value = name.partition("=")
        if value and re.search(rf"\b{field}\b[^.]{{0,30}}\b{value}s?\b", prose):
            found.append(name)
    if re.search(
        r"reset\w* (?:the |their |a )?passwords?|password reset|sets? (?:a |the )?(?:new )?password", prose, _I
    ):
        found.append("passwordProfile")
    return tuple(dict.fromkeys(found))
