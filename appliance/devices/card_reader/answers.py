"""What the card commands answer: values for ``--json``, and the same as lines for people. Nobody is named unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from appliance.cards.cie_nis import NisEvidence
    from appliance.cards.cns_evidence import CnsEvidence
    from appliance.cards.dump import Examination
    from appliance.cards.evidence import Evidence, Identity
    from appliance.cards.verdict import Verdict
    from appliance.devices.card_reader.pcsc import ReaderFacts

Answer = dict[str, Any]
_UNSAID = {True: "long commands", False: "short commands only", None: "says nothing of long commands"}


def of_verdict(verdict: Verdict, *, show_data: bool) -> Answer:
    """The verdict as the desk shows it, in words and codes."""
    answer: Answer = {
        "verdict": str(verdict.kind),
        "title": verdict.title,
        "lines": list(verdict.lines),
        "not_checked": [str(item) for item in verdict.not_checked],
        "codes": list(verdict.codes),
        "trust": {
            "origin": verdict.trust_origin,
            "dated": verdict.trust_dated.isoformat(),
            "age_days": verdict.trust_age_days,
        },
    }
    if show_data and verdict.identity is not None:
        answer["identity"] = _identity(verdict.identity)
    return answer


def of_reading(
    evidence: Evidence | CnsEvidence | NisEvidence,
    verdict: Verdict,
    times: Mapping[str, float],
    *,
    show_data: bool,
) -> Answer:
    """A whole reading: the verdict, how the card was spoken to, how long it took."""
    return {
        **of_verdict(verdict, show_data=show_data),
        "technical": list(evidence.technical),
        "apdus": evidence.apdus,
        "bytes": evidence.bytes_exchanged,
        "times": dict(times),
    }


def of_dump(found: Examination, passed_over: Mapping[str, str], *, show_data: bool) -> Answer:
    """A folder's files, the data groups against EF.SOD, and the best verdict there could be."""
    verdict = found.verdict
    return {
        "files": [
            {
                "name": file.name,
                "what": file.what,
                "bytes": len(file.content),
                "remarks": [str(remark) for remark in file.remarks],
            }
            for file in found.files
        ],
        "passed_over": dict(passed_over),
        "groups": {f"DG{number}": str(state) for number, state in found.groups.items()},
        "com_lists": None if found.com_groups is None else [f"DG{number}" for number in found.com_groups],
        "hash": found.hash_algorithm,
        "lds_version": found.lds_version,
        "signer": found.signer,
        "findings": [str(finding) for finding in found.findings],
        "at_best": None if verdict is None else of_verdict(verdict, show_data=show_data),
    }


def of_readers(readers: Sequence[ReaderFacts]) -> Answer:
    """``long_commands`` is null where the reader does not say, or is held by somebody else."""
    return {
        "readers": [
            {"name": one.name, "card": one.card, "long_commands": one.long_commands} for one in readers
        ]
    }


def reading_lines(answer: Answer) -> list[str]:
    """`of_reading` for people."""
    figures = f"{answer['apdus']} commands, {answer['bytes']} bytes, {answer['times']['whole_s']} s"
    return [
        *_verdict_lines(answer),
        f"{'; '.join(answer['technical'])}; {figures}",
        _trust_line(answer["trust"]),
        *(f"{name}: {value}" for name, value in answer.get("identity", {}).items() if value),
    ]


def _trust_line(trust: Answer) -> str:
    return f"judged by: {trust['origin']} of {trust['dated']}, {trust['age_days']} days old"


def dump_lines(answer: Answer) -> list[str]:
    """`of_dump` for people."""
    rows = [
        f"{file['what'] or 'unknown':14} {file['bytes']:7} bytes  {file['name']}"
        + "".join(f"  [{remark}]" for remark in file["remarks"])
        for file in answer["files"]
    ]
    rows += [f"not read ({why}): {name}" for name, why in answer["passed_over"].items()]
    rows += [f"{group}: {state}" for group, state in answer["groups"].items()]
    if answer["com_lists"] is not None:
        rows.append(f"EF.COM lists {', '.join(answer['com_lists'])}")
    if answer["hash"] is not None:
        version = answer["lds_version"]
        rows.append(
            f"EF.SOD: {answer['hash']}{f', LDS {version}' if version else ''}; signer of {answer['signer'] or 'nobody'}"
        )
    rows.append(f"findings: {', '.join(answer['findings']) or 'none: signature and authority are good'}")
    if answer["at_best"] is None:
        return [*rows, "no verdict: there is no data group 1"]
    return [*rows, "at best, the chip not asked:", *_verdict_lines(answer["at_best"])]


def reader_lines(answer: Answer) -> list[str]:
    """`of_readers` for people."""
    return [
        f"{one['name']}: {_UNSAID[one['long_commands']]}, {'a card' if one['card'] else 'empty'}"
        for one in answer["readers"]
    ] or ["no reader"]


def _verdict_lines(answer: Answer) -> list[str]:
    return [
        answer["title"],
        *(f"  {line}" for line in answer["lines"]),
        f"codes: {', '.join(answer['codes'])}",
        f"not checked: {', '.join(answer['not_checked'])}",
    ]


def _identity(identity: Identity) -> dict[str, str | None]:
    return {
        "surname": identity.surname,
        "given_names": identity.given_names,
        "birth": None if identity.birth is None else identity.birth.isoformat(),
        "codice_fiscale": identity.codice_fiscale,
        "document_number": identity.document_number,
        "expiry": identity.expiry.isoformat(),
    }
