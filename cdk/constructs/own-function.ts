import { RemovalPolicy } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { acknowledge, acknowledgeWildcard } from "../acknowledge";

/** What a function is made from; its name, role, logs and traces are decided here. */
export interface OwnFunctionProps extends Omit<lambda.FunctionProps, "functionName" | "role" | "logGroup" | "tracing"> {
  /** Name of the function. */
  readonly name: string;
  /** Why an event that fails is not kept in a queue. */
  readonly noQueue: string;
  /** Why the role may do more on all resources than what every function may, as a sentence. @default - it may not */
  readonly onEverything?: string;
}

/**
 * A Lambda function with a fixed name, a log group and a role of its own. The role may write to that log group and send
 * traces; what else the function needs, it is granted.
 */
export abstract class OwnFunction extends Construct implements iam.IGrantable {
  readonly function: lambda.Function;
  readonly role: iam.Role;
  readonly grantPrincipal: iam.IPrincipal;
  /** Name of the function, known before it is deployed. */
  readonly name: string;

  constructor(scope: Construct, id: string, { name, noQueue, onEverything, ...props }: OwnFunctionProps) {
    super(scope, id);
    this.name = name;
    const logGroup = new logs.LogGroup(this, "Logs", {
      logGroupName: `/aws/lambda/${name}`,
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new iam.Role(this, "Role", {
      description: `Role of the Lambda function ${name}`,
      assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com"),
    });
    this.grantPrincipal = this.role;
    logGroup.grantWrite(this.role);
    this.function = new lambda.Function(this, "Function", {
      ...props,
      functionName: name,
      role: this.role,
      logGroup,
      tracing: lambda.Tracing.ACTIVE,
    });
    acknowledge(this.function, "Serverless-LambdaDLQ", noQueue);
    this.acknowledgeWildcard(
      "*",
      [
        "Actions without resources: X-Ray's that send traces, and in a VPC EC2's that describe its network.",
        onEverything,
      ]
        .filter((sentence) => sentence !== undefined)
        .join(" "),
    );
  }

  /** Tells why the role may act on a resource that is named with a wildcard. */
  acknowledgeWildcard(resourceArn: string, reason: string): void {
    acknowledgeWildcard(this.role.node.findChild("DefaultPolicy"), resourceArn, reason);
  }

  /** Allows an action on resources, and nothing else. */
  allow(actions: readonly string[], resourceArns: readonly string[]): void {
    this.role.addToPolicy(new iam.PolicyStatement({ actions: [...actions], resources: [...resourceArns] }));
  }
}
