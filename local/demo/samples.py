"""Small documents for the demo, made on the spot."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One file for the uploads bucket, and what its profile must say."""

    name: str
    content: bytes
    kind: str


def files() -> tuple[Sample, ...]:
    """One file of every type that `document-profile` knows."""
    return (
        Sample(name="stations.csv", kind="csv", content=_csv()),
        Sample(name="order.json", kind="json", content=_json()),
        Sample(name="letter.txt", kind="text", content=_TEXT.encode()),
        Sample(name="one-page.pdf", kind="pdf", content=_pdf("Every message leaves a true record")),
    )


def text(number: int) -> str:
    """A short text, another one for every number."""
    return f"{_TEXT}\n\nSent as message number {number}.\n"


_TEXT = (
    "Dear reader,\n\n"
    "this letter travels on a queue, is read by an agent, and leaves a record behind.\n"
    "Naïve façades, 日本語 and emoji 🚚 travel with it."
)


def _csv() -> bytes:
    rows = [("station", "height_m", "opened"), ("Brocken", 1141, "1836-01-01")]
    rows += [(f"Station {n}", 100 + 7 * n, f"19{n % 90 + 10}-06-01") for n in range(1, 50)]
    return "".join(f"{a},{b},{c}\r\n" for a, b, c in rows).encode()


def _json() -> bytes:
    lines = [{"article": f"A-{n}", "amount": n, "price": n * 1.25} for n in range(1, 9)]
    return json.dumps({"order": 4711, "paid": True, "lines": lines}, indent=1).encode()


def _pdf(line: str) -> bytes:
    """The smallest honest PDF: one page, one line, a correct cross-reference table."""
    stream = f"BT /F1 24 Tf 72 720 Td ({line}) Tj ET".encode("ascii")
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>"
    )
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        page,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    document = b"%PDF-1.4\n"
    offsets: list[int] = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    return (
        document
        + b"xref\n0 %d\n0000000000 65535 f \n" % size
        + table
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(document))
    )
