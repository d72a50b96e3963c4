/** Failures of a deployment that say too little, and what is behind them. */

/** What is behind a failure, and what to do. */
export interface Explanation {
  readonly title: string;
  readonly advice: readonly string[];
}

/** What to say where AWS does not let the account create agents. */
export const MAINTENANCE_ADVICE: readonly string[] = [
  "Since 2026-07-30 Bedrock Agents (Classic) is in maintenance mode: only accounts that used it in the twelve months",
  "before can create agents. AWS makes no exceptions on request, and permissions do not matter.",
  "Deploy into another account that has used Bedrock Agents (AWS_PROFILE=…), or stay here with `make local`.",
  "See docs/decisions/0001-bedrock-agents-behind-one-module.md and",
  "https://docs.aws.amazon.com/bedrock/latest/userguide/agents-classic-maintenance-mode.html",
];

/** Whether a text, from Bedrock itself or wrapped by CloudFormation, says that the account may not create agents. */
export const isMaintenance = (text: string): boolean => MAINTENANCE.test(plain(text));

const MAINTENANCE = /Bedrock Agents (\(?Classic\)? )?is in maintenance mode|New agent creation is not available/i;

const KNOWN: readonly { readonly sign: RegExp; readonly explanation: Explanation }[] = [
  {
    sign: /Deployment cancelled/,
    explanation: { title: "The changes were not approved.", advice: ["What was deployed before the question stays."] },
  },
  {
    sign: MAINTENANCE,
    explanation: { title: "This account may not create Bedrock agents.", advice: MAINTENANCE_ADVICE },
  },
  {
    sign: /Ensure Agent role has valid permissions to use the inference profile/i,
    explanation: {
      title: "Bedrock did not know the agent's role yet.",
      advice: ["IAM takes a moment to tell every service of a new role. Run `make deploy` again."],
    },
  },
  {
    sign: /secret with this name is already scheduled for deletion/i,
    explanation: {
      title: "A secret was deleted by hand, and keeps its name until its recovery window ends.",
      advice: [
        "Delete it for good and deploy again:",
        "  aws secretsmanager delete-secret --force-delete-without-recovery --secret-id NAME",
      ],
    },
  },
  {
    sign: /Function already exist: mcp-server-|\/aws\/lambda\/mcp-server-\S* already exists|need a DeletionPolicy of 'Retain'|must have the DeletionPolicy attribute set to 'Retain'/i,
    explanation: {
      title: "Something with one of our names exists outside of the stacks.",
      advice: [
        "The tables are taken over; everything else that the message names has to be deleted, or another STAGE chosen.",
        "Functions of hosted MCP servers are called mcp-server-… in every stage: for a second one in the account and region",
        'give them another beginning, for example CDK_ARGS="-c hostedNamePrefix=mcp-server-test-".',
      ],
    },
  },
  {
    sign: /has not been bootstrapped|SSM parameter \/cdk-bootstrap\/\S+ not found/i,
    explanation: {
      title: "The account is not bootstrapped in this region, or the roles of the bootstrap may not be used.",
      advice: ["docs/deploy.md says how to bootstrap, and which right the person who deploys needs."],
    },
  },
];

/** What is known about what a command said before it failed. */
export function explanationsOf(output: string): readonly Explanation[] {
  const text = plain(output);
  return KNOWN.filter(({ sign }) => sign.test(text)).map(({ explanation }) => explanation);
}

/** Without colours, and with lines that were broken put together again. */
function plain(text: string): string {
  // eslint-disable-next-line no-control-regex -- colours begin with one
  return text.replace(/\u001b\[[0-9;]*[A-Za-z]/g, "").replace(/\s+/g, " ");
}
