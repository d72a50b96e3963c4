"""A stdio MCP server that misbehaves on request: argv[1] says how it starts, the method of a call what it does then."""

import json
import os
import subprocess
import sys
import threading
import time

start = sys.argv[1] if len(sys.argv) > 1 else "well"


def raw(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def say(**message):
    raw(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


def heard():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)


def sees_host():
    """Whether the environment of the host can be read, where the credentials of the role are."""
    try:
        with open(f"/proc/{os.getppid()}/environ", "rb") as file:
            return bool(file.read())
    except OSError:
        return False


def open_files():
    """The numbers of open files; listing them opens one more."""
    return sorted(int(number) for number in os.listdir("/proc/self/fd"))[:-1]


def facts():
    return {
        "pid": os.getpid(),
        "environment": dict(os.environ),
        "directory": os.getcwd(),
        "sees host": sees_host(),
        "open": open_files(),
    }


def shake_hands():
    if start == "exit":
        print("cannot find the database", file=sys.stderr)
        sys.exit(3)
    if start == "noise":
        raw(b"\xef\xbb\xbfStarting up...\r\n\r\n{\"level\":30}\n\xff\xfe\n")
        sys.stderr.write("x" * 300_000 + "\n" * 3000)
    if start == "hang":
        time.sleep(60)
    if start == "slow":
        time.sleep(1)
    if start == "garbage":
        raw(b'{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":\n')
    request = heard()
    assert request["method"] == "initialize", request
    if start == "refuse":
        say(id=request["id"], error={"code": -32600, "message": "not you"})
    if start == "tell":
        key = os.environ["AWS_SESSION_TOKEN"]
        say(id=request["id"], error={"code": -32600, "message": "x" * 180 + " invalid key " + key})
    if start == "asking":
        say(id="a", method="ping")
        say(id="b", method="roots/list")
        say(id="c", method="elicitation/create", params={})
        print([heard() for _ in range(3)], file=sys.stderr)
    version = {"old": "2024-11-05", "strange": "1999-01-01"}.get(start, request["params"]["protocolVersion"])
    result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": "fake", "version": "1"}}
    say(id=request["id"], result={**result, "offered": request["params"]})
    assert heard()["method"] == "notifications/initialized"


def serve():
    cancelled = []
    insists = False
    while True:
        message = heard()
        method, id, params = message.get("method"), message.get("id"), message.get("params") or {}
        if method == "tools/call":
            method, params = params["name"], params.get("arguments", {})
        if method == "ping":
            say(id=id, result={})
        elif method == "notifications/cancelled":
            cancelled.append(params["requestId"])
            if insists:
                question = {"id": "again", "method": "elicitation/create", "params": {}}
                threading.Timer(0.2, say, kwargs=question).start()
        elif method == "insist":
            insists = True
            say(id="once", method="elicitation/create", params={})
        elif method == "facts":
            say(id=id, result={**facts(), "id": id, "cancelled": cancelled})
        elif method == "echo":
            say(id=id, result=params)
        elif method == "fail":
            say(id=id, error={"code": -32602, "message": "no such tool", "data": {"name": "x"}})
        elif method == "strangers":
            for other in (id - 1, id + 1, str(id), "x"):
                say(id=other, result="another's")
            say(id=id, result="mine")
            say(id=id, result="mine again")
        elif method == "die":
            os.kill(os.getpid(), params.get("signal", 9))
        elif method == "answer and die":
            raw(json.dumps({"jsonrpc": "2.0", "id": id, "result": "last words"}).encode())
            os._exit(0)
        elif method == "hang":
            time.sleep(60)
        elif method == "slow":
            time.sleep(params["seconds"])
            say(id=id, result="too late")
        elif method == "poison":
            raw(b'{"jsonrpc":"2.0","id":%d,"result":NaN}\n' % id)
        elif method == "nameless":
            say(id=None, error={"code": -32700, "message": "parse error"})
        elif method == "flood":
            while True:
                say(method="notifications/message", params={"level": "info", "data": "x" * 1000})
        elif method == "deaf":
            while True:
                say(id="x" * 100_000, method="ping")
        elif method == "endless":
            while True:
                raw(b"x" * 65536)
        elif method == "progress":
            token = params["_meta"]["progressToken"]
            say(method="notifications/progress", params={"progressToken": token, "progress": 1})
            say(method="notifications/progress", params={"progressToken": "foreign", "progress": 2})
            say(method="notifications/message", params={"level": "info", "data": "half"})
            say(id=id, result=token)
        elif method == "ask":
            say(id="p", method="ping")
            say(id="r", method="roots/list")
            say(id="s", method="sampling/createMessage", params={"maxTokens": 1})
            answers = [heard() for _ in range(3)]
            say(id=id, result={answer["id"]: answer.get("result", answer.get("error")) for answer in answers})
        elif method == "close":
            os.close(1)
            time.sleep(60)
        elif method == "multiply":
            held = subprocess.Popen(["sleep", "60"])
            detached = subprocess.Popen(["sleep", "60"], start_new_session=True)
            say(id=id, result=[held.pid, detached.pid])
        elif method == "leave a file":
            with open(os.path.join(params.get("directory", os.environ["HOME"]), "left"), "w") as file:
                file.write("x")
            say(id=id, result=os.environ["HOME"])
        elif method == "list files":
            say(id=id, result=os.listdir(params["directory"]))
        elif method is not None and id is not None:
            say(id=id, error={"code": -32601, "message": method})


shake_hands()
serve()
