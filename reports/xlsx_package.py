"""The file itself: takes the workbook that openpyxl designed and puts in what openpyxl leaves out.

openpyxl writes formulas without results, and here each gets the one it has for the facts as written. It does not say that
the numbers at a chart's bars have a format of their own; without it some programs show the zeros that ours hides.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

_LABEL_FORMAT = re.compile(rb'(<(?:c:)?numFmt formatCode="[^"]*")(?= ?/>)')
_FORMULA = re.compile(r'(<c r="([A-Z]+[0-9]+)"[^>]*>)(<f>[^<]*</f>)<v ?/>')


def with_results(xml: str, results: Mapping[str, int]) -> str:
    """A sheet's XML with the result beside each formula; ``results`` by the address of the cell.

    Raises:
        KeyError: a formula without a result.
    """
    return _FORMULA.sub(lambda found: f"{found[1]}{found[3]}<v>{results[found[2]]}</v>", xml)


def finish(design: IO[bytes], path: Path, results: Mapping[str, Mapping[str, int]]) -> None:
    """Write the finished file.

    Args:
        design: the workbook as openpyxl wrote it.
        path: where to.
        results: results of formulas, by the name of the sheet's part and the address of the cell.

    Raises:
        OSError: the file cannot be written.
    """
    with zipfile.ZipFile(design) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename.startswith("xl/charts/"):
                content = _LABEL_FORMAT.sub(rb'\1 sourceLinked="0"', content)
            if entry.filename in results:
                content = with_results(content.decode(), results[entry.filename]).encode()
            target.writestr(entry, content)
