/** What the model check makes of the answers of Bedrock. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect, type Aws } from "../deploy/aws";
import { checkModels } from "../deploy/checks/models";
import type { Finding } from "../deploy/finding";
import { readModel } from "../models";
import {
  AwsDouble,
  QUICK,
  REGION,
  availability,
  foundationModel,
  restError,
  type Answer,
  type Answers,
} from "./aws-double";

let double: AwsDouble;
let aws: Aws;
before(async () => {
  double = await AwsDouble.start();
  aws = connect(REGION, QUICK);
});
after(() => {
  double.stop();
});

const PROFILE = "global.anthropic.claude-x-v1:0";
const PLAIN = "amazon.nova-x-v1:0";
const FORM_OK = "ok form for Anthropic's models: was filled in";
const text = ({ state, subject, summary, advice = [] }: Finding): string =>
  [`${state} ${subject}: ${summary}`, ...advice].join("\n");

async function check(id: string, changes: Answers = {}): Promise<readonly string[]> {
  double.set(changes);
  const model = readModel(id, REGION);
  assert.ok(typeof model !== "string", id);
  return (await checkModels(aws.bedrock, REGION, [{ model, agents: ["orchestrator", "app"] }])).map(text);
}

test("a profile that can be called", async () => {
  assert.deepEqual(await check(PROFILE), [
    `ok model ${PROFILE}: can be called from eu-central-1 (orchestrator, app)`,
    FORM_OK,
  ]);
  const paths = double.calls.map(({ path }) => decodeURIComponent(path)).sort();
  assert.deepEqual(paths, [
    "/foundation-model-availability/anthropic.claude-x-v1:0",
    "/foundation-models/anthropic.claude-x-v1:0",
    `/inference-profiles/${PROFILE}`,
    "/use-case-for-model-access",
  ]);
});

test("a model without a geography is looked up by itself, and a form is Anthropic's wish alone", async () => {
  assert.deepEqual(await check(PLAIN), [`ok model ${PLAIN}: can be called from eu-central-1 (orchestrator, app)`]);
  assert.deepEqual(double.called(), ["GetFoundationModel", "GetFoundationModelAvailability"]);
});

const unknownModel = restError(400, "ValidationException", "The provided model identifier is invalid.");
const denied = restError(403, "AccessDeniedException", "not authorized");
const YESTERDAY = Math.floor(Date.now() / 1000) - 86_400;

const CASES: readonly (readonly [what: string, id: string, operation: string, answer: Answer, expected: RegExp])[] = [
  [
    "no such profile in the region",
    PROFILE,
    "GetInferenceProfile",
    restError(404, "ResourceNotFoundException", "The specified inference profile was not found"),
    /^problem [^\n]*: eu-central-1 has no such inference profile\n[^]*list-inference-profiles --region eu-central-1[^]*agents\/orchestrator\.yaml, agents\/app\.yaml/,
  ],
  [
    "a profile that Bedrock calls invalid",
    PROFILE,
    "GetInferenceProfile",
    restError(400, "ValidationException", "The provided inference profile identifier is invalid."),
    /^problem [^\n]*no such inference profile/,
  ],
  ["profiles may not be read", PROFILE, "GetInferenceProfile", denied, /^unknown [^]*bedrock:GetInferenceProfile/],
  [
    "no such model in the region",
    PLAIN,
    "GetFoundationModel",
    unknownModel,
    /^problem [^\n]*: eu-central-1 has no such model\n[^]*list-foundation-models/,
  ],
  ["models may not be read", PLAIN, "GetFoundationModel", denied, /^unknown [^]*bedrock:GetFoundationModel /],
  [
    "a legacy model",
    PROFILE,
    "GetFoundationModel",
    foundationModel({ status: "LEGACY", endOfLifeTime: "2031-03-01T00:00:00Z" }),
    /^warning [^\n]*: Bedrock calls it legacy and ends it on 2031-03-01\n/,
  ],
  [
    "a legacy model without an end",
    PLAIN,
    "GetFoundationModel",
    foundationModel({ status: "LEGACY" }),
    /^warning [^\n]*legacy\n/,
  ],
  [
    "a model at its end",
    PROFILE,
    "GetFoundationModel",
    foundationModel({ status: "LEGACY", endOfLifeTime: new Date(YESTERDAY * 1000).toISOString() }),
    /^problem [^\n]*: Bedrock ended it on \d{4}-\d\d-\d\d\n/,
  ],
  [
    "a model that only a profile reaches",
    PLAIN,
    "GetFoundationModel",
    foundationModel({ status: "ACTIVE" }, ["INFERENCE_PROFILE"]),
    /^problem [^\n]*only INFERENCE_PROFILE\)\n[^\n]*global\.amazon\.nova-x-v1:0/,
  ],
  [
    "a model that is called in no way",
    PLAIN,
    "GetFoundationModel",
    foundationModel({ status: "ACTIVE" }, []),
    /^problem [^\n]*in no way that Bedrock names/,
  ],
  [
    "not authorised",
    PROFILE,
    "GetFoundationModelAvailability",
    availability({ authorizationStatus: "NOT_AUTHORIZED" }),
    /^problem [^\n]*not authorised to use it\n.*service control policy/,
  ],
  [
    "not in the region",
    PLAIN,
    "GetFoundationModelAvailability",
    availability({ regionAvailability: "NOT_AVAILABLE" }),
    /^problem [^\n]*: it is not available in eu-central-1\n/,
  ],
  [
    "no agreement",
    PROFILE,
    "GetFoundationModelAvailability",
    availability({}, { status: "NOT_AVAILABLE" }),
    /^problem [^\n]*: this account has not subscribed to it\n[^]*aws-marketplace:Subscribe[^]*model-catalog/,
  ],
  [
    "no entitlement",
    PROFILE,
    "GetFoundationModelAvailability",
    availability({ entitlementAvailability: "NOT_AVAILABLE" }),
    /^problem [^\n]*: this account has not subscribed to it\n/,
  ],
  [
    "an agreement on its way",
    PROFILE,
    "GetFoundationModelAvailability",
    availability({ entitlementAvailability: "NOT_AVAILABLE" }, { status: "PENDING" }),
    /^problem [^\n]*: the subscription is being set up\n.*15 minutes/,
  ],
  [
    "an agreement that failed",
    PROFILE,
    "GetFoundationModelAvailability",
    availability({}, { status: "ERROR", errorMessage: "no payment instrument" }),
    /^problem [^\n]*: the subscription failed \(no payment instrument\)\n/,
  ],
  [
    "access may not be asked for",
    PROFILE,
    "GetFoundationModelAvailability",
    denied,
    /^unknown [^]*GetFoundationModelAvailability/,
  ],
  ["no answer about access", PROFILE, "GetFoundationModelAvailability", "hangup", /^unknown [^\n]*: no answer/],
];
for (const [what, id, operation, answer, expected] of CASES) {
  test(`model: ${what}`, async () => {
    const [finding, ...rest] = await check(id, { [operation]: answer });
    assert.match(finding!, expected);
    assert.deepEqual(
      rest.filter((other) => other !== FORM_OK),
      [],
    );
  });
}

test("a profile may reach what its own region does not have", async () => {
  for (const changes of [
    { GetFoundationModel: unknownModel },
    { GetFoundationModelAvailability: availability({ regionAvailability: "NOT_AVAILABLE" }) },
  ]) {
    assert.match((await check(PROFILE, changes))[0]!, /^ok /);
  }
});

test("a model that does not exist is told once", async () => {
  const findings = await check(PLAIN, {
    GetFoundationModel: unknownModel,
    GetFoundationModelAvailability: unknownModel,
  });
  assert.equal(findings.length, 1);
});

test("several things wrong with a model are all told", async () => {
  const findings = await check(PROFILE, {
    GetFoundationModel: foundationModel({ status: "LEGACY" }),
    GetFoundationModelAvailability: availability(
      { authorizationStatus: "NOT_AUTHORIZED" },
      { status: "NOT_AVAILABLE" },
    ),
  });
  assert.deepEqual(
    findings.map((finding) => finding.split(" ")[0]),
    ["warning", "problem", "problem", "ok"],
  );
});

test("Anthropic's form: not filled in, and not to be read", async () => {
  const missing = await check(PROFILE, {
    GetUseCaseForModelAccess: restError(404, "ResourceNotFoundException", "no form"),
  });
  assert.match(missing[1]!, /^unknown form for Anthropic's models: this account has not filled it in[^]*model-catalog/);
  const hidden = await check(PROFILE, { GetUseCaseForModelAccess: denied });
  assert.match(hidden[1]!, /^unknown [^]*bedrock:GetUseCaseForModelAccess is missing/);
});
