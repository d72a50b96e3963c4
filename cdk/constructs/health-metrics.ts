/** The metrics of health_checker: handlers/src/health_checker/metrics.rs writes them. */
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import { Duration } from "aws-cdk-lib";

/** Namespace of all of them. */
export const HEALTH_NAMESPACE = "MCPRegistry/Health";

/** Metrics of a run, with the stage as their dimension. */
export type RunMetric =
  | "HealthCheckFailures"
  | "ActiveServers"
  | "UnhealthyServers"
  | "LongestUnhealthyMinutes"
  | "PendingApprovals"
  | "OldestPendingHours";

/** Metrics of a check, with the stage and the server as their dimensions. */
export type ServerMetric = "ServerHealth" | "ResponseTime";

/** A metric of a run. */
export function runMetric(
  stage: string,
  metricName: RunMetric,
  statistic: string,
  period = Duration.minutes(5),
): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: HEALTH_NAMESPACE,
    metricName,
    dimensionsMap: { Stage: stage },
    statistic,
    period,
  });
}

/** A metric of one server; by default its average over five minutes. */
export function serverMetric(
  stage: string,
  serverId: string,
  metricName: ServerMetric,
  options?: cloudwatch.MetricOptions,
): cloudwatch.Metric {
  const dimensionsMap = { Stage: stage, ServerId: serverId };
  return new cloudwatch.Metric({ namespace: HEALTH_NAMESPACE, metricName, dimensionsMap, ...options });
}

/** A metric of each server there is: a line each, under the server's id. */
export function serverMetrics(stage: string, metric: ServerMetric, statistic: string): cloudwatch.MathExpression {
  const found = `{${HEALTH_NAMESPACE},ServerId,Stage} MetricName="${metric}" Stage="${stage}"`;
  return new cloudwatch.MathExpression({
    expression: `SEARCH('${found}', '${statistic}', 300)`,
    label: "${PROP('Dim.ServerId')}",
    usingMetrics: {},
    period: Duration.minutes(5),
  });
}
