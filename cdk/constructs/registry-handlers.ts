/** The handlers that write the registry of MCP servers: what each is told, and what its role may do. */
import { Duration, Stack } from "aws-cdk-lib";
import * as events from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import type * as sns from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";
import { acknowledge } from "../acknowledge";
import type { Config } from "../config";
import { REGISTRY_INDEXES, functionArn, functionName, registryTable, stateTable, tableArn } from "../names";
import { ANSWER_TIMEOUT } from "./chat-api";
import { handler } from "./handlers";
import { REGISTRATION_TIMEOUT } from "./mcp-server-registration";
import { allowMcpServers, reach } from "./reach";
import type { RustFunction } from "./rust-function";

/** Custom resource that puts MCP servers into the registry. */
export function registration(scope: Construct, config: Config, approvals: sns.ITopic): RustFunction {
  const stack = Stack.of(scope);
  const { stage } = config;
  const fn = handler(scope, config, "registration", Duration.minutes(1), "Registers MCP servers for CloudFormation", {
    ...registryVariables(config, approvals),
    ...reach(stack, config),
  });
  fn.allow(
    ["dynamodb:Query", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
    [tableArn(stack, registryTable(stage))],
  );
  // Claims of ids, the audit, the count of changes; definitions that are held, which it reads and takes back.
  fn.allow(
    ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
    [tableArn(stack, stateTable(stage))],
  );
  fn.allow(["sns:Publish"], [approvals.topicArn]);
  fn.allow(["lambda:ListTags"], [functionArn(stack, "*")]);
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
    ...registryVariables(config, approvals),
    REGISTRATION_APPROVAL: config.registrationApproval,
    REGISTRATION_LIMIT: String(config.registrationLimit),
    REGISTRY_NAMESPACE: config.registryNamespace,
    ...reach(stack, config),
  });
  const registry = tableArn(stack, registryTable(stage));
  fn.allow(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], [registry]);
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

/** How often health_checker runs; and how long a run may take, so that runs do not pile up. */
const HEALTH_CHECK_PERIOD = Duration.minutes(1);

/** Checks the health of the servers in the registry, once a minute. */
export function healthChecker(scope: Construct, config: Config, approvals: sns.ITopic): RustFunction {
  const stack = Stack.of(scope);
  const { stage } = config;
  const fn = handler(scope, config, "health_checker", HEALTH_CHECK_PERIOD, "Checks the health of MCP servers", {
    ...registryVariables(config, approvals),
    ...reach(stack, config),
  });
  const registry = tableArn(stack, registryTable(stage));
  fn.allow(["dynamodb:BatchGetItem", "dynamodb:UpdateItem"], [registry]);
  fn.allow(["dynamodb:Query"], [`${registry}/index/status-index`]);
  fn.allow(["dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], [tableArn(stack, stateTable(stage))]);
  fn.allow(["sns:Publish"], [approvals.topicArn]);
  allowMcpServers(fn, config);
  const rule = new events.Rule(fn, "Schedule", {
    ruleName: functionName(stage, "health_checker"),
    description: "Checks the health of MCP servers",
    schedule: events.Schedule.rate(HEALTH_CHECK_PERIOD),
  });
  // What a run misses is due in the next one: nothing is gained by a second try, here or in Lambda's own queue.
  const once = { retryAttempts: 0, maxEventAge: HEALTH_CHECK_PERIOD };
  rule.addTarget(new LambdaFunction(fn.function, once));
  fn.function.configureAsyncInvoke(once);
  const missed = "A run that was missed is made up for by the next one, a minute later; alarms tell of failed runs.";
  acknowledge(rule, "Serverless-EventBusDLQ", missed);
  acknowledge(fn.function.node.findChild("EventInvokeConfig"), "Serverless-LambdaAsyncFailureDestination", missed);
  return fn;
}

/** What every handler is told that writes the registry. */
function registryVariables({ stage }: Config, approvals: sns.ITopic): Readonly<Record<string, string>> {
  return {
    STAGE: stage,
    REGISTRY_TABLE: registryTable(stage),
    STATE_TABLE: stateTable(stage),
    APPROVAL_TOPIC: approvals.topicArn,
  };
}
