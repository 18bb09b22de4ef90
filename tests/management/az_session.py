"""Runs az's commands as they are typed, one a line of standard input, in one process: az takes a second of CPU to start.

Each line is answered with one of JSON: {"code": exit code, "out": standard output, "err": standard error}. Every command gets an
az of its own, which reads its configuration anew, as a new process would.
"""
import io
import json
import os
import shlex
import sys

answers = os.fdopen(os.dup(1), "w")
errors = sys.stderr = io.StringIO()  # before az is imported: its log handlers keep what they find
printed = sys.stdout = io.StringIO()

try:
    from azure.cli.core import get_default_cli
except ImportError as error:
    sys.exit(sys.__stderr__.write(f"{error}\n") and 1)


def run(words):
    for stream in (errors, printed):
        stream.seek(0)
        stream.truncate()
    try:
        code = get_default_cli().invoke(words, out_file=printed)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    return {"code": code or 0, "out": printed.getvalue(), "err": errors.getvalue()}


for line in sys.stdin:
    name, *words = shlex.split(line)
    assert name == "az", line
    answers.write(json.dumps(run(words)) + "\n")
    answers.flush()
