import assert from "node:assert/strict";
import { test } from "node:test";
import { Stack } from "aws-cdk-lib";
import * as lambda from "aws-cdk-lib/aws-lambda";
import {
  McpServerRegistration,
  type McpAuthentication,
  type McpServerRegistrationProps,
} from "../constructs/mcp-server-registration";
import { Synthesised, app, stack, switchyard } from "./support";

const TYPE = "Custom::SwitchyardMcpServer";
const REGISTRATION = "arn:aws:lambda:eu-west-1:{AWS::AccountId}:function:switchyard-dev-registration";

test("the pipelines server is registered like any other", () => {
  const { service } = switchyard({ region: "eu-west-1" });
  const { Properties: p } = service.one(TYPE);
  const { ServiceToken, EndpointUrl, Fingerprint, ...rest } = p;
  assert.equal(service.text(ServiceToken), REGISTRATION);
  assert.equal(service.text(EndpointUrl), "{Pipelines/pipelines/Function.Arn}");
  assert.match(String(Fingerprint), /^[0-9a-f]{64}$/);
  assert.deepEqual(rest, {
    ServiceTimeout: "120",
    ServerId: "pipelines",
    ServerName: "Pipelines",
    Description: "Starts GitLab pipelines and tells their status.",
    Version: "0.1.0",
    ProtocolType: "jsonrpc",
    AuthenticationType: "none",
    Configuration: '{"environment_argument":"environment","status_tool":"get_pipeline_status"}',
    Status: "active",
    DeploymentStack: "Switchyard-dev-service",
    DeploymentRegion: "eu-west-1",
  });
  const tags = service.one("AWS::Lambda::Function", "Pipelines/").Properties["Tags"];
  assert.deepEqual(tags, [{ Key: "switchyard-mcp", Value: "dev" }]);
});

test("none of our handlers carries the tag of an MCP server", () => {
  for (const [at, { Properties: p }] of switchyard().service.ofType("AWS::Lambda::Function")) {
    assert.equal(JSON.stringify(p["Tags"] ?? []).includes("switchyard-mcp"), at.startsWith("Pipelines/"), at);
  }
});

test("it is registered when it can answer and be reached", () => {
  const { service } = switchyard();
  const waits = (service.one(TYPE).DependsOn ?? []).map((id) => service.path(id));
  for (const at of [
    "registration/Function",
    "registration/Role/DefaultPolicy",
    "Pipelines/pipelines/Function",
    "Pipelines/pipelines/Role/DefaultPolicy",
    "Pipelines/GitLabToken",
    "Pipelines/ApiKey",
  ]) {
    assert.ok(waits.includes(at), at);
  }
});

test("Lambda does not try a registration again that CloudFormation has given up", () => {
  const { service } = switchyard();
  const { Properties: p } = service.one("AWS::Lambda::EventInvokeConfig");
  assert.equal(service.text(p["FunctionName"]), "{registration/Function}");
  assert.equal(String(p["MaximumEventAgeInSeconds"]), service.one(TYPE).Properties["ServiceTimeout"]);
});

test("its HTTP face wants a signature, and its secrets begin with random values", () => {
  const { service } = switchyard();
  assert.equal(service.one("AWS::Lambda::Url").Properties["AuthType"], "AWS_IAM");
  const secrets = [...service.ofType("AWS::SecretsManager::Secret").values()].map(({ Properties: p }) => p);
  assert.deepEqual(
    secrets.map((secret) => secret["Name"]),
    ["switchyard/dev/gitlab_token", "switchyard/dev/mcp/pipelines/api_key"],
  );
  for (const secret of secrets) {
    const { ExcludeCharacters: excluded } = secret["GenerateSecretString"] as { ExcludeCharacters: string };
    for (let code = 0x21; code < 0x7f; code++) {
      const character = String.fromCharCode(code);
      assert.equal(excluded.includes(character), !/[A-Za-z0-9]/.test(character), character);
    }
    assert.equal(secret["SecretString"], undefined);
  }
});

test("another team's stack registers an https server with tools, key and metadata", () => {
  const theirs = new Stack(app(), "Billing", { env: { region: "eu-west-1" } });
  const tools = [{ name: "invoice", description: "Finds one.", inputSchema: { type: "object", maxProperties: 3 } }];
  new McpServerRegistration(theirs, "Registration", {
    stage: "dev",
    serverId: "billing",
    version: "2.1.0",
    endpoint: { url: "https://billing.test/mcp" },
    authentication: { type: "api_key", apiKeyHeader: "X-Api-Key" },
    tools,
    metadata: { team: "billing", tier: 1 },
    healthCheckUrl: "https://billing.test/health",
  });
  const synthesised = new Synthesised(theirs);
  const { ServiceToken, AvailableTools, Metadata, ...rest } = synthesised.one(TYPE).Properties;
  assert.equal(synthesised.text(ServiceToken), REGISTRATION);
  assert.deepEqual(JSON.parse(String(AvailableTools)), tools);
  assert.deepEqual(JSON.parse(String(Metadata)), { team: "billing", tier: 1 });
  assert.deepEqual(rest, {
    ServiceTimeout: "120",
    ServerId: "billing",
    ServerName: "billing",
    Version: "2.1.0",
    EndpointUrl: "https://billing.test/mcp",
    ProtocolType: "jsonrpc",
    AuthenticationType: "api_key",
    ApiKeyHeader: "X-Api-Key",
    Status: "active",
    HealthCheckUrl: "https://billing.test/health",
    DeploymentStack: "Billing",
    DeploymentRegion: "eu-west-1",
  });
});

