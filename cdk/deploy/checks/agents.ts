import { paginateListAgents, type AgentSummary, type BedrockAgentClient } from "@aws-sdk/client-bedrock-agent";
import { agentName } from "../../names";
import { failureOf, unanswered } from "../failure";
import type { Finding } from "../finding";
import { AGENTS_SUBJECT, PROBE_AGENT, removal } from "../probe";

/** Whether the account may create agents: where some exist, it may. */
export async function checkAgents(client: BedrockAgentClient, region: string, stage: string): Promise<Finding> {
  const agents: AgentSummary[] = [];
  try {
    for await (const page of paginateListAgents({ client }, { maxResults: 100 })) {
      agents.push(...(page.agentSummaries ?? []));
    }
  } catch (error) {
    return unanswered(AGENTS_SUBJECT, failureOf(error), "bedrock:ListAgents");
  }
  const left = agents.find(({ agentName: name }) => name === PROBE_AGENT);
  if (left !== undefined) {
    return {
      state: "warning",
      subject: AGENTS_SUBJECT,
      summary: `can be created; the agent ${PROBE_AGENT} of an earlier probe is still there`,
      advice: ["Delete it:", `  ${removal(left.agentId ?? "", region)}`],
    };
  }
  if (agents.length === 0) {
    return {
      state: "unknown",
      subject: AGENTS_SUBJECT,
      summary: `${region} has none, so it does not show whether this account may create them`,
      advice: [
        "AWS lets only accounts create agents that used them in the twelve months before",
        "(docs/decisions/0001-bedrock-agents-behind-one-module.md). PROBE=1 finds out: it creates an agent without",
        "role or model and deletes it at once.",
      ],
    };
  }
  const own = agents.filter(({ agentName: name }) => name?.startsWith(agentName(stage, "")) === true).length;
  const ours = own === 0 ? "" : `, ${own} of them of this stage`;
  return { state: "ok", subject: AGENTS_SUBJECT, summary: `can be created: ${region} has ${agents.length}${ours}` };
}
