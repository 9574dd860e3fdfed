import pytest

from traceo.cli import main
from traceo.sealing import SenderKey, base64url


def test_a_sender_key_is_made_once_and_its_public_half_printed(tmp_path, capsys):
    path = tmp_path / "sender.key"
    for _ in range(2):
        assert main(["keys", "sender", str(path)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == second == base64url.encode(SenderKey.load(path).public)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", ["folder", "open"])
def test_what_is_no_key_file_is_refused(tmp_path, capsys, mode):
    path = tmp_path / "sender.key"
    if mode == "folder":
        path.mkdir()
    else:
        SenderKey.generate().save(path)
        path.chmod(0o644)
    assert main(["keys", "sender", str(path)]) in {1, 2}
    assert str(path) in capsys.readouterr().err
