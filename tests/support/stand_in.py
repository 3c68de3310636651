"""A service without business: `/readyz` on FA_OPS__PORT, nothing more. Arguments make it misbehave.

python -m tests.support.stand_in [--refuse] [--deaf] [--ready-file path] [--fail-file path]
"""

import argparse
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """Answers 200, or 503 while the ready file is missing."""

    ready_file: Path | None = None

    def do_GET(self) -> None:
        """Answer every path alike."""
        ready = self.ready_file is None or self.ready_file.exists()
        body = b"{}" if ready else b'{"failing": {"stand-in": "told to wait"}}'
        self.send_response(200 if ready else 503)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Keep the log quiet."""


def main() -> None:
    """Serve until a signal, or misbehave as told."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--refuse", action="store_true", help="say so and exit with code 3")
    parser.add_argument("--deaf", action="store_true", help="ignore SIGTERM")
    parser.add_argument("--ready-file", type=Path, help="ready only while this file exists")
    parser.add_argument("--fail-file", type=Path, help="exit with code 3 when this file exists at the start")
    told = parser.parse_args()
    if told.refuse or (told.fail_file and told.fail_file.exists()):
        sys.stdout.write("the stand-in refuses to work\n")
        sys.exit(3)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if told.deaf else lambda *_: sys.exit(0))
    Handler.ready_file = told.ready_file
    HTTPServer(("127.0.0.1", int(os.environ["FA_OPS__PORT"])), Handler).serve_forever()


if __name__ == "__main__":
    main()
