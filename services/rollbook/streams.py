"""The streams of a deployment on the server: made at the first start, checked at every other; for the roots."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog
from nats import errors as nats_errors

from rollbook.errors import CommandError
from rollbook.settings import Settings
from rollbook_contracts import subjects
from rollbook_contracts.claims import ClaimKey
from rollbook_contracts.datetimes import format_instant
from rollbook_contracts.facts.codec import encode
from rollbook_contracts.facts.envelope import Envelope, fact_id
from rollbook_contracts.facts.system import EpochStarted
from rollbook_contracts.identifiers import new_id
from rollbook_contracts.partitions import FUNCTION
from rollbook_contracts.streams import CHANGES, REQUESTS, StreamDefinition, Topology, provisioning
from rollbook_gateway.log.connection import Connection
from rollbook_gateway.log.jetstream import JetStreamEventLog
from rollbook_gateway.log.port import Message, RefusedError, UnavailableError, Write

_REPLICAS_ON_A_CLUSTER: Final = 3
_FIRST_EPOCH: Final = 1
_PATIENCE: Final = 15.0
_PAUSE: Final = 0.25
_NO_STREAM: Final = 10059
_CLAIM_KEY: Final = "rollbook-claim-key"
_PARTITIONS: Final = "rollbook-partitions"
_LOG_STREAM: Final = re.compile(r"PROVISIONING-\d\d+")
_log = structlog.get_logger(__name__)


def topology(settings: Settings, claim_key: ClaimKey) -> Topology:
    """Return the topology that the settings ask for; no replicas means: as many as the servers are good for."""
    return Topology(
        partitions=settings.partitions,
        replicas=settings.replicas or 0,
        claim_key_fingerprint=claim_key.fingerprint,
        partition_function=FUNCTION,
    )


async def recorded_partitions(connection: Connection) -> int | None:
    """Return the number of partitions that the log was made with, ``None`` where there is no log yet."""
    info = await _info(connection, provisioning(0))
    recorded = _metadata(info).get(_PARTITIONS, "") if info is not None else ""
    return int(recorded) if recorded.isdecimal() else None


async def replicas_in_force(connection: Connection, settings: Settings) -> int:
    """Return how many servers hold each stream, or will: as set, else as recorded, else three on a cluster."""
    if settings.replicas is not None:
        return settings.replicas
    info = await _info(connection, provisioning(0))
    if info is not None:
        return int(info["config"]["num_replicas"])
    return _REPLICAS_ON_A_CLUSTER if connection.clustered else 1


async def ensure_streams(
    connection: Connection,
    asked: Topology,
    *,
    now: Callable[[], str] = lambda: format_instant(datetime.now(UTC)),
) -> Topology:
    """Make the streams at the first start, else check them; return the topology in force.

    What the streams record goes before what is asked: partitions always, replicas where none are asked for. Raises
    ``CommandError`` where a stream is missing or differs. Several processes may do this at once.
    """
    deadline = asyncio.get_running_loop().time() + _PATIENCE
    while True:
        found = await _existing(connection)
        in_force = _in_force(asked, found, clustered=connection.clustered)
        wanted = [in_force.changes_stream(), *in_force.log_streams()]
        missing = [definition for definition in wanted if definition.name not in found]
        if not missing:
            break
        if not any(_has_messages(info) for name, info in found.items() if name != REQUESTS):
            for definition in missing:
                await _create(connection, definition)
        elif asyncio.get_running_loop().time() > deadline:
            raise CommandError(_lost(missing))
        else:  # perhaps another process is at its first start just now: look again
            await asyncio.sleep(_PAUSE)
    await _require_requests(connection, in_force, found.get(REQUESTS))
    _require_equal(wanted, found)
    await _start_epochs(connection, in_force, [found[provisioning(p)] for p in range(in_force.partitions)], now)
    return in_force


def _in_force(asked: Topology, found: Mapping[str, Mapping[str, Any]], *, clustered: bool) -> Topology:
    """Return what is asked, with the partitions that the log was made with and the replicas that it has."""
    replicas = asked.replicas or (_REPLICAS_ON_A_CLUSTER if clustered else 1)
    for name, info in sorted(found.items()):
        if name in (CHANGES, REQUESTS):
            continue
        recorded = _metadata(info).get(_PARTITIONS, "")
        return replace(
            asked,
            partitions=int(recorded) if recorded.isdecimal() else asked.partitions,
            replicas=asked.replicas or int(info["config"]["num_replicas"]),
        )
    return replace(asked, replicas=replicas)


def _require_equal(wanted: Sequence[StreamDefinition], found: Mapping[str, Mapping[str, Any]]) -> None:
    differences = [line for definition in wanted for line in definition.differences(found[definition.name]["config"])]
    if not differences:
        return
    advice = (
        "Start with the claim key that this log was made with (ROLLBOOK_CLAIM_KEY, or the data folder that holds it)."
        if any(_CLAIM_KEY in difference for difference in differences)
        else "Set them as they must be with the `nats` command, or use other NATS servers or another account."
    )
    raise CommandError("The streams on the NATS server are not as they must be:", *differences, advice)


def _lost(missing: Sequence[StreamDefinition]) -> str:
    names = ", ".join(definition.name for definition in missing)
    return (
        f"The NATS server holds a log of which a part is missing: {names}. Nothing is made in its place, for that "
        "would hide the loss: restore the streams from a backup, or use other NATS servers."
    )


async def _start_epochs(
    connection: Connection,
    in_force: Topology,
    infos: Sequence[Mapping[str, Any]],
    now: Callable[[], str],
) -> None:
    """Make the first epoch the first message of each partition; who comes second finds it there."""
    empty = [partition for partition, info in enumerate(infos) if not _has_messages(info)]
    if not empty:
        return
    log = JetStreamEventLog(connection, in_force.partitions)
    try:
        await log.open()
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        for partition in empty:
            with suppress(RefusedError):
                await log.append(_first_epoch(in_force, partition, now()), deadline=deadline)
    except UnavailableError as error:
        raise CommandError(f"The log was made, but its first message is not confirmed: {error}.") from error
    finally:
        await log.close()
    _log.info("log.created", partitions=in_force.partitions, replicas=in_force.replicas)


def _first_epoch(in_force: Topology, partition: int, time: str) -> Write:
    request_id = new_id("req")
    fact = EpochStarted(
        epoch=_FIRST_EPOCH,
        partition=partition,
        partitions=in_force.partitions,
        partition_function=in_force.partition_function,
        claim_key_fingerprint=in_force.claim_key_fingerprint,
    )
    about = f"partition-{partition:02d}"
    headers, body = encode(fact, Envelope(fact_id(request_id, 0), "", about, time, request_id))
    return Write(partition, request_id, (Message(subjects.system(partition), headers, body, 0),))


async def _existing(connection: Connection) -> dict[str, Mapping[str, Any]]:
    """Return what the server says of each stream of ours, by name; raises ``CommandError`` where it cannot say."""
    deadline = asyncio.get_running_loop().time() + _PATIENCE
    found: dict[str, Mapping[str, Any]] = {}
    offset = 0
    while True:
        page = await _api(connection, "STREAM.LIST", {"offset": offset})
        if missing := page.get("missing"):  # on a cluster: streams whose leader did not answer, e.g. just made
            if asyncio.get_running_loop().time() > deadline:
                raise CommandError(f"The NATS servers do not agree yet on {', '.join(missing)}: try again later.")
            found, offset = {}, 0
            await asyncio.sleep(_PAUSE)
            continue
        streams = page.get("streams") or []
        for info in streams:
            if info["config"]["name"] in (CHANGES, REQUESTS) or _LOG_STREAM.fullmatch(info["config"]["name"]):
                found[info["config"]["name"]] = info
        offset += len(streams)
        if not streams or offset >= page["total"]:
            return found


async def _require_requests(connection: Connection, in_force: Topology, found: Mapping[str, Any] | None) -> None:
    """Check the stream of the provisioning log, or make it: nobody was promised what stood in one that is gone."""
    definition = in_force.requests_stream()
    if found is None:
        await _create(connection, definition)
        found = await _info(connection, REQUESTS) or {"config": definition.config()}
    _require_equal([definition], {REQUESTS: found})


async def _info(connection: Connection, stream: str) -> Mapping[str, Any] | None:
    answer = await _api(connection, f"STREAM.INFO.{stream}", {}, allowed=_NO_STREAM)
    return None if "error" in answer else answer


async def _create(connection: Connection, definition: StreamDefinition) -> None:
    # Answered alike to two who ask at once for equal streams; for an unequal one the check that follows says it better.
    await _api(connection, f"STREAM.CREATE.{definition.name}", definition.config(), allowed=10058)


async def _api(
    connection: Connection,
    method: str,
    body: Mapping[str, Any],
    *,
    allowed: int | None = None,
) -> dict[str, Any]:
    """Ask the JetStream API, again while the servers find together; raises ``CommandError`` for a refusal."""
    deadline = asyncio.get_running_loop().time() + _PATIENCE
    while True:
        try:
            reply = await connection.request(f"$JS.API.{method}", msgspec.json.encode(body), timeout=5)
            answer: dict[str, Any] = msgspec.json.decode(reply.data)
            error = answer.get("error")
            if error is None or error.get("err_code") == allowed:
                return answer
            trouble = f"{error.get('description')} ({error.get('err_code')})"
            passes = error.get("code") in (500, 503)  # e.g. no leader yet, or not enough servers yet
        except nats_errors.NoRespondersError:
            trouble, passes = "JetStream is not enabled there, or not yet", True
        except (nats_errors.Error, TimeoutError) as problem:
            trouble, passes = str(problem) or type(problem).__name__, True
        if not passes or asyncio.get_running_loop().time() > deadline:
            raise CommandError(f"NATS does not answer {method}: {trouble}.")
        await asyncio.sleep(_PAUSE)


def _metadata(info: Mapping[str, Any]) -> Mapping[str, str]:
    metadata: Mapping[str, str] = info["config"].get("metadata") or {}
    return metadata


def _has_messages(info: Mapping[str, Any]) -> bool:
    return int(info["state"]["last_seq"]) > 0
