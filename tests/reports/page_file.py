"""Reads ``audit.html`` as a stranger's script would: the rows of each view out of the packed columns."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any

_BLOCK = re.compile(r'<script type="([^"]+)" id="data-([^"]+)">(.*?)</script>', re.DOTALL)


def unpacked(page: str) -> dict[str, dict[str, Any]]:
    """By view: its head, and under ``rows`` a mapping of header to value for each row."""
    blocks = {name: (kind, text) for kind, name, text in _BLOCK.findall(page)}
    heads = {name: json.loads(text) for name, (kind, text) in blocks.items() if kind == "application/json"}
    del heads["tones"]
    for slug, head in heads.items():
        columns = [
            _column(blocks[f"{slug}-{number}"][1], head["columns"][number]["bytes"])
            for number in range(len(head["columns"]))
        ]
        headers = [column["header"] for column in head["columns"]]
        assert {len(column) for column in columns} == {head["count"]}
        head["rows"] = [dict(zip(headers, row, strict=True)) for row in zip(*columns, strict=True)]
    return heads


def _column(packed: str, width: int) -> list[Any]:
    body = gzip.decompress(base64.b64decode(packed, validate=True))
    if not width:
        return list(json.loads(body))
    listed, _, places = body.partition(b"\n")
    values = json.loads(listed)
    return [values[int.from_bytes(places[at : at + width], "little")] for at in range(0, len(places), width)]
