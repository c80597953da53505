"""The JetStream streams as frozen data: what is created at the first start and checked at every other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

CHANGES: Final = "CHANGES"
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

    def config(self) -> dict[str, Any]:
        """Return the body of ``STREAM.CREATE``: files, no age limit; when full it refuses rather than forgets."""
        return {
            "name": self.name,
            "subjects": list(self.subjects),
            "storage": "file",
            "retention": "limits",
            "discard": "new",
            "num_replicas": self.replicas,
            "max_bytes": self.max_bytes,
            "max_age": 0,
            "max_msgs": -1,
            "max_msgs_per_subject": -1,
            "allow_atomic": True,
            "allow_direct": self.allow_direct,
            "allow_rollup_hdrs": False,
            "deny_purge": True,
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
