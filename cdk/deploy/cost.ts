/** What the deployed resources cost while nobody uses them, told from their templates. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { dataStack, serversStack, serviceStack } from "../names";

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}
/** The part of a template that costs something. */
export interface Resources {
  readonly Resources?: Readonly<Record<string, Resource>>;
}

/** How something is billed while it is not used. */
export type Billing = "nothing" | "storage" | "month" | "hour";

/** List prices in US dollars for one a month, where they are the same in most regions; see docs/deploy.md. */
const MONTHLY: Readonly<Record<string, { readonly what: string; readonly price: number }>> = {
  "AWS::SecretsManager::Secret": { what: "secret", price: 0.4 },
  "AWS::CloudWatch::Alarm": { what: "alarm", price: 0.1 },
  "AWS::CloudWatch::Dashboard": { what: "dashboard", price: 3 },
};

/** What health checks write for a stage and for each registered server (docs/health.md), and the price of one a month. */
const METRICS = { ofStage: 6, ofServer: 2, price: 0.3 };

const STORED: readonly string[] = ["AWS::DynamoDB::Table", "AWS::Logs::LogGroup"];

/** Billed by use alone, or not at all. */
const FREE: readonly RegExp[] = [
  /^AWS::ApiGateway::/,
  /^AWS::Bedrock::Agent(Alias)?$/,
  // Calls and searches are billed, each tool that is indexed for the search by the month and far below a cent.
  /^AWS::BedrockAgentCore::Gateway(Target)?$/,
  /^AWS::CDK::Metadata$/,
  /^AWS::Events::Rule$/,
  /^AWS::EC2::SecurityGroup(Ingress|Egress)?$/,
  /^AWS::IAM::/,
  /^AWS::Lambda::(Function|Permission|Url|Version|Alias|EventInvokeConfig)$/,
  /^AWS::Logs::(MetricFilter|QueryDefinition)$/,
  /^AWS::SNS::(Topic|TopicPolicy|Subscription)$/,
  /^AWS::SSM::Parameter$/,
  /^Custom::SwitchyardMcpServer$/,
];

/** How a resource is billed while it is not used; undefined for one that nobody has thought of yet. */
export function billing({ Type, Properties }: Resource): Billing | undefined {
  if (Type === "AWS::EC2::VPCEndpoint") return Properties?.["VpcEndpointType"] === "Interface" ? "hour" : "nothing";
  if (Object.hasOwn(MONTHLY, Type)) return "month";
  if (STORED.includes(Type)) return "storage";
  return FREE.some((pattern) => pattern.test(Type)) ? "nothing" : undefined;
}

/** What the templates of a stage, as cdk has just written them, cost when idle: a line each. */
export function idleCost(root: string, stage: string): readonly string[] {
  const files = [dataStack(stage), serviceStack(stage), serversStack(stage)]
    .map((stack) => path.join(root, "cdk.out", `${stack}.template.json`))
    // The last is not always there.
    .filter((file) => existsSync(file));
  return tellCost(files.map((file) => JSON.parse(readFileSync(file, "utf8")) as Resources));
}

/** What templates cost when idle: a line each. */
export function tellCost(templates: readonly Resources[]): readonly string[] {
  const resources = templates.flatMap((template) => Object.values(template.Resources ?? {}));
  const hourly = resources.filter((resource) => billing(resource) === "hour").length;
  const monthly = Object.entries(MONTHLY).flatMap(([type, { what, price }]) => {
    const count = resources.filter(({ Type }) => Type === type).length;
    return count === 0 ? [] : [`${several(count, what)}: US$${(count * price).toFixed(2)} a month`];
  });
  const unknown = resources.filter((resource) => billing(resource) === undefined).map(({ Type }) => Type);
  return [
    hourly === 0 ? "nothing by the hour" : `${several(hourly, "interface endpoint")} of your VPC, by the hour and zone`,
    ...monthly,
    ...healthMetrics(resources),
    "storage by the gigabyte: the tables and their continuous backups, the logs of a month, the uploaded zips",
    ...(unknown.length === 0 ? [] : [`not reckoned: ${[...new Set(unknown)].join(", ")}`]),
  ];
}

/** Health checks run on a schedule, and write metrics whether or not anybody uses the stage. */
function healthMetrics(resources: readonly Resource[]): readonly string[] {
  if (!resources.some(({ Type }) => Type === "AWS::Events::Rule")) return [];
  const servers = resources.filter(({ Type }) => Type === "Custom::SwitchyardMcpServer").length;
  const count = METRICS.ofStage + METRICS.ofServer * servers;
  const more = `US$${(METRICS.ofServer * METRICS.price).toFixed(2)} for each server that registers besides`;
  return [
    `${several(count, "metric")} of the health checks: US$${(count * METRICS.price).toFixed(2)} a month; ${more}`,
  ];
}

const several = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;
