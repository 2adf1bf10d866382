from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from appliance.runtime.files import (
    StorageDenied,
    StorageError,
    StorageFull,
    StorageMissing,
    StorageTooLarge,
    make_private_dir,
    read_bounded,
    storage_error,
    write_atomic,
)


def test_what_was_written_is_there_private_and_alone(tmp_path):
    path = tmp_path / "secret"
    write_atomic(path, b"one")
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_the_mode_is_the_one_asked_for_whatever_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        write_atomic(tmp_path / "open", b"x", mode=0o644)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o644


def test_a_disk_that_refuses_keeps_the_old_content(tmp_path):
    path = tmp_path / "state"
    write_atomic(path, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StorageError):
            write_atomic(path, b"n" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_lying_in_wait_is_not_followed(tmp_path):
    target, path = tmp_path / "target", tmp_path / "name"
    target.write_bytes(b"mine")
    path.symlink_to(target)
    write_atomic(path, b"new")
    assert target.read_bytes() == b"mine"
    assert path.read_bytes() == b"new"


def test_killed_at_any_moment_the_file_is_whole(tmp_path):
    """A real process, really killed while it writes; sizes tell old from new and half from whole."""
    path = tmp_path / "state"
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from appliance.runtime.files import write_atomic
        path, n = Path(sys.argv[1]), 0
        while True:
            n += 1
            write_atomic(path, bytes([65 + n % 26]) * 300_000)
            print("written", flush=True)
        """
    )
    root = Path(__file__).parents[3]
    for rounds in range(1, 4):
        with subprocess.Popen(
            [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True, cwd=root
        ) as writer:
            assert writer.stdout is not None
            for _ in range(rounds):
                assert writer.stdout.readline() == "written\n"
            writer.kill()
        data = path.read_bytes()
        assert len(data) == 300_000
        assert len(set(data)) == 1


def test_reading_is_bounded(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_bounded(path, limit_bytes=5) == b"12345"
    with pytest.raises(StorageTooLarge) as refusal:
        read_bounded(path, limit_bytes=4)
    assert refusal.value.facts == {"file": "file", "limit_bytes": 4}
    with pytest.raises(StorageMissing):
        read_bounded(tmp_path / "none", limit_bytes=4)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.EFBIG, StorageFull),
        (errno.EROFS, StorageDenied),
        (errno.EACCES, StorageDenied),
        (errno.ENOENT, StorageMissing),
        (errno.EIO, StorageError),
    ],
)
def test_what_the_system_says_becomes_a_word_of_ours(number, kind):
    error = storage_error(OSError(number, "x"), Path("/secret/place/file"), "write")
    assert type(error) is kind
    assert "/secret/place" not in str(error)


def test_a_private_folder_is_narrowed(tmp_path):
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True, mode=0o755)
    make_private_dir(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
