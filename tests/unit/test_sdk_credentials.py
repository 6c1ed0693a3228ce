"""Keys and certificates of every age are read, wrong ones named, none shown, none left on disk."""

import copy
import pickle
import ssl
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from tests.factories import API_KEY, MCH_ID, certificate, pem_of, self_signed

from hongbao.errors import BadInput
from hongbao.wechat import ClientCertificate, Credentials, Secret
from hongbao.wechat.credentials import tls_context

GOLDEN = Path(__file__).parents[1] / "golden" / "sdk"
AGES = ["rc2-40", "3des", "aes"]


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def pem_pair(rsa_key: rsa.RSAPrivateKey) -> tuple[bytes, bytes]:
    return self_signed(rsa_key).public_bytes(serialization.Encoding.PEM), pem_of(rsa_key)


def refused(field: str, **given: Any) -> BadInput:
    make = ClientCertificate.from_p12 if "p12" in given else ClientCertificate.from_pem
    with pytest.raises(BadInput) as caught:
        make(**given)
    error = caught.value
    assert error.field == field
    assert error.fault
    assert error.remedy
    assert error.__context__ is None or error.__suppress_context__
    return error


# apiclient_cert.p12.


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("form", ["path", "bytes"])
def test_a_p12_of_any_age_opens_with_the_merchant_number(age: str, form: str) -> None:
    path = GOLDEN / f"apiclient_cert-{age}.p12"
    read = ClientCertificate.from_p12(path if form == "path" else path.read_bytes(), MCH_ID)
    assert (read.common_name, read.serial_number) == (MCH_ID, "5A17C0DE")
    assert (read.not_before.tzinfo, read.not_after.tzinfo) != (None, None)
    assert read.not_after.year - read.not_before.year == 100


@pytest.mark.parametrize("age", AGES)
def test_the_passphrase_is_the_merchant_number_unless_given(age: str) -> None:
    path = GOLDEN / f"apiclient_cert-{age}.p12"
    assert Credentials.from_p12(mch_id=MCH_ID, api_key=API_KEY, p12=path).certificate.common_name == MCH_ID
    assert Credentials.from_p12(mch_id="1", api_key=API_KEY, p12=path, passphrase=MCH_ID).mch_id == "1"


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("passphrase", ["1900000002", ""])
def test_a_wrong_passphrase_is_named_and_not_repeated(age: str, passphrase: str) -> None:
    error = refused("p12", p12=GOLDEN / f"apiclient_cert-{age}.p12", passphrase=passphrase)
    assert "mch_id" in error.remedy
    assert "1900000002" not in str(error)


@pytest.mark.parametrize("content", [b"", b"no p12", b"-----BEGIN CERTIFICATE-----\n", b"\x30\x82" + b"\x00" * 50])
def test_a_file_that_is_no_p12(content: bytes) -> None:
    assert "not PKCS#12" in refused("p12", p12=content, passphrase=MCH_ID).fault


def test_a_p12_that_was_cut() -> None:
    refused("p12", p12=(GOLDEN / "apiclient_cert-3des.p12").read_bytes()[:-100], passphrase=MCH_ID)


@pytest.mark.parametrize("lacking", ["key", "certificate"])
def test_a_p12_without_its_key_or_its_certificate(lacking: str, rsa_key: rsa.RSAPrivateKey) -> None:
    whole = {"key": rsa_key, "certificate": self_signed(rsa_key)}
    whole[lacking] = None  # type: ignore[assignment]
    content = pkcs12.serialize_key_and_certificates(
        b"a",
        whole["key"],  # type: ignore[arg-type]
        whole["certificate"],  # type: ignore[arg-type]
        None,
        serialization.BestAvailableEncryption(MCH_ID.encode()),
    )
    assert "no certificate with its key" in refused("p12", p12=content, passphrase=MCH_ID).fault


@pytest.mark.parametrize("name", ["missing.p12", "."])
def test_a_p12_that_cannot_be_read_is_not_called_broken(name: str, tmp_path: Path) -> None:
    error = refused("p12", p12=tmp_path / name, passphrase=MCH_ID)
    assert error.fault.startswith("cannot be read: ")


def test_the_chain_of_a_p12_is_kept_for_the_handshake() -> None:
    read = ClientCertificate.from_p12(GOLDEN / "apiclient_cert-aes.p12", MCH_ID)
    assert [each.subject.rfc4514_string() for each in read._chain] == ["CN=Example Merchant CA,O=Example"]


# The PEM pair.


