import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { TITLES } from "../constructs/problem-responses";
import { LOCAL, ROOT, switchyard } from "./support";

test("POST /chat is the one route, and it wants a signature", () => {
  const { service } = switchyard();
  const { Properties: method } = service.one("AWS::ApiGateway::Method", "ChatApi/");
  assert.equal(method["HttpMethod"], "POST");
  assert.equal(method["AuthorizationType"], "AWS_IAM");
  assert.equal(service.one("AWS::ApiGateway::Resource", "ChatApi/").Properties["PathPart"], "chat");
  assert.deepEqual(service.one("AWS::ApiGateway::RestApi", "ChatApi/").Properties["EndpointConfiguration"], {
    Types: ["REGIONAL"],
  });
});

test("answers are streamed for up to 15 minutes, or buffered for up to 29 seconds", () => {
  const integration = (settings: object) => {
    const { service } = switchyard({ ...settings });
    const { Properties } = service.one("AWS::ApiGateway::Method", "ChatApi/");
    const { ResponseTransferMode, TimeoutInMillis, Uri } = Properties["Integration"] as Record<string, unknown>;
    const { Timeout: timeout } = service.one("AWS::Lambda::Function", "chat_handler/").Properties;
    const { RESPONSE_MODE: mode } = service.environment("chat_handler");
    return {
      ResponseTransferMode,
      TimeoutInMillis,
      uri: service.text(Uri).split("/").at(-1),
      mode,
      timeout,
    };
  };
  assert.deepEqual(integration({}), {
    ResponseTransferMode: "STREAM",
    TimeoutInMillis: 900_000,
    uri: "response-streaming-invocations",
    mode: "stream",
    timeout: 900,
  });
  assert.deepEqual(integration({ responseMode: "BUFFERED" }), {
    ResponseTransferMode: "BUFFERED",
    TimeoutInMillis: 29_000,
    uri: "invocations",
    mode: "buffered",
    timeout: 29,
  });
});

for (const responseMode of ["STREAM", "BUFFERED"]) {
  test(`${responseMode}: each function waits longer than the one it calls`, () => {
    const { service } = switchyard({ responseMode });
    const timeouts = ["chat_handler", "agent_invoker", "mcp_proxy", "Pipelines/pipelines"].map((at) =>
      Number(service.one("AWS::Lambda::Function", `${at}/`).Properties["Timeout"]),
    );
    assert.deepEqual(
      timeouts,
      [...new Set(timeouts)].sort((a, b) => b - a),
    );
  });
}

test("calls are throttled, traced and logged without bodies", () => {
  const { service } = switchyard({ throttleRate: 3, throttleBurst: 7 });
  const { Properties: stage } = service.one("AWS::ApiGateway::Stage", "ChatApi/");
  assert.equal(stage["TracingEnabled"], true);
  const [method] = stage["MethodSettings"] as Record<string, unknown>[];
  assert.equal(method?.["ThrottlingRateLimit"], 3);
  assert.equal(method["ThrottlingBurstLimit"], 7);
  assert.equal(method["DataTraceEnabled"], false);
  assert.equal(method["LoggingLevel"], "ERROR");
  assert.equal(method["MetricsEnabled"], false, "metrics for each method are charged, and there is one method");
  const log = stage["AccessLogSetting"] as Record<string, unknown>;
  assert.match(service.text(log["DestinationArn"]), /:log-group:\{ChatApi\/AccessLog\}$/);
  const format = JSON.parse(String(log["Format"])) as Record<string, string>;
  assert.equal(format["request_id"], "$context.requestId");
  assert.equal(format["caller"], "$context.identity.userArn");
  assert.equal(service.one("AWS::Logs::LogGroup", "ChatApi/AccessLog").Properties["RetentionInDays"], 30);
});

test("the log group that API Gateway names itself is ours before API Gateway makes it", () => {
  const { service } = switchyard();
  const { Properties: log } = service.one("AWS::Logs::LogGroup", "ChatApi/ExecutionLog");
  assert.equal(service.text(log["LogGroupName"]), "API-Gateway-Execution-Logs_{ChatApi/Api}/dev");
  assert.equal(log["RetentionInDays"], 30);
  const waits = (service.one("AWS::ApiGateway::Stage", "ChatApi/").DependsOn ?? []).map((id) => service.path(id));
  assert.ok(waits.includes("ChatApi/ExecutionLog"));
});

test("API Gateway's own errors are problem documents as ours", () => {
  const responses = [...switchyard().service.ofType("AWS::ApiGateway::GatewayResponse").values()];
  const types = new Set(responses.map(({ Properties: p }) => p["ResponseType"]));
  for (const type of ["DEFAULT_4XX", "DEFAULT_5XX", "REQUEST_TOO_LARGE", "THROTTLED", "INTEGRATION_TIMEOUT"]) {
    assert.ok(types.has(type), type);
  }
  for (const { Properties: p } of responses) {
    const type = String(p["ResponseType"]);
    const headers = p["ResponseParameters"] as Record<string, string>;
    assert.equal(headers["gatewayresponse.header.Content-Type"], "'application/problem+json'", type);
    assert.equal(headers["gatewayresponse.header.Retry-After"], type === "THROTTLED" ? "'1'" : undefined, type);
    const template = (p["ResponseTemplates"] as Record<string, string>)["application/json"] ?? "";
    const problem = JSON.parse(template) as Record<string, unknown>;
    assert.deepEqual(Object.keys(problem), ["type", "title", "status", "detail", "request_id"], type);
    assert.equal(String(problem["status"]), p["StatusCode"], type);
    assert.equal(problem["request_id"], "$context.requestId", type);
    assert.equal(template.split("$").length, 2, `${type}: a variable that API Gateway would replace`);
  }
});

test("the same status has the same title as in the handlers", () => {
  const rows = readFileSync(path.join(ROOT, "handlers", "src", "error.rs"), "utf8").matchAll(/\((\d{3}), "([^"]+)"/g);
  const theirs = new Map([...rows].map(([, status, title]) => [status, title]));
  assert.ok(theirs.size > 5);
  for (const [status, title] of Object.entries(TITLES)) assert.equal(theirs.get(status), title, status);
});

test("the stack tells where to chat and where the registry is", () => {
  const outputs = switchyard(LOCAL).service.template.toJSON()["Outputs"] as Record<string, unknown>;
  assert.deepEqual(Object.keys(outputs).sort(), [
    "ApprovalTopicArn",
    "ChatApiId",
    "ChatUrl",
    "GitLabTokenSecretName",
    "PipelinesFunctionArn",
    "PipelinesUrl",
    "RegistryApiId",
    "RegistryUrl",
  ]);
});
