/** Which MCP servers our functions may reach, and by which rights: the same for all that call them. */
import { Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type { Config } from "../config";
import { HANDLERS, MCP_TAG, functionArn, functionName, roleArn, secretArn, serverRoles } from "../names";
import type { RustFunction } from "./rust-function";

/** Which MCP servers may be reached. A variable that is not set allows nothing. */
export function reach(stack: Stack, config: Config): Readonly<Record<string, string>> {
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
export function allowMcpServers(fn: RustFunction, config: Config): void {
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
