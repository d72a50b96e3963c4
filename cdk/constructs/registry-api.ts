import { Duration } from "aws-cdk-lib";
import * as apigateway from "aws-cdk-lib/aws-apigateway";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import { Construct, type IDependable } from "constructs";
import { acknowledge } from "../acknowledge";
import type { Config } from "../config";
import { accessLog, addExecutionLog, loggedTo } from "./api-logs";
import { ANSWER_TIMEOUT } from "./chat-api";
import { addProblemResponses } from "./problem-responses";

/** Properties of {@link RegistryApi}. */
export interface RegistryApiProps extends Pick<Config, "stage" | "publicRegistry" | "throttleRate" | "throttleBurst"> {
  /** The function that answers every request. */
  readonly handler: lambda.IFunction;
  /** What has to be there before API Gateway can write logs. */
  readonly loggingRole: IDependable;
}

/** Longest that a browser remembers what it may do: what Chromium allows at most. */
const PREFLIGHT_SECONDS = 7200;
/** Share of the rate that requests without a signature get, so that strangers leave the rest to those who sign. */
const UNSIGNED = 1 / 4;

/**
 * The REST API of the registry of MCP servers. Everything wants a signature, but two doors: `POST /mcp/register`, where the
 * function checks a registration token, and, if the registry is public, `GET /v0.1/...`, the official registry API.
 *
 * In the path that the function gets, a percent-encoded slash (`%2F`, as in `/v0.1/servers/com.example%2Ftools/versions`) is
 * still encoded: a REST API passes the path on as it was sent, and decodes `pathParameters` alone, which the function does not
 * read. MiniStack decodes the path as well. The function must take both. Source: events captured from API Gateway in
 * https://github.com/hotsock/voker/pull/8; the source code of MiniStack 1.5.33.
 */
export class RegistryApi extends Construct {
  readonly restApiId: string;
  /** URL of the API's stage, with a slash at its end. */
  readonly url: string;
  /** The deployed API, for its metrics. */
  readonly stage: apigateway.Stage;

  constructor(scope: Construct, id: string, props: RegistryApiProps) {
    super(scope, id);
    const { stage, publicRegistry, throttleRate, throttleBurst } = props;
    const name = `switchyard-${stage}-registry`;
    const unsigned = {
      throttlingRateLimit: Math.ceil(throttleRate * UNSIGNED),
      throttlingBurstLimit: Math.ceil(throttleBurst * UNSIGNED),
    };
    const api = new apigateway.RestApi(this, "Api", {
      restApiName: name,
      description: "The registry of MCP servers",
      endpointConfiguration: { types: [apigateway.EndpointType.REGIONAL] },
      // The chat API sets the role for all APIs of the account.
      cloudWatchRole: false,
      defaultMethodOptions: { authorizationType: apigateway.AuthorizationType.IAM },
      // Not LambdaIntegration, which would add a permission for each method to the one below that covers all of them.
      defaultIntegration: new apigateway.AwsIntegration({
        proxy: true,
        service: "lambda",
        path: `2015-03-31/functions/${props.handler.functionArn}/invocations`,
        options: { timeout: ANSWER_TIMEOUT.BUFFERED },
      }),
      deployOptions: {
        ...loggedTo(accessLog(this, name)),
        stageName: stage,
        // By method they are charged; the metrics of the stage cost nothing.
        metricsEnabled: false,
        throttlingRateLimit: throttleRate,
        throttlingBurstLimit: throttleBurst,
        // Each method has its own measure of these.
        methodOptions: {
          "/mcp/register/POST": unsigned,
          ...(publicRegistry ? { "/v0.1/GET": unsigned, "/v0.1/{proxy+}/GET": unsigned } : {}),
        },
      },
    });
    addProblemResponses(api, {
      route: "See GET /openapi.json for the routes there are.",
      body: "Send a JSON object as GET /openapi.json describes it.",
      size: "A body may have 10 MB, the registry takes less: see GET /openapi.json.",
      refused: "The request was refused before it reached the registry.",
      failed: "The registry function failed.",
      mayGoOn: "What was begun may still go on: look at the server's entry before you repeat the request.",
      publicly: publicRegistry,
    });
    addRoutes(api, publicRegistry);
    props.handler.addPermission("RegistryApi", {
      principal: new iam.ServicePrincipal("apigateway.amazonaws.com"),
      sourceArn: api.arnForExecuteApi("*", "/*", stage),
    });
    api.deploymentStage.node.addDependency(props.loggingRole);
    addExecutionLog(this, api, stage);
    acknowledgeFindings(api);
    // RestApi writes an output of its own; the stack's RegistryUrl is the one to use.
    api.node.tryRemoveChild("Endpoint");
    this.restApiId = api.restApiId;
    this.url = api.urlForPath("/");
    this.stage = api.deploymentStage;
  }
}

function addRoutes(api: apigateway.RestApi, publicRegistry: boolean): void {
  const { IAM, NONE } = apigateway.AuthorizationType;
  // A server that starts somewhere has no AWS credentials: the function checks the token in its header.
  const register = api.root.addResource("mcp").addResource("register");
  register.addMethod("POST", undefined, { authorizationType: NONE });
  // The specification of the official API has no signatures. Whoever asks for an open one has said so in the settings.
  const official = api.root.addResource("v0.1");
  for (const resource of [official, official.addResource("{proxy+}")]) {
    resource.addMethod("GET", undefined, { authorizationType: publicRegistry ? NONE : IAM });
    if (publicRegistry) {
      resource.addCorsPreflight({
        allowOrigins: apigateway.Cors.ALL_ORIGINS,
        allowMethods: ["GET"],
        maxAge: Duration.seconds(PREFLIGHT_SECONDS),
      });
    }
  }
  api.root.addResource("{proxy+}").addMethod("ANY");
}

function acknowledgeFindings(api: apigateway.RestApi): void {
  acknowledge(
    api,
    "AwsSolutions-APIG2",
    "Every request is checked by registry_api, which says what to change; a validator of API Gateway would only refuse.",
  );
  acknowledge(
    api.deploymentStage,
    "AwsSolutions-APIG3",
    "All routes are throttled, those without a signature to a quarter of the rate, and a registration token is limited by the " +
      "hour; a web ACL costs money each month, also when nobody calls.",
  );
  for (const method of api.methods.filter(({ httpMethod }) => httpMethod !== "OPTIONS")) {
    acknowledge(
      method,
      "AwsSolutions-COG4",
      "Callers are AWS principals that sign (AWS_IAM), servers with a registration token, or the public; there is no user pool.",
    );
    if ((method.node.defaultChild as apigateway.CfnMethod).authorizationType !== "NONE") continue;
    acknowledge(
      method,
      "AwsSolutions-APIG4",
      "A door without a signature, on purpose: registry_api checks the registration token itself, and what a public registry " +
        "shows is for everybody.",
    );
  }
}
