import { DescribeStacksCommand, type CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { failureOf, unanswered } from "../failure";
import type { Finding } from "../finding";

/** A stack, as far as it matters for what to do with it. */
export interface StackState {
  readonly name: string;
  /** `unknown` where nobody may be asked, `failed` where nothing of it is left to be updated. */
  readonly presence: "absent" | "present" | "failed" | "unknown";
  /** Whether an operation is under way, which lets no other begin. */
  readonly busy: boolean;
  readonly finding: Finding;
}

/** Looks whether a stack can be created or updated. */
export async function checkStack(client: CloudFormationClient, region: string, name: string): Promise<StackState> {
  const subject = `stack ${name}`;
  let status: string;
  try {
    const answer = await client.send(new DescribeStacksCommand({ StackName: name }));
    status = answer.Stacks?.[0]?.StackStatus ?? "";
  } catch (error) {
    const failure = failureOf(error);
    if (failure.name === "ValidationError" && failure.message.includes("does not exist")) {
      return { name, presence: "absent", busy: false, finding: { state: "ok", subject, summary: "will be created" } };
    }
    const finding = unanswered(subject, failure, "cloudformation:DescribeStacks");
    return { name, presence: "unknown", busy: false, finding };
  }
  // Of these, the first waits for somebody to go on with it.
  const busy = status.endsWith("_IN_PROGRESS") && status !== "REVIEW_IN_PROGRESS";
  return { name, busy, ...judge(status, subject, `--region ${region} --stack-name ${name}`) };
}

type Judgement = Pick<StackState, "presence" | "finding">;

/** What a status of CloudFormation means for the next deployment. */
function judge(status: string, subject: string, stack: string): Judgement {
  const problem = (summary: string, ...advice: string[]): Judgement => ({
    presence: "present",
    finding: { state: "problem", subject, summary: `${summary} (${status})`, advice },
  });
  switch (status) {
    case "REVIEW_IN_PROGRESS":
      return { presence: "absent", finding: { state: "ok", subject, summary: `will be created (${status})` } };
    case "ROLLBACK_COMPLETE":
    case "ROLLBACK_FAILED":
      return {
        presence: "failed",
        finding: {
          state: "warning",
          subject,
          summary: `its first creation failed (${status})`,
          advice: ["cdk deletes what is left of it, and creates it anew. The tables stay as they are."],
        },
      };
    case "CREATE_FAILED":
    case "UPDATE_FAILED":
      return problem(
        "an operation failed and was not rolled back",
        `Roll it back, and run this again: aws cloudformation rollback-stack ${stack}`,
      );
    case "UPDATE_ROLLBACK_FAILED":
      return problem(
        "an update failed, and so did its rollback",
        "Mend what its events name, then finish the rollback, and run this again:",
        `  aws cloudformation describe-stack-events ${stack}`,
        `  aws cloudformation continue-update-rollback ${stack}`,
      );
    case "DELETE_FAILED":
      return problem(
        "it could not be deleted",
        `Mend what its events name (aws cloudformation describe-stack-events ${stack}), then run \`make destroy\`.`,
      );
    default:
      if (status.endsWith("_IN_PROGRESS")) {
        return problem(
          "another operation is under way",
          `Wait until it has ended, and run this again: aws cloudformation describe-stacks ${stack}`,
        );
      }
      if (status.endsWith("_COMPLETE")) {
        return { presence: "present", finding: { state: "ok", subject, summary: `will be updated (${status})` } };
      }
      return {
        presence: "unknown",
        finding: { state: "unknown", subject, summary: `CloudFormation calls its status ${status || "nothing"}` },
      };
  }
}
