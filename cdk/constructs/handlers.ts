/** Our handlers: what each is told through its environment, and what its role may do. */
import { Duration, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import type * as sns from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";
import { acknowledge } from "../acknowledge";
import { NO_ENVIRONMENT, type Config, type ResponseMode } from "../config";
import {
  HANDLERS,
  MCP_TAG,
  MEMORY_INDEXES,
  REGISTRY_INDEXES,
  functionArn,
  functionName,
  memoryTable,
  registryTable,
  roleArn,
  secretArn,
  serverRoles,
  stateTable,
  tableArn,
  type Handler,
} from "../names";
import { agentAddress, grantInvokeAgents, type AgentReference } from "./agent-reference";
import { ANSWER_TIMEOUT } from "./chat-api";
import { REGISTRATION_TIMEOUT } from "./mcp-server-registration";
import { RustFunction } from "./rust-function";

type Called = "agent_invoker" | "mcp_proxy" | "pipelines";

/** Each waits longer than what it calls, so that it can still say what went wrong. */
export const TIMEOUTS: Readonly<Record<ResponseMode, Readonly<Record<Called, Duration>>>> = {
  STREAM: { agent_invoker: Duration.minutes(10), mcp_proxy: Duration.minutes(2), pipelines: Duration.minutes(1) },
  BUFFERED: { agent_invoker: Duration.seconds(26), mcp_proxy: Duration.seconds(23), pipelines: Duration.seconds(20) },
};

/** POST /chat: hands the message to the orchestrator. */
export function chatHandler(scope: Construct, config: Config, orchestrator: AgentReference): RustFunction {
  const fn = handler(scope, config, "chat_handler", ANSWER_TIMEOUT[config.responseMode], "Answers POST /chat", {
    ORCHESTRATOR_AGENT: agentAddress(orchestrator),
    RESPONSE_MODE: config.responseMode === "STREAM" ? "stream" : "buffered",
  });
  grantInvokeAgents(fn, [orchestrator]);
  return fn;
}

/** Hands work to a specialist, once {@link introduceSpecialists} has made them known to it. */
export function agentInvoker(scope: Construct, config: Config): RustFunction {
  const timeout = TIMEOUTS[config.responseMode].agent_invoker;
  return handler(scope, config, "agent_invoker", timeout, "Hands work to a specialist agent", {});
}

/**
 * Tells agent_invoker of the specialists. An agent that agent_invoker itself answers for must not be among them: that
 * would be a cycle, agent to function to agent.
 */
export function introduceSpecialists(fn: RustFunction, specialists: ReadonlyMap<string, AgentReference>): void {
  const addresses = [...specialists].map(([name, agent]) => [name, agentAddress(agent)]);
  fn.function.addEnvironment("AGENTS", Stack.of(fn).toJsonString(Object.fromEntries(addresses)));
  if (specialists.size > 0) grantInvokeAgents(fn, [...specialists.values()]);
}

/** Answers questions about the history of deployments. */
export function memoryManager(scope: Construct, config: Config): RustFunction {
  const table = tableArn(Stack.of(scope), memoryTable(config.stage));
  const fn = handler(
    scope,
    config,
    "memory_manager",
    Duration.seconds(15),
    "Reads and adds to the deployment history",
    {
      MEMORY_TABLE: memoryTable(config.stage),
    },
  );
  fn.allow(["dynamodb:GetItem", "dynamodb:PutItem"], [table]);
  fn.allow(
    ["dynamodb:Query"],
    MEMORY_INDEXES.map((index) => `${table}/index/${index}`),
  );
  return fn;
}

/** Calls the tools of MCP servers and records what they did. */
export function mcpProxy(scope: Construct, config: Config): RustFunction {
  const stack = Stack.of(scope);
  const { stage } = config;
  const fn = handler(
    scope,
    config,
    "mcp_proxy",
    TIMEOUTS[config.responseMode].mcp_proxy,
    "Calls tools of MCP servers",
    {
      STAGE: stage,
      MEMORY_TABLE: memoryTable(stage),
      REGISTRY_TABLE: registryTable(stage),
      STATE_TABLE: stateTable(stage),
      ENVIRONMENTS: config.environments.join(","),
      // Said in a word: a variable that is missing or empty means that somebody forgot it.
      PROTECTED_ENVIRONMENTS: config.protectedEnvironments.join(",") || NO_ENVIRONMENT,
      REQUEST_KEY_MINUTES: String(config.requestKeyMinutes),
      ...reach(stack, config),
    },
  );
  const registry = tableArn(stack, registryTable(stage));
  fn.allow(["dynamodb:Query"], [registry, `${registry}/index/status-index`]);
  fn.allow(["dynamodb:BatchGetItem"], [registry]);
  // A transaction is authorised by the actions of its items.
  fn.allow(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], [tableArn(stack, memoryTable(stage))]);
  fn.allow(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"], [tableArn(stack, stateTable(stage))]);
  allowMcpServers(fn, config);
  return fn;
}

/** Custom resource that puts MCP servers into the registry. */
export function registration(scope: Construct, config: Config): RustFunction {
  const { stage } = config;
  const fn = handler(scope, config, "registration", Duration.minutes(1), "Registers MCP servers for CloudFormation", {
    STAGE: stage,
    REGISTRY_TABLE: registryTable(stage),
    STATE_TABLE: stateTable(stage),
    ...reach(Stack.of(scope), config),
  });
  fn.allow(
    ["dynamodb:Query", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
    [tableArn(Stack.of(scope), registryTable(stage))],
  );
  // Claims of ids, the audit, the count of changes; definitions that are held, which it reads and takes back.
  fn.allow(
    ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
    [tableArn(Stack.of(scope), stateTable(stage))],
  );
  fn.allow(["lambda:ListTags"], [functionArn(Stack.of(scope), "*")]);
  allowMcpServers(fn, config);
  // Lambda tries again for hours, by itself, what CloudFormation sent: after this time it would register what CloudFormation
  // has given up and rolled back.
  fn.function.configureAsyncInvoke({ maxEventAge: REGISTRATION_TIMEOUT });
  acknowledge(
    fn.function.node.findChild("EventInvokeConfig"),
    "Serverless-LambdaAsyncFailureDestination",
    "CloudFormation, which sent the event, notices itself that no answer came, and says so to whoever deploys.",
  );
  return fn;
}

/** Serves the registry over HTTP: to servers that register themselves, to approvers, and as the official registry API. */
export function registryApi(
  scope: Construct,
  config: Config,
  approvals: sns.ITopic,
  tokens: secretsmanager.Secret,
): RustFunction {
  const stack = Stack.of(scope);
  const { stage } = config;
  const fn = handler(scope, config, "registry_api", ANSWER_TIMEOUT.BUFFERED, "Serves the registry of MCP servers", {
    STAGE: stage,
    REGISTRY_TABLE: registryTable(stage),
    STATE_TABLE: stateTable(stage),
    REGISTRATION_APPROVAL: config.registrationApproval,
    REGISTRATION_LIMIT: String(config.registrationLimit),
    REGISTRY_NAMESPACE: config.registryNamespace,
    APPROVAL_TOPIC: approvals.topicArn,
    ...reach(stack, config),
  });
  const registry = tableArn(stack, registryTable(stage));
  fn.allow(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"], [registry]);
  fn.allow(["dynamodb:Query"], [registry, ...REGISTRY_INDEXES.map((index) => `${registry}/index/${index}`)]);
  fn.allow(
    ["dynamodb:Query", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
    [tableArn(stack, stateTable(stage))],
  );
  fn.allow(["lambda:ListTags"], [functionArn(stack, "*")]);
  fn.allow(["sns:Publish"], [approvals.topicArn]);
  allowMcpServers(fn, config);
  // In a statement of its own, so that the wildcard above stays what it was acknowledged for.
  fn.role.addToPolicy(
    new iam.PolicyStatement({
      sid: "RegistrationTokens",
      actions: ["secretsmanager:GetSecretValue"],
      resources: [tokens.secretArn],
    }),
  );
  return fn;
}

function handler(
  scope: Construct,
  config: Config,
  bin: Handler,
  timeout: Duration,
  description: string,
  environment: Readonly<Record<string, string>>,
): RustFunction {
  return new RustFunction(scope, bin, {
    stage: config.stage,
    bin,
    build: config,
    description,
    timeout,
    environment,
  });
}

/** Which MCP servers may be reached. A variable that is not set allows nothing. */
function reach(stack: Stack, config: Config): Readonly<Record<string, string>> {
  const lists = {
    ALLOWED_NETWORKS: config.allowedNetworks,
    INVOCABLE_FUNCTIONS: config.invocableFunctions,
    CONNECT_TO: config.connectTo,
  };
  const given = Object.entries(lists).filter(([, values]) => values.length > 0);
  return {
    ...Object.fromEntries(given.map(([name, values]) => [name, values.join(",")])),
    MCP_ROLE_PREFIX: roleArn(stack, serverRoles(config.stage)),
  };
}

/** MCP servers on Lambda that carry our tag or are listed in the settings, and the secrets and roles of all MCP servers. */
function allowMcpServers(fn: RustFunction, config: Config): void {
  const stack = Stack.of(fn);
  fn.role.addToPolicy(
    new iam.PolicyStatement({
      actions: ["lambda:InvokeFunction"],
      resources: [functionArn(stack, "*")],
      conditions: { StringEquals: { [`aws:ResourceTag/${MCP_TAG}`]: config.stage } },
    }),
  );
  fn.acknowledgeWildcard(
    functionArn(stack, "*"),
    "Which MCP servers there are is known to the registry alone: the stage's tag decides which of them may be invoked, and " +
      "whoever registers a function reads that tag of it first.",
  );
  if (config.invocableFunctions.length > 0) fn.allow(["lambda:InvokeFunction"], config.invocableFunctions);
  // Whatever they are tagged with: the registry must not become a way to act with their rights.
  fn.role.addToPolicy(
    new iam.PolicyStatement({
      effect: iam.Effect.DENY,
      actions: ["lambda:InvokeFunction"],
      resources: HANDLERS.flatMap((bin) => {
        const arn = functionArn(stack, functionName(config.stage, bin));
        return [arn, `${arn}:*`];
      }),
    }),
  );
  const secrets = secretArn(stack, `switchyard/${config.stage}/mcp/*`);
  fn.allow(["secretsmanager:GetSecretValue"], [secrets]);
  fn.acknowledgeWildcard(
    secrets,
    "One secret for each MCP server, under a path that is derived from the server's id and belongs to this stage alone; " +
      "Secrets Manager adds six characters to each name.",
  );
  const roles = roleArn(stack, `${serverRoles(config.stage)}*`);
  fn.allow(["sts:AssumeRole"], [roles]);
  fn.acknowledgeWildcard(
    roles,
    "One role for each MCP server that takes signed requests, under a path of this stage alone. Its name is derived from the " +
      "server's id, and its own trust policy has to let this function in.",
  );
}
