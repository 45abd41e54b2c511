"""Verifies DKIM signatures by dkimpy, many messages in one process.

Argument: a directory with `records.json` (record name to TXT value) and messages, `*.eml`.
Prints one JSON line for each message, in the order of names: {"message": name, "signatures": [{"domain": ...,
"selector": ..., "algorithm": ..., "result": "pass" | "fail" | what is wrong}]}, signatures from the top.
"""

import json
import pathlib
import sys

import dkim


def verify(content, lookup):
    message = dkim.DKIM(content)
    count = sum(1 for name, _ in message.headers if name.lower() == b"dkim-signature")
    return [verify_one(content, index, lookup) for index in range(count)]


def verify_one(content, index, lookup):
    message = dkim.DKIM(content)
    try:
        result = "pass" if message.verify(idx=index, dnsfunc=lookup) else "fail"
    except dkim.DKIMException as error:
        result = str(error) or type(error).__name__
    fields = getattr(message, "signature_fields", {})
    return {
        "domain": fields.get(b"d", b"").decode(),
        "selector": fields.get(b"s", b"").decode(),
        "algorithm": fields.get(b"a", b"").decode(),
        "result": result,
    }


def main(directory):
    records = json.loads((directory / "records.json").read_text())

    def lookup(name, timeout=5):
        return records.get(name.decode().rstrip("."), "").encode() or None

    for path in sorted(directory.glob("*.eml")):
        signatures = verify(path.read_bytes(), lookup)
        print(json.dumps({"message": path.stem, "signatures": signatures}))


main(pathlib.Path(sys.argv[1]))
