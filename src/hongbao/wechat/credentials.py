"""What proves a merchant to WeChat: mch_id, API key, client certificate, enterprise secrets. Never printed.

Files and their forms: docs/reference/transport.md, "Client certificate".
"""

import secrets
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from hongbao.errors import BadInput


class Secret:
    """A text that does not show itself: not in a repr, an error, a log line or a pickle."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Keep the text.

        Raises:
            BadInput: the text is empty, or has a blank at an end, as a copy from a page easily gets.
        """
        if not text or text != text.strip():
            raise BadInput(
                field="secret", fault="is empty or has blanks around it", remedy="give it as the portal shows it"
            )
        self._text = text

    def reveal(self) -> str:
        """Return the text, for hashing."""
        return self._text

    def __repr__(self) -> str:
        """Show that there is one."""
        return f"Secret({len(self._text)} characters)"

    def __eq__(self, other: object) -> bool:
        """Compare without leaking where two secrets differ."""
        return isinstance(other, Secret) and secrets.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        """Hash the text."""
        return hash((Secret, self._text))

    def __reduce__(self) -> str | tuple[object, ...]:
        """Refuse to be pickled: a pickle is a file with the key in it."""
        raise TypeError("a Secret cannot be pickled")


class ClientCertificate:
    """The merchant's API certificate (商户API证书) with its private key and whatever chain came with it.

    Attributes:
        common_name: the CN of its subject: the mch_id it belongs to.
        serial_number: as the portal shows it, upper-case hex.
        not_before: start of validity, aware.
        not_after: end of validity, aware.
    """

    def __init__(
        self,
        certificate: x509.Certificate,
        key: RSAPrivateKey | EllipticCurvePrivateKey,
        chain: tuple[x509.Certificate, ...] = (),
    ) -> None:
        """Pair a certificate with its key.

        Raises:
            BadInput: the key is another certificate's.
        """
        if certificate.public_key() != key.public_key():
            raise BadInput(
                field="key",
                fault="does not belong to the certificate",
                remedy="take both from the same download (apiclient_cert.pem and apiclient_key.pem)",
            )
        self._certificate = certificate
        self._key = key
        self._chain = chain
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        self.common_name = str(names[0].value) if names else ""
        self.serial_number = f"{certificate.serial_number:X}"
        self.not_before: datetime = certificate.not_valid_before_utc
        self.not_after: datetime = certificate.not_valid_after_utc

    @classmethod
    def from_p12(cls, p12: Path | bytes, passphrase: str) -> "ClientCertificate":
        """Read apiclient_cert.p12, of any age: RC2-40, 3DES or AES inside. Its passphrase is the mch_id.

        Raises:
            BadInput: not to be read, not PKCS#12, the passphrase is wrong, or certificate or key is missing.
        """
        content = _bytes("p12", p12)
        try:
            key, certificate, chain = pkcs12.load_key_and_certificates(content, passphrase.encode())
        except ValueError:
            raise BadInput(
                field="p12",
                fault="does not open: the passphrase is wrong or the file is not PKCS#12",
                remedy="the passphrase of apiclient_cert.p12 is the mch_id; download the file again if it is",
            ) from None
        if certificate is None or key is None:
            raise BadInput(
                field="p12",
                fault="holds no certificate with its key",
                remedy="take apiclient_cert.p12 from the download",
            )
        return cls(certificate, _usable(key), tuple(chain))

    @classmethod
    def from_pem(
        cls, certificate: Path | bytes, key: Path | bytes, passphrase: str | None = None
    ) -> "ClientCertificate":
        """Read apiclient_cert.pem (further certificates in it are the chain) and apiclient_key.pem.

        Raises:
            BadInput: not to be read, not PEM, encrypted with another passphrase, or the two do not belong together.
        """
        content, key_content = _bytes("certificate", certificate), _bytes("key", key)
        try:
            first, *chain = x509.load_pem_x509_certificates(content)
        except ValueError:
            raise BadInput(
                field="certificate", fault="is not a PEM certificate", remedy="give apiclient_cert.pem"
            ) from None
        try:
            loaded = serialization.load_pem_private_key(
                key_content, None if passphrase is None else passphrase.encode()
            )
        except (ValueError, TypeError):
            raise BadInput(
                field="key",
                fault="is not a PEM private key, or its passphrase is missing or wrong",
                remedy="give apiclient_key.pem; the portal's own is not encrypted",
            ) from None
        return cls(first, _usable(loaded), tuple(chain))

    def load_into(self, context: ssl.SSLContext) -> None:
        """Give certificate and key to a TLS context.

        Python's ssl reads them from files only. So they pass through one that nobody else can read, the key encrypted
        under a passphrase that exists in this call alone.
        """
        passphrase = secrets.token_hex(32)
        pem = b"".join(
            (
                self._key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.BestAvailableEncryption(passphrase.encode()),
                ),
                *(each.public_bytes(serialization.Encoding.PEM) for each in (self._certificate, *self._chain)),
            )
        )
        with tempfile.NamedTemporaryFile(suffix=".pem", prefix="hongbao-") as file:  # created with mode 0600
            file.write(pem)
            file.flush()
            context.load_cert_chain(file.name, password=passphrase)

    def __repr__(self) -> str:
        """Show whose it is and until when."""
        return f"ClientCertificate({self.common_name}, until {self.not_after:%Y-%m-%d})"


