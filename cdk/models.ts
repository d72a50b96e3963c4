/**
 * Ids of models in Amazon Bedrock: `provider.model` is a foundation model, called in the region of the agent;
 * `geography.provider.model` is a cross-region inference profile, which routes each request to a region of its own choice.
 */

/** Who a model id may begin with (Amazon Bedrock user guide, "Models at a glance"). */
const PROVIDERS: readonly string[] = [
  "ai21",
  "amazon",
  "anthropic",
  "cohere",
  "deepseek",
  "google",
  "luma",
  "meta",
  "minimax",
  "mistral",
  "moonshot",
  "moonshotai",
  "nvidia",
  "openai",
  "qwen",
  "stability",
  "twelvelabs",
  "writer",
  "xai",
  "zai",
];

/**
 * Geographies of inference profiles, and the regions that some profile of the geography can be called from (Amazon Bedrock
 * user guide, "Supported Regions and models for inference profiles"). Single models have fewer: only Bedrock knows those.
 */
const GEOGRAPHIES: Readonly<Record<string, RegExp>> = {
  // Every region but those of the other partitions.
  global: /^(?!us-gov-|us-iso|eu-iso|eusc-|cn-)/,
  us: /^(us-(east|west)|ca-(central|west))-/,
  "us-gov": /^us-gov-/,
  ca: /^ca-/,
  eu: /^(eu-(north|south|west|central)|il-central)-/,
  apac: /^(ap|me)-/,
  jp: /^ap-northeast-[13]$/,
  au: /^ap-southeast-[246]$/,
};

const ID = /^[a-z0-9-]+(\.[a-z0-9-]+)+(:[a-z0-9]+)*$/;

/** What a model id stands for. */
export interface Model {
  readonly id: string;
  /** The model itself; the id unless that is an inference profile. */
  readonly foundationModel: string;
  /** Where a profile routes requests; undefined for a foundation model. */
  readonly geography?: string;
}

/** Whether a text is formed like the id of a model or inference profile. */
export const isModelId = (id: string): boolean => ID.test(id);

/**
 * Reads a model id. `region` is the one that the agents run in, undefined if it is only known when they are deployed.
 * Returns what is wrong with the id instead, as a sentence, if Bedrock would refuse it there.
 */
export function readModel(id: string, region?: string): Model | string {
  const [head = "", ...rest] = id.split(".");
  const sources = Object.hasOwn(GEOGRAPHIES, head) ? GEOGRAPHIES[head] : undefined;
  if (sources !== undefined && rest.length > 1) {
    if (region !== undefined && !sources.test(region)) return elsewhere(id, head, region);
    return { id, foundationModel: rest.join("."), geography: head };
  }
  // What an unknown beginning means decides about rights: a guess would show only when the agent is created.
  if (!PROVIDERS.includes(head)) {
    return (
      `${JSON.stringify(id)} begins neither with a geography (${Object.keys(GEOGRAPHIES).join(", ")}) ` +
      `nor with a provider (${PROVIDERS.join(", ")}); if Bedrock has it, add it in cdk/models.ts`
    );
  }
  return { id, foundationModel: id };
}

function elsewhere(id: string, geography: string, region: string): string {
  const fitting = Object.keys(GEOGRAPHIES).filter((one) => GEOGRAPHIES[one]?.test(region));
  const advice = fitting.length === 0 ? "a model without a geography" : `one of ${fitting.join(", ")}`;
  return (
    `${JSON.stringify(id)} is an inference profile of the geography ${geography}, ` +
    `which cannot be called from ${region}; there, use ${advice}, or deploy elsewhere`
  );
}
