import { Duration, RemovalPolicy } from "aws-cdk-lib";
import * as apigateway from "aws-cdk-lib/aws-apigateway";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { acknowledge } from "../acknowledge";
import type { ResponseMode } from "../config";
import { addProblemResponses } from "./problem-responses";

/** Properties of {@link ChatApi}. */
export interface ChatApiProps {
  readonly stage: string;
  /** The function that answers POST /chat. */
  readonly handler: lambda.IFunction;
  /** Whether answers are streamed. */
  readonly responseMode: ResponseMode;
  /** Requests per second in the long run. */
  readonly throttleRate: number;
  /** Requests at once. */
  readonly throttleBurst: number;
}

/**
 * How long API Gateway waits for the whole answer: 15 minutes is the most that streaming allows, 29 seconds the most that
 * a buffered integration gets without a raised quota.
 */
export const ANSWER_TIMEOUT: Readonly<Record<ResponseMode, Duration>> = {
  STREAM: Duration.minutes(15),
  BUFFERED: Duration.seconds(29),
};

/** The REST API with POST /chat, signed with IAM credentials. Regional: an edge endpoint cuts a stream after 30 s of silence. */
export class ChatApi extends Construct {
  readonly restApiId: string;
  /** URL to post chat messages to. */
  readonly url: string;
  /** The deployed API, for its metrics. */
  readonly stage: apigateway.Stage;

  constructor(scope: Construct, id: string, props: ChatApiProps) {
    super(scope, id);
    const accessLog = this.addLog("AccessLog", `/aws/apigateway/switchyard-${props.stage}-chat`);
    const api = new apigateway.RestApi(this, "Api", {
      restApiName: `switchyard-${props.stage}-chat`,
      description: "Chat with the agents that run the infrastructure",
      endpointConfiguration: { types: [apigateway.EndpointType.REGIONAL] },
      // API Gateway writes no log without a role for it: one for the account and region, shared by all APIs in it, and
      // therefore kept when this one goes.
      cloudWatchRole: true,
      cloudWatchRoleRemovalPolicy: RemovalPolicy.RETAIN,
      defaultMethodOptions: { authorizationType: apigateway.AuthorizationType.IAM },
      deployOptions: {
        stageName: props.stage,
        tracingEnabled: true,
        // By method; there is one, and the metrics of the stage cost nothing.
        metricsEnabled: false,
        // Why API Gateway itself failed; nothing of a request or an answer.
        loggingLevel: apigateway.MethodLoggingLevel.ERROR,
        throttlingRateLimit: props.throttleRate,
        throttlingBurstLimit: props.throttleBurst,
        accessLogDestination: new apigateway.LogGroupLogDestination(accessLog),
        accessLogFormat: ACCESS_LOG_FORMAT,
      },
    });
    addProblemResponses(api);
    const method = api.root.addResource("chat").addMethod(
      "POST",
      new apigateway.LambdaIntegration(props.handler, {
        responseTransferMode: apigateway.ResponseTransferMode[props.responseMode],
        timeout: ANSWER_TIMEOUT[props.responseMode],
        allowTestInvoke: false,
      }),
    );
    // API Gateway chooses this name, and would make the group itself: for ever, and left behind when the stack goes.
    const executionLog = this.addLog("ExecutionLog", `API-Gateway-Execution-Logs_${api.restApiId}/${props.stage}`);
    api.deploymentStage.node.addDependency(executionLog);
    acknowledgeFindings(api, method);
    // RestApi writes an output of its own; the stack's ChatUrl is the one to use.
    api.node.tryRemoveChild("Endpoint");
    this.restApiId = api.restApiId;
    this.url = api.urlForPath("/chat");
    this.stage = api.deploymentStage;
  }

  private addLog(id: string, logGroupName: string): logs.LogGroup {
    return new logs.LogGroup(this, id, {
      logGroupName,
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }
}

function acknowledgeFindings(api: apigateway.RestApi, method: apigateway.Method): void {
  acknowledge(
    api,
    "AwsSolutions-APIG2",
    "Every request is checked by chat_handler, which says what to change; a validator of API Gateway would only refuse.",
  );
  acknowledge(
    api.deploymentStage,
    "AwsSolutions-APIG3",
    "Only signed requests of principals with execute-api:Invoke get further than API Gateway, and they are throttled; a web " +
      "ACL costs money each month, also when nobody chats.",
  );
  acknowledge(
    method,
    "AwsSolutions-COG4",
    "Callers are AWS principals that sign with IAM credentials (AWS_IAM); there is no user pool.",
  );
  acknowledge(
    api.node.findChild("CloudWatchRole"),
    "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
    "The role by which API Gateway writes the logs of all APIs in the account; this policy is the one that AWS keeps for it.",
  );
}

/** One line for each request, with the caller and never with a body. */
const ACCESS_LOG_FORMAT = apigateway.AccessLogFormat.custom(
  JSON.stringify({
    request_id: apigateway.AccessLogField.contextRequestId(),
    time: apigateway.AccessLogField.contextRequestTime(),
    caller: apigateway.AccessLogField.contextIdentityUserArn(),
    source_ip: apigateway.AccessLogField.contextIdentitySourceIp(),
    method: apigateway.AccessLogField.contextHttpMethod(),
    path: apigateway.AccessLogField.contextPath(),
    status: apigateway.AccessLogField.contextStatus(),
    latency_ms: apigateway.AccessLogField.contextResponseLatency(),
    response_bytes: apigateway.AccessLogField.contextResponseLength(),
    error: apigateway.AccessLogField.contextErrorMessage(),
    integration_error: apigateway.AccessLogField.contextIntegrationErrorMessage(),
    trace_id: apigateway.AccessLogField.contextXrayTraceId(),
  }),
);
