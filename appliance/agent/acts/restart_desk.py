"""restart_desk: end the desk's process and have it started afresh; done only when the new one answers."""

from __future__ import annotations

import subprocess
import threading
import time
from typing import TYPE_CHECKING

from appliance.agent.acts.port import ActFailed
from contracts.desk_api.door import DoorClosed
from contracts.desk_api.status import Nothing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.agent.acts.port import Facts
    from appliance.agent.desk_door import Claim, DeskDoor


class RestartFailed(ActFailed):
    """The command that restarts the desk failed or did not end."""

    code = "desk.restart_failed"


class DeskDidNotReturn(ActFailed):
    """The old desk did not go, or the new one does not answer."""

    code = "desk.did_not_return"


def act(
    claim: Claim | None,
    door: DeskDoor,
    command: Sequence[str],
    *,
    within_s: float = 60.0,
    stopping: threading.Event | None = None,
) -> Facts:
    """Run the command, see the old desk go (its end of the claim closes), wait for the new one's answer.

    Raises:
        RestartFailed: the command failed.
        DeskDidNotReturn: the claim did not end, or nobody answers in time.
    """
    began_s = time.monotonic()
    try:
        subprocess.run(command, check=True, timeout=within_s, capture_output=True)
    except (OSError, subprocess.SubprocessError) as why:
        raise RestartFailed(f"the desk could not be restarted: {type(why).__name__}") from why
    if claim is not None and not claim.ended(max(1.0, began_s + within_s - time.monotonic())):
        raise DeskDidNotReturn("the old desk did not end")
    pause = stopping or threading.Event()
    while time.monotonic() < began_s + within_s:
        try:
            facts = door.facts(Nothing())
        except DoorClosed:
            if pause.wait(0.2):  # nobody announces that a socket will be listened on
                break
        else:
            return {"took_s": round(time.monotonic() - began_s, 1), "software": facts.software}
    raise DeskDidNotReturn("the desk was restarted and does not answer")
