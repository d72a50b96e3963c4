import path from "node:path";
import { CfnOutput, Duration, Stack, type StackProps } from "aws-cdk-lib";
import * as lambda from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";
import { McpServer } from "switchyard";

/** Properties of {@link ReportsStack}. */
export interface ReportsStackProps extends StackProps {
  /** Stage of the Switchyard deployment to register with. */
  readonly stage: string;
  /** Directory with the compiled program `bootstrap`. @default - where cargo-lambda puts it */
  readonly programDirectory?: string;
  /** Instruction set that it was compiled for. @default - arm64 */
  readonly architecture?: lambda.Architecture;
}

const BUILT = path.join(__dirname, "..", "..", "target", "lambda", "reports");

/** An MCP server with two tools in Rust, behind a REST API with a key. */
export class ReportsStack extends Stack {
  constructor(scope: Construct, id: string, props: ReportsStackProps) {
    super(scope, id, props);
    const serverFunction = new lambda.Function(this, "Reports", {
      runtime: lambda.Runtime.PROVIDED_AL2023,
      architecture: props.architecture ?? lambda.Architecture.ARM_64,
      handler: "bootstrap",
      code: lambda.Code.fromAsset(props.programDirectory ?? BUILT),
      memorySize: 256,
      timeout: Duration.seconds(10),
      // The stage is part of the path that API Gateway hands over; our routes begin after it.
      environment: { AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH: "true" },
    });
    const server = new McpServer(this, "Server", {
      stage: props.stage,
      serverId: "reports",
      serverName: "Reports",
      version: "1.0.0",
      description: "Looks through data and makes reports of it.",
      serverFunction,
      route: "restApi",
      allowOrigins: ["*"],
      // Of the tools that the server tells, its owner says which change nothing.
      configuration: { read_only_tools: ["process_data", "generate_report"] },
      metadata: { team: "examples" },
    });
    new CfnOutput(this, "ReportsUrl", {
      value: server.endpointUrl,
      description: "Send MCP messages here, with the key",
    });
    new CfnOutput(this, "ReportsTools", { value: server.toolCount, description: "Number of registered tools" });
  }
}
