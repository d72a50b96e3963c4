/** Every kind of deployment whose templates are checked, by cfn-lint and by cdk-nag. */
import { nag, type Nag } from "./nag";
import { serversOf } from "./servers-support";
import { LOCAL, NETWORK, PIPELINES_ELSEWHERE, app, stacksOf, type Stacks } from "./support";

const SERVERS = serversOf();

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
  servers: {
    stage: "dev",
    region: "us-east-1",
    ...SERVERS.onLambda,
    ...NETWORK,
    alarmTopicArn: "arn:aws:sns:us-east-1:111122223333:on-call",
    gateway: "iam",
    gatewayActions: "true",
  },
  "gateway-jwt": {
    stage: "dev",
    gateway: "jwt",
    gatewayDiscoveryUrl: "https://idp.example.com/.well-known/openid-configuration",
    gatewayClients: "desktop",
    gatewayActions: "true",
  },
  local: LOCAL,
  "local-servers": { ...LOCAL, ...SERVERS.here },
  "local-arm64": { ...LOCAL, architecture: "arm64" },
} satisfies Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A kind of deployment, synthesised and looked at. */
export interface Variant {
  readonly name: string;
  readonly stacks: Stacks;
  readonly nag: Nag;
}

/** All of them. */
export function variants(): readonly Variant[] {
  return Object.entries(VARIANTS).map(([name, settings]) => {
    const whole = app(settings);
    // Synthesised first, so that cdk-nag sees what aspects and tags have made of the resources.
    const stacks = stacksOf(whole);
    return { name, stacks, nag: nag(whole) };
  });
}
