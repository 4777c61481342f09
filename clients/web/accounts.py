"""Who may use a page that other computers reach: names with a role and a password, in a file of their own."""

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from smearwatch.clients.web.passwords import LONGEST, SHORTEST, is_right, keep, nobodys
from smearwatch.clients.web.private_files import read_private, write_private
from smearwatch.daemon.record import audit

FILE: Final = "accounts.json"
Role: TypeAlias = Literal["reader", "viewer"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)


class AccountUnusable(ValueError):
    """An account or password that cannot be had, or a file of accounts that is none."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Account:
    """A person: a reader labels and signs, a viewer looks. ``password`` is the line that stands for it."""

    name: str
    role: Role
    password: str


class Accounts:
    """The accounts of a state folder. What another process changes is seen at the next look.

    Parameters
    ----------
    state_dir
        Where the file is or will be.
    """

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / FILE
        self._seen: tuple[int, int, int] | None = None
        self._accounts: dict[str, Account] = {}

    def __iter__(self) -> Iterator[Account]:
        return iter(self._read().values())

    def named(self, name: str) -> Account | None:
        """Return an account, None where there is none of that name.

        Raises
        ------
        FileNotPrivate, AccountUnusable
            The file may be read by others, or is damaged.
        """
        return self._read().get(as_named(name))

    def admit(self, name: str, password: str) -> Account | None:
        """Return the account whose name and password these are, else None, after the same time; raises as `named`."""
        account = self.named(name)
        right = is_right(password, nobodys() if account is None else account.password)
        return account if right and account is not None else None

    def add(self, name: str, role: Role, password: str) -> None:
        """Make an account; raises `AccountUnusable`, or as `named`."""
        name, accounts = as_named(name), self._read()
        if any(each.casefold() == name.casefold() for each in accounts):
            raise AccountUnusable(f"there is an account {name!r} already", "choose another name, or set its password")
        made = Account(name, role, _kept(password))
        self._told("added", made)
        self._write({**accounts, name: made})

    def refuse_unknown(self, name: str) -> None:
        """Refuse a name that has no account; raises `AccountUnusable`, or as `named`."""
        self._known(name)

    def set_password(self, name: str, password: str) -> None:
        """Give an account another password, which ends its log-ins; raises `AccountUnusable`, or as `named`."""
        account = self._known(name)
        changed = Account(account.name, account.role, _kept(password))
        self._told("password", changed)
        self._write({**self._read(), account.name: changed})

    def remove(self, name: str) -> None:
        """Remove an account, which ends its log-ins; raises `AccountUnusable`, or as `named`."""
        account = self._known(name)
        self._told("removed", account)
        self._write({key: each for key, each in self._read().items() if key != account.name})

    def _told(self, what: str, account: Account) -> None:
        """Write into the audit journal what is going to be done; raises `AuditUnusable`."""
        audit.add(self.path.parent, "account", values={"what": what, "name": account.name, "role": account.role})

    def _known(self, name: str) -> Account:
        account = self.named(name)
        if account is None:
            raise AccountUnusable(f"there is no account {name!r}", "`smearwatch account list` shows what there is")
        return account

    def _read(self) -> dict[str, Account]:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self._seen, self._accounts = None, {}
            return {}
        seen = (status.st_ino, status.st_mtime_ns, status.st_mode)
        if seen != self._seen:
            content = read_private(self.path)
            self._accounts = {} if content is None else _accounts(self.path, content)
            self._seen = seen
        return self._accounts

    def _write(self, accounts: dict[str, Account]) -> None:
        write_private(self.path, json.dumps({"accounts": [asdict(each) for each in accounts.values()]}).encode())


def as_named(name: str) -> str:
    """Return a name as it is kept, however its letters were composed."""
    return unicodedata.normalize("NFC", " ".join(name.split()))


def _kept(password: str) -> str:
    if not SHORTEST <= len(password) <= LONGEST:
        raise AccountUnusable("the password is too short or too long", f"take {SHORTEST} to {LONGEST} letters")
    if not password.isprintable():
        raise AccountUnusable("the password has letters that cannot be seen", "take others")
    return keep(password)


def _accounts(path: Path, content: bytes) -> dict[str, Account]:
    try:
        given: list[dict[str, Any]] = json.loads(content)["accounts"]
        accounts = [Account(**each) for each in given]
        for account in accounts:
            if account.role not in ROLES or not account.password.startswith("scrypt$"):
                raise ValueError(account.role)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise AccountUnusable(f"{path} is no file of accounts", "remove it, and add the accounts again") from error
    return {account.name: account for account in accounts}
