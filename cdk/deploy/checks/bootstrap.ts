import { GetParameterCommand, type SSMClient } from "@aws-sdk/client-ssm";
import { failureOf, unanswered } from "../failure";
import type { Finding } from "../finding";
import { DEFAULT_QUALIFIER } from "../settings";

const SUBJECT = "CDK bootstrap";
/** What the templates of the app ask for, as CDK writes it into them. */
export const REQUIRED_BOOTSTRAP = 6;

/** Where `cdk bootstrap` keeps the version of what it made. */
export const bootstrapParameter = (qualifier: string): string => `/cdk-bootstrap/${qualifier}/version`;

/** Whether the account has, in the region, the bucket and the roles that cdk deploys through. */
export async function checkBootstrap(
  ssm: SSMClient,
  { account, region, qualifier }: { account: string; region: string; qualifier: string },
): Promise<Finding> {
  const where = `${account}/${region}`;
  const missing = (summary: string): Finding => ({
    state: "problem",
    subject: SUBJECT,
    summary,
    advice: [
      "Run once for this account and region, with rights to create IAM roles, an S3 bucket and an ECR repository:",
      bootstrapCommand(where, qualifier),
    ],
  });
  let text;
  try {
    const answer = await ssm.send(new GetParameterCommand({ Name: bootstrapParameter(qualifier) }));
    text = answer.Parameter?.Value ?? "";
  } catch (error) {
    const failure = failureOf(error);
    if (failure.cause === "absent") return missing(`${where} has none`);
    return unanswered(SUBJECT, failure, "ssm:GetParameter");
  }
  const version = /^\d+$/.test(text) ? Number(text) : 0;
  if (version < REQUIRED_BOOTSTRAP) {
    return missing(`${where} has version ${text}, and ${REQUIRED_BOOTSTRAP} is needed`);
  }
  return { state: "ok", subject: SUBJECT, summary: `version ${version} in ${where}` };
}

/** The app that is named makes nothing: the real one cannot be read before it was built. */
function bootstrapCommand(where: string, qualifier: string): string {
  const app = `--app "node --import tsx cdk/deploy/names-app.ts"`;
  const named =
    qualifier === DEFAULT_QUALIFIER ? "" : ` --qualifier ${qualifier} --toolkit-stack-name CDKToolkit-${qualifier}`;
  return `  node_modules/.bin/cdk bootstrap ${app}${named} aws://${where}`;
}
