"""Rules that Excel enforces on the parts of a workbook, and answers with an offer to repair the file.

``faults`` reads the package itself, without a spreadsheet library, and gives a sentence for each rule that is broken.
Sources: ECMA-376 part 1 (SpreadsheetML) and Microsoft's page "Excel specifications and limits".
"""

from __future__ import annotations

import posixpath
import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from pathlib import Path

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
PACKAGE = "{http://schemas.openxmlformats.org/package/2006/relationships}"
TYPES = "{http://schemas.openxmlformats.org/package/2006/content-types}"

MAX_ROWS, MAX_COLUMNS, MAX_TEXT, MAX_LINKS, MAX_FORMULA = 1_048_576, 16_384, 32_767, 65_530, 8_192
ORDER = (
    "sheetPr", "dimension", "sheetViews", "sheetFormatPr", "cols", "sheetData", "sheetCalcPr", "sheetProtection",
    "protectedRanges", "scenarios", "autoFilter", "sortState", "dataConsolidate", "customSheetViews", "mergeCells",
    "phoneticPr", "conditionalFormatting", "dataValidations", "hyperlinks", "printOptions", "pageMargins", "pageSetup",
    "headerFooter", "rowBreaks", "colBreaks", "customProperties", "cellWatches", "ignoredErrors", "smartTags", "drawing",
    "legacyDrawing", "legacyDrawingHF", "picture", "oleObjects", "controls", "webPublishItems", "tableParts", "extLst",
)  # fmt: skip
"""Elements of a sheet in the only order that Excel accepts."""


def faults(path: Path) -> list[str]:
    """Every rule that the workbook breaks; empty for a file that Excel opens as it is."""
    with zipfile.ZipFile(path) as archive:
        return list(Package(archive).faults())


