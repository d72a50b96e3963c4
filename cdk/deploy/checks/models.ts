import {
  GetFoundationModelAvailabilityCommand,
  GetFoundationModelCommand,
  GetInferenceProfileCommand,
  GetUseCaseForModelAccessCommand,
  type BedrockClient,
  type FoundationModelDetails,
  type GetFoundationModelAvailabilityResponse,
} from "@aws-sdk/client-bedrock";
import { failureOf, unanswered, type Failure } from "../failure";
import type { Finding } from "../finding";
import type { NeededModel } from "../settings";

const SHORT = "--output text --query";
const CATALOG = "https://console.aws.amazon.com/bedrock/home#/model-catalog";

/** Whether each model can be called from the region, by this account, and for how long. */
export async function checkModels(
  bedrock: BedrockClient,
  region: string,
  models: readonly NeededModel[],
): Promise<readonly Finding[]> {
  const findings = await Promise.all(models.map((needed) => checkModel(bedrock, region, needed)));
  const anthropic = models.filter(({ model }) => model.foundationModel.startsWith("anthropic."));
  return [...findings.flat(), ...(anthropic.length === 0 ? [] : await checkUseCase(bedrock))];
}

async function checkModel(bedrock: BedrockClient, region: string, needed: NeededModel): Promise<readonly Finding[]> {
  const { model, agents } = needed;
  const subject = `model ${model.id}`;
  const findings = (
    await Promise.all([
      model.geography === undefined ? [] : checkProfile(bedrock, region, subject, needed),
      checkFoundationModel(bedrock, region, subject, needed),
      checkAccess(bedrock, region, subject, needed),
    ])
  ).flat();
  if (findings.length > 0) return findings;
  return [{ state: "ok", subject, summary: `can be called from ${region} (${agents.join(", ")})` }];
}

async function checkProfile(
  bedrock: BedrockClient,
  region: string,
  subject: string,
  needed: NeededModel,
): Promise<readonly Finding[]> {
  try {
    await bedrock.send(new GetInferenceProfileCommand({ inferenceProfileIdentifier: needed.model.id }));
    return [];
  } catch (error) {
    const failure = failureOf(error);
    if (!isUnknownModel(failure)) return [unanswered(subject, failure, "bedrock:GetInferenceProfile")];
    return [
      {
        state: "problem",
        subject,
        summary: `${region} has no such inference profile`,
        advice: [
          "See which there are:",
          `  aws bedrock list-inference-profiles --region ${region} ${SHORT} "*[].inferenceProfileId"`,
          ...chooseAnother(needed),
        ],
      },
    ];
  }
}

async function checkFoundationModel(
  bedrock: BedrockClient,
  region: string,
  subject: string,
  needed: NeededModel,
): Promise<readonly Finding[]> {
  const { model } = needed;
  let details: FoundationModelDetails | undefined;
  try {
    const id = model.foundationModel;
    details = (await bedrock.send(new GetFoundationModelCommand({ modelIdentifier: id }))).modelDetails;
  } catch (error) {
    const failure = failureOf(error);
    if (!isUnknownModel(failure)) return [unanswered(subject, failure, "bedrock:GetFoundationModel")];
    // A profile may reach a model that its own region does not have.
    if (model.geography !== undefined) return [];
    return [
      {
        state: "problem",
        subject,
        summary: `${region} has no such model`,
        advice: [
          "See which there are:",
          `  aws bedrock list-foundation-models --region ${region} ${SHORT} "modelSummaries[].modelId"`,
          ...chooseAnother(needed),
        ],
      },
    ];
  }
  return [...lifetime(subject, details, needed), ...callable(subject, details, needed)];
}

/** A model is first ACTIVE, then LEGACY, and gone at its end of life. */
function lifetime(
  subject: string,
  details: FoundationModelDetails | undefined,
  needed: NeededModel,
): readonly Finding[] {
  const { status, endOfLifeTime } = details?.modelLifecycle ?? {};
  const end = endOfLifeTime?.toISOString().slice(0, 10);
  if (endOfLifeTime !== undefined && endOfLifeTime.getTime() <= Date.now()) {
    const summary = `Bedrock ended it on ${String(end)}`;
    return [{ state: "problem", subject, summary, advice: chooseAnother(needed) }];
  }
  if (status !== "LEGACY") return [];
  const until = end === undefined ? "" : ` and ends it on ${end}`;
  return [
    {
      state: "warning",
      subject,
      summary: `Bedrock calls it legacy${until}`,
      advice: ["It works for now.", ...chooseAnother(needed)],
    },
  ];
}

