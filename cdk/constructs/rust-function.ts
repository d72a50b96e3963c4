import { existsSync } from "node:fs";
import path from "node:path";
import type { Duration } from "aws-cdk-lib";
import { FileSystem, RemovalPolicy } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { acknowledge, acknowledgeWildcard } from "../acknowledge";
import type { Config } from "../config";
import { Mistake } from "../mistake";
import { functionName } from "../names";
import { checkPackedDefinitions } from "../packed-definitions";
import { readLambdaZip } from "../zip";

/** Where the built functions are, for which machine and from which agents; the same for all of a deployment. */
export type Build = Pick<Config, "lambdaZipDir" | "architecture" | "agentsDir">;

/** Properties of {@link RustFunction}. */
export interface RustFunctionProps {
  readonly stage: string;
  /** Name of the binary; with the stage it makes the function's name. */
  readonly bin: string;
  readonly build: Build;
  readonly description: string;
  /** How long one invocation may take. */
  readonly timeout: Duration;
  /** Environment variables. @default - none */
  readonly environment?: Readonly<Record<string, string>>;
  /** Memory in MB; CPU grows with it. @default 256 */
  readonly memorySize?: number;
}

/**
 * One of our Lambda functions, from a zip that was built before: a fixed name, a log group and a role of its own. The
 * role may write to that log group and send traces; what else the function needs, it is granted.
 */
export class RustFunction extends Construct implements iam.IGrantable {
  readonly function: lambda.Function;
  readonly role: iam.Role;
  readonly grantPrincipal: iam.IPrincipal;
  /** Changes when the zip does. */
  readonly codeHash: string;

  constructor(scope: Construct, id: string, props: RustFunctionProps) {
    super(scope, id);
    const zip = path.join(props.build.lambdaZipDir, props.bin, "bootstrap.zip");
    checkZip(zip, props.build);
    this.codeHash = FileSystem.fingerprint(zip);

    const name = functionName(props.stage, props.bin);
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
      functionName: name,
      description: props.description,
      runtime: lambda.Runtime.PROVIDED_AL2023,
      architecture: props.build.architecture === "arm64" ? lambda.Architecture.ARM_64 : lambda.Architecture.X86_64,
      code: lambda.Code.fromAsset(zip),
      handler: "bootstrap",
      role: this.role,
      logGroup,
      tracing: lambda.Tracing.ACTIVE,
      timeout: props.timeout,
      memorySize: props.memorySize ?? 256,
      environment: { ...props.environment },
    });
    acknowledge(
      this.function,
      "Serverless-LambdaDLQ",
      "Every caller waits for the answer and is told when there is none (of registration: CloudFormation, which rolls " +
        "back; of health_checker: the next run): an event kept in a queue would act after that.",
    );
    this.acknowledgeWildcard(
      "*",
      "Actions without resources: X-Ray's that send traces, and in a VPC EC2's that describe its network.",
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

/** A zip that is missing, of another machine or with other agents would only show when the function is called. */
function checkZip(zip: string, { architecture, agentsDir }: Build): void {
  if (!existsSync(zip)) throw new Mistake(`${zip} does not exist: run "make build" first`);
  const { architecture: built, files } = readLambdaZip(zip);
  if (built !== undefined && built !== architecture) {
    throw new Mistake(
      `${zip} was built for ${built}, but the setting architecture is ${architecture}: ` +
        `build for ${architecture}, or deploy with -c architecture=${built}`,
    );
  }
  checkPackedDefinitions(zip, files, agentsDir);
}