class Package:
    """The parts of one workbook."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.names = archive.namelist()
        self.trees = {
            name: ET.fromstring(archive.read(name)) for name in self.names if name.endswith((".xml", ".rels"))
        }
        book = self.trees["xl/workbook.xml"]
        targets = self.relations("xl/workbook.xml")
        self.sheets = [
            (sheet.get("name", ""), targets[sheet.get(f"{REL}id", "")]) for sheet in book.iter(f"{MAIN}sheet")
        ]
        styles = self.trees["xl/styles.xml"]
        self.looks = len(styles.findall(f"{MAIN}cellXfs/{MAIN}xf"))
        self.rules = len(styles.findall(f"{MAIN}dxfs/{MAIN}dxf"))
        texts = self.trees.get("xl/sharedStrings.xml")
        self.texts = ["".join(text.itertext()) for text in texts.iter(f"{MAIN}si")] if texts is not None else []
        self.tables: dict[str, list[str]] = {}
        """Columns of each table by its name."""

    def relations(self, part: str) -> dict[str, str]:
        """Targets within the package by relation id."""
        folder, _, name = part.rpartition("/")
        tree = self.trees.get(f"{folder}/_rels/{name}.rels")
        found = {}
        for rel in tree if tree is not None else ():
            if rel.get("TargetMode") != "External":
                target = rel.get("Target", "")
                absolute = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"{folder}/{target}")
                found[rel.get("Id", "")] = absolute
        return found

    def faults(self) -> Iterator[str]:
        """All of them, part by part."""
        yield from self.package()
        yield from self.book()
        for title, part in self.sheets:
            for fault in self.sheet(part):
                yield f"{title}: {fault}"
        # Formulas may name tables of sheets further on.
        for title, part in self.sheets:
            for fault in self.formulas(part):
                yield f"{title}: {fault}"
        for number, text in enumerate(self.texts):
            if units(text) > MAX_TEXT:
                yield f"shared string {number} has {units(text)} characters"

    def package(self) -> Iterator[str]:
        if len(set(self.names)) != len(self.names):
            yield "a part is there twice"
        types = self.trees["[Content_Types].xml"]
        endings = {one.get("Extension") for one in types.iter(f"{TYPES}Default")}
        overrides = [one.get("PartName", "").lstrip("/") for one in types.iter(f"{TYPES}Override")]
        if len(set(overrides)) != len(overrides):
            yield "a part has two content types"
        yield from (f"a content type for {name}, which is not there" for name in overrides if name not in self.names)
        for name in self.names:
            if name not in overrides and name.rpartition(".")[2] not in endings and name != "[Content_Types].xml":
                yield f"{name} has no content type"
            if name.endswith(".rels"):
                ids = [rel.get("Id") for rel in self.trees[name]]
                if len(set(ids)) != len(ids):
                    yield f"{name}: an id is there twice"
                continue
            known = self.relations(name)
            yield from (f"{name}: {target} is not there" for target in known.values() if target not in self.names)

    def book(self) -> Iterator[str]:
        titles = [title for title, _ in self.sheets]
        if len({title.casefold() for title in titles}) != len(titles):
            yield f"sheet names differ by case alone: {titles}"
        for title in titles:
            if not 1 <= units(title) <= 31 or re.search(r"[\[\]:*?/\\]|^'|'$", title) or title.casefold() == "history":
                yield f"sheet name {title!r}"
        seen = set()
        for one in self.trees["xl/workbook.xml"].iter(f"{MAIN}definedName"):
            name, place = one.get("name", ""), one.get("localSheetId")
            if (name.casefold(), place) in seen or not re.fullmatch(r"[A-Za-z_\\][A-Za-z0-9_.\\]{0,254}", name):
                yield f"defined name {name}"
            seen.add((name.casefold(), place))
            if place is not None and not 0 <= int(place) < len(titles):
                yield f"defined name {name} of sheet {place}"
            for sheet in re.findall(r"'((?:[^']|'')+)'!", one.text or ""):
                if sheet.replace("''", "'") not in titles:
                    yield f"defined name {name} speaks of {sheet}"
        if self.looks > 65_490:
            yield f"{self.looks} cell styles"

    def sheet(self, part: str) -> Iterator[str]:
        tree = self.trees[part]
        order = [ORDER.index(child.tag.removeprefix(MAIN)) for child in tree]
        if order != sorted(order):
            yield f"elements in the order {[child.tag.removeprefix(MAIN) for child in tree]}"
        yield from self.rows(tree)
        yield from self.columns(tree)
        yield from self.conditional_formats(tree)
        yield from self.validations(tree)
        yield from self.links(tree, part)
        yield from self.page(tree)
        tables = tree.findall(f"{MAIN}tableParts/{MAIN}tablePart")
        if tables and tree.find(f"{MAIN}autoFilter") is not None:
            yield "a filter besides its table's"
        targets = self.relations(part)
        for one in tables:
            yield from self.table(self.trees[targets[one.get(f"{REL}id", "")]], tree)

    def rows(self, tree: ET.Element) -> Iterator[str]:
        last = 0
        for row in tree.iter(f"{MAIN}row"):
            number = int(row.get("r", "0"))
            if not last < number <= MAX_ROWS:
                yield f"row {number} after row {last}"
            last, before = number, 0
            if float(row.get("ht", "0")) > 409:
                yield f"row {number} is {row.get('ht')} points high"
            for cell in row:
                column, there = position(cell.get("r", ""))
                if there != number or not before < column <= MAX_COLUMNS:
                    yield f"cell {cell.get('r')} in row {number} after column {before}"
                before = column
                yield from self.cell(cell)

    def cell(self, cell: ET.Element) -> Iterator[str]:
        place, kind = cell.get("r"), cell.get("t", "n")
        if int(cell.get("s", "0")) >= self.looks:
            yield f"{place} has a style that is not there"
        value = cell.findtext(f"{MAIN}v")
        if kind == "s" and not 0 <= int(value or "-1") < len(self.texts):
            yield f"{place} has a shared string that is not there"
        if kind == "inlineStr" and units("".join(cell.itertext())) > MAX_TEXT:
            yield f"{place} is too long"
        if kind == "b" and value not in ("0", "1"):
            yield f"{place} is neither true nor false"
        if kind == "n" and value:
            float(value)
        if kind not in ("n", "s", "b", "inlineStr"):
            yield f"{place} is of kind {kind}"

    def columns(self, tree: ET.Element) -> Iterator[str]:
        last = 0
        for column in tree.iter(f"{MAIN}col"):
            first = int(column.get("min", "0"))
            if first <= last or float(column.get("width", "0")) > 255:
                yield f"column {first}"
            last = int(column.get("max", "0"))

    def conditional_formats(self, tree: ET.Element) -> Iterator[str]:
        priorities = [rule.get("priority") for rule in tree.iter(f"{MAIN}cfRule")]
        if len(set(priorities)) != len(priorities):
            yield "two conditional formats have one priority"
        for rule in tree.iter(f"{MAIN}cfRule"):
            if int(rule.get("dxfId", "-1")) not in range(self.rules):
                yield "a conditional format has a style that is not there"
            if any(len(formula.text or "") > 255 for formula in rule.iter(f"{MAIN}formula")):
                yield "the formula of a conditional format is too long"

    def validations(self, tree: ET.Element) -> Iterator[str]:
        block = tree.find(f"{MAIN}dataValidations")
        if block is not None and block.get("count") not in (None, str(len(block))):
            yield "dataValidations counts wrong"
        for rule in block if block is not None else ():
            formula = rule.findtext(f"{MAIN}formula1", "")
            choices = formula.strip('"').split(",")
            if len(formula) > 257 or (rule.get("type") == "list" and len(set(choices)) != len(choices)):
                yield f"data validation {formula}"
            if len(rule.get("errorTitle", "")) > 32 or len(rule.get("error", "")) > 225:
                yield "the message of a data validation is too long"

    def links(self, tree: ET.Element, part: str) -> Iterator[str]:
        links = tree.findall(f"{MAIN}hyperlinks/{MAIN}hyperlink")
        if len(links) > MAX_LINKS:
            yield f"{len(links)} links"
        folder, _, name = part.rpartition("/")
        rels = self.trees.get(f"{folder}/_rels/{name}.rels")
        targets = {rel.get("Id"): rel.get("Target", "") for rel in rels if rel is not None} if rels is not None else {}
        places = [link.get("ref") for link in links]
        if len(set(places)) != len(places):
            yield "a cell has two links"
        for link in links:
            target = targets.get(link.get(f"{REL}id"))
            if target is None or len(target) > 2_079 or not target.startswith("https://"):
                yield f"link {link.get('ref')} leads to {target!r}"
        if tree.find(f"{MAIN}hyperlinks") is not None and not links:
            yield "an empty list of links"

    def page(self, tree: ET.Element) -> Iterator[str]:
        for element in ("oddHeader", "oddFooter"):
            if units(tree.findtext(f"{MAIN}headerFooter/{MAIN}{element}", "")) > 255:
                yield f"{element} is too long"

    def table(self, table: ET.Element, tree: ET.Element) -> Iterator[str]:
        name, ref = table.get("displayName", ""), table.get("ref", "")
        known = {one.casefold() for one in self.tables}
        if name.casefold() in known or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]{0,254}", name) or is_address(name):
            yield f"table name {name}"
        if table.get("name") != name:
            yield f"{name} is also called {table.get('name')}"
        columns = [column.get("name", "") for column in table.iter(f"{MAIN}tableColumn")]
        ids = [column.get("id") for column in table.iter(f"{MAIN}tableColumn")]
        self.tables[name] = columns
        rows = tree.findall(f"{MAIN}sheetData/{MAIN}row")
        header = [self.text(cell) for cell in rows[0]]
        if header != columns:
            yield f"{name}: header {header} differs from columns {columns}"
        if len({column.casefold() for column in columns}) != len(columns) or len(set(ids)) != len(ids):
            yield f"{name}: columns differ by case alone"
        if any(not 1 <= units(column) <= 255 for column in columns):
            yield f"{name}: the length of a header"
        last = int(rows[-1].get("r", "0"))
        if len(rows) < 2 or ref != f"A1:{letters(len(columns))}{last}":
            yield f"{name}: {ref} for {last} rows and {len(columns)} columns"
        own = table.find(f"{MAIN}autoFilter")
        if own is None or own.get("ref") != ref:
            yield f"{name}: its filter does not cover it"
        numbers = [one.get("id") for key, one in self.trees.items() if key.startswith("xl/tables/")]
        if numbers.count(table.get("id")) != 1:
            yield f"{name}: two tables have the id {table.get('id')}"

    def text(self, cell: ET.Element) -> str:
        value = "".join(cell.itertext())
        return self.texts[int(value)] if cell.get("t") == "s" else value

    def formulas(self, part: str) -> Iterator[str]:
        for cell in self.trees[part].iter(f"{MAIN}c"):
            formula = cell.findtext(f"{MAIN}f")
            if formula is None:
                continue
            if formula.startswith("=") or len(formula) > MAX_FORMULA:
                yield f"formula of {cell.get('r')}: {formula[:80]}"
            for table, column in re.findall(r"(tbl\w+)\[([^\]]*)\]", formula):
                if column not in self.tables.get(table, ()):
                    yield f"formula of {cell.get('r')} speaks of {table}[{column}]"


def units(text: str) -> int:
    """Characters as Excel counts them."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def position(address: str) -> tuple[int, int]:
    """Column and row of an address such as ``AB12``."""
    found = re.fullmatch(r"([A-Z]{1,3})([0-9]+)", address)
    assert found, address
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return column, int(found[2])


def letters(column: int) -> str:
    """``AB`` for 28."""
    text = ""
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def is_address(name: str) -> bool:
    """Whether Excel takes a name for a cell."""
    return bool(re.fullmatch(r"[A-Za-z]{1,3}[0-9]+|[Rr][0-9]*[Cc][0-9]*", name))
