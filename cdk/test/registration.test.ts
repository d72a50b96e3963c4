import assert from "node:assert/strict";
import { test } from "node:test";
import { switchyard } from "./support";

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
  const { Properties: p } = service.one("AWS::Lambda::EventInvokeConfig", "registration/");
  assert.equal(service.text(p["FunctionName"]), "{registration/Function}");
  assert.equal(String(p["MaximumEventAgeInSeconds"]), service.one(TYPE).Properties["ServiceTimeout"]);
});

test("its HTTP face wants a signature, and its secrets begin with random values", () => {
  const { service } = switchyard();
  assert.equal(service.one("AWS::Lambda::Url").Properties["AuthType"], "AWS_IAM");
  const secrets = [...service.ofType("AWS::SecretsManager::Secret")]
    .filter(([at]) => at.startsWith("Pipelines/"))
    .map(([, { Properties: p }]) => p);
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
