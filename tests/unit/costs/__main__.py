"""Prints the counts of each row, and the worst: `python -m tests.unit.costs [WORD]`, for the rows with this word."""

import asyncio
import sys

from tests.unit.costs.cost import measured
from tests.unit.costs.rows import ROWS


async def _print(word: str) -> None:
    print("growth      calls  in one piece      of  row")
    all_of_them = []
    for row in (row for row in ROWS if word in row.name):
        found = await measured(row)
        fault = f"  TOO MUCH: {found.fault}" if found.fault else ""
        print(
            f"{found.growth:6.2f} {found.twice.calls:10} {found.piece:13}  {2 * row.n:6}  {row.name}{fault}", flush=True
        )
        all_of_them.append(found)
    if all_of_them:
        growth = max(all_of_them, key=lambda each: each.growth)
        piece = max(all_of_them, key=lambda each: each.piece)
        print(f"{len(all_of_them)} rows; the worst growth is {growth.growth:.2f} ({growth.row.name})")
        print(f"the most calls in one piece are {piece.piece} ({piece.row.name})")


if __name__ == "__main__":
    asyncio.run(_print(" ".join(sys.argv[1:])))
