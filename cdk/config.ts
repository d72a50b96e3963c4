/**
 * The settings of a deployment, read once from the CDK context: cdk.json holds the defaults, `-c key=value` overrides.
 * Lists are JSON arrays in cdk.json and comma-separated on the command line.
 */
import { isIP } from "node:net";
import type { Node } from "constructs";
import { Mistake } from "./mistake";
import { isModelId } from "./models";
import { checkPlainHttp, isId, isServerAddress, network, type Network } from "./networks";

/** The stage that runs on MiniStack, on one machine. */
export const LOCAL_STAGE = "local";
/** How mcp_proxy is told that no environment is protected; no environment may have this name. */
export const NO_ENVIRONMENT = "none";

export type AgentEngine = "bedrock" | "local";
export type ResponseMode = "STREAM" | "BUFFERED";
export type ArchitectureName = "arm64" | "x86_64";
export type RegistrationApproval = "required" | "auto";
/** How callers of the gateway prove who they are; `none`: there is no gateway. */
export type GatewayEntrance = "none" | "iam" | "jwt";

/** What a deployment can be told; every value has been checked. */
export interface Config {
  /** Part of every name, so that several stages fit into one account. `local` is the one on MiniStack. */
  readonly stage: string;
  /** AWS region. @default - the region of the AWS configuration in use */
  readonly region?: string;
  /** Bedrock model or inference profile for all agents. @default - the model of each agent's YAML file */
  readonly model?: string;
  /** Who runs the agents: Amazon Bedrock, or the agent runtime on this machine (local stage only). */
  readonly agentEngine: AgentEngine;
  /** Whether POST /chat streams (up to 15 minutes) or answers at once (up to 29 seconds). */
  readonly responseMode: ResponseMode;
  /** Instruction set of the Lambda functions; the zips must have been built for it. */
  readonly architecture: ArchitectureName;
  /** Environments that tools may name; at least one. */
  readonly environments: readonly string[];
  /** Environments in which a tool needs a person's approval; may be empty. */
  readonly protectedEnvironments: readonly string[];
  /** Private networks (CIDR) in which MCP servers may live, also with plain http. */
  readonly allowedNetworks: readonly string[];
  /** VPC for the functions that call MCP servers, and for the pipelines server. @default - they are in no VPC */
  readonly network?: Network;
  /** Address of a pipelines server that runs elsewhere. @default - the app deploys one on Lambda */
  readonly pipelinesEndpoint?: string;
  /** ARNs of Lambda functions that may be called as MCP servers without carrying our tag. */
  readonly invocableFunctions: readonly string[];
  /** `HOST:PORT=ADDRESS:PORT`: connect to the second where an endpoint names the first (local stage only). */
  readonly connectTo: readonly string[];
  /** GitLab instance whose pipelines are started. */
  readonly gitlabUrl: string;
  /** For how many minutes a succeeded execution answers the same wish of the same session. */
  readonly requestKeyMinutes: number;
  /** Whether an MCP server that registers itself waits for a person, or is used at once unless it wants credentials. */
  readonly registrationApproval: RegistrationApproval;
  /** Registrations an hour that one token may make from one address. */
  readonly registrationLimit: number;
  /** What the names of our servers begin with in the official registry API, before the slash. */
  readonly registryNamespace: string;
  /** Whether the official registry API (`/v0.1`) is for everybody, without a signature. */
  readonly publicRegistry: boolean;
  /** Addresses that are told when something waits for approval. */
  readonly approvalEmails: readonly string[];
  /** SNS topic that alarms are sent to. @default - there are no alarms */
  readonly alarmTopicArn?: string;
  /** Requests per second that each API admits in the long run. */
  readonly throttleRate: number;
  /** Requests that each API admits at once. */
  readonly throttleBurst: number;
  /** Directory with `{function}/bootstrap.zip`, as cargo-lambda writes it. */
  readonly lambdaZipDir: string;
  /** Directory with one YAML file for each agent; the pipeline types are in `pipelines.yaml` beside it. */
  readonly agentsDir: string;
  /** File with the third-party MCP servers; the directory `hosting` beside it holds their locks and tools. */
  readonly serversFile: string;
  /** List of their packages, as `make servers-package` writes it. */
  readonly serverPackages: string;
  /** Which of them are deployed: all that are enabled, or those with these ids. */
  readonly hostedServers: "all" | readonly string[];
  /** What the names of their functions begin with; two stages of one account and region need two. */
  readonly hostedNamePrefix: string;
  /** Whether there is an AgentCore gateway in front of them, and who may use it. */
  readonly gateway: GatewayEntrance;
  /** Whose tokens the gateway takes. @default - only with `gateway` `jwt` */
  readonly gatewayJwt?: GatewayJwt;
  /** Whether the functions of our own action groups are tools of the gateway too. */
  readonly gatewayActions: boolean;
}

