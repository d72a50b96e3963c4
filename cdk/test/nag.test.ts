/** cdk-nag has nothing against any kind of deployment, and each acknowledgement does what it says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ArnFormat, Stack, Validations } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import { acknowledge, acknowledgeWildcard } from "../acknowledge";
import { complaints, nag } from "./nag";
import { app, stack } from "./support";
import { variants } from "./variants";

for (const { name, nag: result } of variants()) {
  test(`${name}: every finding is acknowledged, and every acknowledgement has its finding`, () => {
    assert.deepEqual(complaints(result), []);
    // The same rows, each once: what is found was silenced by its own acknowledgement and by nothing else.
    assert.deepEqual(result.acknowledged.map(({ finding }) => finding).sort(), [...result.found].sort());
    const packs = new Set([...result.found].map((finding) => finding.split("-")[0]));
    assert.deepEqual([...packs].sort(), ["AwsSolutions", "Serverless"], "both packs ran");
  });

  test(`${name}: every acknowledgement stands at one resource and gives a reason`, () => {
    for (const { finding, reason, narrow } of result.acknowledged) {
      assert.ok(narrow, finding);
      assert.match(reason, /^[A-Z].{30,}\.$/, finding);
    }
  });
}

/** A role that may do something with a wildcard, in a stack of its own. */
function role(resourceArn: (stack: Stack) => string, here = stack()): iam.Role {
  const assumedBy = new iam.ServicePrincipal("lambda.amazonaws.com");
  const made = new iam.Role(here, "Role", { assumedBy });
  const statement = new iam.PolicyStatement({ actions: ["sns:Publish"], resources: [resourceArn(here)] });
  made.attachInlinePolicy(new iam.Policy(here, "Policy", { statements: [statement] }));
  return made;
}

const TOPICS = (here: Stack): string => here.formatArn({ service: "sns", resource: "on-call-*" });
const FINDING =
  "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:sns:<AWS::Region>:<AWS::AccountId>:on-call-*] at Test/Policy/Resource";
const policyOf = (made: iam.Role) => Stack.of(made).node.findChild("Policy");

test("a finding that is not acknowledged is told, with its rule and its resource", () => {
  const told = complaints(nag(Stack.of(role(() => "*"))));
  assert.equal(told.length, 1);
  assert.match(told[0] ?? "", /^AwsSolutions-IAM5\[Resource::\*\] at Test\/Policy\/Resource: The IAM entity contains/);
});

test("an acknowledged wildcard is still found, and no longer told", () => {
  const made = role(TOPICS);
  assert.match(complaints(nag(Stack.of(made))).join(), /^AwsSolutions-IAM5/);
  acknowledgeWildcard(policyOf(made), TOPICS(Stack.of(made)), "Any topic of those on call.");
  const result = nag(Stack.of(made));
  assert.deepEqual(complaints(result), []);
  assert.deepEqual([...result.found], [FINDING]);
  assert.deepEqual(result.acknowledged, [{ finding: FINDING, reason: "Any topic of those on call.", narrow: true }]);
});

test("an acknowledged wildcard of a stack with account and region is named by them", () => {
  const here = new Stack(app(), "Test", { env: { account: "111122223333", region: "eu-west-1" } });
  const made = role(TOPICS, here);
  acknowledgeWildcard(policyOf(made), TOPICS(here), "Any topic of those on call.");
  const result = nag(here);
  assert.deepEqual(complaints(result), []);
  assert.match([...result.found].join(), /Resource::arn:aws:sns:eu-west-1:111122223333:on-call-\*/);
});

test("an acknowledgement silences neither another wildcard, nor another resource", () => {
  const made = role(TOPICS);
  acknowledgeWildcard(policyOf(made), "*", "Another one.");
  acknowledgeWildcard(made, TOPICS(Stack.of(made)), "The role has no policy in itself.");
  const told = complaints(nag(Stack.of(made))).map((line) => line.split(": ")[0]);
  assert.deepEqual(told, [
    FINDING,
    FINDING.replace("Policy/Resource", "Role/Resource"),
    "AwsSolutions-IAM5[Resource::*] at Test/Policy/Resource",
  ]);
});

test("an acknowledgement without its finding is told", () => {
  const made = role(() => "arn:aws:sns:eu-west-1:111122223333:on-call");
  acknowledge(made, "AwsSolutions-IAM4[Policy::ReadOnlyAccess]", "Was needed once.");
  assert.deepEqual(complaints(nag(Stack.of(made))), [
    "AwsSolutions-IAM4[Policy::ReadOnlyAccess] at Test/Role/Resource: " +
      "acknowledged, but cdk-nag finds no such thing there any more: remove it",
  ]);
});

test("an acknowledgement for a whole stack silences cdk-nag, but is told to match nothing", () => {
  const made = role(() => "*");
  Validations.of(Stack.of(made)).acknowledge({ id: "AwsSolutions-IAM5[Resource::*]", reason: "Everything here." });
  const result = nag(Stack.of(made));
  assert.deepEqual([...result.reported], []);
  assert.match(complaints(result).join(), /^AwsSolutions-IAM5\[Resource::\*\] at Test: acknowledged, but/);
});

test("an ARN that cannot be named is a fault of ours", () => {
  const made = role(TOPICS);
  const split = Stack.of(made).splitArn(made.roleArn, ArnFormat.SLASH_RESOURCE_NAME).resourceName ?? "";
  assert.throws(() => {
    acknowledgeWildcard(made, split, "-");
  }, /no name for the finding about/);
});
