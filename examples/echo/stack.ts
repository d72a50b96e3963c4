import path from "node:path";
import { CfnOutput, Duration, Stack, type StackProps } from "aws-cdk-lib";
import * as lambda from "aws-cdk-lib/aws-lambda";
import type { Construct } from "constructs";
import { McpServer } from "switchyard";

/** Properties of {@link EchoStack}. */
export interface EchoStackProps extends StackProps {
  /** Stage of the Switchyard deployment to register with. */
  readonly stage: string;
}

/** An MCP server that anybody may call: a Python function behind a function URL without authentication. */
export class EchoStack extends Stack {
  constructor(scope: Construct, id: string, props: EchoStackProps) {
    super(scope, id, props);
    const serverFunction = new lambda.Function(this, "Echo", {
      runtime: lambda.Runtime.PYTHON_3_13,
      architecture: lambda.Architecture.ARM_64,
      handler: "handler.handler",
      code: lambda.Code.fromAsset(path.join(__dirname, "server")),
      timeout: Duration.seconds(5),
      // What anybody may call, anybody may call often: this is the most that it can cost.
      reservedConcurrentExecutions: 5,
    });
    const server = new McpServer(this, "Server", {
      stage: props.stage,
      serverId: "echo",
      serverName: "Echo",
      version: "1.0.0",
      description: "Says what it is told.",
      serverFunction,
      route: "functionUrl",
      authenticationType: "none",
      // Of the tools that the server tells, its owner says which change nothing.
      configuration: { read_only_tools: ["echo"] },
      healthCheckInterval: Duration.minutes(15),
      metadata: { team: "examples" },
    });
    new CfnOutput(this, "EchoUrl", { value: server.endpointUrl, description: "Send MCP messages here" });
  }
}
