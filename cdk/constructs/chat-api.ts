import { Duration, RemovalPolicy } from "aws-cdk-lib";
import * as apigateway from "aws-cdk-lib/aws-apigateway";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import { Construct, type IDependable } from "constructs";
import { acknowledge } from "../acknowledge";
import type { ResponseMode } from "../config";
import { accessLog, addExecutionLog, loggedTo } from "./api-logs";
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
  /** The role with which API Gateway writes the logs of all APIs: it has to be there before the stage of another one. */
  readonly loggingRole: IDependable;

  constructor(scope: Construct, id: string, props: ChatApiProps) {
    super(scope, id);
    const name = `switchyard-${props.stage}-chat`;
    const api = new apigateway.RestApi(this, "Api", {
      restApiName: name,
      description: "Chat with the agents that run the infrastructure",
      endpointConfiguration: { types: [apigateway.EndpointType.REGIONAL] },
      // API Gateway writes no log without a role for it: one for the account and region, shared by all APIs in it, and
      // therefore kept when this one goes.
      cloudWatchRole: true,
      cloudWatchRoleRemovalPolicy: RemovalPolicy.RETAIN,
      defaultMethodOptions: { authorizationType: apigateway.AuthorizationType.IAM },
      deployOptions: {
        ...loggedTo(accessLog(this, name)),
        stageName: props.stage,
        // By method; there is one, and the metrics of the stage cost nothing.
        metricsEnabled: false,
        throttlingRateLimit: props.throttleRate,
        throttlingBurstLimit: props.throttleBurst,
      },
    });
    addProblemResponses(api, {
      route: "Use POST /chat: there is no other route.",
      body: "Send a JSON object with a message as the body.",
      size: "A body may have 10 MB, a chat message 25000 characters.",
      refused: "The request was refused before it reached the chat.",
      failed: "The chat function failed.",
      mayGoOn: "What was begun may still go on: ask for the deployments before you repeat a wish.",
      publicly: false,
    });
    const method = api.root.addResource("chat").addMethod(
      "POST",
      new apigateway.LambdaIntegration(props.handler, {
        responseTransferMode: apigateway.ResponseTransferMode[props.responseMode],
        timeout: ANSWER_TIMEOUT[props.responseMode],
        allowTestInvoke: false,
      }),
    );
    addExecutionLog(this, api, props.stage);
    acknowledgeFindings(api, method);
    // RestApi writes an output of its own; the stack's ChatUrl is the one to use.
    api.node.tryRemoveChild("Endpoint");
    this.restApiId = api.restApiId;
    this.url = api.urlForPath("/chat");
    this.stage = api.deploymentStage;
    this.loggingRole = api.node.findChild("Account");
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
