/** What wakes a person about the registry of MCP servers. */
import { Duration } from "aws-cdk-lib";
import type * as apigateway from "aws-cdk-lib/aws-apigateway";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import { functionName } from "../names";
import { runMetric } from "./health-metrics";
import type { Watched } from "./watched";

/** For how long a server may be unhealthy without waking anybody, in minutes: three failed checks took it out of use before. */
const UNHEALTHY_MINUTES = 15;
/** For how long there may be no run of the health checks, which are a minute apart. */
const UNCHECKED = Duration.minutes(15);
/** For how long something may wait for approval, in hours. */
const WAITING_HOURS = 48;

/** Alarms on the registry, by the end of their names. Those on its functions are made with those of the others. */
export function registryAlarms(stage: string, api: apigateway.Stage): Readonly<Record<string, Watched>> {
  const { MAXIMUM, SAMPLE_COUNT, SUM } = cloudwatch.Stats;
  return {
    "registry-errors": {
      metric: api.metricServerError({ statistic: SUM, period: Duration.minutes(5) }),
      threshold: 1,
      description:
        "The registry API answered with a status of 500 or above: a registration, an approval or a list failed. Take the " +
        `request_id from /aws/apigateway/switchyard-${stage}-registry; registry_api's log says what failed, in error and causes.`,
    },
    "unhealthy-servers": {
      metric: runMetric(stage, "LongestUnhealthyMinutes", MAXIMUM),
      threshold: UNHEALTHY_MINUTES,
      description:
        `Health checks have kept an MCP server out of use for ${UNHEALTHY_MINUTES} minutes or longer. Look which one with ` +
        "`switchyard servers list --status unhealthy`; its last_error says why, its owner has to mend it.",
    },
    // A run tells of itself when it is over, so this also notices runs that are started and come to nothing.
    "health-unchecked": {
      metric: runMetric(stage, "ActiveServers", SAMPLE_COUNT, UNCHECKED),
      threshold: 1,
      below: true,
      description:
        `No run of the health checks has ended for ${UNCHECKED.toMinutes()} minutes: servers that fail stay in use, and those ` +
        `that recover stay out of it. Look whether the EventBridge rule ${functionName(stage, "health_checker")} is enabled, and ` +
        "what the function of that name logs.",
    },
    "approvals-waiting": {
      metric: runMetric(stage, "OldestPendingHours", MAXIMUM),
      threshold: WAITING_HOURS,
      description:
        `An MCP server, or a change of one, has waited ${WAITING_HOURS} hours or longer for a person's approval. Look what waits ` +
        "with `switchyard servers list --status pending`, and approve or reject it.",
    },
  };
}
