"""docs/guarantees.md is true of the tests: each promise names tests, and each named test is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/\S+\.py)::(\w+)`", TEXT)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_named_test_exists(file: str, name: str) -> None:
    """A test that a promise rests on is in the file that it is said to be in."""
    assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_promise_names_a_test() -> None:
    """No promise stands there without a test."""
    promises = [part for part in TEXT.split("\n## ")[1:] if part[0].isdigit()]
    assert len(promises) == 6
    assert all("::test_" in promise for promise in promises)


def test_long_modules_are_explained() -> None:
    """A module of the product over 300 lines is named in docs/architecture.md, with the reason why it is one thing."""
    architecture = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    long = [
        str(module.relative_to(ROOT))
        for package in ("contracts", "gateway", "projector", "services")
        for module in (ROOT / package).rglob("*.py")
        if len(module.read_text(encoding="utf-8").splitlines()) > 300
    ]
    assert [module for module in long if module not in architecture] == []
