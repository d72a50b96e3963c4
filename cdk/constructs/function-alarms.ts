/** Alarms on a function, whoever it belongs to, and how an alarm tells a topic. */
import { Duration, Stack, Token } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import * as sns from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";
import { Mistake } from "../mistake";
import type { Watched } from "./watched";

/** How long what an alarm looks at is gathered. */
export const PERIOD = Duration.minutes(5);
/** Share of its time after which a call is long: early enough for somebody to look before calls are cut off. */
const LONG = 0.8;

/** Tells a topic. Throws a {@link Mistake} if that is in another region than the alarms: CloudWatch tells only its own. */
export function alarmAction(scope: Construct, topicArn: string): cloudwatch.IAlarmAction {
  const { region } = Stack.of(scope);
  const theirs = topicArn.split(":")[3] ?? "";
  if (!Token.isUnresolved(region) && theirs !== region) {
    throw new Mistake(
      `alarmTopicArn (cdk.json, or -c key=value): the topic is in ${theirs}; allowed: a topic in ${region}, where the alarms are`,
    );
  }
  return new SnsAction(sns.Topic.fromTopicArn(scope, "Topic", topicArn));
}

/** Adds an alarm that tells when it goes off and when it is over. */
export function addAlarm(
  scope: Construct,
  alarmName: string,
  { metric, threshold, below = false, description }: Watched,
  action: cloudwatch.IAlarmAction,
): void {
  const { GREATER_THAN_OR_EQUAL_TO_THRESHOLD, LESS_THAN_THRESHOLD } = cloudwatch.ComparisonOperator;
  const { BREACHING, NOT_BREACHING } = cloudwatch.TreatMissingData;
  const alarm = new cloudwatch.Alarm(scope, alarmName, {
    alarmName,
    alarmDescription: description,
    metric,
    threshold,
    evaluationPeriods: 1,
    comparisonOperator: below ? LESS_THAN_THRESHOLD : GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    // Where nobody chats, nothing is wrong.
    treatMissingData: below ? BREACHING : NOT_BREACHING,
  });
  alarm.addAlarmAction(action);
  alarm.addOkAction(action);
}

/** The alarms of one function, by the end of their name. `statistic`: which of its calls are measured against its time. */
export function functionAlarms(fn: lambda.Function, statistic: string): Readonly<Record<string, Watched>> {
  if (fn.timeout === undefined) throw new Error(`${fn.node.path} has no timeout`);
  return {
    errors: {
      metric: fn.metricErrors({ statistic: cloudwatch.Stats.SUM, period: PERIOD }),
      threshold: 1,
      description:
        "A call ended without an answer: the function crashed, ran out of memory or time, or was sent what is no event for it. " +
        'Look in its log for "Runtime exited", "Task timed out" or "event failed".',
    },
    throttles: {
      metric: fn.metricThrottles({ statistic: cloudwatch.Stats.SUM, period: PERIOD }),
      threshold: 1,
      description:
        "Lambda refused to run the function because the account's concurrency was used up. Compare ConcurrentExecutions of the " +
        "account's functions with its quota; stop what uses it, or have the quota raised.",
    },
    duration: {
      metric: fn.metricDuration({ statistic, period: PERIOD }),
      threshold: LONG * fn.timeout.toMilliseconds(),
      description:
        `A call took ${LONG * 100} % or more of the ${fn.timeout.toSeconds()} seconds that it has. Look at its X-Ray trace: ` +
        "what it waited for is slow, or hangs.",
    },
  };
}
