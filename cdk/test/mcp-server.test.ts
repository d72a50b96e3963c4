/** The construct by which other teams' stacks register their servers: what each kind makes, and what it refuses to write. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Duration, SecretValue, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { McpServer } from "../constructs/mcp-server";
import type { McpServerProps } from "../constructs/mcp-server-props";
import { complaints, nag } from "./nag";
import { Synthesised, app } from "./support";

const TYPE = "Custom::SwitchyardMcpServer";
const REGISTRATION = "arn:aws:lambda:eu-west-1:{AWS::AccountId}:function:switchyard-dev-registration";
const TOOLS = [
  {
    name: "get_city",
    description: "Finds one.",
    inputSchema: { type: "object", properties: { city: { type: "string" } }, required: ["city"], maxProperties: 3 },
    annotations: { readOnlyHint: true },
    _meta: { "switchyard/http": { method: "GET", path: "/cities/{city}" } },
  },
];

/** A stack of another team, and a function in it. */
function theirs(): { stack: Stack; fn: lambda.Function } {
  const stack = new Stack(app(), "Cities", { env: { region: "eu-west-1" } });
  return { stack, fn: serverFunction(stack, "exports.handler = async () => ({});") };
}

function serverFunction(stack: Stack, code: string): lambda.Function {
  return new lambda.Function(stack, "Fn", {
    runtime: lambda.Runtime.NODEJS_22_X,
    handler: "index.handler",
    code: lambda.Code.fromInline(code),
  });
}

type Given = Partial<McpServerProps>;
const server = (stack: Stack, props: Given) =>
  new McpServer(stack, "Server", { stage: "dev", serverId: "cities", ...props });

/** A stack with a server that is there already. */
function existing(props: Given = {}): Synthesised {
  const { stack } = theirs();
  server(stack, { endpointUrl: "https://cities.test/api", ...props });
  return new Synthesised(stack);
}

/** A stack with a function that is made a server. */
function made(props: Given = {}): Synthesised {
  const { stack, fn } = theirs();
  server(stack, { serverFunction: fn, ...props });
  return new Synthesised(stack);
}

const parsed = (value: unknown): unknown => JSON.parse(String(value));
const waitsFor = (synthesised: Synthesised) =>
  (synthesised.one(TYPE).DependsOn ?? []).map((id) => synthesised.path(id));

test("a server that is there is registered in the words of the registry", () => {
  const synthesised = existing({
    serverName: "Cities",
    version: "2.1.0",
    description: "Knows cities.",
    authenticationType: "api_key",
    apiKeyHeader: "X-Cities-Key",
    availableTools: TOOLS,
    status: "maintenance",
    healthCheckUrl: "https://cities.test/health",
    healthCheckInterval: Duration.minutes(5),
    configuration: { read_only_tools: ["get_city"] },
    metadata: { team: "maps", tier: 1 },
    fingerprint: "3",
  });
  const { ServiceToken, AvailableTools, Configuration, Metadata, ...rest } = synthesised.one(TYPE).Properties;
  assert.equal(synthesised.text(ServiceToken), REGISTRATION);
  assert.deepEqual(parsed(AvailableTools), TOOLS);
  assert.deepEqual(parsed(Configuration), { read_only_tools: ["get_city"] });
  assert.deepEqual(parsed(Metadata), { team: "maps", tier: 1 });
  assert.deepEqual(rest, {
    ServiceTimeout: "120",
    ServerId: "cities",
    ServerName: "Cities",
    Description: "Knows cities.",
    Version: "2.1.0",
    EndpointUrl: "https://cities.test/api",
    ProtocolType: "jsonrpc",
    AuthenticationType: "api_key",
    ApiKeyHeader: "X-Cities-Key",
    Status: "maintenance",
    HealthCheckUrl: "https://cities.test/health",
    HealthCheckInterval: "300",
    DeploymentStack: "Cities",
    DeploymentRegion: "eu-west-1",
    Fingerprint: "3",
  });
});

