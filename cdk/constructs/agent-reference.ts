import { Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type { Construct } from "constructs";
import { LOCAL_ALIAS, localAgentId } from "../names";

/** An agent that can be invoked, whichever engine runs it. */
export interface AgentReference {
  readonly agentId: string;
  readonly aliasId: string;
  readonly aliasArn: string;
}

/** The agent as the agent runtime of the local stage knows it: nothing is created for it. */
export function localAgent(scope: Construct, name: string): AgentReference {
  const agentId = localAgentId(name);
  const aliasArn = Stack.of(scope).formatArn({
    service: "bedrock",
    resource: "agent-alias",
    resourceName: `${agentId}/${LOCAL_ALIAS}`,
  });
  return { agentId, aliasId: LOCAL_ALIAS, aliasArn };
}

/** Id and alias as the handlers read them from their environment. */
export function agentAddress(agent: AgentReference): string {
  return `${agent.agentId}/${agent.aliasId}`;
}

/** Allows a grantee to invoke agents, each through its alias only. */
export function grantInvokeAgents(grantee: iam.IGrantable, agents: readonly AgentReference[]): iam.Grant {
  return iam.Grant.addToPrincipal({
    grantee,
    actions: ["bedrock:InvokeAgent"],
    resourceArns: agents.map((agent) => agent.aliasArn),
  });
}
