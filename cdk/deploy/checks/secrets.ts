import { DescribeSecretCommand, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { PipelinesServer } from "../../constructs/pipelines-server";
import { apiKeySecret, gitlabTokenSecret, registrationTokensSecret } from "../../names";
import { failureOf, unanswered } from "../failure";
import type { Finding } from "../finding";
import type { StackState } from "./stacks";

const SUBJECT = "secrets";

/** The secrets that the service stack creates. */
export const secretsOf = (stage: string): readonly string[] => [
  gitlabTokenSecret(stage),
  apiKeySecret(stage, PipelinesServer.SERVER_ID),
  registrationTokensSecret(stage),
];

/**
 * Whether the names of our secrets are free. CloudFormation cannot import a secret, and deletes its own at once; one
 * that a person deleted keeps its name for up to 30 days.
 */
export async function checkSecrets(
  client: SecretsManagerClient,
  region: string,
  stage: string,
  stack: StackState,
): Promise<readonly Finding[]> {
  if (stack.presence === "present") return [{ state: "ok", subject: SUBJECT, summary: `belong to ${stack.name}` }];
  const findings = await Promise.all(secretsOf(stage).map((name) => look(client, region, name, stack)));
  const told = findings.filter((finding) => finding !== undefined);
  if (told.length === 0) return [{ state: "ok", subject: SUBJECT, summary: "will be created" }];
  // One permission that is missing is worth telling once.
  return told.filter(({ summary }, i) => told.findIndex((other) => other.summary === summary) === i);
}

async function look(
  client: SecretsManagerClient,
  region: string,
  name: string,
  stack: StackState,
): Promise<Finding | undefined> {
  const command = "aws secretsmanager delete-secret --force-delete-without-recovery";
  const remove = `  ${command} --region ${region} --secret-id ${name}`;
  try {
    const { DeletedDate } = await client.send(new DescribeSecretCommand({ SecretId: name }));
    return DeletedDate === undefined
      ? {
          state: stack.presence === "absent" ? "problem" : "unknown",
          subject: SUBJECT,
          summary:
            stack.presence === "absent"
              ? `${name} exists, but no stack of this stage has it, and CloudFormation cannot import a secret`
              : `${name} exists, and it does not show whether it belongs to ${stack.name}`,
          advice: ["Unless it does: note its value down if you need it, delete it, and deploy again:", remove],
        }
      : {
          state: "problem",
          subject: SUBJECT,
          summary: `${name} was deleted by hand, and keeps its name until its recovery window ends`,
          advice: ["Delete it for good, and deploy again:", remove],
        };
  } catch (error) {
    const failure = failureOf(error);
    return failure.cause === "absent" ? undefined : unanswered(SUBJECT, failure, "secretsmanager:DescribeSecret");
  }
}
