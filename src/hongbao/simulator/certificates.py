"""A certificate authority on the desk: its own certificate, the server's, and a pair for each merchant.

Files of one folder, private ones readable by their owner alone::

    ca.pem  ca-key.pem            the authority; clients are told to trust ca.pem
    server.pem                    what the pay server shows: certificate and key in one file
    merchants/<mch_id>/           apiclient_cert.p12 (passphrase: the mch_id),
                                  apiclient_cert.pem, apiclient_key.pem
    merchants/<mch_id>/<flaw>/    the same three with one thing wrong, to try refusals with

A folder that already holds them is used as it is, so clients keep working across restarts.
docs/reference/simulator.md, "Certificates".
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, TypeAlias, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hongbao.clock import Clock
from hongbao.errors import BadInput
from hongbao.simulator.face import Certificate

SERVER_NAMES = (
    "localhost",
    "api.mch.weixin.qq.com",
    "api2.mch.weixin.qq.com",
    "api.weixin.qq.com",
    "open.weixin.qq.com",
)
"""The host names the server certificate is good for; the proxy leads exactly these to the server."""

SERVER_ADDRESSES = ("127.0.0.1", "::1")
"""The addresses the server certificate is good for."""

Flaw: TypeAlias = Literal["self-signed", "other-ca", "expired"]
"""What can be wrong with a pair made for a test."""

FLAWS: tuple[Flaw, ...] = ("self-signed", "other-ca", "expired")

_PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_MCH_ID = re.compile(r"[0-9A-Za-z]{1,32}", re.ASCII)
_VALID = timedelta(days=5 * 365)
_RENEW_BEFORE = timedelta(days=30)
_SEEN_MAX = 1000


@dataclass(frozen=True, slots=True)
class Pair:
    """Where one merchant's certificate lies.

    Attributes:
        certificate: PEM certificate.
        key: PEM private key, PKCS#8, not encrypted.
        p12: both and the CA's certificate, 3DES and SHA-1 so that old runtimes open it; passphrase: the mch_id.
    """

    certificate: Path
    key: Path
    p12: Path


class Authority:
    """Signs the server's and the merchants' certificates and recognises them again."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        """Open the authority kept in `folder`, or found it there.

        Args:
            folder: where its files are kept; made when missing.
            clock: the machine's clock, because clients judge the server's certificate by it.
        """
        self._folder = folder
        self._clock = clock
        _make_folder(folder)
        ca = folder / "ca.pem"
        if not ca.exists():
            ca_key = ec.generate_private_key(ec.SECP256R1())
            _write_private(folder / "ca-key.pem", _key_pem(ca_key))
            _write(ca, _pem(_root("hongbao simulator CA", ca_key, self._now())))
        self.ca_file = ca
        self._ca = _load(ca)
        self._ca_key = cast(
            ec.EllipticCurvePrivateKey,
            serialization.load_pem_private_key((folder / "ca-key.pem").read_bytes(), None),
        )

    def server_file(self) -> Path:
        """Return the file with the server's certificate and key; renewed when fewer than 30 days are left."""
        file = self._folder / "server.pem"
        if file.exists():
            shown = _load(file)
            if _signed_by(shown, self._ca) and shown.not_valid_after_utc - self._now() > _RENEW_BEFORE:
                return file
        # An elliptic key makes each handshake several times cheaper than RSA would.
        key = ec.generate_private_key(ec.SECP256R1())
        signed = _leaf("localhost", key, self._ca, self._ca_key, self._now(), server=True)
        _write_private(file, _pem(signed) + _key_pem(key))
        return file

    def merchant_pair(self, mch_id: str) -> Pair:
        """Return the pair of `mch_id`, made at the first call.

        Raises:
            BadInput: the mch_id is not 1 to 32 letters and digits.
        """
        pair = self._pair_in(self._merchant_folder(mch_id))
        if not pair.p12.exists() or not _signed_by(_load(pair.certificate), self._ca):
            key = rsa.generate_private_key(65537, 2048)
            _save(pair, mch_id, key, _leaf(mch_id, key, self._ca, self._ca_key, self._now()), [self._ca])
        return pair

    def flawed_pair(self, mch_id: str, flaw: Flaw, at_ms: int) -> Pair:
        """Make a pair that names `mch_id` but must be refused.

        Args:
            mch_id: the merchant it names.
            flaw: what is wrong with it.
            at_ms: the simulator's time; "expired" ended a day before this or the machine's time, whichever is
                earlier.
        """
        if flaw not in FLAWS:
            raise BadInput(field="flaw", fault=f"{flaw!r} is not known", remedy=f"use one of {', '.join(FLAWS)}")
        pair = self._pair_in(self._merchant_folder(mch_id) / flaw)
        key = rsa.generate_private_key(65537, 2048)
        now = self._now()
        match flaw:
            case "self-signed":
                _save(pair, mch_id, key, _root(mch_id, key, now), [])
            case "other-ca":
                other_key = ec.generate_private_key(ec.SECP256R1())
                other = _root("another CA", other_key, now)
                _save(pair, mch_id, key, _leaf(mch_id, key, other, other_key, now), [other])
            case "expired":
                ended = min(now, datetime.fromtimestamp(at_ms // 1000, tz=UTC)) - timedelta(days=1)
                _save(pair, mch_id, key, _leaf(mch_id, key, self._ca, self._ca_key, ended - _VALID), [self._ca])
        return pair

    def _merchant_folder(self, mch_id: str) -> Path:
        if not _MCH_ID.fullmatch(mch_id):
            raise BadInput(field="mch_id", fault="is not 1 to 32 letters and digits", remedy="use one like 1900000001")
        return self._folder / "merchants" / mch_id

    def _pair_in(self, folder: Path) -> Pair:
        return Pair(
            certificate=folder / "apiclient_cert.pem",
            key=folder / "apiclient_key.pem",
            p12=folder / "apiclient_cert.p12",
        )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now_ms() // 1000, tz=UTC)


class Recognition:
    """Tells what a client's certificate is worth. Remembers the ones it has seen: checking a signature costs."""

    def __init__(self, ca_file: Path, clock: Clock) -> None:
        """Recognise what the CA in `ca_file` signed, as of `clock`: the simulator's, so that a jump expires it."""
        self._ca = _load(ca_file)
        self._clock = clock
        self._seen: dict[bytes, tuple[Certificate, Certificate, int]] = {}

    def judge(self, certificate: x509.Certificate) -> Certificate:
        """Say who a certificate names, who signed it and whether its time is over.

        Its beginning is not judged: a simulator whose clock stands in 2015 accepts a pair made today.
        """
        fingerprint = certificate.fingerprint(hashes.SHA256())
        seen = self._seen.get(fingerprint)
        if seen is None:
            if len(self._seen) >= _SEEN_MAX:
                self._seen.clear()
            seen = self._seen[fingerprint] = self._study(certificate, fingerprint)
        valid, expired, end_ms = seen
        return expired if self._clock.now_ms() > end_ms else valid

    def _study(self, certificate: x509.Certificate, fingerprint: bytes) -> tuple[Certificate, Certificate, int]:
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        valid, expired = (
            Certificate(
                serial=certificate.serial_number,
                common_name=str(names[0].value) if names else "",
                issuer_ok=_signed_by(certificate, self._ca),
                expired=over,
                self_signed=_signed_by(certificate, certificate),
                fingerprint=fingerprint.hex(),
            )
            for over in (False, True)
        )
        return valid, expired, int(certificate.not_valid_after_utc.timestamp()) * 1000


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        # Three ways of saying no: another name, a key of a kind that cannot have signed it, a wrong signature.
        return False
    return True


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "hongbao simulator: for rehearsal only"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _root(common_name: str, key: _PrivateKey, now: datetime) -> x509.Certificate:
    name = _name(common_name)
    return (
        _start(name, key, now, timedelta(days=20 * 365))
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    common_name: str,
    key: _PrivateKey,
    ca: x509.Certificate,
    ca_key: _PrivateKey,
    now: datetime,
    *,
    server: bool = False,
) -> x509.Certificate:
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
    # Apple's TLS refuses a server certificate valid for more than 825 days; server_pair renews it in time.
    builder = (
        _start(_name(common_name), key, now, timedelta(days=800) if server else _VALID)
        .issuer_name(ca.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(
                cast("rsa.RSAPublicKey | ec.EllipticCurvePublicKey", ca.public_key())
            ),
            critical=False,
        )
    )
    if server:
        names: Sequence[x509.GeneralName] = [
            *(x509.DNSName(name) for name in SERVER_NAMES),
            *(x509.IPAddress(ip_address(address)) for address in SERVER_ADDRESSES),
        ]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(ca_key, hashes.SHA256())


def _start(name: x509.Name, key: _PrivateKey, now: datetime, valid: timedelta) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A day of grace for clients whose clock is behind.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + valid)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _save(
    pair: Pair,
    mch_id: str,
    key: rsa.RSAPrivateKey,
    certificate: x509.Certificate,
    above: list[x509.Certificate],
) -> None:
    _make_folder(pair.p12.parent)
    _write(pair.certificate, _pem(certificate))
    _write_private(pair.key, _key_pem(key))
    old_style = (
        serialization.PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(2048)
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())  # noqa: S303  what runtimes of 2008 can open; the passphrase is public anyway
        .build(mch_id.encode())
    )
    # Written last: while it is missing the pair counts as not made.
    _write_private(
        pair.p12,
        pkcs12.serialize_key_and_certificates(mch_id.encode(), key, certificate, above or None, old_style),
    )


def _load(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: _PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _write(path: Path, content: bytes) -> None:
    _replace(path, content, 0o644)


def _write_private(path: Path, content: bytes) -> None:
    _replace(path, content, 0o600)


def _replace(path: Path, content: bytes, mode: int) -> None:
    # Written beside and moved into place, so that a killed process leaves the old file or the new one, never half.
    beside = path.with_name(path.name + ".new")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:  # noqa: PTH123  needs the mode
        file.write(content)
    beside.replace(path)
