"""Where the page listens for other computers, and what is refused before it does: real certificates, real sockets."""

import shutil
import ssl
import subprocess

import pytest

from smearwatch.clients.web import passwords
from smearwatch.clients.web.accounts import Accounts
from smearwatch.clients.web.listening import CertificateUnusable, NotForOthers, Place, PortTaken, listen_to_others
from smearwatch.clients.web.private_files import FileNotPrivate


@pytest.fixture
def place(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    subprocess.run([*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60)
    return Place("127.0.0.1:0", certificate, key)


@pytest.fixture
def accounts(tmp_path, monkeypatch):
    monkeypatch.setattr(passwords, "_N", 1 << 10)
    accounts = Accounts(tmp_path)
    accounts.add("A", "viewer", "long enough")
    return accounts


@pytest.mark.parametrize("listen", ["127.0.0.1:0", " 127.0.0.1:0 ", "[127.0.0.1]:0", "localhost:0"])
def test_it_listens_with_a_recent_tls_alone(place, accounts, listen):
    listening, tls = listen_to_others(Place(listen, place.certificate, place.key), accounts)
    assert listening.getsockname()[0] in ("127.0.0.1", "::1")
    assert tls.minimum_version == ssl.TLSVersion.TLSv1_2
    host, port = listening.getsockname()[:2]
    with pytest.raises(PortTaken, match="address already in use"):
        listen_to_others(Place(f"[{host}]:{port}", place.certificate, place.key), accounts)
    listening.close()


@pytest.mark.parametrize("listen", ["", ":8443", "127.0.0.1:99999", "127.0.0.1:123456789", "no such host:1", "a..b"])
def test_no_place_to_listen(place, accounts, listen):
    with pytest.raises(PortTaken) as caught:
        listen_to_others(Place(listen, place.certificate, place.key), accounts)
    assert "HOST" in caught.value.hint


def test_what_is_missing_is_named(tmp_path, place, accounts):
    nobody = Accounts(tmp_path / "elsewhere")
    for certificate, key, by, lacks in (
        (None, None, nobody, "a certificate, its key and an account"),
        (place.certificate, None, accounts, "its key"),
        (place.certificate, place.key, nobody, "an account"),
    ):
        with pytest.raises(NotForOthers, match=f"does not listen on 0.0.0.0 without {lacks}$") as caught:
            listen_to_others(Place("0.0.0.0", certificate, key), by)
        assert "ssh -L" in caught.value.hint


def test_a_key_that_others_read_or_nobody_can_use(place, accounts):
    assert place.key is not None
    for mode in (0o640, 0o604):
        place.key.chmod(mode)
        with pytest.raises(FileNotPrivate, match="may be read by others"):
            listen_to_others(place, accounts)
    place.key.chmod(0o600)
    whole = place.key.read_bytes()
    lock = ["openssl", "pkey", "-in", place.key, "-aes256", "-passout", "pass:x"]
    place.key.write_bytes(subprocess.run(lock, check=True, capture_output=True, timeout=60).stdout)
    with pytest.raises(CertificateUnusable, match="wants a password"):
        listen_to_others(place, accounts)
    place.key.write_bytes(whole[:-40])
    with pytest.raises(CertificateUnusable, match="no certificate and key"):
        listen_to_others(place, accounts)
    place.key.unlink()
    with pytest.raises(CertificateUnusable, match="no such file"):
        listen_to_others(place, accounts)
