"""docs/references.md is true of the tests: each case names a test, and each named test is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "references.md").read_text(encoding="utf-8")
CASES = [line for line in TEXT.partition("## Cases")[2].partition("## Order")[0].splitlines() if line.startswith("| ")]
TESTS = "".join(
    (ROOT / "tests" / file).read_text(encoding="utf-8")
    for file in (
        "unit/projector/test_book.py",
        "integration/projector/test_groups.py",
        "property/test_references_law.py",
        "property/test_replay_law.py",
    )
)


def test_every_case_names_tests_that_exist() -> None:
    """A case without a test would be a claim."""
    assert len(CASES) > 20
    for case in CASES[1:]:
        named = re.findall(r"`(test_\w+)`", case)
        assert named, case
        assert [name for name in named if f"def {name}(" not in TESTS] == []
