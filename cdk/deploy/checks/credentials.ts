import { GetCallerIdentityCommand, type STSClient } from "@aws-sdk/client-sts";
import { failureOf, type Failure } from "../failure";
import type { Finding } from "../finding";

const SUBJECT = "credentials";

/** Who is deploying. */
export interface Identity {
  readonly account: string;
  readonly arn: string;
}

/** Whose credentials are in use; without an identity no other check makes sense. */
export async function checkCredentials(
  sts: STSClient,
  region: string,
  account: string | undefined,
): Promise<{ finding: Finding; identity?: Identity }> {
  let answer;
  try {
    answer = await sts.send(new GetCallerIdentityCommand({}));
  } catch (error) {
    return { finding: refused(failureOf(error), region) };
  }
  const identity = { account: answer.Account ?? "", arn: answer.Arn ?? "" };
  if (account !== undefined && account !== identity.account) {
    const finding: Finding = {
      state: "problem",
      subject: SUBJECT,
      summary: `they are of the account ${identity.account} (${identity.arn}), but ACCOUNT=${account}`,
      advice: ["Choose the profile of the other account with AWS_PROFILE, or leave ACCOUNT out."],
    };
    return { finding };
  }
  const summary = `account ${identity.account}, region ${region}, ${identity.arn}`;
  return { finding: { state: "ok", subject: SUBJECT, summary }, identity };
}

function refused({ cause, name, message }: Failure, region: string): Finding {
  const problem = (summary: string, ...advice: string[]): Finding => ({
    state: "problem",
    subject: SUBJECT,
    summary,
    advice,
  });
  switch (cause) {
    case "no credentials":
      return problem(
        `none were found (${message.replace(/\.$/, "")})`,
        "Sign in with `aws configure sso` and `aws sso login`, or store keys with `aws configure`;",
        "with several profiles, choose one: export AWS_PROFILE=…",
      );
    case "expired credentials":
      return problem(
        "they have expired",
        "Renew them: `aws sso login`, or assume the role again. Keys in the environment win over a profile:",
        "if you renewed a profile, first `unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN`.",
      );
    case "unknown credentials":
      return problem(
        `AWS does not accept them (${name}: ${message})`,
        "The keys may be mistyped, switched off or deleted, or a session token is missing;",
        "`aws sts get-caller-identity` tries them without this project.",
        `If they work elsewhere, the region ${region} may not be enabled in the account: \`aws account list-regions\`.`,
      );
    case "unreachable":
      return problem(
        `AWS STS in ${region} cannot be reached (${message})`,
        "Look at the network and at the region's name.",
        "Behind a proxy, the checks need Node 24 or newer and NODE_USE_ENV_PROXY=1 beside HTTPS_PROXY.",
      );
    case "throttled":
    case "denied":
    case "absent":
    case "other":
      return problem(`AWS STS refused the question (${name}: ${message})`, "Run it again.");
  }
}
