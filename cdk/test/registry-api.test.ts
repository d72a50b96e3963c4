import assert from "node:assert/strict";
import { test } from "node:test";
import { LOCAL, switchyard, type Synthesised } from "./support";

/** Method and path of each route, with what it wants and what answers. */
function routes(service: Synthesised): Record<string, string> {
  const methods = [...service.ofType("AWS::ApiGateway::Method")].filter(([at]) => at.startsWith("RegistryApi/"));
  return Object.fromEntries(
    methods.map(([at, { Properties: p }]) => {
      const path = at.replace("RegistryApi/Api/Default", "").split("/").slice(0, -1).join("/");
      const { Type, Uri, TimeoutInMillis } = p["Integration"] as Record<string, unknown>;
      const target = Uri === undefined ? "" : (/functions\/(.+)\/invocations$/.exec(service.text(Uri))?.[1] ?? "?");
      const calls = target === "" ? "" : ` ${target} in ${String(TimeoutInMillis)} ms`;
      return [`${String(p["HttpMethod"])} ${path}`, `${String(p["AuthorizationType"])} ${String(Type)}${calls}`];
    }),
  );
}

const FUNCTION = "AWS_PROXY {registry_api/Function.Arn} in 29000 ms";
const ALWAYS = { "POST /mcp/register": `NONE ${FUNCTION}`, "ANY /{proxy+}": `AWS_IAM ${FUNCTION}` };

test("everything wants a signature but a registration, which has a token", () => {
  assert.deepEqual(routes(switchyard().service), {
    ...ALWAYS,
    "GET /v0.1": `AWS_IAM ${FUNCTION}`,
    "GET /v0.1/{proxy+}": `AWS_IAM ${FUNCTION}`,
  });
});

test("a public registry may be read by everybody, from any web page, and nothing else may", () => {
  const { service } = switchyard({ publicRegistry: true });
  assert.deepEqual(routes(service), {
    ...ALWAYS,
    "GET /v0.1": `NONE ${FUNCTION}`,
    "OPTIONS /v0.1": "NONE MOCK",
    "GET /v0.1/{proxy+}": `NONE ${FUNCTION}`,
    "OPTIONS /v0.1/{proxy+}": "NONE MOCK",
  });
  for (const [at, { Properties: p }] of service.ofType("AWS::ApiGateway::Method")) {
    if (p["HttpMethod"] !== "OPTIONS") continue;
    const [answer] = (p["Integration"] as { IntegrationResponses: { ResponseParameters: Record<string, string> }[] })
      .IntegrationResponses;
    assert.equal(answer?.ResponseParameters["method.response.header.Access-Control-Allow-Origin"], "'*'", at);
    assert.equal(answer.ResponseParameters["method.response.header.Access-Control-Allow-Methods"], "'GET'", at);
  }
});

/** Headers of API Gateway's own answers of an API, by response type. */
function headers(settings: object, api: string): Record<string, unknown>[] {
  const all = [...switchyard({ ...settings }).service.ofType("AWS::ApiGateway::GatewayResponse")];
  return all
    .filter(([at]) => at.startsWith(`${api}/`))
    .map(([, { Properties: p }]) => p["ResponseParameters"] as Record<string, unknown>);
}

test("a web page can read why a public registry refused it", () => {
  const name = "gatewayresponse.header.Access-Control-Allow-Origin";
  for (const [settings, api, origin] of [
    [{ publicRegistry: true }, "RegistryApi", "'*'"],
    [{ publicRegistry: true }, "ChatApi", undefined],
    [{}, "RegistryApi", undefined],
  ] as const) {
    const found = headers(settings, api);
    assert.ok(found.length > 10);
    for (const one of found) assert.equal(one[name], origin, JSON.stringify(settings));
  }
});

test("those who do not sign get a quarter of the rate", () => {
  const rates = (settings: object) => {
    const { Properties: p } = switchyard({ throttleRate: 22, throttleBurst: 40, ...settings }).service.one(
      "AWS::ApiGateway::Stage",
      "RegistryApi/",
    );
    return Object.fromEntries(
      (p["MethodSettings"] as Record<string, unknown>[]).map((one) => [
        `${String(one["HttpMethod"])} ${String(one["ResourcePath"])}`,
        [one["ThrottlingRateLimit"], one["ThrottlingBurstLimit"]],
      ]),
    );
  };
  assert.deepEqual(rates({}), { "* /*": [22, 40], "POST /~1mcp~1register": [6, 10] });
  assert.deepEqual(rates({ publicRegistry: "true" }), {
    "* /*": [22, 40],
    "POST /~1mcp~1register": [6, 10],
    "GET /~1v0.1": [6, 10],
    "GET /~1v0.1~1{proxy+}": [6, 10],
  });
});

