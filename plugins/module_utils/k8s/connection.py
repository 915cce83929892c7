# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import contextlib
import ipaddress
import logging
import os
import re
import ssl
import tempfile
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

from ..errors import ApiUnreachable
from ..prerequisites import missing
from ..private_file import private_folder

TOKEN = re.compile(r"[!-~]+")
CERTIFICATE = re.compile(
    rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----.*?-----END (?:X509 |TRUSTED )?CERTIFICATE-----", re.DOTALL
)


class Connection:
    """Keep-alive connections to one API server, with the credentials of an Access."""

    def __init__(self, access):
        self.server, self.origin = access.server, access.origin
        self._access = access
        self._plugin = _Plugin(access) if access.plugin else None
        self.secrets = [*access.secrets, *(self._plugin.secrets() if self._plugin else [])]
        pair = self._plugin.pair() if self._plugin else None
        self._pool = _pool(access, pair or (access.certificate, access.key), self.secrets)

    def request(self, method, path, headers=None, **given):
        """Sends one request and returns urllib3's response. Errors of urllib3 are passed on."""
        return self._pool.request(method, self.server + path, headers=self._headers(headers or {}), **given)

    def _headers(self, given):
        import urllib3

        headers = (
            urllib3.HTTPHeaderDict(given)
            if hasattr(urllib3, "HTTPHeaderDict")
            else urllib3._collections.HTTPHeaderDict(given)
        )
        for name, value in self._access.headers:
            headers.add(name, value)
        if self._plugin:
            headers.update(self._plugin.headers())
        elif self._access.token:
            headers["Authorization"] = "Bearer " + _printable(self._access.token(), self.origin)
        elif self._access.login:
            headers["Authorization"] = _basic(":".join(self._access.login))
        return headers


def _basic(login):
    """The header of a login, in UTF-8 as kubectl sends it: urllib3 knows Latin-1 only."""
    return "Basic " + base64.b64encode(login.encode()).decode()


def _printable(token, origin):
    """Returns the token if it is printable: http.client's error about a bad one would show it."""
    if not TOKEN.fullmatch(token):
        raise ApiUnreachable(
            "the token cannot be used",
            origin,
            "printable ASCII without spaces",
            "other characters, or nothing",
            "replace the token",
        )
    return token


class _Plugin:
    """Credentials of an exec plugin or an auth provider: the library kubernetes runs and refreshes them."""

    def __init__(self, access):
        try:
            from kubernetes import client, config
        except ImportError as exc:
            raise missing("kubernetes", exc, "the credentials of this kubeconfig come from a plugin") from exc
        self._configuration = client.Configuration()
        with _said() as said:
            try:
                config.load_kube_config_from_dict(
                    access.plugin,
                    client_configuration=self._configuration,
                    persist_config=False,
                    temp_file_path=private_folder(),
                )
            except Exception as exc:  # the library passes on whatever a plugin raises
                raise self._failed(access, [*said, f"{type(exc).__name__}: {exc}"]) from exc
        if not self.headers() and not self._configuration.cert_file:
            raise self._failed(access, said)

    @staticmethod
    def _failed(access, said):
        user = access.plugin["users"][0]["user"]
        what = (user.get("exec") or {}).get(
            "command"
        ) or f"auth provider {(user.get('auth-provider') or {}).get('name')}"
        return ApiUnreachable(
            "the kubeconfig's plugin returned no credentials",
            f"{access.origin}, {what}",
            "a token or a client certificate",
            "; ".join(said)[:1000] or "nothing",
            "run the plugin by hand in the environment of this account, then run the same command again",
        )

    def headers(self):
        value = (self._configuration.auth_settings().get("BearerToken") or {}).get("value")
        return {"Authorization": value} if value else {}

    def pair(self):
        """The client certificate and its key as PEM, or None."""
        if not self._configuration.cert_file:
            return None
        pair = []
        for path in (self._configuration.cert_file, self._configuration.key_file):
            with open(path, "rb") as file:
                pair.append(file.read())
        return tuple(pair)

    def secrets(self):
        key = (self.pair() or (b"", b""))[1].decode("latin-1")
        return [word for value in self.headers().values() for word in value.split() if len(word) > 8] + [
            line for line in key.split() if len(line) >= 24
        ]


