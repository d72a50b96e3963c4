"""Runs MiniStack for one local stack. Four things differ from running it directly:

- It ends together with the program that started it, and takes its process group along, even if that program was killed:
  standard input is a pipe that only that program holds open.
- Answers of its Lambda Runtime API are sent at once. With Nagle's algorithm each takes some 40 ms longer.
- It knows a REST API by the host name that AWS gives it, as it knows function URLs and GraphQL APIs.
- It refuses to listen anywhere but on the loopback address.

RECORD_AWS_CALLS names a file: then permissions are checked, and every AWS call is written into it (record_aws_calls.py).
"""

import os
import re
import signal
import socketserver
import sys
import threading

REST_API = re.compile(r"^([a-f0-9]{8})\.execute-api\.(?:localhost|[a-z0-9-]+\.amazonaws\.com)(?::\d+)?$")


def end_with_the_starter() -> None:
    # Unbuffered: a reader that holds the buffer's lock makes Python abort at its end.
    while os.read(0, 1):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def run() -> None:
    if os.environ.get("BIND_HOST") != "127.0.0.1":
        sys.exit("ministack_launcher.py: BIND_HOST must be 127.0.0.1: MiniStack lets everyone in as the account's owner")
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    threading.Thread(target=end_with_the_starter, daemon=True).start()
    # Imported late: a wrong environment should be told within milliseconds.
    if calls := os.environ.pop("RECORD_AWS_CALLS", None):
        from record_aws_calls import record

        record(calls)
    import ministack.app

    ministack.app._EXECUTE_API_RE = REST_API
    ministack.app.main()


run()