test("requests are logged without headers, where tokens are, and without bodies", () => {
  const { service } = switchyard();
  const { Properties: stage } = service.one("AWS::ApiGateway::Stage", "RegistryApi/");
  const log = stage["AccessLogSetting"] as Record<string, unknown>;
  const values = Object.values(JSON.parse(String(log["Format"])) as Record<string, string>);
  assert.ok(values.includes("$context.identity.userArn") && values.includes("$context.identity.sourceIp"));
  for (const value of values) assert.match(value, /^\$context\.[A-Za-z.]+$/);
  for (const one of stage["MethodSettings"] as Record<string, unknown>[]) {
    assert.ok(one["DataTraceEnabled"] !== true, "a trace of the data has headers and bodies in it");
  }
  assert.equal(
    service.one("AWS::Logs::LogGroup", "RegistryApi/AccessLog").Properties["LogGroupName"],
    "/aws/apigateway/switchyard-dev-registry",
  );
});

test("its stage waits for the one role by which API Gateway writes logs", () => {
  const { service } = switchyard();
  assert.equal(service.ofType("AWS::ApiGateway::Account").size, 1);
  const waits = (service.one("AWS::ApiGateway::Stage", "RegistryApi/").DependsOn ?? []).map((id) => service.path(id));
  for (const at of ["ChatApi/Api/Account", "RegistryApi/ExecutionLog"]) assert.ok(waits.includes(at), at);
});

test("the function is told the settings", () => {
  const told = (settings: object) => {
    const { service } = switchyard({ region: "us-east-1", ...settings });
    const rows = Object.entries(service.environment("registry_api"));
    return Object.fromEntries(rows.map(([name, value]) => [name, service.text(value)]));
  };
  const always = {
    STAGE: "dev",
    REGISTRY_TABLE: "MCPServerRegistry-dev",
    STATE_TABLE: "SwitchyardState-dev",
    APPROVAL_TOPIC: "{Approvals}",
    MCP_ROLE_PREFIX: "arn:aws:iam::{AWS::AccountId}:role/switchyard-mcp/dev/switchyard-dev-mcp-",
  };
  assert.deepEqual(told({}), {
    ...always,
    REGISTRATION_APPROVAL: "required",
    REGISTRATION_LIMIT: "10",
    REGISTRY_NAMESPACE: "switchyard.dev",
  });
  const settings = { registrationApproval: "auto", registrationLimit: "3", registryNamespace: "com.example" };
  assert.deepEqual(told({ ...settings, allowedNetworks: "10.0.0.0/8" }), {
    ...always,
    REGISTRATION_APPROVAL: "auto",
    REGISTRATION_LIMIT: "3",
    REGISTRY_NAMESPACE: "com.example",
    ALLOWED_NETWORKS: "10.0.0.0/8",
  });
});

test("there are no registration tokens until a person puts one in", () => {
  const secret = switchyard().service.one("AWS::SecretsManager::Secret", "RegistrationTokens").Properties;
  assert.equal(secret["Name"], "switchyard/dev/registration_tokens");
  assert.deepEqual(JSON.parse(String(secret["SecretString"])), { tokens: [] });
});

test("approvers are told by mail, over TLS alone, but on this machine", () => {
  const mails = (settings: object) =>
    [
      ...switchyard({ ...settings })
        .service.ofType("AWS::SNS::Subscription")
        .values(),
    ].map(({ Properties: p }) => [p["Protocol"], p["Endpoint"]]);
  assert.deepEqual(mails({}), []);
  assert.deepEqual(mails({ approvalEmails: "a@example.com,b@example.com" }), [
    ["email", "a@example.com"],
    ["email", "b@example.com"],
  ]);
  const { service } = switchyard();
  assert.equal(service.one("AWS::SNS::Topic").Properties["TopicName"], "switchyard-dev-approvals");
  const { Statement } = service.one("AWS::SNS::TopicPolicy").Properties["PolicyDocument"] as {
    Statement: Record<string, unknown>[];
  };
  assert.deepEqual(
    Statement.map(({ Effect, Condition }) => [Effect, Condition]),
    [["Deny", { Bool: { "aws:SecureTransport": "false" } }]],
  );
  assert.equal(switchyard(LOCAL).service.ofType("AWS::SNS::TopicPolicy").size, 0);
});
