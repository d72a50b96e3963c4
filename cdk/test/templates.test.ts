/** What holds for every kind of deployment, whatever is added to it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_TOKENS } from "../constructs/registration-tokens";
import { switchyard, type Resource } from "./support";
import { VARIANTS } from "./variants";

/** All resources of a type, in all kinds of deployment, by kind and path. */
function everywhere(type: string): readonly (readonly [at: string, resource: Resource])[] {
  const found = Object.entries(VARIANTS).flatMap(([name, settings]) =>
    Object.values(switchyard(settings)).flatMap((stack) =>
      [...stack.ofType(type)].map(([at, resource]): [string, Resource] => [`${name}: ${at}`, resource]),
    ),
  );
  assert.ok(found.length >= Object.keys(VARIANTS).length, `${found.length} of ${type}`);
  return found;
}

test("logs are kept for a month, and go with their stack", () => {
  for (const [at, { Properties: p, DeletionPolicy }] of everywhere("AWS::Logs::LogGroup")) {
    assert.equal(p["RetentionInDays"], 30, at);
    assert.equal(DeletionPolicy, "Delete", at);
  }
});

test("every function logs to a group of ours, is traced, and is told its memory and time", () => {
  for (const [at, { Properties: p }] of everywhere("AWS::Lambda::Function")) {
    assert.ok((p["LoggingConfig"] as Record<string, unknown> | undefined)?.["LogGroup"], at);
    assert.deepEqual(p["TracingConfig"], { Mode: "Active" }, at);
    assert.ok(Number(p["MemorySize"]) > 0 && Number(p["Timeout"]) > 0, at);
  }
});

test("what is stored is encrypted, and point-in-time recovery is on", () => {
  for (const [at, { Properties: p }] of everywhere("AWS::DynamoDB::Table")) {
    assert.deepEqual(p["SSESpecification"], { SSEEnabled: true }, at);
    assert.deepEqual(p["PointInTimeRecoverySpecification"], { PointInTimeRecoveryEnabled: true }, at);
  }
});

test("no template carries the value of a secret, or has CloudFormation fill one in", () => {
  for (const [name, settings] of Object.entries(VARIANTS)) {
    for (const { template } of Object.values(switchyard(settings))) {
      // The one value that is written down is an empty list.
      const text = JSON.stringify(template.toJSON()).replaceAll(`"SecretString":${JSON.stringify(NO_TOKENS)}`, "");
      assert.doesNotMatch(text, /\{\{resolve:|"SecretString"/, name);
    }
  }
});

/** Routes without a signature: the function checks a token, the setting publicRegistry opened them, or nothing is called. */
const UNSIGNED = [
  /: RegistryApi\/Api\/Default\/mcp\/register\/POST$/,
  /^bedrock-settings: RegistryApi\/Api\/Default\/v0\.1\/(\{proxy\+\}\/)?(GET|OPTIONS)$/,
];

test("every door to a function from outside AWS wants a signature, but those that are meant for others", () => {
  for (const [at, { Properties: p }] of everywhere("AWS::ApiGateway::Method")) {
    const expected = UNSIGNED.some((route) => route.test(at)) ? "NONE" : "AWS_IAM";
    assert.equal(p["AuthorizationType"], expected, at);
    if (at.endsWith("/OPTIONS")) assert.equal((p["Integration"] as { Type: string }).Type, "MOCK", at);
  }
  for (const settings of Object.values(VARIANTS)) {
    const { service } = switchyard(settings);
    for (const [at, { Properties: p }] of service.ofType("AWS::Lambda::Url"))
      assert.equal(p["AuthType"], "AWS_IAM", at);
    for (const [at, { Properties: p }] of service.ofType("AWS::Lambda::Permission")) {
      assert.notEqual(p["Principal"], "*", at);
      assert.ok(p["SourceArn"] !== undefined || typeof p["Principal"] === "object", `${at}: a service for anybody`);
    }
  }
});
