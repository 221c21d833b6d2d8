"""Who may do what: people by the SHA-256 of their token, from one file outside the repository, in every service.

A call names its person by `Authorization: Bearer <token>`. Every route declares the role it needs (`needs`), or why it
asks for no token (`without_token`); an app with a route that declares neither does not start.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.exceptions import HTTPException

from lemai_chassis.misconfigured import Misconfigured, fix
from lemai_chassis.web import FieldProblem, Problem

log = structlog.get_logger()
EVERY_OWNER = "*"
DESCRIPTIONS = ("/docs", "/redoc", "/openapi.json")
"""What the calls are, for whoever wants to make one: they tell nothing of what the service holds."""
BEARER = HTTPBearer(auto_error=False, description="个人令牌 / the token of a person")
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]


class Role(StrEnum):
    """What a person may do, by job. None contains another."""

    VIEW = "view"
    """Look at orders, stock, items, publications and documents."""
    ORDERS = "orders"
    """Customer service: approve, hold, release, cancel, correct."""
    AFTERSALES = "aftersales"
    """Decide on actuals that contradict their order."""
    CATALOG = "catalog"
    """Upload and confirm sheets, map listings."""
    STOCK = "stock"
    """Decide on snapshots, and on what is kept from sale."""
    FINANCE = "finance"
    """Look at what is owed."""
    DECIDE = "decide"
    """Documents and publications: replay, mend, discard, send again, pull now."""
    CONTENT = "content"
    """See bytes as they were exchanged, consignees among them."""
    OPERATE = "operate"
    """Parked messages: see, try again, discard."""


class Person(BaseModel):
    """One entry of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=50)]
    roles: frozenset[Role]
    owners: Annotated[frozenset[str], Field(min_length=1)]
    """Owner codes; `*` is every owner, and what is no owner's."""
    token_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

    @property
    def every_owner(self) -> bool:
        return EVERY_OWNER in self.owners

    def sees(self, owner_code: str) -> bool:
        return self.every_owner or owner_code in self.owners

    def narrowed(self, owner_code: str | None) -> str | None:
        """The owner a list is of: as asked, else this person's only one. Raises Problem where they must name one."""
        if owner_code or self.every_owner:
            return owner_code
        if len(self.owners) == 1:
            return next(iter(self.owners))
        message = f"请指定货主 / name one of the owners: {', '.join(sorted(self.owners))}"
        raise Problem(422, "缺少货主 / an owner is needed", errors=[FieldProblem(field="owner_code", message=message)])

    def check(self, *owner_codes: str) -> None:
        """Raises Problem unless all of them are this person's."""
        if others := sorted(code for code in owner_codes if not self.sees(code)):
            _refused(self.name, f"owner_code {', '.join(others)}")


class Access:
    """The people who may."""

    def __init__(self, people: Mapping[str, Person]) -> None:
        self._people = people

    @classmethod
    def read(cls, path: Path | None) -> "Access":
        """From a JSON list of people; nobody without a path. Raises Misconfigured naming what is wrong."""
        try:
            people = TypeAdapter(list[Person]).validate_json(path.read_bytes()) if path else []
        except OSError as error:
            raise Misconfigured(f"ACCESS_FILE {path}: 无法读取 / cannot be read: {error.strerror}") from None
        except ValidationError as error:  # Not what was found there: it may be a token.
            wrong = error.errors(include_input=False)
            places = [(".".join(map(str, each["loc"])), fix(each)) for each in wrong]
            raise Misconfigured(*(f"{path}: {place}: {how}" for place, how in places)) from None
        by_token = {person.token_sha256: person for person in people}
        if len(by_token) < len(people):
            raise Misconfigured(f"{path}: token_sha256: 两人使用同一令牌，请更换 / used by two entries, change one")
        return cls(by_token)

    def person(self, token: str) -> Person | None:
        # Whoever can guess a digest could not send what makes it, so the look-up may take its time.
        return self._people.get(hashlib.sha256(token.encode()).hexdigest())


@dataclass(frozen=True)
class Needs:
    """Gives a route the person who calls it, if they have the role; raises Problem if not.

    Who is limited to owners may call only routes that are `by_owner`: these show and do nothing of other owners.
    An `owner_code` of path or query is checked here, one of a body or a row by the route.
    """

    role: Role
    by_owner: bool = False

    async def __call__(self, request: Request, credentials: _Credentials) -> Person:
        access: Access = request.app.state.access
        person = access.person(credentials.credentials) if credentials else None
        if person is None:
            log.warning("log-in refused", method=request.method, path=request.url.path, client=_client(request))
            raise HTTPException(401, "需要有效的令牌 / a valid token is needed", {"WWW-Authenticate": "Bearer"})
        if self.role not in person.roles:
            _refused(person.name, f"role {self.role}")
        if not self.by_owner and not person.every_owner:
            _refused(person.name, f"owners {EVERY_OWNER}")
        named = (request.path_params.get("owner_code"), *request.query_params.getlist("owner_code"))
        person.check(*filter(None, named))
        request.state.person = person
        return person


@dataclass(frozen=True)
class WithoutToken:
    """Why a route asks for no token."""

    why: str

    async def __call__(self) -> None:
        """Nobody is refused here."""


def needs(role: Role, *, by_owner: bool = False) -> Any:
    """For `dependencies=[…]` of a route or router, or as `Annotated[Person, needs(…)]`."""
    return Depends(Needs(role, by_owner))


def without_token(why: str) -> Any:
    """For `dependencies=[…]`: the route is open, or proves by itself who calls."""
    return Depends(WithoutToken(why))


class UndeclaredRoute(Exception):
    """Routes say neither which role they need nor why they ask for no token."""


def declared(route: RouteContext) -> list[Needs | WithoutToken]:
    """What a route of an app asks of who calls it."""
    dependant: Dependant | None = getattr(route, "dependant", None)
    calls = [each.call for each in dependant.dependencies] if dependant else []
    return [call for call in calls if isinstance(call, Needs | WithoutToken)]


def guard(app: FastAPI, access: Access) -> None:
    """Let these people in. Called when the app has all its routes; raises UndeclaredRoute."""
    app.state.access = access
    forgotten = [route.path for route in guarded(app) if not declared(route)]
    if forgotten:
        raise UndeclaredRoute(f"needs() or without_token() is missing: {', '.join(map(str, forgotten))}")


def guarded(app: FastAPI) -> list[RouteContext]:
    """Every route of an app but the descriptions of its calls."""
    return [route for route in iter_route_contexts(app.routes) if not str(route.path).startswith(DESCRIPTIONS)]


def _refused(name: str, lacks: str) -> None:
    log.warning("not allowed", person=name, lacks=lacks)
    raise Problem(403, "没有权限 / not allowed", f"{name}: {lacks}")


def _client(request: Request) -> str:
    return request.client.host if request.client else ""
