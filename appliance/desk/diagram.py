"""The table of a sitting as a picture: ``python -m appliance.desk.diagram > docs/diagrams/sitting.md``."""

from __future__ import annotations

import sys

from appliance.desk.session import TABLE
from contracts.desk_api.clerk import Stage

END = "[*]"


def mermaid() -> str:
    """The whole table as a Mermaid state diagram in a Markdown page."""
    edges: dict[tuple[str, str], list[str]] = {}
    for (stage, event), cell in TABLE.items():
        for target in cell.to:
            edges.setdefault((stage.value, target.value if target else END), []).append(event.__name__)
    lines = [
        "# A sitting",
        "",
        "Drawn from the table in `appliance/desk/session.py` by `python -m appliance.desk.diagram`; a test compares.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        f"    {END} --> {Stage.INFORM.value}",
    ]
    order = [stage.value for stage in Stage] + [END]
    for (origin, end), names in sorted(
        edges.items(), key=lambda edge: (order.index(edge[0][0]), order.index(edge[0][1]))
    ):
        lines.append(f"    {origin} --> {end}: {', '.join(sorted(names))}")
    return "\n".join([*lines, "```", ""])


if __name__ == "__main__":
    sys.stdout.write(mermaid())