/** Most newer models are called through an inference profile only. */
function callable(
  subject: string,
  details: FoundationModelDetails | undefined,
  needed: NeededModel,
): readonly Finding[] {
  const types: readonly string[] | undefined = details?.inferenceTypesSupported;
  if (needed.model.geography !== undefined || types === undefined || types.includes("ON_DEMAND")) return [];
  return [
    {
      state: "problem",
      subject,
      summary: `it cannot be called by its own id (only ${types.join(", ") || "in no way that Bedrock names"})`,
      advice: [
        `Use an inference profile of it, for example global.${needed.model.id}`,
        "(docs/configuration.md lists the geographies).",
        ...chooseAnother(needed),
      ],
    },
  ];
}

async function checkAccess(
  bedrock: BedrockClient,
  region: string,
  subject: string,
  { model }: NeededModel,
): Promise<readonly Finding[]> {
  let answer: GetFoundationModelAvailabilityResponse;
  try {
    answer = await bedrock.send(new GetFoundationModelAvailabilityCommand({ modelId: model.foundationModel }));
  } catch (error) {
    const failure = failureOf(error);
    // Whether the model exists is the question of the other checks.
    if (isUnknownModel(failure) && model.geography === undefined) return [];
    return [unanswered(subject, failure, "bedrock:GetFoundationModelAvailability")];
  }
  const { agreementAvailability: agreement, authorizationStatus, entitlementAvailability, regionAvailability } = answer;
  const findings: Finding[] = [];
  const problem = (summary: string, ...advice: string[]) =>
    findings.push({ state: "problem", subject, summary, advice });
  if (authorizationStatus === "NOT_AUTHORIZED") {
    problem(
      "this account is not authorised to use it",
      "A service control policy of the organisation, or AWS itself, withholds it: ask whoever runs the account,",
      "then AWS Support.",
    );
  }
  // A profile sends requests to regions of its own choice.
  if (regionAvailability === "NOT_AVAILABLE" && model.geography === undefined) {
    problem(`it is not available in ${region}`, "Deploy to another region, or use an inference profile of the model.");
  }
  if (agreement?.status === "PENDING") {
    problem("the subscription is being set up", "That takes up to 15 minutes: run it again then.");
  } else if (agreement?.status === "ERROR") {
    problem(`the subscription failed (${agreement.errorMessage ?? "without a reason"})`, ...SUBSCRIBE);
  } else if (agreement?.status === "NOT_AVAILABLE" || entitlementAvailability === "NOT_AVAILABLE") {
    problem("this account has not subscribed to it", ...SUBSCRIBE);
  }
  return findings;
}

/** The role of an agent may call models, and not subscribe to them: somebody has to do that before. */
const SUBSCRIBE = [
  "Open it once in the playground of the model catalog, as somebody with aws-marketplace:Subscribe,",
  `aws-marketplace:Unsubscribe and aws-marketplace:ViewSubscriptions: ${CATALOG}`,
  "Models of Anthropic also want a form filled in there, once for an account or its organisation.",
];

/** Anthropic wants to know what its models are used for, before the first call. */
async function checkUseCase(bedrock: BedrockClient): Promise<readonly Finding[]> {
  const subject = "form for Anthropic's models";
  try {
    await bedrock.send(new GetUseCaseForModelAccessCommand({}));
    return [{ state: "ok", subject, summary: "was filled in" }];
  } catch (error) {
    const failure = failureOf(error);
    if (failure.cause !== "absent") return [unanswered(subject, failure, "bedrock:GetUseCaseForModelAccess")];
    return [
      {
        state: "unknown",
        subject,
        summary: "this account has not filled it in; the management account of its organisation may have",
        advice: [
          "Without it every call of these models is refused. Choose one of them in the model catalog, and fill it in:",
          CATALOG,
        ],
      },
    ];
  }
}

/** Bedrock takes an id that it does not know for a wrong argument, too. */
function isUnknownModel({ cause, name, message }: Failure): boolean {
  return cause === "absent" || (name === "ValidationException" && /model identifier|inference profile/i.test(message));
}

const chooseAnother = ({ agents }: NeededModel): readonly string[] => [
  `Choose another in ${agents.map((agent) => `agents/${agent}.yaml`).join(", ")},`,
  "or one for all agents with CDK_ARGS='-c model=…' (docs/configuration.md, Models).",
];
