import { Duration } from "aws-cdk-lib";
import type * as apigateway from "aws-cdk-lib/aws-apigateway";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { registryDashboard } from "../names";
import { runMetric, serverMetrics } from "./health-metrics";

/** Properties of {@link RegistryDashboard}. */
export interface RegistryDashboardProps {
  readonly stage: string;
  /** The deployed registry API. */
  readonly api: apigateway.Stage;
  /** The function by which CloudFormation registers servers. */
  readonly registration: lambda.IFunction;
}

/** Widgets in a row of CloudWatch's grid of 24. */
const THIRD = 8;
const HEIGHT = 6;

/** The registry at a glance: servers by status, their answers, registrations, and what waits for approval. */
export class RegistryDashboard extends Construct {
  constructor(scope: Construct, id: string, props: RegistryDashboardProps) {
    super(scope, id);
    const { stage, api, registration } = props;
    const { AVERAGE, MAXIMUM, MINIMUM, SUM } = cloudwatch.Stats;
    const hour = { period: Duration.hours(1), statistic: SUM };
    const graph = (title: string, left: cloudwatch.IMetric[], axis: cloudwatch.YAxisProps = { min: 0 }) =>
      new cloudwatch.GraphWidget({
        title,
        left,
        leftYAxis: { showUnits: false, ...axis },
        width: THIRD,
        height: HEIGHT,
      });
    new cloudwatch.Dashboard(this, "Dashboard", {
      dashboardName: registryDashboard(stage),
      defaultInterval: Duration.days(1),
      widgets: [
        [
          graph("Servers by status", [
            runMetric(stage, "ActiveServers", MAXIMUM).with({ label: "active" }),
            runMetric(stage, "UnhealthyServers", MAXIMUM).with({ label: "unhealthy" }),
          ]),
          graph("Health of each server: 1 or 0", [serverMetrics(stage, "ServerHealth", MINIMUM)], { min: 0, max: 1 }),
          graph("Response time of each server, ms", [serverMetrics(stage, "ResponseTime", AVERAGE)]),
        ],
        [
          graph("Failed health checks", [runMetric(stage, "HealthCheckFailures", SUM).with({ label: "failed" })]),
          graph("Waiting for approval", [runMetric(stage, "PendingApprovals", MAXIMUM).with({ label: "waiting" })]),
          graph("Longest wait for approval, hours", [
            runMetric(stage, "OldestPendingHours", MAXIMUM).with({ label: "hours" }),
          ]),
        ],
        [
          // A metric for each route would be charged; the access log is there anyway.
          new cloudwatch.LogQueryWidget({
            title: "Registrations over HTTP, by status",
            logGroupNames: [`/aws/apigateway/switchyard-${stage}-registry`],
            view: cloudwatch.LogQueryVisualizationType.TABLE,
            queryLines: [
              'filter method = "POST" and path like /\\/mcp\\/register$/',
              "stats count(*) as registrations by bin(1h) as hour, status",
              "sort hour desc",
            ],
            width: THIRD,
            height: HEIGHT,
          }),
          graph("Registrations by CloudFormation, an hour", [
            registration.metricInvocations(hour).with({ label: "registrations" }),
            registration.metricErrors(hour).with({ label: "errors" }),
          ]),
          graph("Answers of the registry API, an hour", [
            api.metricCount(hour).with({ label: "all" }),
            api.metricClientError(hour).with({ label: "refused" }),
            api.metricServerError(hour).with({ label: "failed" }),
          ]),
        ],
      ],
    });
  }
}