const URL = { url: "https://cities.test/api" };
const TOOLS = [
  {
    name: "get_city",
    description: "Finds one.",
    inputSchema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    annotations: { readOnlyHint: true },
    _meta: { "switchyard/http": { method: "GET", path: "/cities/{city}" } },
  },
];

test("a REST server with OAuth, and one with signed requests", () => {
  const registered = (authentication: McpAuthentication, configuration?: Record<string, unknown>) => {
    const theirs = new Stack(app(), "Cities");
    const what = { stage: "dev", serverId: "cities", version: "1.0.0", endpoint: URL, protocol: "rest" } as const;
    new McpServerRegistration(theirs, "R", {
      ...what,
      tools: TOOLS,
      authentication,
      ...(configuration === undefined ? {} : { configuration }),
    });
    return new Synthesised(theirs).one(TYPE).Properties;
  };
  const oauth = registered(
    { type: "oauth", tokenUrl: "https://id.test/token", scope: "cities", audience: "https://cities.test" },
    { environment_argument: "environment" },
  );
  assert.equal(oauth["ProtocolType"], "rest");
  assert.equal(oauth["AuthenticationType"], "oauth");
  assert.deepEqual(JSON.parse(String(oauth["AvailableTools"])), TOOLS);
  assert.deepEqual(JSON.parse(String(oauth["Configuration"])), {
    environment_argument: "environment",
    oauth: { token_url: "https://id.test/token", scope: "cities", audience: "https://cities.test" },
  });
  const signedFor = { service: "execute-api", region: "eu-west-1" };
  const iam = registered({ type: "iam", signedFor });
  assert.equal(iam["AuthenticationType"], "iam");
  assert.deepEqual(JSON.parse(String(iam["Configuration"])), { aws_auth: signedFor });
  assert.equal(registered({ type: "iam" })["Configuration"], undefined);
});

test("a protocol or authentication that the endpoint cannot have is told when it is written", () => {
  const register = (props: Partial<McpServerRegistrationProps>) => () => {
    const theirs = stack();
    const fn = lambda.Function.fromFunctionArn(theirs, "F", "arn:aws:lambda:us-east-1:123456789012:function:f");
    const what = { stage: "dev", serverId: "cities", version: "1.0.0", endpoint: fn };
    new McpServerRegistration(theirs, "R", { ...what, ...props });
  };
  assert.throws(register({ protocol: "rest", tools: TOOLS }), /protocol rest needs an endpoint with a url/);
  assert.throws(register({ protocol: "graphql", endpoint: URL }), /protocol graphql needs tools/);
  assert.throws(register({ authentication: { type: "iam" } }), /authentication iam needs an endpoint with a url/);
  assert.doesNotThrow(register({ authentication: { type: "none" } }));
});

test("what the registry would refuse is told when it is written", () => {
  const register = (props: { serverId?: string; version?: string }) => () => {
    const endpoint = { url: "https://billing.test/mcp" };
    new McpServerRegistration(stack(), "R", {
      stage: "dev",
      serverId: "billing",
      version: "1.0.0",
      endpoint,
      ...props,
    });
  };
  assert.doesNotThrow(register({}));
  assert.throws(register({ serverId: "Billing" }), /serverId is "Billing"; allowed: 1 to 63 of/);
  assert.throws(register({ version: "v2" }), /version is "v2"; allowed: a semantic version such as 1.4.0/);
});

test("another team's function is tagged, in whichever language it is written", () => {
  const theirs = new Stack(app(), "Billing");
  const endpoint = new lambda.Function(theirs, "Server", {
    runtime: lambda.Runtime.NODEJS_22_X,
    handler: "index.handler",
    code: lambda.Code.fromInline("exports.handler = async () => ({});"),
  });
  new McpServerRegistration(theirs, "Registration", { stage: "test", serverId: "billing", version: "1.0.0", endpoint });
  const synthesised = new Synthesised(theirs);
  assert.deepEqual(synthesised.one("AWS::Lambda::Function").Properties["Tags"], [
    { Key: "switchyard-mcp", Value: "test" },
  ]);
  assert.equal(synthesised.text(synthesised.one(TYPE).Properties["EndpointUrl"]), "{Server.Arn}");
});