def _bytes(field_name: str, source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        return source.read_bytes()
    except OSError as error:
        raise BadInput(
            field=field_name, fault=f"cannot be read: {error.strerror}", remedy=f"check the path {source}"
        ) from None


def _usable(key: object) -> RSAPrivateKey | EllipticCurvePrivateKey:
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise BadInput(
            field="key",
            fault=f"is a {type(key).__name__}",
            remedy="merchant certificates have RSA keys; download again",
        )
    return key


def _as_secret(text: "str | Secret") -> Secret:
    return text if isinstance(text, Secret) else Secret(text)


@dataclass(frozen=True, slots=True, init=False)
class Credentials:
    """Everything that proves one merchant. In service-provider mode: the provider's.

    Attributes:
        mch_id: the merchant number.
        api_key: the APIv2 key (API密钥), 32 characters set in the portal; a str is wrapped.
        certificate: the API certificate with its key.
        workwx_secrets: for enterprise packets, the secret of the enterprise-pay app under None, and each agent's under
            its agentid; a str is wrapped.
    """

    mch_id: str
    api_key: Secret
    certificate: ClientCertificate
    workwx_secrets: Mapping[int | None, Secret] = field(default_factory=dict[int | None, Secret])

    def __init__(
        self,
        *,
        mch_id: str,
        api_key: str | Secret,
        certificate: ClientCertificate,
        workwx_secrets: Mapping[int | None, str | Secret] | None = None,
    ) -> None:
        """Keep the parts.

        Raises:
            BadInput: mch_id is not digits, or a secret is empty or padded.
        """
        if not (mch_id.isascii() and mch_id.isdigit() and len(mch_id) <= 32):
            raise BadInput(field="mch_id", fault="is not a merchant number", remedy="give its digits, as in the portal")
        wrapped = {agent: _as_secret(secret) for agent, secret in (workwx_secrets or {}).items()}
        object.__setattr__(self, "mch_id", mch_id)
        object.__setattr__(self, "api_key", _as_secret(api_key))
        object.__setattr__(self, "certificate", certificate)
        object.__setattr__(self, "workwx_secrets", wrapped)

    @classmethod
    def from_p12(
        cls, *, mch_id: str, api_key: str | Secret, p12: Path | bytes, passphrase: str | None = None
    ) -> "Credentials":
        """Read the certificate from apiclient_cert.p12, whose passphrase is mch_id unless given.

        Raises:
            BadInput: as `ClientCertificate.from_p12`.
        """
        certificate = ClientCertificate.from_p12(p12, passphrase or mch_id)
        return cls(mch_id=mch_id, api_key=api_key, certificate=certificate)

    @classmethod
    def from_pem(
        cls, *, mch_id: str, api_key: str | Secret, certificate: Path | bytes, key: Path | bytes
    ) -> "Credentials":
        """Read the certificate from apiclient_cert.pem and apiclient_key.pem.

        Raises:
            BadInput: as `ClientCertificate.from_pem`.
        """
        return cls(mch_id=mch_id, api_key=api_key, certificate=ClientCertificate.from_pem(certificate, key))

    def with_workwx_secret(self, secret: str | Secret, *, agentid: int | None = None) -> "Credentials":
        """Return these credentials with the secret of the enterprise-pay app, or of one agent."""
        return Credentials(
            mch_id=self.mch_id,
            api_key=self.api_key,
            certificate=self.certificate,
            workwx_secrets={**self.workwx_secrets, agentid: secret},
        )

    def workwx_secret(self, agentid: int | None) -> Secret:
        """Return the secret that signs an enterprise packet sent by this agent, or by a person.

        Raises:
            BadInput: it was not given.
        """
        secret = self.workwx_secrets.get(agentid)
        if secret is None:
            owner = "the enterprise-pay app" if agentid is None else f"agent {agentid}"
            raise BadInput(
                field="workwx_secrets", fault=f"lacks the secret of {owner}", remedy="add it with with_workwx_secret()"
            )
        return secret


def tls_context(certificate: ClientCertificate, ca_file: Path | None) -> ssl.SSLContext:
    """Make a TLS context that shows this certificate and always verifies the server: name and chain, TLS 1.2 or newer.

    Args:
        certificate: the merchant's.
        ca_file: PEM file with a private CA to trust instead of the system's, for a simulator or a proxy of one's own.

    Raises:
        BadInput: the CA file cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except OSError as error:
        raise BadInput(
            field="ca_file",
            fault=f"cannot be used: {error.strerror or error}",
            remedy="give a PEM file of CA certificates",
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    certificate.load_into(context)
    return context
