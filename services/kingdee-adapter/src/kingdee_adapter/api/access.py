"""Who may see raw bytes, and who may decide: people by the SHA-256 of their token, from a file outside the repository.

A call names its person by `Authorization: Bearer <token>`; without the file nobody may.
"""

import hashlib
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from lemai_chassis.web import Problem

_BEARER = HTTPBearer(auto_error=False, description="个人令牌 / the token of a person")
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


class Role(StrEnum):
    """What a person may do beyond searching."""

    CONTENT = "content"
    """See bytes as they were exchanged, consignees among them."""
    DECIDE = "decide"
    """Replay, mend, discard, send again."""


class Person(BaseModel):
    """One entry of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1)]
    roles: frozenset[Role]
    token_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Access:
    """The people who may."""

    def __init__(self, people: Mapping[str, Person]) -> None:
        self._people = people

    @classmethod
    def read(cls, path: Path | None) -> "Access":
        """From a JSON list of people; nobody without a path. Raises ValidationError naming what is wrong."""
        people = TypeAdapter(list[Person]).validate_json(path.read_bytes()) if path else []
        return cls({person.token_sha256: person for person in people})

    def of(self, role: Role) -> Callable[[_Credentials], str]:
        """A dependency that gives the caller's name, if the caller has the role."""

        def name(credentials: _Credentials) -> str:
            # Whoever can guess a digest could not send what makes it, so the look-up may take its time.
            token = credentials.credentials if credentials else ""
            person = self._people.get(hashlib.sha256(token.encode()).hexdigest())
            if person is None:
                raise Problem(401, "需要有效的令牌 / a valid token is needed", "Authorization: Bearer <token>")
            if role not in person.roles:
                raise Problem(403, "没有权限 / not allowed", f"{person.name}: {role}")
            return person.name

        return name
