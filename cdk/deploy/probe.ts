/** Finds out whether the account may create agents in the only certain way: creates one, and deletes it. */
import { setTimeout as wait } from "node:timers/promises";
import {
  CreateAgentCommand,
  DeleteAgentCommand,
  paginateListAgents,
  type BedrockAgentClient,
} from "@aws-sdk/client-bedrock-agent";
import { MAINTENANCE_ADVICE, isMaintenance } from "./explanations";
import { failureOf, unanswered, type Failure } from "./failure";
import type { Finding } from "./finding";

/** Says what it is to whoever finds it. */
export const PROBE_AGENT = "switchyard-probe-delete-me";
/** What the findings about agents are about. */
export const AGENTS_SUBJECT = "Bedrock Agents";
/** An agent that is still being created cannot be deleted yet. */
const DELETIONS = 10;

/** The command that deletes an agent. */
export const removal = (id: string, region: string): string =>
  `aws bedrock-agent delete-agent --region ${region} --agent-id ${id} --skip-resource-in-use-check`;

/** Creates an agent and deletes it, whatever happens in between. `pause` is between attempts to delete it. */
export async function probe(client: BedrockAgentClient, region: string, pause = 1_000): Promise<readonly Finding[]> {
  // Whoever presses Ctrl-C now must not leave an agent behind: it takes a few seconds.
  const hold = () => undefined;
  process.on("SIGINT", hold);
  try {
    return await createAndDelete(client, region, pause);
  } finally {
    process.off("SIGINT", hold);
  }
}

async function createAndDelete(client: BedrockAgentClient, region: string, pause: number): Promise<readonly Finding[]> {
  let id: string | undefined;
  try {
    const description = "Made by `make deploy` to see whether agents can be created. Delete it.";
    id = (await client.send(new CreateAgentCommand({ agentName: PROBE_AGENT, description }))).agent?.agentId;
  } catch (error) {
    const failure = failureOf(error);
    if (failure.cause !== "unreachable" && failure.name !== "InternalServerException") return [refused(failure)];
    // The answer is lost, the agent may be there all the same.
    const found = await find(client);
    if (found === "none") return [refused(failure)];
    if (found === "unknown") return [refused(failure), left(region, undefined, "its creation was not answered")];
    id = found.id;
  }
  const can: Finding = { state: "ok", subject: AGENTS_SUBJECT, summary: "can be created: the probe did" };
  const reason = id === undefined ? "Bedrock did not tell its id" : await remove(client, id, pause);
  return reason === undefined ? [can] : [can, left(region, id, reason)];
}

/** What to say of an agent that is, or may be, still there. */
function left(region: string, id: string | undefined, reason: string): Finding {
  return {
    state: "warning",
    subject: "the probe",
    summary: `the agent ${PROBE_AGENT} (${id ?? "id unknown"}) may still be there: ${reason}`,
    advice:
      id === undefined
        ? [`Look for it: aws bedrock-agent list-agents --region ${region}`]
        : ["Delete it:", `  ${removal(id, region)}`],
  };
}

async function find(client: BedrockAgentClient): Promise<{ id: string | undefined } | "none" | "unknown"> {
  try {
    for await (const { agentSummaries = [] } of paginateListAgents({ client }, { maxResults: 100 })) {
      const found = agentSummaries.find(({ agentName }) => agentName === PROBE_AGENT);
      if (found !== undefined) return { id: found.agentId };
    }
    return "none";
  } catch {
    // Whatever the reason, the person has to look.
    return "unknown";
  }
}

function refused(failure: Failure): Finding {
  if (isMaintenance(failure.message)) {
    return {
      state: "problem",
      subject: AGENTS_SUBJECT,
      summary: "this account may not create agents: AWS has closed the service to it",
      advice: MAINTENANCE_ADVICE,
    };
  }
  switch (failure.name) {
    case "ConflictException":
      return { state: "ok", subject: AGENTS_SUBJECT, summary: `can be created: ${PROBE_AGENT} is there already` };
    case "ServiceQuotaExceededException":
      return {
        state: "problem",
        subject: AGENTS_SUBJECT,
        summary: `the account has reached its quota (${failure.message})`,
        advice: ["Delete agents, or have the quota raised in the Service Quotas console, under Amazon Bedrock."],
      };
    default:
      return unanswered(AGENTS_SUBJECT, failure, "bedrock:CreateAgent");
  }
}

/** Deletes the agent; returns why it could not. */
async function remove(client: BedrockAgentClient, agentId: string, pause: number): Promise<string | undefined> {
  let reason = "";
  for (let attempt = 1; attempt <= DELETIONS; attempt++) {
    try {
      await client.send(new DeleteAgentCommand({ agentId, skipResourceInUseCheck: true }));
      return undefined;
    } catch (error) {
      const { cause, name, message } = failureOf(error);
      if (cause === "absent") return undefined;
      reason = `${name}: ${message}`;
      if (cause === "denied") return reason;
    }
    if (attempt < DELETIONS) await wait(pause);
  }
  return reason;
}
