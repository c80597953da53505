"""Which indexes a statement reads, and how many rows it looks at: PostgreSQL's own account of a run."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg


@dataclass(frozen=True, slots=True)
class Scans:
    """The indexes that were read, and the most rows that one of the scans looked at in all its turns."""

    indexes: set[str]
    rows: float


async def scans(pool: asyncpg.Pool, statement: str, parameters: Sequence[Any]) -> Scans:
    """Run a statement and tell how it read the tables of the LMS; a scan of a whole table counts as an index ``*``."""
    answer = await pool.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *parameters)
    found = [node for node in _nodes(json.loads(answer)[0]["Plan"]) if _reads_rows(node)]
    looked_at = [
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0))
        * node["Actual Loops"]
        for node in found
    ]
    return Scans(
        {node.get("Index Name", "*") for node in found if "Bitmap Heap" not in node["Node Type"]}, max(looked_at)
    )


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for below in plan.get("Plans", ()) for node in _nodes(below))]


def _reads_rows(node: dict[str, Any]) -> bool:
    name = str(node.get("Relation Name", node.get("Index Name", "")))
    return name.startswith(("users", "groups", "group_members", "sent_references"))
