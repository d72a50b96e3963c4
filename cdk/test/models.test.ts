import assert from "node:assert/strict";
import { test } from "node:test";
import { readModel } from "../models";

test("an id is a foundation model's or an inference profile's", () => {
  for (const id of ["anthropic.claude-sonnet-4-5-20250929-v1:0", "deepseek.v3.2", "ai21.jamba-1-5-large-v1:0"]) {
    assert.deepEqual(readModel(id, "eu-west-1"), { id, foundationModel: id });
  }
  assert.deepEqual(readModel("global.anthropic.claude-sonnet-4-5-20250929-v1:0"), {
    id: "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
    foundationModel: "anthropic.claude-sonnet-4-5-20250929-v1:0",
    geography: "global",
  });
  assert.deepEqual(readModel("us-gov.openai.gpt-5.6-terra"), {
    id: "us-gov.openai.gpt-5.6-terra",
    foundationModel: "openai.gpt-5.6-terra",
    geography: "us-gov",
  });
});

test("an id with an unknown beginning is refused, never taken for a foundation model", () => {
  for (const id of ["mars.anthropic.claude-sonnet-4-5-20250929-v1:0", "us.claude", "claude.sonnet", "toString.x.y"]) {
    assert.match(
      readModel(id) as string,
      /^"\S+" begins neither with a geography \(global, us, us-gov, .*\) nor with a provider \(ai21, .*\); if Bedrock has it, add it in cdk\/models.ts$/,
      id,
    );
  }
});

/** Regions that a geography's profiles can be called from, and others. */
const REGIONS: readonly (readonly [geography: string, inside: readonly string[], outside: readonly string[]])[] = [
  [
    "global",
    ["us-east-1", "eu-central-1", "il-central-1", "mx-central-1", "af-south-1"],
    ["us-gov-west-1", "cn-north-1"],
  ],
  ["us", ["us-east-1", "us-west-2", "ca-central-1"], ["us-gov-west-1", "eu-west-1", "ap-northeast-1"]],
  ["us-gov", ["us-gov-east-1", "us-gov-west-1"], ["us-east-1"]],
  ["ca", ["ca-central-1", "ca-west-1"], ["us-east-1"]],
  ["eu", ["eu-west-1", "eu-central-2", "il-central-1"], ["us-east-1", "eusc-de-east-1"]],
  ["apac", ["ap-northeast-1", "ap-southeast-2", "me-central-1"], ["eu-west-1", "us-west-2"]],
  ["jp", ["ap-northeast-1", "ap-northeast-3"], ["ap-northeast-2", "us-east-1"]],
  ["au", ["ap-southeast-2", "ap-southeast-4"], ["ap-southeast-1", "eu-west-1"]],
];

for (const [geography, inside, outside] of REGIONS) {
  test(`profiles of ${geography} are called from its regions only`, () => {
    const id = `${geography}.amazon.nova-pro-v1:0`;
    for (const region of inside) {
      assert.deepEqual(readModel(id, region), { id, foundationModel: "amazon.nova-pro-v1:0", geography }, region);
    }
    for (const region of outside) assert.equal(typeof readModel(id, region), "string", region);
  });
}

test("a profile that does not fit is told with those that do", () => {
  assert.equal(
    readModel("us.amazon.nova-pro-v1:0", "ap-northeast-1"),
    '"us.amazon.nova-pro-v1:0" is an inference profile of the geography us, which cannot be called from ap-northeast-1; ' +
      "there, use one of global, apac, jp, or deploy elsewhere",
  );
  assert.match(
    readModel("us.amazon.nova-pro-v1:0", "cn-north-1") as string,
    /; there, use a model without a geography, or/,
  );
});