/** Tokens that a gateway takes: those of the issuer that name one of the audiences, clients and scopes, where given. */
export interface GatewayJwt {
  /** OpenID configuration of the issuer. */
  readonly discoveryUrl: string;
  readonly audiences: readonly string[];
  readonly clients: readonly string[];
  readonly scopes: readonly string[];
}

const NAME = /^[a-z](-?[a-z0-9])*$/;
const REGION = /^[a-z]{2}(-[a-z]+)+-\d$/;
const FUNCTION_ARN = /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9_$-]+)?$/;
/** A FIFO topic, whose name ends in `.fifo`, cannot be told by an alarm. */
const TOPIC_ARN = /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/;
/** As far as the JSON schema of a server.json has it: a name has at most 200 characters, 64 of them for a slash and the id. */
const NAMESPACE = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,134}[A-Za-z0-9])?$/;
/** What could be an address; whether it is one, the mail that asks for consent shows. */
const EMAIL = /^[^\s@,]+@[^\s@,]+\.[^\s@,.]+$/;
/** What a function's name may begin with, so that the id of a server fits behind it. */
const NAME_PREFIX = /^[a-z](-?[a-z0-9])*-$/;
const MAX_NAME_PREFIX = 30;
/** Source: AWS CloudFormation, AWS::BedrockAgentCore::Gateway, CustomJWTAuthorizerConfiguration. */
const DISCOVERY_URL = /^https:\/\/[^\s?#]+\/\.well-known\/openid-configuration$/;
const CLAIM = /^[^\s,]{1,255}$/;
const CONNECT_TO = /^(\*\.)?[A-Za-z0-9.-]+:\d{1,5}=[0-9.]+:\d{1,5}$/;
/** Keys of settings are plain words; keys of feature flags and of the CLI hold one of `:`, `/` or `-`. */
const SETTING_KEY = /^[A-Za-z]+$/;

/** Reads the settings of the app. Throws a {@link Mistake} with a line (key, value, what is allowed) for each wrong one. */
export function readConfig(node: Node): Config {
  const context = node.getAllContext() as Readonly<Record<string, unknown>>;
  const read = new Reader(context);
  const stage = read.text("stage", (v) => NAME.test(v) && v.length <= 16, "1 to 16 of a-z, 0-9 and single hyphens");
  const local = stage === LOCAL_STAGE;
  const region = read.optionalText("region", (v) => REGION.test(v), "a region such as eu-central-1");
  const model = read.optionalText("model", isModelId, "the id of a Bedrock model or inference profile");
  const allowedNetworks = read.list("allowedNetworks", isNetwork, "networks such as 10.0.0.0/8 or fd00::/8");
  const vpc = readNetwork(read, local);
  const pipelinesEndpoint = read.optionalText(
    "pipelinesEndpoint",
    isServerAddress,
    "scheme, host and port such as http://mcp.internal:8000",
  );
  const alarmTopicArn = read.optionalText(
    "alarmTopicArn",
    (v) => TOPIC_ARN.test(v),
    "the ARN of a standard SNS topic such as arn:aws:sns:eu-central-1:111122223333:on-call",
  );
  const environments = read.list(
    "environments",
    (v) => NAME.test(v) && v !== NO_ENVIRONMENT,
    `lower-case names such as dev, but not ${NO_ENVIRONMENT}`,
    1,
  );
  const config: Config = {
    stage,
    ...(region === undefined ? {} : { region }),
    ...(model === undefined ? {} : { model }),
    agentEngine: read.choice("agentEngine", ["bedrock", "local"]),
    responseMode: read.choice("responseMode", ["STREAM", "BUFFERED"]),
    architecture: read.choice("architecture", ["arm64", "x86_64"]),
    environments,
    // A misspelt name here would leave the environment unprotected.
    protectedEnvironments: read.list("protectedEnvironments", (v) => environments.includes(v), "names in environments"),
    allowedNetworks,
    ...(vpc === undefined ? {} : { network: vpc }),
    ...(pipelinesEndpoint === undefined ? {} : { pipelinesEndpoint: new URL(pipelinesEndpoint).origin }),
    invocableFunctions: read.list("invocableFunctions", (v) => FUNCTION_ARN.test(v), "ARNs of Lambda functions"),
    connectTo: read.list(
      "connectTo",
      (v) => CONNECT_TO.test(v),
      "HOST:PORT=ADDRESS:PORT, where HOST may begin with *.",
    ),
    gitlabUrl: read.text(
      "gitlabUrl",
      (v) => isUrl(v, local),
      `an https URL without query${local ? ", or http on this machine" : ""}`,
    ),
    requestKeyMinutes: read.number("requestKeyMinutes", 1, 1440),
    registrationApproval: read.choice("registrationApproval", ["required", "auto"]),
    registrationLimit: read.number("registrationLimit", 1, 10_000),
    registryNamespace:
      read.optionalText(
        "registryNamespace",
        (v) => NAMESPACE.test(v),
        "1 to 136 letters, digits, dots and hyphens, such as com.example",
      ) ?? `switchyard.${stage}`,
    publicRegistry: read.flag("publicRegistry"),
    approvalEmails: read.list("approvalEmails", (v) => EMAIL.test(v), "e-mail addresses"),
    ...(alarmTopicArn === undefined ? {} : { alarmTopicArn }),
    throttleRate: read.number("throttleRate", 1, 10_000),
    throttleBurst: read.number("throttleBurst", 1, 5_000),
    lambdaZipDir: read.text("lambdaZipDir", (v) => v !== "", "a directory"),
    agentsDir: read.text("agentsDir", (v) => v !== "", "a directory"),
    serversFile: read.text("serversFile", (v) => v !== "", "a file"),
    serverPackages: read.text("serverPackages", (v) => v !== "", "a file"),
    hostedServers: readHostedServers(read),
    hostedNamePrefix: read.text(
      "hostedNamePrefix",
      (v) => NAME_PREFIX.test(v) && v.length <= MAX_NAME_PREFIX,
      `at most ${MAX_NAME_PREFIX} of a-z, 0-9 and single hyphens, with one at the end`,
    ),
    ...readGateway(read, local),
    gatewayActions: read.flag("gatewayActions"),
  };
  if ((config.agentEngine === "local") !== local) {
    read.refuse(
      "agentEngine",
      config.agentEngine,
      `local with the stage local, bedrock with any other (it is ${stage})`,
    );
  }
  if (local && config.responseMode === "STREAM") {
    read.refuse("responseMode", "STREAM", "BUFFERED with the stage local: MiniStack does not stream REST responses");
  }
  if (!local && config.connectTo.length > 0) {
    read.refuse("connectTo", config.connectTo, "nothing, unless the stage is local");
  }
  if (config.gatewayActions && config.gateway === "none") {
    read.refuse("gatewayActions", true, "false, unless there is a gateway (gateway: iam or jwt)");
  }
  if (pipelinesEndpoint !== undefined && !local) {
    checkPlainHttp(pipelinesEndpoint, vpc !== undefined, allowedNetworks, read.refuse);
  }
  read.finish();
  return config;
}

function readNetwork(read: Reader, local: boolean): Network | undefined {
  const ids = (key: string, prefix: "subnet" | "sg" | "rtb") =>
    read.list(key, isId(prefix), `ids such as ${prefix}-0a1b2c3d4e5f60718`);
  const settings = {
    vpcId: read.optionalText("vpcId", isId("vpc"), "an id such as vpc-0a1b2c3d4e5f60718"),
    subnetIds: ids("subnetIds", "subnet"),
    securityGroupIds: ids("securityGroupIds", "sg"),
    vpcEndpoints: read.flag("vpcEndpoints"),
    routeTableIds: ids("routeTableIds", "rtb"),
  };
  // A value that was refused is not missing.
  return read.refused(Object.keys(settings)) ? undefined : network(settings, local, read.refuse);
}

function readHostedServers(read: Reader): "all" | readonly string[] {
  const ids = read.list("hostedServers", (v) => NAME.test(v), "ids of the servers file, or all, or none");
  if (ids.length === 1 && ids[0] === "all") return "all";
  if (ids.length === 1 && ids[0] === "none") return [];
  const word = ids.find((id) => ["all", "none"].includes(id));
  if (word !== undefined) read.refuse("hostedServers", ids, `${word} alone, or ids of the servers file`);
  return ids;
}

function readGateway(read: Reader, local: boolean): Pick<Config, "gateway" | "gatewayJwt"> {
  const gateway = read.choice("gateway", ["none", "iam", "jwt"]);
  const discoveryUrl = read.optionalText(
    "gatewayDiscoveryUrl",
    (v) => DISCOVERY_URL.test(v),
    "an https URL that ends in /.well-known/openid-configuration",
  );
  const claims = (key: string) => read.list(key, (v) => CLAIM.test(v), "values without blanks and commas");
  const jwt = {
    audiences: claims("gatewayAudiences"),
    clients: claims("gatewayClients"),
    scopes: claims("gatewayScopes"),
  };
  const given = [...jwt.audiences, ...jwt.clients, ...jwt.scopes];
  if (gateway !== "none" && local)
    read.refuse("gateway", gateway, "none with the stage local: MiniStack has no gateway");
  if (gateway !== "jwt") {
    if (discoveryUrl !== undefined || given.length > 0) {
      read.refuse("gateway", gateway, "jwt, because gatewayDiscoveryUrl or a claim is given");
    }
    return { gateway };
  }
  if (discoveryUrl === undefined) {
    // A value that was refused is not missing.
    if (!read.refused(["gatewayDiscoveryUrl"])) {
      read.refuse("gatewayDiscoveryUrl", undefined, "the issuer's, because gateway is jwt");
    }
    return { gateway };
  }
  // Without any of them every token of the issuer would do, also those that were made for others.
  if (given.length === 0 && !read.refused(["gatewayAudiences", "gatewayClients", "gatewayScopes"])) {
    read.refuse("gatewayAudiences", [], "at least one audience, client or scope, because gateway is jwt");
  }
  return { gateway, gatewayJwt: { discoveryUrl, ...jwt } };
}

/** Reads values of the context and keeps what is wrong with them, so that a person sees all of it at once. */
class Reader {
  private readonly problems: string[] = [];
  private readonly wrong = new Set<string>();
  private readonly known = new Set<string>();

  constructor(private readonly context: Readonly<Record<string, unknown>>) {}

  readonly refuse = (key: string, value: unknown, allowed: string): void => {
    const problem = value === undefined ? "is missing" : `${JSON.stringify(value)} is not allowed`;
    this.problems.push(`${key}: ${problem}; allowed: ${allowed}`);
    this.wrong.add(key);
  };

  /** Whether something is wrong with one of the keys already. */
  refused(keys: readonly string[]): boolean {
    return keys.some((key) => this.wrong.has(key));
  }

  optionalText(key: string, valid: (value: string) => boolean, allowed: string): string | undefined {
    const value = this.value(key);
    if (value === undefined || (typeof value === "string" && valid(value))) return value;
    this.refuse(key, value, allowed);
    return undefined;
  }

  text(key: string, valid: (value: string) => boolean, allowed: string): string {
    const before = this.problems.length;
    const value = this.optionalText(key, valid, allowed);
    if (value === undefined && this.problems.length === before) this.refuse(key, value, allowed);
    return value ?? "";
  }

  choice<T extends string>(key: string, choices: readonly [T, ...T[]]): T {
    const value = this.value(key);
    const found = choices.find((choice) => choice === value);
    if (found === undefined) this.refuse(key, value, choices.join(" | "));
    return found ?? choices[0];
  }

  flag(key: string): boolean {
    const value = this.value(key);
    if (![true, false, "true", "false"].some((one) => one === value)) this.refuse(key, value, "true | false");
    return value === true || value === "true";
  }

  list(key: string, valid: (value: string) => boolean, allowed: string, minimum = 0): readonly string[] {
    const value = this.value(key);
    const items: unknown[] | undefined =
      typeof value === "string"
        ? value.split(",").filter((item) => item !== "")
        : Array.isArray(value)
          ? value
          : undefined;
    if (items === undefined || items.length < minimum) {
      this.refuse(key, value, `a list of ${allowed}${minimum > 0 ? `, at least ${minimum}` : ""}`);
      return [];
    }
    const strings = items.filter((item): item is string => typeof item === "string" && valid(item));
    for (const item of items) {
      if (!strings.includes(item as string)) this.refuse(key, item, allowed);
    }
    return strings;
  }

  number(key: string, minimum: number, maximum: number): number {
    const value = this.value(key);
    const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
    if (typeof number === "number" && Number.isInteger(number) && number >= minimum && number <= maximum) return number;
    this.refuse(key, value, `a whole number from ${minimum} to ${maximum}`);
    return minimum;
  }

  /** Throws if anything was wrong, a misspelt setting included: it would otherwise silently change nothing. */
  finish(): void {
    for (const [key, value] of Object.entries(this.context)) {
      if (SETTING_KEY.test(key) && !this.known.has(key)) {
        this.problems.push(
          `${key}: no such setting (value ${JSON.stringify(value)}); allowed: ${[...this.known].join(", ")}`,
        );
      }
    }
    if (this.problems.length > 0) {
      const lines = this.problems.map((problem) => `  ${problem}`);
      throw new Mistake(["Settings (cdk.json, or -c key=value):", ...lines].join("\n"));
    }
  }

  private value(key: string): unknown {
    this.known.add(key);
    return this.context[key];
  }
}

function isNetwork(value: string): boolean {
  const [address = "", prefix = "", ...rest] = value.split("/");
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits;
}

/** The token goes to this URL: in plain text only if it stays on this machine. */
function isUrl(value: string, local: boolean): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname, username, search, hash } = new URL(value);
  const loopback = ["127.0.0.1", "localhost", "[::1]"].includes(hostname);
  const secure = protocol === "https:" || (protocol === "http:" && local && loopback);
  return secure && username === "" && search === "" && hash === "";
}
