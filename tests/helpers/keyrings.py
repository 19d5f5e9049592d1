"""The keyring of the system in tests: none, or one in memory. This machine's is left alone."""

from __future__ import annotations

from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail

__all__ = ["MemoryKeyring", "no_keyring", "ring"]


class MemoryKeyring(KeyringBackend):
    """A keyring that a test can look into."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture(autouse=True, scope="session")
def no_keyring() -> None:
    """Let no test reach the keyring of whoever runs the tests."""
    keyring.set_keyring(fail.Keyring())


@pytest.fixture
def ring() -> Iterator[MemoryKeyring]:
    """A system that has a keyring."""
    before = keyring.get_keyring()
    ring = MemoryKeyring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)
