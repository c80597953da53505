"""The JetStream streams as frozen data: what is created at the first start and checked at every other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from rollbook_contracts import subjects

CHANGES: Final = "CHANGES"
REQUESTS: Final = "REQUESTS"
REQUESTS_KEPT: Final = timedelta(days=7)
"""How long entries of the provisioning log wait for PostgreSQL; what it takes is kept there."""
REQUESTS_BYTES: Final = 256 * 1024**2
"""Most of the disk that they take while they wait."""
DEFAULT_PARTITIONS: Final = 4


def provisioning(partition: int) -> str:
    """Return the name of a partition's stream, ``PROVISIONING-<pp>``."""
    return f"PROVISIONING-{partition:02d}"


@dataclass(frozen=True, slots=True)
class StreamDefinition:
    """The part of a stream's configuration that Rollbook depends on, in the words of the JetStream API."""

    name: str
    subjects: tuple[str, ...]
    replicas: int
    max_bytes: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    allow_direct: bool = False
    kept: timedelta | None = None

    def config(self) -> dict[str, Any]:
        """Return the body of ``STREAM.CREATE``: files, and unless ``kept`` sets an age, nothing is ever forgotten.

        A full stream refuses then what comes, while one with an age forgets what it has had longest.
        """
        for_ever = self.kept is None
        return {
            "name": self.name,
            "subjects": list(self.subjects),
            "storage": "file",
            "retention": "limits",
            "discard": "new" if for_ever else "old",
            "num_replicas": self.replicas,
            "max_bytes": self.max_bytes,
            "max_age": 0 if self.kept is None else self.kept // timedelta(microseconds=1) * 1000,
            "max_msgs": -1,
            "max_msgs_per_subject": -1,
            "allow_atomic": for_ever,
            "allow_direct": self.allow_direct,
            "allow_rollup_hdrs": False,
            "deny_purge": for_ever,
            "metadata": dict(self.metadata),
        }

    def differences(self, actual: Mapping[str, Any]) -> list[str]:
        """Say where a stream on the server differs from this definition; what the server adds of its own is ignored.

        ``max_bytes`` is the operator's to change and is not compared.
        """
        expected = self.config()
        found = []
        for key in expected.keys() - {"max_bytes", "metadata"}:
            value = actual.get(key, _absent(expected[key]))
            if value != expected[key]:
                found.append(f"{self.name}: {key} is {value!r}, must be {expected[key]!r}")
        metadata = actual.get("metadata") or {}
        for key, value in self.metadata.items():
            if metadata.get(key) != value:
                found.append(f"{self.name}: metadata {key} is {metadata.get(key)!r}, must be {value!r}")
        return sorted(found)


def _absent(expected: object) -> object:
    """Return what a key that the server leaves out stands for: it omits false and zero."""
    return type(expected)() if isinstance(expected, bool | int) else None


@dataclass(frozen=True, slots=True)
class Topology:
    """All streams of one deployment: partitions, replicas and the fingerprint that every process must agree on."""

    partitions: int
    replicas: int
    claim_key_fingerprint: str
    partition_function: str
    max_bytes: int = -1

    def metadata(self) -> dict[str, str]:
        """Return what each partition's stream records of the deployment."""
        return {
            "rollbook-partitions": str(self.partitions),
            "rollbook-partition-function": self.partition_function,
            "rollbook-claim-key": self.claim_key_fingerprint,
        }

    def log_streams(self) -> list[StreamDefinition]:
        """Return the definition of each partition's stream, in order."""
        return [
            StreamDefinition(
                name=provisioning(partition),
                subjects=(f"fact.{partition:02d}.>", f"claim.{partition:02d}.>"),
                replicas=self.replicas,
                max_bytes=self.max_bytes,
                metadata=self.metadata(),
            )
            for partition in range(self.partitions)
        ]

    def changes_stream(self) -> StreamDefinition:
        """Return the definition of stream CHANGES: changes for LMS consumers and the relay's markers."""
        return StreamDefinition(
            name=CHANGES,
            subjects=("lms.>", "relay.*"),
            replicas=self.replicas,
            max_bytes=self.max_bytes,
        )

    def requests_stream(self) -> StreamDefinition:
        """Return the definition of stream REQUESTS: the provisioning log on its way to its table."""
        return StreamDefinition(
            name=REQUESTS,
            subjects=(subjects.answered_requests(),),
            replicas=self.replicas,
            max_bytes=REQUESTS_BYTES,
            kept=REQUESTS_KEPT,
        )
