# GNU General Public License v3.0+
"""A keep-alive HTTP/1.1 client on bare sockets.

http.client alone costs 40 ms of start-up (it loads the email package); the monqctl simulator is started hundreds of
times in a test run.
"""

import json
import socket


class WebError(Exception):
    """The other side could not be reached, or did not respond with valid HTTP."""


class Reply:
    def __init__(self, status, body):
        self.status = status
        self.body = body

    def json(self):
        return json.loads(self.body) if self.body else None


def split_url(url):
    scheme, _sep, rest = url.partition("://")
    address, _sep, path = rest.partition("/")
    host, _sep, port = address.rpartition(":")
    if scheme not in ("http", "https") or not address:
        raise WebError(f"not a URL: {url!r}")
    if not host:
        host, port = address, 443 if scheme == "https" else 80
    try:
        return scheme, host, int(port), "/" + path if path else ""
    except ValueError as error:
        raise WebError(f"not a URL: {url!r}") from error


class Client:
    """One connection to one server; opened at the first request, reopened when the server has closed it."""

    def __init__(self, url, headers=None, ca_file=None, client_cert=None, verify=True, timeout=30):
        self.scheme, self.host, self.port, self.base = split_url(url)
        self.headers = dict(headers or {})
        self.timeout = timeout
        self._context = None
        if self.scheme == "https":
            import ssl

            self._context = ssl.create_default_context(cafile=ca_file)
            if not verify:
                self._context.check_hostname = False
                self._context.verify_mode = ssl.CERT_NONE
            if client_cert:
                self._context.load_cert_chain(*client_cert)
        self._socket = None
        self._buffer = None

    def close(self):
        if self._socket is not None:
            try:
                self._buffer.close()
                self._socket.close()
            except OSError:
                pass
        self._socket = self._buffer = None

    def _open(self):
        try:
            raw = socket.create_connection((self.host, self.port), timeout=self.timeout)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = self._context.wrap_socket(raw, server_hostname=self.host) if self._context else raw
        except OSError as error:
            raise WebError(f"{self.scheme}://{self.host}:{self.port}: {error}") from error
        self._buffer = self._socket.makefile("rb")

    def _send(self, method, path, body, headers):
        lines = [f"{method} {self.base}{path} HTTP/1.1", f"Host: {self.host}:{self.port}", "Accept: application/json"]
        lines += [f"{key}: {value}" for key, value in {**self.headers, **headers}.items()]
        data = b"" if body is None else json.dumps(body).encode()
        if body is not None:
            lines += [f"Content-Length: {len(data)}"]
            if not any(line.startswith("Content-Type:") for line in lines):
                lines += ["Content-Type: application/json"]
        self._socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)

    def _head(self):
        first = self._buffer.readline()
        if not first:
            raise ConnectionResetError("the server closed the connection")
        status = int(first.split()[1])
        headers = {}
        while True:
            line = self._buffer.readline()
            if line in (b"\r\n", b"\n", b""):
                return status, headers
            key, _sep, value = line.decode("latin-1").partition(":")
            headers[key.strip().lower()] = value.strip()

    def _chunks(self):
        while True:
            size = int(self._buffer.readline().split(b";")[0] or b"0", 16)
            chunk = self._buffer.read(size)
            self._buffer.readline()
            if not size:
                return
            yield chunk

    def request(self, method, path, body=None, headers=None):
        for attempt in (1, 2):
            reused = self._socket is not None
            if not reused:
                self._open()
            try:
                self._send(method, path, body, headers or {})
                status, seen = self._head()
                if "chunked" in seen.get("transfer-encoding", ""):
                    data = b"".join(self._chunks())
                elif status == 204:
                    data = b""
                else:
                    data = (
                        self._buffer.read(int(seen["content-length"]))
                        if "content-length" in seen
                        else self._buffer.read()
                    )
                if seen.get("connection", "").lower() == "close":
                    self.close()
                return Reply(status, data)
            except (OSError, ValueError) as error:
                self.close()
                # If the server has closed the idle connection meanwhile, the request is repeated on a new one.
                if attempt == 2 or not reused:
                    raise WebError(f"{self.scheme}://{self.host}:{self.port}{path}: {error}") from error
        raise AssertionError("unreachable")

    def lines(self, path):
        """Yields the lines of an endless response (a watch), until the server ends it."""
        self.close()
        self._open()
        try:
            self._send("GET", path, None, {})
            status, seen = self._head()
            if status != 200:
                raise WebError(f"{path}: HTTP {status}")
            rest = b""
            for chunk in self._chunks():
                rest += chunk
                *whole, rest = rest.split(b"\n")
                yield from (line for line in whole if line)
        except (OSError, ValueError) as error:
            raise WebError(f"{path}: {error}") from error
        finally:
            self.close()
