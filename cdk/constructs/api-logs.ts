/** The logs of a REST API: one line for each request, and why API Gateway itself failed. */
import { RemovalPolicy } from "aws-cdk-lib";
import * as apigateway from "aws-cdk-lib/aws-apigateway";
import * as logs from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";

/** The deployment options that write an access log, and of the execution log only failures: nothing of a request or answer. */
export function loggedTo(accessLog: logs.ILogGroup) {
  return {
    tracingEnabled: true,
    loggingLevel: apigateway.MethodLoggingLevel.ERROR,
    accessLogDestination: new apigateway.LogGroupLogDestination(accessLog),
    accessLogFormat: ACCESS_LOG_FORMAT,
  } satisfies apigateway.StageOptions;
}

/** Log group for the access log of the API with this name. */
export function accessLog(scope: Construct, apiName: string): logs.LogGroup {
  return logGroup(scope, "AccessLog", `/aws/apigateway/${apiName}`);
}

/**
 * Log group for the execution log. API Gateway chooses this name, and would make the group itself: for ever, and left behind
 * when the stack goes.
 */
export function addExecutionLog(scope: Construct, api: apigateway.RestApi, stage: string): void {
  const group = logGroup(scope, "ExecutionLog", `API-Gateway-Execution-Logs_${api.restApiId}/${stage}`);
  api.deploymentStage.node.addDependency(group);
}

function logGroup(scope: Construct, id: string, logGroupName: string): logs.LogGroup {
  return new logs.LogGroup(scope, id, {
    logGroupName,
    retention: logs.RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.DESTROY,
  });
}

/** One line for each request, with the caller and never with a body or a header. */
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
