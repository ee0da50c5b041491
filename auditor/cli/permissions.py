"""``auditor permissions``: which permissions authorize a call, or which calls a permission opens; offline."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auditor.cli import options

if TYPE_CHECKING:
    from auditor.predict.call import Call
    from auditor.reference.answer import Answer, Opened, SchemeAnswer
    from auditor.reference.claims import SchemeName

CallText = Annotated[
    str | None,
    typer.Argument(
        metavar="[CALL]",
        help="A method and a path or URL, with what decides: body fields in braces, properties of the query.",
    ),
]
PermissionName = Annotated[
    str | None,
    typer.Option(
        "--permission",
        metavar="NAME",
        help="The other way round: the calls that this permission opens.",
        rich_help_panel=options.READ,
    ),
]

TOKENS: dict[SchemeName, str] = {
    "delegated": "delegated, work account",
    "personal": "delegated, personal account",
    "application": "application",
}
RESOURCE_SPECIFIC = "resource-specific consent"


def command(call: CallText = None, permission: PermissionName = None, output: options.AsJson = "table") -> None:
    """Which permissions authorize a call, least privileged first, per token type; and what else it needs.

    Example: auditor permissions "GET /users/{id}/messages"

    Example: auditor permissions "PATCH /users/{id} {passwordProfile}" --format json

    Example: auditor permissions --permission Mail.Read
    """
    from auditor.errors import UsageError

    if (call is None) == (permission is None):
        raise UsageError(
            'Give a call such as "GET /users", or --permission with the name of a permission; one of the two.'
        )
    if call is not None:
        _tell_call(call, output)
    else:
        _tell_permission(str(permission), output)


def _tell_call(text: str, output: options.TableOrJson) -> None:
    from auditor.cli.screen import write_json
    from auditor.errors import UsageError
    from auditor.predict.call import parse_call
    from auditor.reference import catalog
    from auditor.reference.answer import answer

    call = parse_call(text)
    if call.host is not None:
        raise UsageError(f"{call.host} is not Microsoft Graph; the permission data knows the calls of Microsoft Graph.")
    found = answer(call.method, call.path, call.body, call.query, filtered=call.filtered)
    if output == "json":
        write_json(_call_json(call, found, catalog.load().date))
    else:
        _show_call(call, found, catalog.load().date)


def _tell_permission(name: str, output: options.TableOrJson) -> None:
    from auditor.cli.screen import write_json
    from auditor.errors import UsageError
    from auditor.reference import catalog
    from auditor.reference.answer import opened
    from auditor.reference.similar import similar_names

    found = opened(name.strip())
    if found is None:
        similar = similar_names(catalog.load(), name.strip())
        meant = f" Did you mean {' or '.join(similar[:3])}?" if similar else ""
        raise UsageError(
            f'There is no permission "{name.strip()[:100]}" of Microsoft Graph in the permission data.{meant}'
        )
    if output == "json":
        write_json(_permission_json(found, catalog.load().date))
    else:
        _show_permission(found)


def _show_call(call: Call, found: Answer, date: str) -> None:
    from auditor.cli.screen import Screen

    same = found.template is None or found.template.lower() == call.path.lower()
    _line(call.text if same else f"{call.text}   matches {found.template}")
    for sentence in _sentences(call, found, date):
        _line(sentence)
    if found.resource_specific or any(part.lists for part in found.schemes.values()):
        headers = ("Token type", "Permission", "Least", "Also requires", "Admin consent", "Id", "Asked by")
        rows = [row for scheme, part in found.schemes.items() for row in _rows(TOKENS[scheme], part)]
        rows += [(RESOURCE_SPECIFIC, name, "", "", "", "", "") for name in found.resource_specific]
        shown = len(headers) if any(row[-1] for row in rows) else len(headers) - 1
        Screen().table("", headers[:shown], [row[:shown] for row in rows])
    needs = list(_needs(found))
    if needs:
        Screen().table("What else decides", ("What", "For", "Certainty", "Why"), needs)


def _sentences(call: Call, found: Answer, date: str) -> list[str]:
    """What the tables cannot say."""
    said = []
    if found.open_because:
        said.append(f"No permission is needed: {found.open_because}")
    if found.resource_field:
        said.append(
            f"The permission is that of reading what the field {found.resource_field} names: write it behind the call, "
            f"such as {{{found.resource_field}=me/messages}}."
        )
    if found.known:
        return said
    if found.methods:
        said.append(
            f"{call.method} on this path is not in the permission data of {date}, which has it with "
            f"{', '.join(found.methods)}; what is not listed is not known."
        )
    elif not said:
        said.append(
            f"This path is not in the permission data of {date}; what is not listed is not known, and may need any permission."
        )
    if found.similar:
        said.append(f"Similar paths: {', '.join(found.similar)}")
    return said


def _rows(token: str, part: SchemeAnswer) -> list[tuple[str, ...]]:
    if not part.lists:
        return [(token, "not supported", "", "", "", "", "")]
    rows: list[tuple[str, ...]] = []
    for one in part.lists:
        asked_by = one.field or ""
        if not one.ways:
            rows.append((token, "not supported", "", "", "", "", asked_by))
        rows += [
            (
                token,
                way.permission,
                "least" if way.least else "",
                " + ".join(way.also_requires),
                {True: "yes", False: "no", None: "not known"}[way.admin_consent],
                way.id or "not published",
                asked_by,
            )
            for way in one.ways
        ]
    return rows


def _needs(found: Answer) -> list[tuple[str, str, str, str]]:
    """Directory roles, guests, licences, second gates and conditions: what, for which tokens, how certain, why."""
    rows: list[tuple[str, str, str, str]] = []
    delegated = TOKENS["delegated"]
    if found.role is not None:
        who = "members without a role: own objects alone" if found.role.members == "own" else "members need a role"
        rows.append(("directory role", delegated, found.role.certainty, f"{found.role.why} ({who})"))
        rows.append(("", "", "", f"Enough: {', '.join(found.role.roles) or 'none of the built-in roles'}"))
    if found.guest is not None:
        rows.append(("guests", delegated, found.guest.certainty, found.guest.why))
    for licence in found.licences:
        whose = "the user whose object it is" if licence.per_user else "the tenant"
        answered = f"{licence.http_status or ''} {licence.error_code or ''}".strip()
        told = f"; without it {answered} ({licence.message})" if answered else ""
        rows.append(("licence", "every token type", licence.certainty, f"{licence.name} for {whose}{told}"))
    notes: dict[tuple[str, str, str], list[str]] = {}
    for scheme, part in found.schemes.items():
        for note in part.notes:
            concerned = f" (with {', '.join(note.permissions)})" if note.permissions else ""
            notes.setdefault((note.about, note.certainty, note.text + concerned), []).append(TOKENS[scheme])
    rows += [(about, "; ".join(tokens), certainty, text) for (about, certainty, text), tokens in notes.items()]
    return rows


def _show_permission(found: Opened) -> None:
    from auditor.cli.screen import Screen, counted

    _line(found.name + (f"   ({RESOURCE_SPECIFIC}: one team, chat or group)" if found.resource_specific else ""))
    for scheme, id_ in found.ids.items():
        consent = "admin consent" if found.admin_consent[scheme] else "users may consent"
        _line(f"{TOKENS[scheme]}: {id_ or 'not published'}, {consent}, {counted(len(found.calls[scheme]), 'call')}")
    rows = [
        (TOKENS[scheme], method, path, "least" if least else "")
        for scheme, calls in found.calls.items()
        for method, path, least in calls
    ]
    if rows:
        Screen().table("", ("Token type", "Method", "Path", "Least"), rows)
    else:
        _line("The permission data has no call for it; what is not listed is not known.")


def _line(text: str) -> None:
    """One line of the result, nothing in it markup or a control character."""
    from rich.text import Text

    from auditor.cli.screen import console
    from reports.text import one_line

    console(sys.stdout).print(Text(one_line(text)))


def _call_json(call: Call, found: Answer, date: str) -> dict[str, Any]:
    role, guest = found.role, found.guest
    listed = any(part.lists for part in found.schemes.values())
    return {
        "call": call.text,
        "version": call.version,
        "template": found.template,
        "known": found.known,
        "catalog": date,
        "open": found.open_because,
        "resource_field": found.resource_field,
        **{scheme: _scheme_json(part, listed=listed) for scheme, part in found.schemes.items()},
        "resource_specific": list(found.resource_specific),
        "directory_role": None
        if role is None
        else {
            "roles": dict(role.roles),
            "members": role.members,
            "guests": role.guests,
            "setting": role.setting,
            "certainty": role.certainty,
            "why": role.why,
            "url": role.url,
        },
        "guests": None if guest is None else {"certainty": guest.certainty, "why": guest.why, "url": guest.url},
        "licences": [
            {
                "licence": licence.name,
                "per_user": licence.per_user,
                "service_plan_ids": list(licence.plans),
                "certainty": licence.certainty,
                "http_status": licence.http_status,
                "error_code": licence.error_code,
                "url": licence.url,
            }
            for licence in found.licences
        ],
        "methods": list(found.methods),
        "similar": list(found.similar),
    }


def _scheme_json(part: SchemeAnswer, *, listed: bool) -> dict[str, Any]:
    """One token type: ``permissions`` of the call itself, ``in_addition`` what a field asks for, each a list of alternatives.

    ``supported`` is null where nothing is listed for any token type.
    """
    lists = [
        {
            "asked_by": one.field,
            "why": one.why,
            "permissions": [
                {
                    "permission": way.permission,
                    "least": way.least,
                    "also_requires": list(way.also_requires),
                    "id": way.id,
                    "admin_consent": way.admin_consent,
                }
                for way in one.ways
            ],
        }
        for one in part.lists
    ]
    return {
        "supported": part.supported if listed else None,
        "permissions": lists[0]["permissions"] if lists else [],
        "asked_by": lists[0]["asked_by"] if lists else None,
        "in_addition": lists[1:],
        "conditions": [
            {
                "about": note.about,
                "text": note.text,
                "permissions": list(note.permissions),
                "certainty": note.certainty,
                "url": note.url,
            }
            for note in part.notes
        ],
    }


def _permission_json(found: Opened, date: str) -> dict[str, Any]:
    return {
        "permission": found.name,
        "catalog": date,
        "resource_specific": found.resource_specific,
        **{
            scheme: None
            if scheme not in found.ids
            else {
                "id": found.ids[scheme],
                "admin_consent": found.admin_consent[scheme],
                "calls": [
                    {"method": method, "path": path, "least": least} for method, path, least in found.calls[scheme]
                ],
            }
            for scheme in TOKENS
        },
    }
