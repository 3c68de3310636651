from pathlib import Path

from core.tokens import read_keys
from deploy.local import local_key


def test_a_stack_draws_its_keys_once_and_only_its_owner_reads_them(tmp_path: Path) -> None:
    for name, read in (("api_key", local_key.read_or_make), ("token_keys", local_key.token_keys)):
        file = tmp_path / name
        drawn = read(file)
        assert (read(file), file.stat().st_mode & 0o777) == (drawn, 0o600)
        assert read(tmp_path / f"other_{name}") != drawn


def test_a_stack_killed_before_it_wrote_its_key_draws_another(tmp_path: Path) -> None:
    (tmp_path / "token_keys").touch()
    assert len(read_keys(local_key.token_keys(tmp_path / "token_keys"))) == 1
