"""The file itself: takes the workbook that openpyxl designed and puts in what openpyxl leaves out.

The rows of data sheets are streamed in beneath the header (``xlsx_stream``), with the texts that cells share and the links.
openpyxl writes formulas without results, and here each gets the one it has for the facts as written. It does not say that
the numbers at a chart's bars have a format of their own; without it some programs show the zeros that ours hides.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO
from xml.sax.saxutils import quoteattr

from reports.xlsx_stream import Bulk, Texts

_LEVEL = 4
"""Of compression: half the time of the usual 6, a tenth more bytes."""
_LARGE = 15_000_000
"""Cells of a sheet from which its part may have more than 2 GB."""
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_END = "</Relationships>"
_BOOK_RELATIONS, _TYPES = "xl/_rels/workbook.xml.rels", "[Content_Types].xml"
_SHARED = {
    _BOOK_RELATIONS: (
        _END,
        f'<Relationship Type="{_RELATIONS}/sharedStrings" Target="sharedStrings.xml" Id="sharedStrings"/>',
    ),
    _TYPES: (
        "</Types>",
        '<Override PartName="/xl/sharedStrings.xml"'
        ' ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>',
    ),
}
"""Where the part of shared texts is made known: before which end, and how."""
_LABEL_FORMAT = re.compile(r'(<(?:c:)?numFmt formatCode="[^"]*")(?= ?/>)')
_FORMULA = re.compile(r'(<c r="([A-Z]+[0-9]+)"[^>]*>)(<f>[^<]*</f>)<v ?/>')


def with_results(xml: str, results: Mapping[str, int]) -> str:
    """A sheet's XML with the result beside each formula; ``results`` by the address of the cell.

    Raises:
        KeyError: a formula without a result.
    """
    return _FORMULA.sub(lambda found: f"{found[1]}{found[3]}<v>{results[found[2]]}</v>", xml)


def finish(
    design: IO[bytes], path: Path, results: Mapping[str, Mapping[str, int]], bulk: Mapping[str, Bulk] | None = None
) -> None:
    """Write the finished file; nothing is left behind if that fails.

    Args:
        design: the workbook as openpyxl wrote it, the data sheets with their header alone.
        path: where to.
        results: results of formulas, by the name of the sheet's part and the address of the cell.
        bulk: rows of data sheets, by the name of the sheet's part.

    Raises:
        OSError: the file cannot be written.
    """
    texts = Texts()
    try:
        with (
            zipfile.ZipFile(design) as source,
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as target,
        ):
            _Finish(source, target, results, bulk or {}, texts).all()
    except BaseException:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise
    finally:
        texts.close()


class _Finish:
    """One pass over the parts of the design."""

    def __init__(
        self,
        source: zipfile.ZipFile,
        target: zipfile.ZipFile,
        results: Mapping[str, Mapping[str, int]],
        bulk: Mapping[str, Bulk],
        texts: Texts,
    ) -> None:
        self.source, self.target, self.results, self.bulk, self.texts = source, target, results, bulk, texts

    def all(self) -> None:
        for entry in self.source.infolist():
            name = entry.filename
            if name in self.bulk:
                self._sheet(name, self.bulk[name])
            elif name in (_BOOK_RELATIONS, _TYPES):
                end, line = _SHARED[name]
                self._write(name, self._read(name).replace(end, line + end))
            elif name.startswith("xl/charts/"):
                self._write(name, _LABEL_FORMAT.sub(r'\1 sourceLinked="0"', self._read(name)))
            elif name in self.results:
                self._write(name, with_results(self._read(name), self.results[name]))
            elif (sheet := name.replace("_rels/", "").removesuffix(".rels")) in self.bulk:
                self._write(name, self._read(name).replace(_END, _targets(self.bulk[sheet]) + _END))
            else:
                self.target.writestr(name, self.source.read(entry))
        for name, bulk in self.bulk.items():
            folder, _, sheet = name.rpartition("/")
            relations = f"{folder}/_rels/{sheet}.rels"
            if bulk.links and relations not in self.target.namelist():
                self._write(relations, f'<Relationships xmlns="{_PACKAGE}">{_targets(bulk)}{_END}')
        self._shared_texts()

    def _shared_texts(self) -> None:
        count = len(self.texts)
        with self.target.open("xl/sharedStrings.xml", "w") as part:
            part.write(f'<sst xmlns="{_MAIN}" uniqueCount="{count}">'.encode())
            for block in self.texts.parts():
                part.write(block)
            part.write(b"</sst>")

    def _read(self, name: str) -> str:
        return self.source.read(name).decode()

    def _write(self, name: str, text: str) -> None:
        self.target.writestr(name, text.encode())

    def _sheet(self, name: str, bulk: Bulk) -> None:
        """One data sheet: what is above its rows, the rows, and what is below."""
        top, end, bottom = self._read(name).partition("</sheetData>")
        top = top.replace("<sheetViews>", f'<dimension ref="{bulk.area}"/><sheetViews>')
        # The size of a part is not known before it is written; past 2 GB it takes the longer form from the start.
        large = bulk.size * len(bulk.columns) > _LARGE
        with self.target.open(name, "w", force_zip64=large) as part:
            part.write(top.encode())
            for block in bulk.xml(self.texts):
                part.write(block)
            part.write((end + bottom.replace("<pageMargins ", _links(bulk) + "<pageMargins ", 1)).encode())


def _ids(bulk: Bulk) -> dict[str, str]:
    """Ids of the addresses that links lead to, each once."""
    return {url: f"link{number}" for number, url in enumerate(dict.fromkeys(url for _, url in bulk.links), 1)}


def _links(bulk: Bulk) -> str:
    ids = _ids(bulk)
    links = "".join(f'<hyperlink ref="{cell}" r:id="{ids[url]}"/>' for cell, url in bulk.links)
    return f'<hyperlinks xmlns:r="{_RELATIONS}">{links}</hyperlinks>' if links else ""


def _targets(bulk: Bulk) -> str:
    return "".join(
        f'<Relationship Id="{number}" Type="{_RELATIONS}/hyperlink" Target={quoteattr(url)} TargetMode="External"/>'
        for url, number in _ids(bulk).items()
    )
