"""A schema registry in memory, with the part of the Confluent API that is used."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class StubRegistry:
    """Serves until `close`; `calls` counts requests."""

    def __init__(self) -> None:
        self.schemas: list[str] = []
        self.subjects: dict[str, list[int]] = {}
        self.calls = 0
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stub.calls += 1
                number = int(self.path.rsplit("/", 1)[1])
                self.answer({"schema": stub.schemas[number - 1]} if number <= len(stub.schemas) else None)

            def do_PUT(self) -> None:
                self.body()
                self.answer({})

            def do_POST(self) -> None:
                stub.calls += 1
                subject, text = self.path.split("/")[2], self.body()["schema"]
                known = stub.subjects.setdefault(subject, [])
                if self.path.endswith("/versions"):
                    if text not in stub.schemas:
                        stub.schemas.append(text)
                    known.append(stub.schemas.index(text) + 1)
                found = [number for number in known if stub.schemas[number - 1] == text]
                self.answer({"id": found[0]} if found else None)

            def body(self) -> dict:
                return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

            def answer(self, found: dict | None) -> None:
                text = json.dumps(found or {"message": "not found"}).encode()
                self.send_response(200 if found is not None else 404)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()  # seconds until it sees `close`

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
