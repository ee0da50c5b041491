"""Compile Microsoft Graph's CSDL to the short schema the emulator refuses unknown names by.

Usage: python tools/compile_schema.py v1.0-Prod.csdl auditor/emulator/schema.json

Keeps the entity types that an auditor's reads reach, the complex types their properties name, and the names of all
entity sets and singletons. Everything else (actions, functions, annotations, texts) is left out. The source is the file
schemas/v1.0-Prod.csdl of github.com/microsoftgraph/msgraph-metadata (MIT licence).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
ROOT_TYPES = [
    "application",
    "servicePrincipal",
    "federatedIdentityCredential",
    "oAuth2PermissionGrant",
    "appRoleAssignment",
    "directoryObject",
    "organization",
    "subscribedSku",
    "roleManagement",
    "rbacApplication",
    "unifiedRoleAssignment",
    "unifiedRoleDefinition",
    "identityContainer",
    "conditionalAccessRoot",
    "conditionalAccessPolicy",
    "namedLocation",
    "ipNamedLocation",
    "countryNamedLocation",
    "policyRoot",
    "authorizationPolicy",
    "permissionGrantPolicy",
    "permissionGrantConditionSet",
    "adminConsentRequestPolicy",
    "tenantAppManagementPolicy",
    "appManagementPolicy",
    "identitySecurityDefaultsEnforcementPolicy",
    "user",
    "group",
    "directoryRole",
]


def main(csdl: Path, out: Path) -> None:
    """Write the compact schema of ``csdl`` to ``out``."""
    out.write_text(render(compile_schema(csdl)), encoding="utf-8", newline="\n")


def compile_schema(csdl: Path) -> dict[str, dict[str, object]]:
    """``{"container": {name: type}, "types": {name: description}}``; a type ends in ``[]`` where it is a collection."""
    # Microsoft's own file, given by a developer on the command line: entity expansion is no threat here.
    root = ElementTree.parse(csdl).getroot()  # noqa: S314
    schema = next(node for node in root.iter(f"{EDM}Schema") if node.get("Namespace") == "microsoft.graph")
    types = {node.get("Name", ""): node for node in schema if node.tag in (f"{EDM}EntityType", f"{EDM}ComplexType")}
    wanted = set(ROOT_TYPES)
    for name in ROOT_TYPES:
        wanted |= {base for base, _ in _ancestors(types, name)}
    for name in sorted(wanted):
        wanted |= {short(node.get("Type", ""))[0] for node in types[name].findall(f"{EDM}Property")} & set(types)
    container = schema.find(f"{EDM}EntityContainer")
    if container is None:
        raise SystemExit("the CSDL has no entity container")
    return {
        "container": {
            node.get("Name", ""): short(node.get("EntityType", ""))[0] + "[]"
            if node.tag == f"{EDM}EntitySet"
            else short(node.get("Type", ""))[0]
            for node in container
        },
        "types": {name: _description(types[name]) for name in sorted(wanted)},
    }


def short(name: str) -> tuple[str, bool]:
    """``Collection(graph.x)`` as ``("x", True)``, ``Edm.Guid`` as ``("Guid", False)``."""
    is_collection = name.startswith("Collection(")
    if is_collection:
        name = name[len("Collection(") : -1]
    for prefix in ("microsoft.graph.", "graph.", "Edm."):
        if name.startswith(prefix):
            return name[len(prefix) :], is_collection
    return name, is_collection


def render(schema: dict[str, dict[str, object]]) -> str:
    """The schema as JSON with one line an entry, sorted, so that a diff can be read."""
    parts = []
    for part, entries in sorted(schema.items()):
        lines = [f"  {json.dumps(key)}: {json.dumps(entries[key])}" for key in sorted(entries)]
        parts.append(f" {json.dumps(part)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _ancestors(types: dict[str, ElementTree.Element], name: str) -> Iterator[tuple[str, ElementTree.Element]]:
    while name in types:
        yield name, types[name]
        name = short(types[name].get("BaseType", ""))[0]


def _description(node: ElementTree.Element) -> dict[str, str]:
    return {
        "base": short(node.get("BaseType", ""))[0],
        "navigations": _members(node, f"{EDM}NavigationProperty"),
        "properties": _members(node, f"{EDM}Property"),
    }


def _members(node: ElementTree.Element, tag: str) -> str:
    """``name:type`` for each member, sorted, separated by spaces; strings go without a type."""
    members = []
    for member in node.findall(tag):
        kind, is_collection = short(member.get("Type", ""))
        text = member.get("Name", "") + ("" if kind == "String" else f":{kind}")
        members.append(text + ("[]" if is_collection else ""))
    return " ".join(sorted(members))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