def test_a_pem_pair_from_bytes_and_from_files(pem_pair: tuple[bytes, bytes], tmp_path: Path) -> None:
    for name, content in zip(("cert.pem", "key.pem"), pem_pair, strict=True):
        (tmp_path / name).write_bytes(content)
    from_bytes = ClientCertificate.from_pem(*pem_pair)
    from_files = ClientCertificate.from_pem(tmp_path / "cert.pem", tmp_path / "key.pem")
    assert from_bytes.common_name == from_files.common_name == MCH_ID
    assert from_bytes.serial_number == from_files.serial_number == "C0FFEE"


def test_an_elliptic_key_is_taken() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = self_signed(key).public_bytes(serialization.Encoding.PEM)
    assert ClientCertificate.from_pem(pem, pem_of(key)).common_name == MCH_ID


def test_a_key_of_a_kind_that_no_merchant_has_is_named() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    pem = certificate_pem(ec.generate_private_key(ec.SECP256R1()))
    assert "Ed25519PrivateKey" in refused("key", certificate=pem, key=pem_of(key)).fault


def certificate_pem(key: Any) -> bytes:
    return self_signed(key).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("other", ["RSA", "EC"])
def test_the_key_of_another_certificate_is_refused(other: str, pem_pair: tuple[bytes, bytes]) -> None:
    key = (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        if other == "RSA"
        else ec.generate_private_key(ec.SECP256R1())
    )
    error = refused("key", certificate=pem_pair[0], key=pem_of(key))
    assert "does not belong to the certificate" in error.fault


def test_an_encrypted_key_opens_with_its_passphrase(rsa_key: rsa.RSAPrivateKey, pem_pair: tuple[bytes, bytes]) -> None:
    assert ClientCertificate.from_pem(pem_pair[0], pem_of(rsa_key, b"open"), "open").common_name == MCH_ID


@pytest.mark.parametrize("passphrase", [None, "shut", ""])
def test_an_encrypted_key_without_its_passphrase(
    passphrase: str | None, rsa_key: rsa.RSAPrivateKey, pem_pair: tuple[bytes, bytes]
) -> None:
    refused("key", certificate=pem_pair[0], key=pem_of(rsa_key, b"open"), passphrase=passphrase)


def test_a_passphrase_for_a_key_that_has_none(pem_pair: tuple[bytes, bytes]) -> None:
    refused("key", certificate=pem_pair[0], key=pem_pair[1], passphrase="open")


