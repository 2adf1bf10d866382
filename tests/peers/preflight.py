"""A stranger's word on PDF/A: Apache Preflight (of Debian's libpdfbox2-java)."""

from __future__ import annotations

import subprocess
from pathlib import Path

JARS = Path("/usr/share/java")
NEEDED = (
    "preflight",
    "pdfbox2",
    "xmpbox",
    "fontbox2",
    "commons-logging",
    "commons-io",
    "bcprov",
    "javax.activation",
    "jaxb-api",
    "jaxb-runtime",
    "jaxb-core",
    "jaxb-impl",
)
CLASS = "org.apache.pdfbox.preflight.Validator_A1b"


def verdicts(files: list[Path]) -> list[bool]:
    """Whether each file is a valid PDF/A-1b."""
    path = ":".join(str(JARS / f"{name}.jar") for name in NEEDED if (JARS / f"{name}.jar").exists())
    said = []
    for file in files:
        done = subprocess.run(
            ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", path, CLASS, str(file)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        text = done.stdout + done.stderr
        assert "PDF/A-1b file" in text, text[-2000:]
        said.append("is a valid PDF/A-1b file" in text)
    return said