test("what is left out is the registry's default, and nothing is made beside the entry", () => {
  const synthesised = existing();
  const { ServiceToken, ...rest } = synthesised.one(TYPE).Properties;
  assert.ok(ServiceToken);
  assert.deepEqual(rest, {
    ServiceTimeout: "120",
    ServerId: "cities",
    ServerName: "cities",
    Version: "1.0.0",
    EndpointUrl: "https://cities.test/api",
    ProtocolType: "jsonrpc",
    AuthenticationType: "none",
    Status: "active",
    DeploymentStack: "Cities",
    DeploymentRegion: "eu-west-1",
  });
  const others = Object.keys(synthesised.resources).filter((id) => !synthesised.path(id).startsWith("Fn"));
  assert.equal(others.length, 1, "the entry alone");
});

test("the key of a server that is there is kept in its secret before it is registered", () => {
  const apiKey = SecretValue.ssmSecure("/cities/key");
  const synthesised = existing({ authenticationType: "api_key", apiKey });
  const { Properties: secret } = synthesised.one("AWS::SecretsManager::Secret");
  assert.equal(secret["Name"], "switchyard/dev/mcp/cities/api_key");
  assert.match(String(secret["SecretString"]), /^\{\{resolve:ssm-secure:\/cities\/key/);
  assert.ok(waitsFor(synthesised).includes("Server/ApiKey"));
});

test("settings of OAuth and of signatures travel in the configuration", () => {
  const oauth = { tokenUrl: "https://id.test/token", scope: "cities", audience: "https://cities.test" };
  const { Properties: p } = existing({
    authenticationType: "oauth",
    oauth,
    configuration: { environment_argument: "environment" },
  }).one(TYPE);
  assert.equal(p["AuthenticationType"], "oauth");
  assert.deepEqual(parsed(p["Configuration"]), {
    environment_argument: "environment",
    oauth: { token_url: "https://id.test/token", scope: "cities", audience: "https://cities.test" },
  });
  const signedFor = { service: "execute-api", region: "eu-west-1" };
  const signed = existing({ authenticationType: "iam", signedFor }).one(TYPE).Properties;
  assert.deepEqual(parsed(signed["Configuration"]), { aws_auth: signedFor });
  assert.equal(existing({ authenticationType: "iam" }).one(TYPE).Properties["Configuration"], undefined);
});

test("requests are signed under a role of the server's own, which gets the rights that its owner gives it", () => {
  const { stack } = theirs();
  const { role } = server(stack, {
    endpointUrl: "https://a.execute-api.eu-west-1.amazonaws.com/",
    authenticationType: "iam",
  });
  const resources = ["arn:aws:execute-api:eu-west-1:111122223333:a/*/POST/mcp"];
  role?.addToPrincipalPolicy(new iam.PolicyStatement({ actions: ["execute-api:Invoke"], resources }));
  const synthesised = new Synthesised(stack);
  const { Properties: p } = synthesised.one("AWS::IAM::Role", "Server/");
  assert.equal(p["RoleName"], "switchyard-dev-mcp-cities");
  assert.equal(p["Path"], "/switchyard-mcp/dev/");
  const { Statement } = p["AssumeRolePolicyDocument"] as { Statement: { Principal: { AWS: unknown } }[] };
  assert.deepEqual(
    Statement.map(({ Principal }) => synthesised.text(Principal.AWS)),
    ["arn:aws:iam::{AWS::AccountId}:root"],
  );
  assert.equal(p["ManagedPolicyArns"], undefined);
  assert.ok(
    waitsFor(synthesised).includes("Server/Role/DefaultPolicy"),
    "the rights are there before the first request",
  );
});

test("a function that is invoked is tagged and named by its ARN, in whichever language it is written", () => {
  const synthesised = made();
  const { Properties: p } = synthesised.one(TYPE);
  assert.equal(synthesised.text(p["EndpointUrl"]), "{Fn.Arn}");
  assert.equal(p["AuthenticationType"], "none");
  assert.deepEqual(synthesised.one("AWS::Lambda::Function").Properties["Tags"], [
    { Key: "switchyard-mcp", Value: "dev" },
  ]);
  assert.deepEqual(waitsFor(synthesised).sort(), ["Fn", "Fn/LogGroup", "Fn/ServiceRole"]);
});

test("an alias is called, and its function is tagged", () => {
  const { stack, fn } = theirs();
  const alias = fn.addAlias("live") as lambda.IAlias;
  server(stack, { serverFunction: alias });
  const synthesised = new Synthesised(stack);
  assert.equal(synthesised.text(synthesised.one(TYPE).Properties["EndpointUrl"]), "{Fn/Aliaslive}");
  assert.deepEqual(synthesised.one("AWS::Lambda::Function").Properties["Tags"], [
    { Key: "switchyard-mcp", Value: "dev" },
  ]);
  assert.match(String(synthesised.one(TYPE).Properties["Fingerprint"]), /^[0-9a-f]{64}$/);
});

test("tools are asked for again when the code changes, unless they are given", () => {
  const fingerprint = (code: string, props: Given = {}) => {
    const { stack } = { stack: new Stack(app(), "Cities") };
    server(stack, { serverFunction: serverFunction(stack, code), ...props });
    return new Synthesised(stack).one(TYPE).Properties["Fingerprint"];
  };
  assert.match(String(fingerprint("a")), /^[0-9a-f]{64}$/);
  assert.equal(fingerprint("a"), fingerprint("a"));
  assert.notEqual(fingerprint("a"), fingerprint("b"));
  assert.equal(fingerprint("a", { fingerprint: "mine" }), "mine");
  assert.equal(fingerprint("a", { availableTools: TOOLS }), undefined);
  const { stack } = theirs();
  const arn = "arn:aws:lambda:eu-west-1:111122223333:function:theirs";
  server(stack, { serverFunction: lambda.Function.fromFunctionArn(stack, "Imported", arn) });
  assert.equal(new Synthesised(stack).one(TYPE).Properties["Fingerprint"], undefined);
});

test("a function URL wants signatures, and the role may give them and do nothing else", () => {
  const synthesised = made({ route: "functionUrl" });
  const { Properties: p } = synthesised.one(TYPE);
  assert.equal(synthesised.text(p["EndpointUrl"]), "{Server/Url.FunctionUrl}");
  assert.equal(p["AuthenticationType"], "iam");
  assert.equal(synthesised.one("AWS::Lambda::Url").Properties["AuthType"], "AWS_IAM");
  assert.equal(synthesised.one("AWS::Lambda::Function").Properties["Tags"], undefined, "nobody invokes it");
  const { Statement } = synthesised.one("AWS::IAM::Policy", "Server/Role/").Properties["PolicyDocument"] as {
    Statement: { Action: string; Resource: unknown; Condition: unknown }[];
  };
  assert.deepEqual(
    Statement.map(({ Action, Resource, Condition }) => [Action, synthesised.text(Resource), Condition]),
    [
      ["lambda:InvokeFunctionUrl", "{Fn.Arn}", { StringEquals: { "lambda:FunctionUrlAuthType": "AWS_IAM" } }],
      ["lambda:InvokeFunction", "{Fn.Arn}", { Bool: { "lambda:InvokedViaFunctionUrl": true } }],
    ],
  );
  for (const at of ["Fn", "Server/Url", "Server/Role", "Server/Role/DefaultPolicy"]) {
    assert.ok(waitsFor(synthesised).includes(at), at);
  }
  assert.equal(synthesised.ofType("AWS::Lambda::Permission").size, 0);
});

test("a function URL is open to anybody only if that is asked for", () => {
  const synthesised = made({ route: "functionUrl", authenticationType: "none", allowOrigins: ["https://maps.test"] });
  const { AuthType, Cors } = synthesised.one("AWS::Lambda::Url").Properties;
  assert.equal(AuthType, "NONE");
  const { AllowOrigins, AllowHeaders } = Cors as Record<string, readonly string[]>;
  assert.deepEqual(AllowOrigins, ["https://maps.test"]);
  assert.ok(AllowHeaders?.includes("MCP-Protocol-Version"));
  assert.equal(synthesised.one(TYPE).Properties["AuthenticationType"], "none");
  const permissions = [...synthesised.ofType("AWS::Lambda::Permission")];
  assert.ok(permissions.every(([, { Properties: p }]) => p["Principal"] === "*"));
  for (const [at] of permissions) assert.ok(waitsFor(synthesised).includes(at), at);
  assert.equal(synthesised.ofType("AWS::IAM::Role").size, 1, "only the function's");
});

test("a REST API wants a key at POST /mcp, and tells its health without one", () => {
  const synthesised = made({ route: "restApi" });
  const { Properties: p } = synthesised.one(TYPE);
  const api =
    "https://{Server/RestApi/Api}.execute-api.eu-west-1.{AWS::URLSuffix}/{Server/RestApi/Api/DeploymentStage.dev}";
  assert.equal(synthesised.text(p["EndpointUrl"]), `${api}/mcp`);
  assert.equal(synthesised.text(p["HealthCheckUrl"]), `${api}/health`);
  assert.equal(p["AuthenticationType"], "api_key");
  const methods = [...synthesised.ofType("AWS::ApiGateway::Method").values()].map(({ Properties: m }) => m);
  assert.deepEqual(
    methods.map((m) => [m["HttpMethod"], m["ApiKeyRequired"], m["AuthorizationType"]]),
    [
      ["POST", true, "NONE"],
      ["GET", undefined, "NONE"],
    ],
  );
  assert.deepEqual(synthesised.one("AWS::ApiGateway::RestApi").Properties["EndpointConfiguration"], {
    Types: ["REGIONAL"],
  });
  const { AccessLogSetting, MethodSettings } = synthesised.one("AWS::ApiGateway::Stage").Properties;
  assert.ok(AccessLogSetting);
  const [{ ThrottlingRateLimit, ThrottlingBurstLimit }] = MethodSettings as [Record<string, unknown>];
  assert.deepEqual([ThrottlingRateLimit, ThrottlingBurstLimit], [20, 40]);
});

test("the key of a REST API is the one in the secret, and there is no other copy of it", () => {
  const synthesised = made({ route: "restApi" });
  const { Properties: secret } = synthesised.one("AWS::SecretsManager::Secret");
  assert.equal(secret["Name"], "switchyard/dev/mcp/cities/api_key");
  assert.equal(secret["SecretString"], undefined);
  const { Properties: key } = synthesised.one("AWS::ApiGateway::ApiKey");
  assert.equal(synthesised.text(key["Value"]), "{{resolve:secretsmanager:{Server/RestApi/ApiKey}:SecretString:::}}");
  const { Properties: planKey } = synthesised.one("AWS::ApiGateway::UsagePlanKey");
  assert.equal(synthesised.text(planKey["KeyId"]), "{Server/RestApi/UsageKey}");
  for (const at of ["ApiKey", "UsageKey", "Api/DeploymentStage.dev", "Api/Default/mcp/POST"]) {
    assert.ok(waitsFor(synthesised).includes(`Server/RestApi/${at}`), at);
  }
  assert.ok(waitsFor(synthesised).some((at) => at.startsWith("Server/RestApi/Api/UsagePlan/UsagePlanKeyResource")));
});

test("web pages are let in by origin, with the headers of MCP", () => {
  assert.equal(made({ route: "restApi" }).ofType("AWS::ApiGateway::GatewayResponse").size, 0);
  const open = made({ route: "restApi", allowOrigins: ["*"], throttleRate: 5, throttleBurst: 6 });
  const methods = [...open.ofType("AWS::ApiGateway::Method").values()].map(({ Properties: p }) => p);
  const options = methods.find((p) => p["HttpMethod"] === "OPTIONS");
  const said = JSON.stringify(options);
  for (const word of ["X-API-Key", "MCP-Protocol-Version", "POST,OPTIONS"]) assert.ok(said.includes(word), word);
  const refusals = [...open.ofType("AWS::ApiGateway::GatewayResponse").values()].map(({ Properties: p }) => p);
  assert.deepEqual(
    refusals.map((p) => [p["ResponseType"], p["ResponseParameters"]]),
    ["DEFAULT_4XX", "DEFAULT_5XX"].map((type) => [
      type,
      { "gatewayresponse.header.Access-Control-Allow-Origin": "'*'" },
    ]),
  );
  const [settings] = open.one("AWS::ApiGateway::Stage").Properties["MethodSettings"] as [Record<string, unknown>];
  assert.deepEqual([settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]], [5, 6]);
});

test("cdk-nag has nothing against what is made, whatever the route", () => {
  for (const props of [
    { route: "invoke" },
    { route: "functionUrl" },
    { route: "restApi", allowOrigins: ["*"] },
  ] as const) {
    const { stack, fn } = theirs();
    const made = server(stack, { serverFunction: fn, ...props });
    new Synthesised(stack);
    assert.deepEqual(complaints(nag(made)), [], props.route);
  }
});

test("whoever is granted to invoke gets what the registry itself needs", () => {
  const granted = (props: (fn: lambda.Function) => Given) => {
    const { stack, fn } = theirs();
    const caller = new iam.Role(stack, "Caller", { assumedBy: new iam.AccountRootPrincipal() });
    server(stack, props(fn)).grantInvoke(caller);
    const synthesised = new Synthesised(stack);
    const policies = [...synthesised.ofType("AWS::IAM::Policy")].filter(([at]) => at.startsWith("Caller/"));
    return policies.flatMap(([, { Properties: p }]) =>
      (p["PolicyDocument"] as { Statement: { Action: unknown }[] }).Statement.map(({ Action }) => Action),
    );
  };
  assert.deepEqual(
    granted((fn) => ({ serverFunction: fn })),
    ["lambda:InvokeFunction"],
  );
  assert.deepEqual(
    granted((fn) => ({ serverFunction: fn, route: "functionUrl" })),
    ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"],
  );
  assert.deepEqual(
    granted((fn) => ({ serverFunction: fn, route: "functionUrl", authenticationType: "none" })),
    [],
  );
  const read = [["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]];
  assert.deepEqual(
    granted((fn) => ({ serverFunction: fn, route: "restApi" })),
    read,
  );
  const arn = "arn:aws:lambda:eu-west-1:111122223333:function:theirs";
  assert.deepEqual(
    granted(() => ({ endpointUrl: arn })),
    ["lambda:InvokeFunction"],
  );
  assert.throws(() => granted(() => ({ endpointUrl: "https://cities.test/" })), /who may call .* is not decided here/);
});

test("what the registration tells is to be had, and so are the server's metrics", () => {
  const { stack } = theirs();
  const it = server(stack, { endpointUrl: "https://cities.test/mcp" });
  const resolve = (value: unknown) => new Synthesised(stack).text(stack.resolve(value));
  assert.equal(resolve(it.serverId), "{Server/Resource.ServerID}");
  assert.equal(resolve(it.version), "{Server/Resource.Version}");
  assert.equal(resolve(it.mcpVersion), "{Server/Resource.McpVersion}");
  assert.equal(resolve(it.toolCount), "{Server/Resource.ToolCount}");
  assert.equal(it.url, "https://cities.test/mcp");
  assert.equal(it.endpointUrl, it.url);
  const metric = it.metricResponseTime({ period: Duration.minutes(1) });
  assert.equal(metric.namespace, "MCPRegistry/Health");
  assert.equal(metric.metricName, "ResponseTime");
  assert.equal(metric.period.toSeconds(), 60);
  assert.equal(it.metricServerHealth().statistic, "Minimum");
  assert.deepEqual(it.metricServerHealth().dimensions, { Stage: "dev", ServerId: "cities" });
});

test("what cannot be is told when it is written", () => {
  const oauth = { tokenUrl: "https://id.test/token" };
  const arn = "arn:aws:lambda:eu-west-1:111122223333:function:theirs";
  const fn = {};
  const wrong: readonly (readonly [Given & { fn?: object }, RegExp])[] = [
    [{}, /McpServer "cities": give endpointUrl or serverFunction/],
    [{ fn, endpointUrl: arn }, /endpointUrl is for a server that is there/],
    [{ endpointUrl: "ftp://cities.test" }, /endpointUrl is "ftp:\/\/cities.test"; allowed: an https URL or the ARN/],
    [{ endpointUrl: arn, protocolType: "rest", availableTools: TOOLS }, /protocolType rest needs a URL/],
    [{ endpointUrl: arn, authenticationType: "iam" }, /authenticationType iam needs a URL/],
    [{ endpointUrl: "https://c.test", route: "restApi" }, /route needs serverFunction/],
    [{ endpointUrl: "https://c.test", allowOrigins: ["*"] }, /allowOrigins needs serverFunction/],
    [{ endpointUrl: "https://c.test", protocolType: "graphql" }, /protocolType graphql needs availableTools/],
    [{ endpointUrl: "https://c.test", authenticationType: "oauth" }, /authenticationType oauth needs oauth/],
    [{ endpointUrl: "https://c.test", oauth }, /oauth needs authenticationType oauth/],
    [{ endpointUrl: "https://c.test", apiKeyHeader: "X-Key" }, /apiKeyHeader needs authenticationType api_key/],
    [{ fn, authenticationType: "api_key" }, /authenticationType api_key needs a URL/],
    [{ fn, protocolType: "graphql", availableTools: TOOLS }, /protocolType graphql needs a URL/],
    [{ fn, allowOrigins: ["*"] }, /allowOrigins needs the route functionUrl or restApi/],
    [{ fn, route: "functionUrl", authenticationType: "oauth", oauth }, /oauth is for a server that is there/],
    [{ fn, route: "functionUrl", authenticationType: "api_key" }, /allowed with the route functionUrl: iam, none/],
    [{ fn, route: "functionUrl", throttleRate: 1 }, /throttleRate needs the route restApi/],
    [{ fn, route: "restApi", authenticationType: "none" }, /allowed with the route restApi: api_key/],
    [{ fn, route: "restApi", protocolType: "rest", availableTools: TOOLS }, /needs the route functionUrl/],
    [{ fn, route: "functionUrl", serverId: "c".repeat(50) }, /would be longer than 64 characters; choose a shorter/],
    [{ fn, serverId: "Cities" }, /serverId is "Cities"; allowed: 1 to 63 of/],
    [{ fn, stage: "Dev Stage" }, /stage is "Dev Stage"; allowed: the stage of/],
    [{ fn, version: "v2" }, /version is "v2"; allowed: a semantic version such as 1.4.0/],
    [{ fn, healthCheckInterval: Duration.seconds(59) }, /healthCheckInterval is 59 seconds; allowed: 60 to 86400/],
    [{ fn, healthCheckInterval: Duration.days(2) }, /healthCheckInterval is 2 days; allowed: 60 to 86400/],
  ];
  for (const [{ fn: wanted, ...props }, problem] of wrong) {
    const { stack, fn: serverFunction } = theirs();
    assert.throws(() => server(stack, wanted === undefined ? props : { serverFunction, ...props }), problem);
  }
});
