/** Every kind of deployment whose templates are checked, by cfn-lint and by cdk-nag. */
import { addSwitchyard } from "../switchyard";
import { nag, type Nag } from "./nag";
import { LOCAL, NETWORK, PIPELINES_ELSEWHERE, Synthesised, app } from "./support";

/** The settings of each kind; together they hold every resource that a setting can bring about. */
export const VARIANTS = {
  "bedrock-arm64": { stage: "dev", architecture: "arm64" },
  "bedrock-x86_64": { stage: "dev", architecture: "x86_64" },
  "bedrock-buffered": { stage: "dev", responseMode: "BUFFERED" },
  "bedrock-settings": {
    stage: "prod",
    region: "us-east-1",
    model: "us.amazon.nova-pro-v1:0",
    alarmTopicArn: "arn:aws:sns:us-east-1:111122223333:on-call",
    registrationApproval: "auto",
    publicRegistry: "true",
    approvalEmails: "approvers@example.com",
    invocableFunctions: "arn:aws:lambda:us-east-1:111122223333:function:theirs",
  },
  vpc: { stage: "dev", ...NETWORK },
  "vpc-elsewhere": { stage: "dev", ...PIPELINES_ELSEWHERE },
  local: LOCAL,
  "local-arm64": { ...LOCAL, architecture: "arm64" },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A kind of deployment, synthesised and looked at. */
export interface Variant {
  readonly name: string;
  readonly stacks: Readonly<Record<"data" | "service", Synthesised>>;
  readonly nag: Nag;
}

/** All of them. */
export function variants(): readonly Variant[] {
  return Object.entries(VARIANTS).map(([name, settings]) => {
    const whole = app(settings);
    const { data, service } = addSwitchyard(whole);
    // Synthesised first, so that cdk-nag sees what aspects and tags have made of the resources.
    const stacks = { data: new Synthesised(data), service: new Synthesised(service) };
    return { name, stacks, nag: nag(whole) };
  });
}
