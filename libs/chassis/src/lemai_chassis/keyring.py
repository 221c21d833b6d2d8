"""Consignees at rest and on the wire: each order has a key of its own, and without the key the rest is noise.

The keys stand in a database of their own, wrapped by a master key that is in none. Deleting a key forgets
a consignee everywhere it went. Every reveal names who and why, and is kept.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from lemai_chassis.database import reaching
from lemai_chassis.misconfigured import Misconfigured

NONCE_BYTES = 12
KEY_BYTES = 32


class ForgottenError(Exception):
    """The key of a sealed value is gone, so the value is."""


class MasterKey:
    """Keys derived for one purpose each from 32 secret bytes."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError(f"the master key must be {KEY_BYTES} bytes, not {len(secret)}")
        self._secret = secret

    @classmethod
    def read(cls, path: Path) -> "MasterKey":
        """From a file with 32 bytes in base64. Raises Misconfigured."""
        try:
            return cls(base64.b64decode(path.read_bytes().strip(), validate=True))
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else error
            raise Misconfigured(
                f"MASTER_KEY_FILE = {path}: 应有 32 字节的 base64 / should hold 32 bytes in base64: {said}"
            ) from None

    def derive(self, purpose: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(self._secret)

    def digest(self, value: str) -> str:
        """A keyed digest: equal values have equal digests."""
        return hmac.new(self.derive("digest"), value.encode(), hashlib.sha256).hexdigest()


class Seal:
    """Seals bytes under one key: nonce and AES-256-GCM ciphertext."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, None)

    def unseal(self, sealed: bytes) -> bytes:
        return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)


@dataclass(frozen=True)
class SealedValue:
    """A sealed consignee: the key's name and base64 of nonce and ciphertext."""

    key_id: str
    sealed: str


class Keyring:
    """The keys of consignees."""

    def __init__(self, database: AsyncEngine, master: MasterKey) -> None:
        self._database = database
        self._wrap = Seal(master.derive("wrap consignee keys"))

    async def prepare(self) -> None:
        """Make the keyring's tables unless they are there."""
        async with reaching(self._database.url), self._database.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('keyring'))"))
            for statement in _TABLES:
                await connection.execute(text(statement))

    async def seal(self, values: Sequence[Mapping[str, Any]]) -> list[SealedValue]:
        """Seal each value under a new key of its own."""
        keys = [(uuid4().hex, secrets.token_bytes(KEY_BYTES)) for _ in values]
        async with self._database.begin() as connection:
            await connection.exec_driver_sql(
                "INSERT INTO consignee_key (key_id, wrapped) SELECT * FROM unnest($1::text[], $2::bytea[])",
                ([key_id for key_id, _ in keys], [self._wrap.seal(key) for _, key in keys]),
            )
        return [
            SealedValue(key_id, base64.b64encode(Seal(key).seal(orjson.dumps(value))).decode())
            for (key_id, key), value in zip(keys, values, strict=True)
        ]

    async def reveal(self, values: Sequence[SealedValue], *, purpose: str, actor: str) -> list[dict[str, Any]]:
        """The plain values, in order. Raises ForgottenError naming the first key that is gone."""
        ids = sorted({value.key_id for value in values})
        async with self._database.begin() as connection:
            rows = await connection.exec_driver_sql(_REVEAL, (ids, purpose, actor))
            keys = {row.key_id: Seal(self._wrap.unseal(row.wrapped)) for row in rows}
        plain = []
        for value in values:
            if value.key_id not in keys:
                raise ForgottenError(value.key_id)
            plain.append(orjson.loads(keys[value.key_id].unseal(base64.b64decode(value.sealed))))
        return plain

    async def forget(self, key_ids: Sequence[str]) -> None:
        """Delete keys: what they sealed can never be read again, wherever it is."""
        async with self._database.begin() as connection:
            await connection.exec_driver_sql(
                "DELETE FROM consignee_key WHERE key_id = ANY($1::text[])", (list(key_ids),)
            )


_TABLES = (
    "CREATE TABLE IF NOT EXISTS consignee_key (key_id text PRIMARY KEY, wrapped bytea NOT NULL, "
    "created_at timestamptz NOT NULL DEFAULT now())",
    "CREATE TABLE IF NOT EXISTS consignee_reveal (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
    "key_id text NOT NULL, purpose text NOT NULL, actor text NOT NULL, revealed_at timestamptz NOT NULL DEFAULT now())",
)
_REVEAL = """
WITH found AS (SELECT key_id, wrapped FROM consignee_key WHERE key_id = ANY($1::text[])),
audited AS (INSERT INTO consignee_reveal (key_id, purpose, actor) SELECT key_id, $2, $3 FROM found)
SELECT key_id, wrapped FROM found
"""
