/**
 * Findings of cdk-nag that are right as they are. Each is acknowledged beside the resource it concerns, with the reason;
 * cdk/test/nag.test.ts proves that every acknowledgement takes and that none outlives its finding.
 */
import { Stack, Validations } from "aws-cdk-lib";
import type { IConstruct } from "constructs";

/** Acknowledges one finding of a construct's own resource, and of nothing below it. */
export function acknowledge(construct: IConstruct, finding: string, reason: string): void {
  Validations.of(construct.node.defaultChild ?? construct).acknowledge({ id: finding, reason });
}

/** Acknowledges that the policies of a role or a policy name a resource with a wildcard, and this one only. */
export function acknowledgeWildcard(policy: IConstruct, resourceArn: string, reason: string): void {
  acknowledge(policy, `AwsSolutions-IAM5[Resource::${written(Stack.of(policy).resolve(resourceArn))}]`, reason);
}

/** An ARN as cdk-nag writes it in the name of a finding: a reference is `<AWS::Region>`, an attribute `<Function.Arn>`. */
function written(arn: unknown): string {
  if (typeof arn === "string") return arn;
  const {
    Ref: reference,
    "Fn::GetAtt": attribute,
    "Fn::Join": join,
  } = arn as {
    readonly Ref?: string;
    readonly "Fn::GetAtt"?: readonly string[];
    readonly "Fn::Join"?: [string, unknown[]];
  };
  if (reference !== undefined) return `<${reference}>`;
  if (attribute !== undefined) return `<${attribute.join(".")}>`;
  if (join !== undefined) return join[1].map(written).join(join[0]);
  throw new Error(`no name for the finding about ${JSON.stringify(arn)}`);
}
