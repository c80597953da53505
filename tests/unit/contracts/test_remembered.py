"""What is remembered of texts that others send: short ones only."""

from rollbook_contracts.remembered import LONGEST, remembered


def test_short_texts_are_remembered_and_long_ones_computed() -> None:
    """The result is the same; what is kept is bounded whatever is sent, wherever the long text stands."""
    computed: list[str] = []

    @remembered(2)
    def sizes(text: str, other: str | None = None) -> int:
        computed.append(text[:1])
        return len(text) + len(other or "")

    for _ in range(2):
        assert sizes("a" * LONGEST) == LONGEST
        assert sizes("b" * (LONGEST + 1)) == LONGEST + 1
        assert sizes("c", "d" * 10_000) == 10_001
    assert computed == ["a", "b", "c", "b", "c"]
