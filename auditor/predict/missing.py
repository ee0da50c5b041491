"""A list that a token does not meet, as obstacles: the cause first, then doubts and what would deny the call as well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from auditor.predict import elsewhere
from auditor.predict.causes import cause
from auditor.predict.gap import Gap, some
from auditor.predict.kinship import nearly_met, unmapped
from auditor.predict.verdict import Obstacle
from auditor.reference.claims import Authorization


def obstacles(gap: Gap) -> Iterator[Obstacle]:
    """Why the list is not met. The first one decides; certain and likely ones deny the call."""
    if (decides := elsewhere.deciding(gap)) is not None:
        yield replace(decides, needs=gap.wanted.needs)
        return
    found = cause(gap)
    found = replace(found, needs=found.needs or gap.wanted.needs)
    if not gap.carried.known and gap.question.account != "personal":
        reason = f"What was granted to {gap.who.name} could not be read; {gap.text} needs {gap.needed}."
        yield replace(found, certainty="possible", reason=reason)
        return
    ways_out = [*elsewhere.rights(gap), *_by_kinship(gap)]
    if ways_out:
        reason = f"{found.reason.rstrip('.')}; {ways_out[0].reason}"
        yield replace(found, certainty="possible", reason=reason)
        yield from ways_out
    elif _is_open_to_doubt(gap):
        yield replace(found, certainty="possible")
    elif found.certainty == "possible":
        yield found
        yield from (replace(one, certainty="possible") for one in _beside(gap, found))
    else:
        yield found
        yield from _beside(gap, found)


def _is_open_to_doubt(gap: Gap) -> bool:
    """What the tenant alone cannot decide: who signs in, what a Microsoft client may do, what follows a deployment."""
    carried = gap.carried
    if gap.who.planned and gap.met_with(carried.asked):
        return True
    if gap.app_only:
        return False
    if carried.opaque or (gap.facts.by_alias and gap.in_directory and carried.held):
        return True
    return not gap.question.users and gap.met_with(carried.others)


def _by_kinship(gap: Gap) -> list[Obstacle]:
    """Wider permissions of the same family; not for fields, whose own lists are exact."""
    if gap.wanted.because:
        return []
    kin = nearly_met(gap.wanted.ways, gap.carried.held, reading=gap.question.call.method == "GET")
    if kin:
        reason = f"by its name {some(kin)} includes what is needed, and the permission data does not say so."
        return [Obstacle("permission-missing", "possible", reason, *gap.refusal)]
    return doubts_of_the_map(gap, gap.wanted.ways)


def doubts_of_the_map(gap: Gap, ways: Iterable[Authorization]) -> list[Obstacle]:
    """Held permissions of the family asked for, of which the map knows no call at all."""
    families = {way.permission.partition(".")[0] for way in ways}
    names = unmapped(gap.carried.held, families, "application" if gap.app_only else "delegated")
    if not names:
        return []
    reason = f"which calls {some(names)} opens is not in the permission data."
    return [Obstacle("permission-missing", "possible", reason, *gap.refusal)]


_WRITES_THE_DIRECTORY = frozenset({"Directory.ReadWrite.All", "User.ReadWrite.All"})


def _is_for_admins(gap: Gap) -> bool:
    """Deleting users app-only with a permission that writes the directory otherwise: a directory role is the usual repair."""
    deletes = gap.question.call.method == "DELETE" and gap.question.call.path.lower().startswith("/users/")
    return gap.app_only and deletes and not _WRITES_THE_DIRECTORY.isdisjoint(gap.carried.held)


def _beside(gap: Gap, found: Obstacle) -> Iterator[Obstacle]:
    """Another check that tells of the same lack."""
    status, code = gap.refusal
    if found.check == "directory-role-missing":
        reason = f"{gap.text} needs {gap.needed}, which {gap.who.name} does not hold."
        yield Obstacle("permission-missing", "likely", reason, status, code, gap.wanted.needs)
    elif found.check == "permission-missing" and not gap.app_only and not gap.carried.requests_known:
        yield Obstacle("consent-missing", found.certainty, found.reason, status, code, found.needs)
    elif found.check == "consent-missing" and not gap.app_only and not gap.carried.requests_known:
        yield Obstacle("permission-missing", found.certainty, found.reason, status, code, found.needs)
    elif found.check == "consent-blocked":
        reason = f"No admin has consented to {gap.needed} of {gap.who.name}."
        yield Obstacle("consent-missing", "likely", reason, status, code, found.needs)
    elif found.check == "permission-missing" and _is_for_admins(gap):
        reason = f"A directory role on the service principal of {gap.who.name} would open {gap.text} as well."
        yield Obstacle("directory-role-missing", "likely", reason, status, code)
    elif found.check == "permission-missing" and gap.app_only and not gap.carried.requests_known:
        reason = f"Nobody has granted {gap.needed} to {gap.who.name}."
        yield Obstacle("consent-missing", "likely", reason, status, code, gap.wanted.needs)
