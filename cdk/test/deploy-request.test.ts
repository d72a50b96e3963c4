/** What the variables of `make deploy` come to, and which settings follow. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { deployArguments, destroyArguments } from "../deploy/cdk-command";
import { readRequest } from "../deploy/request";
import { neededModels, readSettings } from "../deploy/settings";
import { quoted, splitWords } from "../deploy/words";
import { Mistake } from "../mistake";
import { ROOT, scratch } from "./support";

const mistake = (start: RegExp) => (error: unknown) => error instanceof Mistake && start.test(error.message);

test("words are told apart as a shell does, and nothing in them is expanded", () => {
  assert.deepEqual(splitWords(`  a  'b c' "d \\"e\\" \\x" f\\ g $(h) *\t''`), [
    "a",
    "b c",
    'd "e" \\x',
    "f g",
    "$(h)",
    "*",
    "",
  ]);
  assert.equal(splitWords("a 'b"), "a ' is opened and not closed");
  assert.equal(splitWords("a\\"), "ends in a backslash");
});

test("what is quoted comes back as it was", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" })), (words) => {
      assert.deepEqual(splitWords(words.map(quoted).join(" ")), words);
    }),
  );
});

test("variables become settings; the rest of CDK_ARGS goes to cdk", () => {
  assert.deepEqual(readRequest({}), { context: {}, yes: false, probe: false, cdkArguments: [] });
  assert.deepEqual(
    readRequest({
      STAGE: "test",
      REGION: " eu-west-1 ",
      ARCH: "x86_64",
      ACCOUNT: "123456789012",
      YES: "1",
      PROBE: "0",
      CDK_ARGS: "-c model=a.b --context=gitlabUrl=https://git.example/a=b --context 'throttleRate=5' --tags 'a=b c' -v",
    }),
    {
      context: {
        model: "a.b",
        gitlabUrl: "https://git.example/a=b",
        throttleRate: "5",
        stage: "test",
        region: "eu-west-1",
        architecture: "x86_64",
      },
      account: "123456789012",
      yes: true,
      probe: false,
      cdkArguments: ["--tags", "a=b c", "-v"],
    },
  );
});

test("every wrong variable is told", () => {
  assert.throws(
    () =>
      readRequest({ STAGE: "b", YES: "y", ACCOUNT: "1", CDK_ARGS: "-c stage=a -c oops --profile x -O f --region=r" }),
    (error) => {
      assert.ok(error instanceof Mistake);
      assert.deepEqual(
        error.message.split("\n").map((line) => line.trim().split(": ").slice(0, 2).join(": ")),
        [
          "Variables:",
          "CDK_ARGS: -c oops",
          "CDK_ARGS: --profile",
          "CDK_ARGS: -O",
          "CDK_ARGS: --region",
          "STAGE: b, but CDK_ARGS says stage=a",
          'ACCOUNT: "1" is not allowed; allowed',
          'YES: "y" is not allowed; allowed',
        ],
      );
      return true;
    },
  );
  assert.throws(() => readRequest({ CDK_ARGS: "-c 'a=b" }), mistake(/CDK_ARGS: a ' is opened/));
  assert.throws(() => readRequest({ CDK_ARGS: "-c" }), mistake(/CDK_ARGS: -c : a setting is written key=value/));
});

const NOWHERE = { AWS_CONFIG_FILE: "/nonexistent", AWS_SHARED_CREDENTIALS_FILE: "/nonexistent" };
const read = (variables: NodeJS.ProcessEnv, environment: NodeJS.ProcessEnv = {}) =>
  readSettings(ROOT, readRequest(variables), environment);

test("the stage of this machine is refused", async () => {
  await assert.rejects(read({ STAGE: "local" }), mistake(/^stage: local .*make local/));
});

test("wrong settings are told in the app's own words", async () => {
  await assert.rejects(read({ STAGE: "Prod", REGION: "eu-west-1" }), mistake(/^Settings .*\n {2}stage: "Prod" is not/));
  await assert.rejects(read({ REGION: "mars" }), mistake(/region: "mars" is not allowed/));
});

test("the region comes from the settings, else from the AWS configuration", async () => {
  for (const name of ["AWS_REGION", "AWS_DEFAULT_REGION"]) Reflect.deleteProperty(process.env, name);
  assert.equal((await read({ REGION: "eu-west-1" }, { AWS_REGION: "us-east-1" })).region, "eu-west-1");
  assert.equal((await read({ CDK_ARGS: "-c region=eu-west-2" }, { AWS_REGION: "us-east-1" })).region, "eu-west-2");
  assert.equal((await read({}, { AWS_REGION: "us-east-1", AWS_DEFAULT_REGION: "us-east-2" })).region, "us-east-1");
  assert.equal((await read({}, { AWS_DEFAULT_REGION: "us-east-2" })).region, "us-east-2");

  const config = path.join(scratch(), "config");
  writeFileSync(config, "[default]\nregion = eu-north-1\n");
  Object.assign(process.env, NOWHERE, { AWS_CONFIG_FILE: config });
  assert.equal((await read({})).region, "eu-north-1");
});

test("no region at all is told with how to say one", () => {
  // The SDK remembers a configuration file that it has read: another process has not.
  assert.match(inANewProcess(NOWHERE), /region: neither the settings nor the AWS configuration name one: say REGION=/);
});

test("cdk is given exactly the settings that were checked", async () => {
  const settings = await read({ STAGE: "test", CDK_ARGS: "-c throttleRate=5" }, { AWS_REGION: "us-east-1" });
  assert.equal(settings.config.throttleRate, 5);
  assert.equal(settings.qualifier, "hnb659fds");
  const context = ["-c", "throttleRate=5", "-c", "stage=test", "-c", "region=us-east-1"];
  assert.deepEqual(deployArguments(settings, true, ["-v"]), [
    ...["deploy", "--all", "--import-existing-resources", "--outputs-file", "build/outputs/test-us-east-1.json"],
    ...["--progress", "events", "--no-ci", ...context, "--require-approval", "never", "-v"],
  ]);
  assert.ok(!deployArguments(settings, false, []).includes("--require-approval"));
  const destroying = destroyArguments(settings);
  assert.deepEqual(destroying.slice(0, 3), ["destroy", "--all", "--force"]);
  assert.deepEqual(destroying.slice(-context.length), context);
});

test("a bootstrap with a qualifier of its own is looked for", async () => {
  const settings = await read({ REGION: "eu-west-1", CDK_ARGS: "-c @aws-cdk/core:bootstrapQualifier=team" });
  assert.equal(settings.qualifier, "team");
});

test("each model is needed once, with the agents that use it", async () => {
  const own = neededModels(ROOT, await read({ REGION: "eu-west-1" }));
  assert.ok(own.length >= 1 && own.every(({ agents }) => agents.length > 0));
  const one = neededModels(ROOT, await read({ REGION: "eu-west-1", CDK_ARGS: "-c model=amazon.nova-x-v1:0" }));
  assert.deepEqual(
    one.map(({ model }) => model.id),
    ["amazon.nova-x-v1:0"],
  );
  assert.deepEqual([...one[0]!.agents].sort(), own.flatMap(({ agents }) => agents).sort());
  const far = await read({ REGION: "eu-west-1", CDK_ARGS: "-c model=us.amazon.nova-x-v1:0" });
  assert.throws(
    () => neededModels(ROOT, far),
    mistake(/inference profile of the geography us, which cannot be called/),
  );
});

function inANewProcess(environment: NodeJS.ProcessEnv): string {
  const { stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", "cdk/deploy/main.ts", "destroy"], {
    cwd: ROOT,
    encoding: "utf8",
    env: { PATH: process.env["PATH"], AWS_EC2_METADATA_DISABLED: "true", ...environment },
  });
  assert.doesNotMatch(stderr, /\n\s+at /);
  return stdout + stderr;
}
