/**
 * The names of what is deployed. They are fixed, because one part finds another by name: stacks pass no exports to each
 * other, and a team's own stack builds the ARN of our registration function from the stage alone.
 */
import { ArnFormat, type Stack } from "aws-cdk-lib";

/** The functions of the package `handlers`: never called as an MCP server, whatever the registry says. */
export const HANDLERS = [
  "chat_handler",
  "agent_invoker",
  "mcp_proxy",
  "memory_manager",
  "registration",
  "registry_api",
  "health_checker",
] as const;
export type Handler = (typeof HANDLERS)[number];

/** The agent that people talk to; all others are specialists. */
export const ORCHESTRATOR = "orchestrator";
/** Alias that the agent runtime of the local stage knows every agent by. */
export const LOCAL_ALIAS = "LOCAL";

/** Tag that allows a Lambda function to be called as an MCP server; its value is the stage. */
export const MCP_TAG = "switchyard-mcp";

/** Indexes of the memory table. */
export const MEMORY_INDEXES = ["environment-index", "tenant-index", "tenant-environment-index"] as const;

/** Indexes of the registry table. */
export const REGISTRY_INDEXES = ["status-index", "protocol-index", "stack-index"] as const;

/** Stack with the tables. */
export const dataStack = (stage: string): string => `Switchyard-${stage}-data`;

/** Stack with the third-party MCP servers and the gateway, if there are any. */
export const serversStack = (stage: string): string => `Switchyard-${stage}-servers`;

/** Stack with everything else. */
export const serviceStack = (stage: string): string => `Switchyard-${stage}-service`;

/** Name of the Lambda function that runs a binary. */
export const functionName = (stage: string, bin: string): string => `switchyard-${stage}-${bin}`;

/** Name of an agent in Amazon Bedrock. */
export const agentName = (stage: string, name: string): string => `switchyard-${stage}-${name}`;

/** Table of deployments. */
export const memoryTable = (stage: string): string => `DeploymentMemory-${stage}`;

/** Table of MCP servers. */
export const registryTable = (stage: string): string => `MCPServerRegistry-${stage}`;

/** Table of slots, request keys, counters, health, held definitions and the audit. */
export const stateTable = (stage: string): string => `SwitchyardState-${stage}`;

/** Secret with the token that starts pipelines in GitLab. */
export const gitlabTokenSecret = (stage: string): string => `switchyard/${stage}/gitlab_token`;

/** Secret with the key of an MCP server. The path is derived from the server's id, never supplied. */
export const apiKeySecret = (stage: string, serverId: string): string => `switchyard/${stage}/mcp/${serverId}/api_key`;

/** What the names of a hosted server's secrets begin with: those of its environment, and the key it signs with. */
export const hostedSecretPrefix = (stage: string, serverId: string): string => `switchyard/${stage}/mcp/${serverId}/`;

/** Secret with the value of a hosted server's environment variable. */
export const variableSecret = (stage: string, serverId: string, variable: string): string =>
  `${hostedSecretPrefix(stage, serverId)}env/${variable}`;

/** Secret with the key by which a hosted server recognises its own sessions and states. */
export const signingKeySecret = (stage: string, serverId: string): string =>
  `${hostedSecretPrefix(stage, serverId)}signing_key`;

/** Secret with the hashes of the tokens that MCP servers register themselves with. */
export const registrationTokensSecret = (stage: string): string => `switchyard/${stage}/registration_tokens`;

/** SNS topic that tells approvers what waits for them. */
export const approvalTopic = (stage: string): string => `switchyard-${stage}-approvals`;

/**
 * Path and name of the role under which requests to an MCP server are signed. Derived like the secrets, never supplied; see
 * docs/decisions/0013-a-role-for-each-signed-server.md.
 */
export function serverRole(stage: string, serverId: string): { readonly path: string; readonly name: string } {
  return { path: `/switchyard-mcp/${stage}/`, name: `switchyard-${stage}-mcp-${serverId}` };
}

/** Path of those roles, and the beginning of their names. */
export const serverRoles = (stage: string): string => `switchyard-mcp/${stage}/${serverRole(stage, "").name}`;

/** CloudWatch dashboard of the registry. */
export const registryDashboard = (stage: string): string => `switchyard-${stage}-registry`;

/** Id of an agent in the agent runtime of the local stage: Bedrock's ids are at most 10 letters and digits too. */
export function localAgentId(name: string): string {
  return name.toUpperCase().replaceAll("_", "").slice(0, 10);
}

/** ARN of a Lambda function in the stack's account and region. */
export function functionArn(stack: Stack, name: string): string {
  return stack.formatArn({
    service: "lambda",
    resource: "function",
    resourceName: name,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}

/** ARN of a role in the stack's account. */
export function roleArn(stack: Stack, name: string): string {
  return stack.formatArn({ service: "iam", region: "", resource: "role", resourceName: name });
}

/** ARN of secrets in the stack's account and region; Secrets Manager adds six characters to each name. */
export function secretArn(stack: Stack, name: string): string {
  return stack.formatArn({
    service: "secretsmanager",
    resource: "secret",
    resourceName: name,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}

/** ARN of a table in the stack's account and region. */
export function tableArn(stack: Stack, name: string): string {
  return stack.formatArn({ service: "dynamodb", resource: "table", resourceName: name });
}
