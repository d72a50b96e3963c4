/** `make destroy`: what it says, what it asks, what it leaves. */
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import { destroy } from "../deploy/destroy";
import { Mistake } from "../mistake";
import {
  AwsDouble,
  callerIdentity,
  queryError,
  stackResources,
  stackStatus,
  stackTemplate,
  type Answers,
  type Call,
} from "./aws-double";
import { world, type Differences } from "./deploy-world";

const isServers = ({ body }: Call): boolean => body.includes("-servers");
const isService = ({ body }: Call): boolean => body.includes("-service");
/** All stacks, as deployed. */
const DEPLOYED: Answers = {
  DescribeStacks: stackStatus("UPDATE_COMPLETE"),
  GetTemplate: (call) =>
    stackTemplate({
      Resources: isServers(call)
        ? { Time: {} }
        : isService(call)
          ? {
              Chat: {},
              Role: { DeletionPolicy: "Retain" },
              Half: { DeletionPolicy: "Retain" },
              Secret: { DeletionPolicy: "Delete" },
            }
          : { Memory: { DeletionPolicy: "Retain" }, State: { DeletionPolicy: "RetainExceptOnCreate" } },
    }),
  ListStackResources: (call) =>
    stackResources(
      isServers(call)
        ? [["Time", "AWS::Lambda::Function", "mcp-server-time"]]
        : isService(call)
          ? [
              ["Chat", "AWS::Lambda::Function", "switchyard-dev-chat_handler"],
              ["Proxy", "AWS::Lambda::Function", "switchyard-dev-mcp_proxy"],
              ["Role", "AWS::IAM::Role", "Switchyard-dev-service-CloudWatchRole-1"],
              ["Half", "AWS::IAM::Role", ""],
              ["Secret", "AWS::SecretsManager::Secret", "arn:aws:secretsmanager:x"],
            ]
          : [
              ["Memory", "AWS::DynamoDB::Table", "DeploymentMemory-dev"],
              ["State", "AWS::DynamoDB::Table", "SwitchyardState-dev"],
            ],
    ),
};
const CDK = path.join("node_modules", ".bin", "cdk");

let double: AwsDouble;
before(async () => {
  double = await AwsDouble.start();
});
after(() => {
  double.stop();
});

async function destroyed(differences: Differences = {}) {
  const made = world(differences);
  const status = await destroy(made);
  return { status, screen: made.screen(), commands: made.commands };
}

test("says what goes and what stays, asks for the stage's name, and removes all stacks", async () => {
  double.set(DEPLOYED);
  const { status, screen, commands } = await destroyed({ answers: ["dev"] });
  assert.equal(status, 0, screen);
  assert.match(
    screen,
    /Goes, for good:\n {4}3 AWS::Lambda::Function\n {4}1 AWS::SecretsManager::Secret\n {2}with the secrets the GitLab token/,
  );
  assert.match(
    screen,
    /Stays:\n {2}AWS::IAM::Role Switchyard-dev-service-CloudWatchRole-1\n {2}AWS::DynamoDB::Table DeploymentMemory-dev\n {2}AWS::DynamoDB::Table SwitchyardState-dev\n {2}the CDK bootstrap/,
  );
  assert.match(screen, /Type the name of the stage \(dev\) to destroy it: dev\n/);
  const [command, ...more] = commands;
  assert.deepEqual(command!.slice(0, 4), [CDK, "destroy", "--all", "--force"]);
  assert.ok(command!.includes("region=eu-central-1"));
  assert.deepEqual(more, []);
  const after = screen.slice(screen.indexOf("Stage dev is gone"));
  for (const table of ["DeploymentMemory-dev", "MCPServerRegistry-dev", "SwitchyardState-dev"]) {
    assert.ok(
      after.includes(`update-table --region eu-central-1 --table-name ${table} --no-deletion-protection-enabled`),
    );
    assert.ok(after.includes(`delete-table --region eu-central-1 --table-name ${table}`));
  }
  assert.ok(after.includes("aws iam delete-role --role-name Switchyard-dev-service-CloudWatchRole-1"));
});

