"""Steps sent through the gateway, many at once, those first on which others depend; called by ``importing``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol, TypeAlias
from urllib.parse import quote

from rollbook.snapshot.requests import Request, request_of
from rollbook.snapshot.steps import (
    AddMembers,
    ChangeGroup,
    ChangeUser,
    CreateGroup,
    CreateUser,
    DeactivateUser,
    RemoveMembers,
    SetManager,
    Step,
)
from rollbook.wire import Answer, in_parallel

CALLERS: Final = 16
PHASES: Final[tuple[tuple[type[Step], ...], ...]] = (
    (CreateUser, ChangeUser, DeactivateUser),
    (CreateGroup, ChangeGroup),
    (AddMembers, RemoveMembers),
    (SetManager,),
)
"""Each phase begins when the one before it is answered."""
_DONE: Final = (200, 201, 204)
# What is said of one step; anything else, a refused token for one, ends the whole.
_REFUSED: Final = (400, 404, 409, 412, 413)

Progress: TypeAlias = Callable[[int, int], None]


class Gateway(Protocol):
    """Where requests go: a ``Wire``, or what stands for it in tests."""

    async def send(
        self, purpose: str, method: str, path: str, body: object = None, *, expect: tuple[int, ...] = (200,)
    ) -> Answer: ...


class Refusal(NamedTuple):
    """A step that was not done, and why."""

    step: Step
    reason: str


@dataclass(slots=True)
class Outcome:
    """What became of the steps."""

    done: list[Step] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


async def apply_steps(gateway: Gateway, steps: Sequence[Step], known: frozenset[str], progress: Progress) -> Outcome:
    """Send steps; ``known`` are the ids that were in the tables when the steps were worked out.

    Raises ``CommandError`` where the gateway cannot be reached, or refuses everything.
    """
    applying = _Applying(gateway, known, progress, len(steps))
    for kinds in PHASES:
        await in_parallel([step for step in steps if isinstance(step, kinds)], applying.apply, callers=CALLERS)
    return applying.outcome


class _Applying:
    """The ids that were answered so far, and what became of each step."""

    def __init__(self, gateway: Gateway, known: frozenset[str], progress: Progress, total: int) -> None:
        self._gateway = gateway
        self._known = known
        self._progress = progress
        self._total = total
        self._ids: dict[str, str] = {}
        self.outcome = Outcome()

    async def apply(self, step: Step) -> None:
        """Send one step's request and put down the outcome."""
        request = request_of(step, self._ids)
        if request is None:
            self.outcome.refused.append(Refusal(step, "somebody or something that it is about could not be made"))
        else:
            await self._send(step, request)
        self._progress(len(self.outcome.done) + len(self.outcome.refused), self._total)

    async def _send(self, step: Step, request: Request) -> None:
        answer = await self._gateway.send(
            request.purpose, request.method, request.path, request.body, expect=(*_DONE, *_REFUSED)
        )
        if isinstance(step, CreateUser | CreateGroup):
            made = answer.body.get("id") if answer.status == 201 else await self._made_before(step, answer)
            if made is not None:
                self._ids[step.key] = made
                self.outcome.done.append(step)
                return
        elif answer.status in _DONE:
            self.outcome.done.append(step)
            return
        self.outcome.refused.append(Refusal(step, str(answer.body.get("detail", f"answered {answer.status}"))))

    async def _made_before(self, step: CreateUser | CreateGroup, answer: Answer) -> str | None:
        """Return whom an earlier copy of the same creation made, whose answer never came.

        Somebody who was there when the steps were worked out is another person, who still has the name.
        """
        if answer.status != 409:
            return None
        kind, attribute = ("Users", "userName") if isinstance(step, CreateUser) else ("Groups", "displayName")
        text = step.name.replace("\\", "\\\\").replace('"', '\\"')
        query = quote(f'{attribute} eq "{text}"', safe="")
        found = await self._gateway.send("look up", "GET", f"{kind}?filter={query}&excludedAttributes=members,groups")
        for resource in found.body.get("Resources", ()):
            if resource["id"] not in self._known and resource.get("externalId") in {None, step.external_id}:
                return str(resource["id"])
        return None
