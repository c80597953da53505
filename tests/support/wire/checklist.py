"""The table of the wire checklist: how many cases of each section passed, for the end of a run."""

from collections import Counter

import pytest

from support.wire.cases import SECTIONS, cases


def print_checklist(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a line for each section, and the cases that did not pass."""
    found: dict[str, list[str]] = {"passed": [], "failed": []}
    for outcome in ("passed", "failed", "xfailed", "error"):
        for report in terminalreporter.getreports(outcome):
            name = report.nodeid.rpartition("::")[2]
            if "e2e/wire/" in report.nodeid and name.startswith("test_case["):
                found["passed" if outcome == "passed" else "failed"].append(name.removeprefix("test_case[")[:3])
    if not (found["passed"] or found["failed"]):
        return
    passed, wanted = Counter(case[0] for case in found["passed"]), Counter(case.id[0] for case in cases())
    terminalreporter.section("wire checklist")
    for letter, title in SECTIONS.items():
        failed = " ".join(sorted(case for case in found["failed"] if case[0] == letter))
        terminalreporter.line(f"{letter}  {title:<46}{passed[letter]:>4} of {wanted[letter]:>3}  {failed}".rstrip())
    terminalreporter.line(f"   {'all':<46}{passed.total():>4} of {wanted.total():>3}")
