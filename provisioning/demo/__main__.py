"""`make demo`: prepare the world, start it, show the visitor where the doors are; Ctrl-C ends it all."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from werkzeug.serving import make_server

from contracts.errors import PueError
from provisioning.demo.page import Door, create_app
from provisioning.demo.world import CLERK, OFFICER, OPERATOR, World

if TYPE_CHECKING:
    from flask import Flask


def main() -> int:
    """The program's door: 0 when it was ended, 1 when the world could not be started."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, help="keep the world here; default: a folder that is thrown away"
    )
    parser.add_argument("--port", type=int, default=8800, help="of the visitor's page (8800; 0 = any)")
    given = parser.parse_args()
    ended = threading.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: ended.set())
    with contextlib.ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pue-demo-")))
        world = World(folder.resolve())
        stack.callback(world.stop)
        try:
            if not _start(world, ended):
                return 0
            server = make_server("127.0.0.1", given.port, _page(world), threaded=True)
        except (PueError, OSError) as why:
            print(f"make demo: {why}\nThe programs' own words are in {world.logs}", file=sys.stderr)
            return 1
        threading.Thread(target=server.serve_forever, name="visitor's page", daemon=True).start()
        stack.callback(server.shutdown)
        _welcome(world, server.port)
        ended.wait()
        print("\nEnding everything that was started …", flush=True)
    return 0


def _start(world: World, ended: threading.Event) -> bool:
    print("Building a small world on this machine (the first time takes a minute):", flush=True)
    for step in world.steps():
        if ended.is_set():
            return False
        print(f"  · {step}", flush=True)
    return True


def _doors(world: World) -> list[Door]:
    return [
        Door(
            "The clerk's page", "Italian; where a citizen is served", world.urls["clerk"], CLERK[0], CLERK[2]
        ),
        Door(
            "The fleet's console",
            "English; where operators watch the boxes",
            world.urls["console"],
            *OPERATOR,
        ),
        Door(
            "The recipient's desk",
            "Italian; where the sealed letter is opened",
            world.urls["backoffice"],
            *OFFICER,
        ),
    ]


def _page(world: World) -> Flask:
    return create_app(
        doors=_doors(world), world=world.run_dir / "world.sock", printed=world.printed, lines=world.lines
    )


def _welcome(world: World, port: int) -> None:
    print(
        "\nReady. Open the visitor's page; it has the three doors and hands for the card and the printer:\n"
    )
    print(f"    http://127.0.0.1:{port}/\n")
    for door in _doors(world):
        print(f"    {door.title:22} {door.url:28} {door.user} / {door.secret}")
    print("\nCtrl-C ends everything that was started here, and nothing else.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
