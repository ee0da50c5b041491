"""Reads the users that were asked for, each with licences, directory roles and assignments, in two batches for six users.

What is kept of a person is what decides whether a call works; names and addresses beyond the user principal name are not.
A user that the tenant does not have is a line that says so, not an error.
https://learn.microsoft.com/graph/api/user-get, https://learn.microsoft.com/graph/api/user-list-transitivememberof,
https://learn.microsoft.com/graph/api/user-list-approleassignments
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from auditor.graph.answer import Answer
from auditor.graph.app_paths import GUID
from auditor.graph.desk import LONGEST_ID, Desk, id_of, listed
from auditor.graph.refusal import Broken, Refusal, refusal_from
from auditor.graph.sources import MAX_PAGE

DIRECTORY_ROLES = "transitiveMemberOf/microsoft.graph.directoryRole?$select=id,displayName,roleTemplateId"
ROLE_ASSIGNMENTS = "/roleManagement/directory/roleAssignments"
_SELECTED = "$select=id,roleDefinitionId,directoryScopeId,principalId"
_PRINCIPAL_NAME = re.compile(r"[\w'.!#^~+$-]+@[\w.-]+", re.ASCII)
_PLAN = ("servicePlanId", "capabilityStatus", "service")


def user_path(asked: str) -> str:
    """The path of a user by user principal name or id; empty where the text can be neither, so that nobody has it.

    Characters of names: https://learn.microsoft.com/entra/identity/hybrid/connect/plan-connect-userprincipalname. One that
    starts with a dollar sign must stand in parentheses (https://learn.microsoft.com/graph/api/user-get).
    """
    if len(asked) > LONGEST_ID or not (_PRINCIPAL_NAME.fullmatch(asked) or GUID.fullmatch(asked)):
        return ""
    if asked.startswith("$") or "'" in asked:
        return "/users('" + quote(asked.replace("'", "''"), safe="") + "')"
    return f"/users/{quote(asked, safe='')}"


def role_assignments_url(principal_id: str) -> str:
    """The directory role assignments of one principal."""
    wanted = "principalId eq '" + principal_id.replace("'", "''") + "'"
    return f"{ROLE_ASSIGNMENTS}?$filter={quote(wanted, safe='')}&{_SELECTED}"


async def read_users(desk: Desk) -> None:
    """A line for each user that was asked for."""
    asked = list(dict.fromkeys(name.strip().lower() for name in desk.index.asked_users))
    desk.begin(len(asked))
    paths = {name: path for name in asked if (path := user_path(name))}
    urls: dict[str, tuple[str, str]] = {}
    for name, path in paths.items():
        urls[f"{path}?$select={','.join(desk.spec.select)}"] = (name, "user")
        urls[f"{path}/{DIRECTORY_ROLES}"] = (name, "directoryRoles")
        urls[f"{path}/appRoleAssignments?$top={MAX_PAGE}&$select=id,resourceId,appRoleId"] = (
            name,
            "appRoleAssignments",
        )
    answers: dict[tuple[str, str], Answer] = {}
    async for url, answer in desk.in_batches(list(urls), lambda key: key):
        answers[urls[url]] = answer
    lines = [await _line(desk, name, answers) if name in paths else _absent(name) for name in asked]
    await _add_role_assignments(desk, [line for line in lines if line["found"]])
    desk.keep(lines)


def _absent(name: str) -> dict[str, Any]:
    return {"asked": name, "found": False, "user": None} | dict.fromkeys(
        ("directoryRoles", "roleAssignments", "appRoleAssignments")
    )


async def _line(desk: Desk, name: str, answers: dict[tuple[str, str], Answer]) -> dict[str, Any]:
    """One user. Graph answers 404 for a user that is not there, and 400 for a name that can be none."""
    answer = answers[name, "user"]
    if answer.status in (400, 404):
        return _absent(name)
    if answer.status >= 400:
        raise refusal_from(answer.status, answer.body)
    user = answer.body
    if not isinstance(user, dict) or not id_of(user):
        raise Broken("the answer is not a user", answer.status)
    kept = {field: user.get(field) for field in desk.spec.select}
    if isinstance(kept["assignedPlans"], list):
        kept["assignedPlans"] = [{field: plan.get(field) for field in _PLAN} for plan in listed(kept["assignedPlans"])]
    line = _absent(name) | {"found": True, "user": kept}
    line["directoryRoles"] = await _roles(desk, name, answers[name, "directoryRoles"])
    assignments = await _part(desk, name, "app role assignments", answers[name, "appRoleAssignments"])
    if assignments is not None:
        line["appRoleAssignments"] = [
            {field: row.get(field) for field in ("resourceId", "appRoleId")} for row in assignments
        ]
    return line


async def _roles(desk: Desk, name: str, answer: Answer) -> list[dict[str, Any]] | None:
    """Directory roles; None too where Graph shows that there are some and hides which (limited information)."""
    if answer.status == 400:
        # Pages on this relationship say that a cast needs an advanced query; it has been seen to work without one.
        url = f"{user_path(name)}/{DIRECTORY_ROLES}&$count=true"
        answer = (await desk.client.batch([url], advanced=True))[0]
    roles = await _part(desk, name, "directory roles", answer)
    if roles is None or all(isinstance(role.get("roleTemplateId"), str) for role in roles):
        return roles and [{"roleTemplateId": role["roleTemplateId"]} for role in roles]
    desk.remarks.append(f"which directory roles {_shown(name)} holds is hidden from this sign-in")
    return None


async def _part(desk: Desk, name: str, what: str, answer: Answer) -> list[dict[str, Any]] | None:
    """What hangs on a user; None, and a remark, where it is refused."""
    if answer.status == 404:
        return []
    if answer.status >= 400:
        refusal = refusal_from(answer.status, answer.body)
        if refusal.is_token_refused or refusal.status not in (400, 401, 403):
            raise refusal
        desk.remarks.append(f"the {what} of {_shown(name)} could not be read ({refusal})")
        return None
    return await desk.client.rest(answer)


def _shown(name: str) -> str:
    return str(Refusal(None, None, name))  # without control characters and tokens, cut short


async def _add_role_assignments(desk: Desk, lines: Sequence[dict[str, Any]]) -> None:
    """Role assignments are found by object id, which the first answers told."""
    by_url: dict[str, list[dict[str, Any]]] = {}
    for line in lines:  # one person can be asked for by name and by id
        if id_of(line["user"]):
            by_url.setdefault(role_assignments_url(id_of(line["user"])), []).append(line)
    async for url, answer in desk.in_batches(list(by_url), lambda key: key):
        rows = await _part(desk, str(by_url[url][0]["asked"]), "role assignments", answer)
        for line in by_url[url] if rows is not None else ():
            line["roleAssignments"] = [
                {field: row.get(field) for field in ("roleDefinitionId", "directoryScopeId")} for row in rows or ()
            ]
