"""Certificates that openssl makes for a test: an authority's, and what it signs."""

import subprocess
from pathlib import Path


class Certificates:
    """`ca.pem`; `server.pem` for 127.0.0.1; `root.pem` of a client named root; each with its `.key`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        new = ("req", "-newkey", "rsa:2048", "-nodes")
        self._run(*new, "-x509", "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
        for name, extra in (("server", "subjectAltName=IP:127.0.0.1"), ("root", "subjectAltName=DNS:root")):
            (folder / "ext").write_text(extra)
            self._run(*new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
            self._run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                      "-days", "2", "-extfile", "ext", "-out", f"{name}.pem")  # fmt: skip

    def _run(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self._folder, check=True, capture_output=True)

    def __call__(self, name: str) -> Path:
        """A file."""
        return self._folder / name