for (const answer of ["", "y", "DEV", "prod"]) {
  test(`any other answer destroys nothing: "${answer}"`, async () => {
    double.set(DEPLOYED);
    const { status, screen, commands } = await destroyed({ answers: [answer] });
    assert.equal(status, 1);
    assert.match(screen, /Nothing was destroyed\.$/);
    assert.deepEqual(commands, []);
  });
}

test("without a terminal only YES=1 destroys", async () => {
  double.set(DEPLOYED);
  const refused = await destroyed({ interactive: false });
  assert.equal(refused.status, 1);
  assert.match(refused.screen, /YES=1 destroys without a question/);
  assert.deepEqual(refused.commands, []);
  const { status, screen, commands } = await destroyed({ interactive: false, variables: { YES: "1" } });
  assert.equal(status, 0);
  assert.equal(commands.length, 1);
  assert.doesNotMatch(screen, /Type the name/);
});

test("the stage of this machine is refused", async () => {
  await assert.rejects(
    destroy(world({ variables: { STAGE: "local" } })),
    (error) => error instanceof Mistake && error.message.includes("make local"),
  );
});

test("neither without credentials nor in another account", async () => {
  double.set({ ...DEPLOYED, GetCallerIdentity: queryError(403, "ExpiredToken", "expired") });
  const expired = await destroyed({ answers: ["dev"] });
  assert.equal(expired.status, 1);
  assert.match(expired.screen, /- credentials: they have expired/);
  double.set({ ...DEPLOYED, GetCallerIdentity: callerIdentity("999999999999") });
  const other = await destroyed({ answers: ["dev"], variables: { ACCOUNT: "123456789012" } });
  assert.equal(other.status, 1);
  assert.match(other.screen, /they are of the account 999999999999/);
  assert.deepEqual([...expired.commands, ...other.commands], []);
});

test("what is not there need not be destroyed", async () => {
  double.set();
  const { status, screen, commands } = await destroyed();
  assert.equal(status, 0);
  assert.match(screen, /There is no stage dev in 123456789012, eu-central-1\.\n\nTo delete the tables/);
  assert.deepEqual(commands, []);
});

test("a stack that is being worked on is left alone", async () => {
  double.set({ ...DEPLOYED, DescribeStacks: stackStatus("UPDATE_IN_PROGRESS") });
  const { status, screen, commands } = await destroyed({ answers: ["dev"] });
  assert.equal(status, 1);
  assert.match(screen, /another operation is under way/);
  assert.deepEqual(commands, []);
});

for (const state of ["ROLLBACK_COMPLETE", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED", "REVIEW_IN_PROGRESS"]) {
  test(`a stack in ${state} can be destroyed`, async () => {
    double.set({
      ...DEPLOYED,
      DescribeStacks: (call) => stackStatus(isService(call) ? state : "CREATE_COMPLETE"),
    });
    const { status, commands } = await destroyed({ answers: ["dev"] });
    assert.equal(status, 0);
    assert.equal(commands.length, 1);
  });
}

test("who may destroy and not look is told that there is more", async () => {
  double.set({ ...DEPLOYED, GetTemplate: queryError(403, "AccessDenied", "no") });
  const { status, screen } = await destroyed({ answers: ["dev"] });
  assert.equal(status, 0);
  assert.match(screen, /Goes, for good:\n {2}nothing\n {2}and more: these credentials may not read all of it/);
});

test("a failing answer about the contents stops before the question", async () => {
  double.set({ ...DEPLOYED, GetTemplate: queryError(500, "InternalFailure", "oops") });
  const made = world({ answers: ["dev"] });
  await assert.rejects(
    destroy(made),
    (error) => error instanceof Mistake && error.message.includes("InternalFailure: oops"),
  );
  assert.deepEqual(made.commands, []);
});

test("a destruction that fails says so", async () => {
  double.set(DEPLOYED);
  const ends = { [`${CDK} destroy`]: { status: 1, output: "" } };
  const { status, screen } = await destroyed({ answers: ["dev"], ends });
  assert.equal(status, 1);
  assert.match(screen, /Not everything could be destroyed/);
  assert.doesNotMatch(screen, /is gone/);
});
