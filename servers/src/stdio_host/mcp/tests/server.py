"""An MCP server of 2025-11-25 that does what tests of the host need; each tool is described by what it does."""

import json
import os
import sys
import time

questions = 0
noticed = []
listed = 0


def send(message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def text(value):
    return {"content": [{"type": "text", "text": value if isinstance(value, str) else json.dumps(value)}]}


class Cancelled(Exception):
    pass


def ask(*asked):
    """Sends requests to the client, all before the first answer is read, and returns the answers in their order."""
    global questions
    answers = {}
    for method, params in asked:
        questions += 1
        answers[f"q-{questions}"] = None
        send({"id": f"q-{questions}", "method": method, "params": params})
    while None in answers.values():
        message = json.loads(sys.stdin.readline())
        if message.get("method") == "notifications/cancelled":
            raise Cancelled
        if message.get("method") == "ping":
            send({"id": message["id"], "result": {}})
        if message.get("id") in answers:
            answers[message["id"]] = message
    return list(answers.values())


def form(message, key=None):
    meta = {"_meta": {"switchyard/input_key": key}} if key else {}
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    return "elicitation/create", {"message": message, "requestedSchema": schema, **meta}


def model(message):
    content = {"type": "text", "text": message}
    return "sampling/createMessage", {"messages": [{"role": "user", "content": content}], "maxTokens": 5}


def named(answer):
    return answer.get("result", {}).get("content", {}).get("name") or json.dumps(answer.get("error"))


def log(level):
    send({"method": "notifications/message", "params": {"level": level, "data": level}})


def call(name, params):
    arguments, meta = params.get("arguments", {}), params.get("_meta", {})
    if name == "echo":
        return text(params)
    if name == "level":
        return text(LEVEL)
    if name == "talk":
        for level in ("debug", "info", "error"):
            log(level)
        for token in (meta.get("progressToken"), "of-another"):
            send({"method": "notifications/progress", "params": {"progressToken": token, "progress": 1}})
        send({"method": "notifications/tools/list_changed"})
        return text("said")
    if name in ("ask", "write"):
        return text("Hello " + named(ask(form("Who?", "user_name"))[0]))
    if name == "ask_in_turn":
        first = named(ask(form("Who?"))[0])
        second = named(ask(form("And who else?"))[0])
        return text(f"Hello {first} and {second}")
    if name == "ask_at_once":
        answers = ask(form("Who?"), model("Say hello"), ("roots/list", {}))
        return text([sorted(answer.get("result", answer.get("error"))) for answer in answers])
    if name == "ask_differently":
        return text(named(ask(form(f"Delete the {time.monotonic_ns()} files of {os.getpid()}?"))[0]))
    if name == "needs_model":
        answer = ask(model("Say hello"))[0]
        failed = {"isError": True} if "error" in answer else {}
        return {**text(answer.get("error", {}).get("message", "said")), **failed}
    if name == "either":
        person, said = ask(form("Who?"), model("Say hello"))
        return text([("result" in answer) for answer in (person, said)])
    if name == "visit" and "visited" not in arguments:
        page = {"mode": "url", "elicitationId": str(time.monotonic_ns()), "url": "https://a.example/x", "message": "Go"}
        raise Failed(-32042, "visit the page", {"elicitations": [page]})
    if name == "withdraw":
        send({"id": "w", "method": "elicitation/create", "params": form("Who?")[1]})
        send({"method": "notifications/cancelled", "params": {"requestId": "w"}})
        return text("never mind")
    if name == "hang":
        time.sleep(600)
    if name == "crash":
        os._exit(3)
    raise Failed(-32602, f"there is no tool {name}")


class Failed(Exception):
    pass


READS = {"readOnlyHint": True}
REPEATS = {"idempotentHint": True}
TOOLS = {
    "echo": READS, "level": READS, "talk": READS, "ask": READS, "write": {}, "ask_in_turn": REPEATS,
    "ask_at_once": READS, "ask_differently": READS, "needs_model": READS, "either": READS, "visit": {}, "hang": {},
    "crash": {}, "withdraw": READS,
}
LEVEL = "warning"


def tool(name):
    region = {"type": "string", "x-mcp-header": "Region"}
    schema = {"type": "object", "properties": {"region": region} if name == "echo" else {}}
    return {"name": name, "inputSchema": schema, "annotations": TOOLS[name]}


def answer(method, params):
    global LEVEL, listed
    if method == "initialize":
        return {
            "protocolVersion": "2025-11-25",
            "capabilities": {
                "tools": {"listChanged": True}, "resources": {"subscribe": True}, "prompts": {}, "logging": {},
                "tasks": {}, "experimental": {"client": params["capabilities"]},
            },
            "serverInfo": {"name": "scripted", "version": "1.0"},
            "instructions": "Be kind.",
        }
    if method == "ping":
        return {}
    if method == "logging/setLevel":
        LEVEL = params["level"]
        return {}
    if method == "tools/list":
        # Two pages: the host has to read both.
        listed += 1
        names = sorted(TOOLS)
        page = names[6:] if params.get("cursor") == "2" else names[:6]
        return {"tools": [tool(name) for name in page], **({} if "cursor" in params else {"nextCursor": "2"})}
    if method == "tools/call":
        return call(params["name"], params)
    if method == "prompts/get":
        return {"messages": [{"role": "user", "content": {"type": "text", "text": named(ask(form("Which?"))[0])}}]}
    if method == "prompts/list":
        return {"prompts": [], "pid": os.getpid(), "noticed": noticed, "listed": listed}
    if method == "resources/subscribe":
        return {}
    if method == "resources/read":
        if params["uri"] == "file:///there":
            return {"contents": []}
        raise Failed(-32002, "there is no such resource")
    if method == "completion/complete":
        return {"completion": {"values": [named(ask(form("Which?"))[0])]}}
    if method == "odd":
        raise Failed(-32050, "odd")
    raise Failed(-32601, "there is no such method")


ODD = {"initialize": {"protocolVersion": "2025-11-25"}, "tools/list": "none", "tools/call": ["odd"], "prompts/list": 5}
odd = sys.argv[1:] == ["odd"]

for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        noticed.append(message["method"])
        continue
    if odd:
        send({"id": message["id"], "result": ODD.get(message["method"])})
        continue
    try:
        send({"id": message["id"], "result": answer(message["method"], message.get("params", {}))})
    except Failed as failed:
        code, what, *data = failed.args
        send({"id": message["id"], "error": {"code": code, "message": what, **({"data": data[0]} if data else {})}})
    except Cancelled:
        pass
