"""The compiled schema: current, and read as it was written."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from auditor.emulator import schema

ROOT = Path(__file__).parents[2]
CSDL = ROOT.parent / "shared" / "data" / "v1.0-Prod.csdl"


@pytest.mark.skipif(not CSDL.is_file(), reason="Microsoft's CSDL is not here; it is not part of the repository")
def test_compiled_schema_is_current() -> None:
    compiler = runpy.run_path(str(ROOT / "tools" / "compile_schema.py"))
    expected = compiler["render"](compiler["compile_schema"](CSDL))
    assert (ROOT / "auditor" / "emulator" / "schema.json").read_text(encoding="utf-8") == expected


def test_compiler_on_a_small_model(tmp_path: Path) -> None:
    compiler = runpy.run_path(str(ROOT / "tools" / "compile_schema.py"))
    assert compiler["short"]("Collection(graph.appRole)") == ("appRole", True)
    assert compiler["short"]("Edm.Guid") == ("Guid", False)
    assert compiler["short"]("microsoft.graph.user") == ("user", False)


def test_types_inherit() -> None:
    known = schema.load()
    application = known.types["application"]
    assert {"id", "deletedDateTime", "appId"} <= set(application.properties)
    assert application.properties["keyCredentials"] == schema.Member("keyCredentials", "keyCredential", True)
    assert application.navigations["owners"] == schema.Member("owners", "directoryObject", True)
    assert known.is_a("appRoleAssignment", "directoryObject")
    assert not known.is_a("oAuth2PermissionGrant", "directoryObject")
    assert known.root("serviceprincipals") == schema.Member("servicePrincipals", "servicePrincipal", True)
    assert known.root("nope") is None
    assert "signInEventTypes" not in {name for kind in known.types.values() for name in kind.properties}