@contextlib.contextmanager
def _said():
    """Collects what the library logs meanwhile, as it does not report a plugin's failure."""
    said, handler = [], logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield said
    finally:
        root.removeHandler(handler)


# ---- TLS and proxies


def _pool(access, pair, secrets):
    try:
        import urllib3
    except ImportError as exc:
        raise missing("urllib3", exc) from exc
    given = {"maxsize": 4, "ssl_context": _tls(access, pair)}
    if access.verify and access.server_name:
        given.update(server_hostname=access.server_name, assert_hostname=access.server_name)
    elif not access.verify:
        given.update(cert_reqs="CERT_NONE", assert_hostname=False)
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    proxy = proxy_of(access)
    if not proxy:
        return urllib3.PoolManager(**given)
    parts = urlsplit(proxy)
    if parts.password:
        secrets.append(unquote(parts.password))
    if parts.scheme.startswith("socks"):
        try:
            from urllib3.contrib.socks import SOCKSProxyManager
        except ImportError as exc:
            raise ApiUnreachable(
                "the Python library PySocks is missing", access.origin, seen=str(exc), next_step="pip install pysocks"
            ) from exc
        return SOCKSProxyManager(proxy, **given)
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}" if parts.username else None
    headers = {"proxy-authorization": _basic(login)} if login else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **given)


def _tls(access, pair):
    from urllib3.util.ssl_ import create_urllib3_context

    context = create_urllib3_context()
    if not access.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    else:
        context.verify_mode, context.check_hostname = ssl.CERT_REQUIRED, False  # urllib3 compares the name
        # Like kubectl: many clusters' CAs do not comply with RFC 5280.
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    what = "certificate-authority"
    try:
        if access.ca:
            # The text around the certificates may be in any encoding.
            context.load_verify_locations(cadata=b"\n".join(CERTIFICATE.findall(access.ca)).decode("ascii"))
        else:
            context.load_default_certs()
        what = "client-certificate and client-key"
        if any(pair):
            with _path_of(pair[0] or b"") as certificate, _path_of(pair[1] or b"") as key:
                context.load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, ValueError, OSError) as exc:
        raise ApiUnreachable(
            "the kubeconfig cannot be used",
            f"{access.origin}, {what}",
            "PEM that OpenSSL can read",
            str(exc)[:300],
            "check monq_kubeconfig and monq_kube_context",
        ) from exc
    return context


@contextlib.contextmanager
def _path_of(content):
    """Yields a path of that content, as OpenSSL reads client certificates from files only: in memory if the system can,
    else a private file."""
    if hasattr(os, "memfd_create"):
        handle, path = os.memfd_create("monq"), None
    else:
        handle, path = tempfile.mkstemp(dir=private_folder())
    try:
        os.write(handle, content)
        yield path or f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)
        if path:
            os.unlink(path)


def proxy_of(access, environment=None):
    """The proxy's URL: from the kubeconfig, or from HTTPS_PROXY and the like unless NO_PROXY excludes the server; None
    for a direct connection."""
    if access.proxy:
        return access.proxy
    parts = urlsplit(access.server)
    found = getproxies() if environment is None else environment
    proxy = found.get(parts.scheme) or found.get("all")
    return None if not proxy or bypassed(parts.hostname or "", parts.port, found.get("no") or "") else proxy


def bypassed(host, port, rules):
    """Returns whether NO_PROXY excludes a host: by name, suffix, address, network or *, each with or without a port. As
    in Go, localhost always is."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if host == "localhost" or (address and address.is_loopback):
        return True
    for rule in (rule.strip().lower() for rule in rules.split(",")):
        if rule == "*":
            return True
        if address and "/" in rule:
            with contextlib.suppress(ValueError):
                if address in ipaddress.ip_network(rule, strict=False):
                    return True
            continue
        name, _colon, only = rule.rpartition(":") if re.search(r"[^:]:\d+$", rule) else (rule, "", "")
        if only and only != str(port):
            continue
        name = name.strip("[]").lstrip("*").lstrip(".")
        if name and (host.lower() == name or (not address and host.lower().endswith("." + name))):
            return True
    return False
