"""Apps and the sellers that authorised them."""

from sim_tmall.database import Database
from sim_tmall.refusals import Contradiction
from sim_tmall.settings import Seller


class Sellers:
    """Who may call, with which secret and session."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put(self, seller: Seller) -> None:
        """Create or replace a seller; Contradiction if the app has another secret or the session another owner."""
        secret = self.app_secret(seller.app_key)
        if secret not in (None, seller.app_secret):
            raise Contradiction(f"app_key {seller.app_key} 已有另一个 secret / already has another secret")
        owner = self._db.row("SELECT nick FROM seller WHERE session = ?", seller.session)
        if owner and owner[0] != seller.nick:
            raise Contradiction(f"session 已属于 {owner[0]} / the session belongs to {owner[0]}")
        self._db.run("INSERT OR IGNORE INTO app VALUES (?, ?)", seller.app_key, seller.app_secret)
        self._db.run("INSERT OR REPLACE INTO seller VALUES (?, ?, ?)", seller.nick, seller.app_key, seller.session)

    def all(self) -> list[tuple[str, str]]:
        """Nick and app key of every seller, by nick."""
        return [(nick, app_key) for nick, app_key in self._db.rows("SELECT nick, app_key FROM seller ORDER BY nick")]

    def app_secret(self, app_key: str) -> str | None:
        """The secret an app signs with."""
        row = self._db.row("SELECT app_secret FROM app WHERE app_key = ?", app_key)
        return str(row[0]) if row else None

    def nick_of_session(self, session: str, app_key: str) -> str | None:
        """The seller this session stands for, if this app may use it."""
        row = self._db.row("SELECT nick FROM seller WHERE session = ? AND app_key = ?", session, app_key)
        return str(row[0]) if row else None
