"""Makes MiniStack check signatures and permissions as AWS does, and writes down every AWS call, for the tests.

Each line of the file is a JSON object:

- `session`: the access key of a function's processes. No other key is in their environment, so whatever a function asks of
  AWS is signed with it.
- `invoked`: API Gateway invoked a function, for the method that is named, or EventBridge did, for the rule that is named.
- `request`: somebody asked for something; `checks` are the permissions that MiniStack looked for before it answered: action,
  resource, tags of the resource, and whether the caller had it. `agent` is the agent in an event of an action group.

Nothing else of a body is written down, and of headers only who calls: there are no secrets in the file.
"""

import contextvars
import json
import os
import re
from urllib.parse import unquote

_checks: contextvars.ContextVar[list] = contextvars.ContextVar("checks")
_CALLER = re.compile(r"Credential=([^/,\s]+)/")
_PROGRAM = re.compile(r"\bapp/(\S+)")
_INVOCATION = re.compile(r"/functions/[^/]+/invocations$")


def record(path: str) -> None:
    """Records into a new file. Call it before MiniStack's main."""
    # Read when the module is imported, and not for the functions, which inherit what is left in the environment.
    os.environ["AUTH"] = "true"
    import ministack.app
    from ministack.core import iam_evaluator
    from ministack.services import lambda_svc, sts

    del os.environ["AUTH"]
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(line: dict) -> None:
        # One write for each line: threads do not get into each other's way.
        os.write(file, json.dumps(line).encode() + b"\n")

    refer_to_secrets_by_arn()
    iam_evaluator.enforce = _checked(iam_evaluator.enforce)
    sts.register_session = _named(sts.register_session, write)
    lambda_svc._execute_function_with_config_scope = _invoked(lambda_svc._execute_function_with_config_scope, write)
    ministack.app.app = _requested(ministack.app.app, write)


def _checked(enforce):
    from ministack.services.tagging import resource_tags

    def check(access_key, action, service, region, resource_arn="*", service_context=None):
        denied = enforce(access_key, action, service, region, resource_arn=resource_arn, service_context=service_context)
        found = {"action": action, "resource": resource_arn, "allowed": denied is None}
        if action.startswith("lambda:"):
            found["tags"] = resource_tags(resource_arn) or {}
        _checks.get([]).append(found)
        return denied

    return check


def _named(register_session, write):
    def register(access_key, session):
        write({"session": access_key, "arn": session["Arn"]})
        return register_session(access_key, session)

    return register


def _invoked(execute, write):
    def invoke(function, event):
        event_fields = event if isinstance(event, dict) else {}
        context = event_fields.get("requestContext", {})
        name = (function.get("config") or function)["FunctionName"]
        if "resourcePath" in context:
            method = f"{context['apiId']}/{context['stage']}/{context['httpMethod']}{context['resourcePath']}"
            write({"invoked": name, "method": method})
        elif event_fields.get("detail-type") == "Scheduled Event":
            write({"invoked": name, "rule": event_fields["resources"][0]})
        return execute(function, event)

    return invoke


def _requested(app, write):
    async def request(scope, receive, send):
        if scope["type"] != "http":
            return await app(scope, receive, send)
        checks, body, status = [], bytearray(), []
        _checks.set(checks)

        async def read():
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        async def answer(message):
            if message["type"] == "http.response.start":
                status.append(message["status"])
            await send(message)

        try:
            await app(scope, read, answer)
        finally:
            headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
            path = unquote(scope["path"])
            query = scope.get("query_string", b"").decode()
            write(
                {
                    "request": headers.get("x-amz-target") or f"{scope['method']} {path}{'?' if query else ''}{query}",
                    "key": _found(_CALLER, headers.get("authorization", "")),
                    "program": _found(_PROGRAM, headers.get("user-agent", "")),
                    "agent": _agent(bytes(body)) if _INVOCATION.search(path) else "",
                    "status": status[0] if status else 0,
                    "checks": checks,
                }
            )

    return request


def _found(pattern: re.Pattern, text: str) -> str:
    found = pattern.search(text)
    return found.group(1) if found else ""


def _agent(body: bytes) -> str:
    """Id of the agent that an event of an action group names."""
    try:
        return json.loads(body)["agent"]["id"]
    except (ValueError, TypeError, KeyError):
        return ""


def refer_to_secrets_by_arn() -> None:
    """`Ref` of a secret is its ARN. MiniStack 1.5.33 makes it the name, so that a policy for the secret allows nothing."""
    from ministack.services.cloudformation import provisioners

    handler = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
    create, update, delete = (handler[verb] for verb in ("create", "update", "delete"))

    def name_of(arn: str) -> str:
        return arn.split(":secret:")[-1][:-7] if arn.startswith("arn:") else arn

    def created(*arguments):
        _, attributes = create(*arguments)
        return attributes["Arn"], attributes

    def updated(physical_id, *arguments):
        _, attributes = update(name_of(physical_id), *arguments)
        return attributes["Arn"], attributes

    handler.update(
        create=created,
        update=updated,
        delete=lambda physical_id, properties: delete(name_of(physical_id), properties),
    )