@pytest.mark.parametrize("content", [b"", b"no PEM", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate(content: bytes, pem_pair: tuple[bytes, bytes]) -> None:
    assert refused("certificate", certificate=content, key=pem_pair[1]).fault == "is not a PEM certificate"


@pytest.mark.parametrize("content", [b"", b"no PEM"])
def test_what_is_no_key(content: bytes, pem_pair: tuple[bytes, bytes]) -> None:
    refused("key", certificate=pem_pair[0], key=content)


def test_the_two_files_swapped(pem_pair: tuple[bytes, bytes]) -> None:
    refused("certificate", certificate=pem_pair[1], key=pem_pair[0])


@pytest.mark.parametrize("field", ["certificate", "key"])
def test_a_pem_file_that_is_missing_is_not_called_broken(
    field: str, pem_pair: tuple[bytes, bytes], tmp_path: Path
) -> None:
    given: dict[str, Any] = {"certificate": pem_pair[0], "key": pem_pair[1], field: tmp_path / "missing.pem"}
    assert refused(field, **given).fault.startswith("cannot be read: ")


def test_further_certificates_of_a_pem_file_are_the_chain(pem_pair: tuple[bytes, bytes]) -> None:
    other = certificate_pem(ec.generate_private_key(ec.SECP256R1()))
    assert len(ClientCertificate.from_pem(pem_pair[0] + other, pem_pair[1])._chain) == 1


# Into a TLS context.


class Watched(ssl.SSLContext):
    """A context that looks at the file it is given while it is there."""

    seen: tuple[int, bytes, Path]

    def load_cert_chain(self, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
        path = Path(certfile)
        self.seen = (stat.S_IMODE(path.stat().st_mode), path.read_bytes(), path)
        super().load_cert_chain(certfile, keyfile, password)


def test_the_file_that_ssl_reads_is_private_encrypted_and_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    context = Watched(ssl.PROTOCOL_TLS_CLIENT)
    certificate().load_into(context)
    mode, content, path = context.seen
    assert mode == 0o600
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in content
    assert b"BEGIN PRIVATE KEY" not in content
    assert path.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_gone_when_ssl_refuses_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(ssl.SSLContext):
        def load_cert_chain(self, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
            raise ssl.SSLError("no")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(ssl.SSLError):
        certificate().load_into(Refusing(ssl.PROTOCOL_TLS_CLIENT))
    assert list(tmp_path.iterdir()) == []


def test_the_chain_goes_into_the_context() -> None:
    context = Watched(ssl.PROTOCOL_TLS_CLIENT)
    ClientCertificate.from_p12(GOLDEN / "apiclient_cert-rc2-40.p12", MCH_ID).load_into(context)
    assert context.seen[1].count(b"BEGIN CERTIFICATE") == 2


def test_the_server_is_always_verified_and_old_tls_refused() -> None:
    context = tls_context(certificate(), None)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_private_ca_is_trusted_instead_of_the_systems(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(certificate_pem(ec.generate_private_key(ec.SECP256R1())))
    assert len(tls_context(certificate(), ca_file).get_ca_certs()) <= 1


# Never shown.


def everything() -> Credentials:
    return Credentials(
        mch_id=MCH_ID,
        api_key=API_KEY,
        certificate=certificate(),
        workwx_secrets={None: "pay-app-secret", 7: "agent-secret"},
    )


@pytest.mark.parametrize("show", [repr, str, lambda value: f"{value}", lambda value: f"{value!r:>5}", "%s".__mod__])
def test_credentials_show_no_secret(show: Any) -> None:
    for value in (everything(), everything().api_key, everything().workwx_secrets, everything().certificate):
        shown = show(value)
        assert not any(
            secret in shown for secret in (API_KEY, API_KEY[:6], "pay-app-secret", "agent-secret", "PRIVATE")
        )


def test_a_secret_shows_its_length_alone() -> None:
    assert repr(Secret(API_KEY)) == "Secret(32 characters)"


@pytest.mark.parametrize(
    "value", [Secret(API_KEY), everything(), certificate()], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_with_a_key_in_it_can_be_pickled(value: Any, protocol: int) -> None:
    with pytest.raises((TypeError, pickle.PicklingError)):
        pickle.dumps(value, protocol)


def test_a_secret_cannot_be_deep_copied_behind_its_back() -> None:
    with pytest.raises(TypeError):
        copy.deepcopy(Secret(API_KEY))


def test_secrets_compare_by_text_and_never_to_a_text() -> None:
    assert Secret(API_KEY) == Secret(API_KEY)
    assert hash(Secret(API_KEY)) == hash(Secret(API_KEY))
    assert Secret(API_KEY) != Secret(API_KEY[::-1])
    assert Secret("密钥") != Secret("密")
    assert Secret(API_KEY) != API_KEY
    assert Secret(API_KEY).reveal() == API_KEY


@pytest.mark.parametrize("text", ["", " ", f" {API_KEY}", f"{API_KEY} ", f"{API_KEY}\n", f"\u3000{API_KEY}"])
def test_a_key_with_a_blank_from_a_copy_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        Credentials(mch_id=MCH_ID, api_key=text, certificate=certificate())
    assert API_KEY not in str(caught.value)


@pytest.mark.parametrize("mch_id", ["", "19000000x1", "１９", " 1900000001", "1900000001\n", "1" * 33, "-1"])
def test_a_merchant_number_is_digits(mch_id: str) -> None:
    with pytest.raises(BadInput) as caught:
        Credentials(mch_id=mch_id, api_key=API_KEY, certificate=certificate())
    assert caught.value.field == "mch_id"


def test_an_enterprise_secret_can_be_added_and_leaves_the_original_alone() -> None:
    bare = Credentials(mch_id=MCH_ID, api_key=API_KEY, certificate=certificate())
    more = bare.with_workwx_secret("pay-app-secret").with_workwx_secret("agent-secret", agentid=7)
    assert more.workwx_secret(None).reveal() == "pay-app-secret"
    assert more.workwx_secret(7).reveal() == "agent-secret"
    with pytest.raises(BadInput):
        bare.workwx_secret(None)


@pytest.mark.parametrize("agentid", [None, 8])
def test_a_missing_enterprise_secret_is_named_without_showing_the_others(agentid: int | None) -> None:
    given = Credentials(mch_id=MCH_ID, api_key=API_KEY, certificate=certificate(), workwx_secrets={7: "agent-secret"})
    with pytest.raises(BadInput) as caught:
        given.workwx_secret(agentid)
    assert caught.value.field == "workwx_secrets"
    assert "agent-secret" not in str(caught.value)
