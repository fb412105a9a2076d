"""A stand-in for Google Cloud Storage: its XML API in front of a moto server's S3.

    gcs_shim.py --moto HOST:PORT [--listen HOST:PORT]

The `gs://` tests speak to this over real HTTP. S3 and the XML API of Google Cloud Storage differ, for what
the tests do, in two things, and both are translated here:

* Names of headers: `x-goog-*` becomes `x-amz-*`.
* Generations: Google numbers the contents of an object and takes `x-goog-if-generation-match: N` as the
  precondition of a PUT (0: there must be none). S3 compares ETags. The shim remembers which generation each
  ETag it has seen is, and asks moto with `If-Match` or `If-None-Match`; so it is moto that decides who of two
  concurrent writers wins.

Standard library only. State is in memory: restart it together with moto. For tests on loopback.
"""

import argparse
import http.client
import http.server
import threading
import urllib.parse

# moto takes any credentials, but wants to see some.
AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=test"
)
# Headers that belong to one connection, or that are written anew for the other side.
NOT_FORWARDED = {"authorization", "connection", "content-length", "host", "transfer-encoding"}
NOT_RETURNED = {"connection", "content-length", "date", "server", "transfer-encoding"}
PRECONDITION = "x-goog-if-generation-match"
PRECONDITION_FAILED = b"<Error><Code>PreconditionFailed</Code></Error>"


class Generations:
    """Numbers the contents of each object in the order in which they are seen."""

    def __init__(self):
        self._current = {}  # path -> (generation, etag)
        self._lock = threading.Lock()

    def of(self, path, etag):
        """The generation of this content; a new one when the ETag is not the one seen last."""
        with self._lock:
            number, known = self._current.get(path, (0, None))
            if known != etag:
                number += 1
                self._current[path] = (number, etag)
            return number

    def etag(self, path, generation):
        """The ETag of a generation, or None when it is no longer the current one."""
        with self._lock:
            number, etag = self._current.get(path, (0, None))
            return etag if str(number) == generation else None

    def forget(self, path):
        with self._lock:
            # The number stays, so that an object made anew does not get an old generation.
            number, _ = self._current.get(path, (0, None))
            self._current[path] = (number, None)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    moto = ""
    generations = Generations()

    def forward(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        raw_path, _, query = self.path.partition("?")
        path = urllib.parse.unquote(raw_path)
        # The client writes `-` of a bucket's name and `/` of a key as %2D and %2F; moto does not know them so.
        target = urllib.parse.quote(path) + (f"?{query}" if query else "")
        headers = {"authorization": AUTHORIZATION, "host": self.moto}
        for name, value in self.headers.items():
            name = name.lower()
            if name in NOT_FORWARDED:
                continue
            if name == PRECONDITION:
                if value == "0":
                    headers["if-none-match"] = "*"
                    continue
                etag = self.generations.etag(path, value)
                if etag is None:
                    return self.answer(412, [], PRECONDITION_FAILED)
                headers["if-match"] = etag
                continue
            headers[name.replace("x-goog-", "x-amz-")] = value

        upstream = http.client.HTTPConnection(self.moto, timeout=30)
        upstream.request(self.command, target, body, headers)
        response = upstream.getresponse()
        content = response.read()
        upstream.close()

        returned = [(k, v) for k, v in response.getheaders() if k.lower() not in NOT_RETURNED]
        etag = response.getheader("etag")
        if etag:
            returned.append(("x-goog-generation", str(self.generations.of(path, etag))))
        if self.command == "DELETE" and response.status < 300:
            self.generations.forget(path)
        length = response.getheader("content-length") if self.command == "HEAD" else None
        return self.answer(response.status, returned, content, length)

    def answer(self, status, headers, content, length=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-length", length or str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = forward

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moto", required=True, metavar="HOST:PORT", help="the moto server behind it")
    parser.add_argument("--listen", default="127.0.0.1:15001", metavar="HOST:PORT")
    options = parser.parse_args()
    Handler.moto = options.moto
    host, port = options.listen.rsplit(":", 1)
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
