import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfig } from "../config";
import { Mistake } from "../mistake";
import { LOCAL, app } from "./support";

const read = (settings: Readonly<Record<string, unknown>> = {}) => readConfig(app(settings).node);

/** The problems that some settings have, one a line. */
function problems(settings: Readonly<Record<string, unknown>>): string[] {
  try {
    read(settings);
  } catch (error) {
    if (error instanceof Mistake)
      return error.message
        .split("\n")
        .slice(1)
        .map((line) => line.trim());
    throw error;
  }
  return [];
}

test("the defaults of cdk.json are for an account", () => {
  const config = read();
  assert.equal(config.stage, "dev");
  assert.equal(config.agentEngine, "bedrock");
  assert.equal(config.responseMode, "STREAM");
  assert.equal(config.architecture, "arm64");
  assert.deepEqual(config.protectedEnvironments, ["prod"]);
  assert.deepEqual(config.allowedNetworks, []);
  assert.equal(config.requestKeyMinutes, 10);
  assert.equal(config.model, undefined);
});

test("lists and numbers come as text from the command line", () => {
  const config = read({ allowedNetworks: "10.0.0.0/8,fd00::/8", protectedEnvironments: "", requestKeyMinutes: "5" });
  assert.deepEqual(config.allowedNetworks, ["10.0.0.0/8", "fd00::/8"]);
  assert.deepEqual(config.protectedEnvironments, []);
  assert.equal(config.requestKeyMinutes, 5);
});

test("the local stage has its own rules", () => {
  const connectTo = "*.lambda-url.us-east-1.on.aws:443=127.0.0.1:4566";
  assert.deepEqual(read({ ...LOCAL, connectTo }).connectTo, [connectTo]);
  assert.deepEqual(problems({ ...LOCAL, agentEngine: "bedrock" }), [
    'agentEngine: "bedrock" is not allowed; allowed: local with the stage local, bedrock with any other (it is local)',
  ]);
  assert.deepEqual(problems({ ...LOCAL, responseMode: "STREAM" }), [
    'responseMode: "STREAM" is not allowed; allowed: BUFFERED with the stage local: MiniStack does not stream REST responses',
  ]);
  assert.deepEqual(problems({ agentEngine: "local" }), [
    'agentEngine: "local" is not allowed; allowed: local with the stage local, bedrock with any other (it is dev)',
  ]);
  assert.deepEqual(problems({ connectTo }), [
    `connectTo: ["${connectTo}"] is not allowed; allowed: nothing, unless the stage is local`,
  ]);
});

const WRONG: readonly (readonly [key: string, value: unknown, problem: string])[] = [
  ["stage", "Prod", 'stage: "Prod" is not allowed; allowed: 1 to 16 of a-z, 0-9 and single hyphens'],
  ["stage", "a--b", 'stage: "a--b" is not allowed; allowed: 1 to 16 of a-z, 0-9 and single hyphens'],
  ["region", "Frankfurt", 'region: "Frankfurt" is not allowed; allowed: a region such as eu-central-1'],
  ["model", "Claude", 'model: "Claude" is not allowed; allowed: the id of a Bedrock model or inference profile'],
  ["agentEngine", "agentcore", 'agentEngine: "agentcore" is not allowed; allowed: bedrock | local'],
  ["responseMode", "stream", 'responseMode: "stream" is not allowed; allowed: STREAM | BUFFERED'],
  ["architecture", "amd64", 'architecture: "amd64" is not allowed; allowed: arm64 | x86_64'],
  ["architecture", undefined, "architecture: is missing; allowed: arm64 | x86_64"],
  [
    "environments",
    ["dev", "prod", "none"],
    'environments: "none" is not allowed; allowed: lower-case names such as dev, but not none',
  ],
  ["invocableFunctions", 3, "invocableFunctions: 3 is not allowed; allowed: a list of ARNs of Lambda functions"],
  ["protectedEnvironments", ["prd"], 'protectedEnvironments: "prd" is not allowed; allowed: names in environments'],
  [
    "allowedNetworks",
    "10.0.0.0/33",
    'allowedNetworks: "10.0.0.0/33" is not allowed; allowed: networks such as 10.0.0.0/8 or fd00::/8',
  ],
  [
    "allowedNetworks",
    ["10.0.0.0"],
    'allowedNetworks: "10.0.0.0" is not allowed; allowed: networks such as 10.0.0.0/8 or fd00::/8',
  ],
  ["invocableFunctions", "f", 'invocableFunctions: "f" is not allowed; allowed: ARNs of Lambda functions'],
  [
    "connectTo",
    "a:1:b:2",
    'connectTo: "a:1:b:2" is not allowed; allowed: HOST:PORT=ADDRESS:PORT, where HOST may begin with *.',
  ],
  ["gitlabUrl", "http://git.test", 'gitlabUrl: "http://git.test" is not allowed; allowed: an https URL without query'],
  ["gitlabUrl", "gitlab.com", 'gitlabUrl: "gitlab.com" is not allowed; allowed: an https URL without query'],
  ["requestKeyMinutes", "0", 'requestKeyMinutes: "0" is not allowed; allowed: a whole number from 1 to 1440'],
  ["throttleRate", "fast", 'throttleRate: "fast" is not allowed; allowed: a whole number from 1 to 10000'],
  ["throttleBurst", 1.5, "throttleBurst: 1.5 is not allowed; allowed: a whole number from 1 to 5000"],
  ["lambdaZipDir", "", 'lambdaZipDir: "" is not allowed; allowed: a directory'],
];

for (const [key, value, problem] of WRONG) {
  test(`${key} = ${JSON.stringify(value)} is refused`, () => {
    assert.deepEqual(problems({ [key]: value }), [problem]);
  });
}

test("a token for GitLab never leaves this machine in plain text", () => {
  assert.match(
    problems({ ...LOCAL, gitlabUrl: "http://git.test" })[0] ?? "",
    /^gitlabUrl: "http:\/\/git.test" is not allowed/,
  );
});

test("a misspelt setting is not ignored", () => {
  assert.match(
    problems({ stgae: "prod" })[0] ?? "",
    /^stgae: no such setting \(value "prod"\); allowed: stage, region, /,
  );
});

test("there is at least one environment", () => {
  for (const environments of ["", []]) {
    assert.deepEqual(problems({ environments, protectedEnvironments: [] }), [
      `environments: ${JSON.stringify(environments)} is not allowed; ` +
        "allowed: a list of lower-case names such as dev, but not none, at least 1",
    ]);
  }
});

test("everything wrong is told at once", () => {
  assert.equal(problems({ stage: "!", architecture: "mips", throttleRate: 0 }).length, 3);
});
