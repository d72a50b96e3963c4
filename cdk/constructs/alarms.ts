/** What wakes a person: alarms on every function, on the chat API and on the registry. */
import { Duration, Stack, Token } from "aws-cdk-lib";
import type * as apigateway from "aws-cdk-lib/aws-apigateway";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import * as sns from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import { Mistake } from "../mistake";
import { functionName } from "../names";
import { registryAlarms } from "./registry-alarms";
import type { RustFunction } from "./rust-function";
import type { Watched } from "./watched";

/** Properties of {@link Alarms}. */
export interface AlarmsProps {
  readonly stage: string;
  /** SNS topic that is told when an alarm goes off and when it is over. */
  readonly topicArn: string;
  readonly functions: readonly RustFunction[];
  /** The deployed chat API. */
  readonly chatApi: apigateway.Stage;
  /** The deployed registry API. */
  readonly registryApi: apigateway.Stage;
}

const PERIOD = Duration.minutes(5);
/** Share of its time after which a call is long: early enough for somebody to look before calls are cut off. */
const LONG = 0.8;
/** Share of the chat's answers that may fail without waking anybody. */
const FAILING = 0.05;

/**
 * Alarms that tell an SNS topic. The latency of the chat API has none: an answer takes as long as what its agents do, and
 * the duration of chat_handler tells when that comes near the limit.
 */
export class Alarms extends Construct {
  private readonly action: SnsAction;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const { stage, topicArn, functions, chatApi, registryApi } = props;
    checkRegion(topicArn, Stack.of(this).region);
    this.action = new SnsAction(sns.Topic.fromTopicArn(this, "Topic", topicArn));
    for (const fn of functions) {
      const name = functionName(stage, fn.node.id);
      for (const [end, watched] of Object.entries(functionAlarms(fn.function))) this.add(`${name}-${end}`, watched);
    }
    this.add(functionName(stage, "chat_api-errors"), {
      metric: chatApi.metricServerError({ statistic: cloudwatch.Stats.AVERAGE, period: PERIOD }),
      threshold: FAILING,
      description:
        `${FAILING * 100} % or more of the chat API's answers had a status of 500 or above. Take the request_id of one from ` +
        `/aws/apigateway/switchyard-${stage}-chat; chat_handler's log says what failed, in error and causes.`,
    });
    for (const [end, watched] of Object.entries(registryAlarms(stage, registryApi))) {
      this.add(functionName(stage, end), watched);
    }
    this.add(functionName(stage, "faults"), {
      metric: this.faults(stage, functions),
      threshold: 1,
      description:
        "A function answered, but had to log a fault of ours: a chat that failed, a permission that is missing, an outcome " +
        `that was not recorded. Filter /aws/lambda/switchyard-${stage}-* for level ERROR; error and causes say more.`,
    });
  }

  /** Counts the log lines that tell of a fault. A count is written, and charged, only when there is one. */
  private faults(stage: string, functions: readonly RustFunction[]): cloudwatch.IMetric {
    const name = { metricNamespace: "Switchyard", metricName: `${stage}-faults` };
    for (const fn of functions) {
      new logs.MetricFilter(this, `${fn.node.id}-faults`, {
        ...name,
        logGroup: fn.function.logGroup,
        filterPattern: logs.FilterPattern.stringValue("$.level", "=", "ERROR"),
      });
    }
    const { metricNamespace: namespace, metricName } = name;
    return new cloudwatch.Metric({ namespace, metricName, statistic: cloudwatch.Stats.SUM, period: PERIOD });
  }

  private add(alarmName: string, { metric, threshold, below = false, description }: Watched): void {
    const { GREATER_THAN_OR_EQUAL_TO_THRESHOLD, LESS_THAN_THRESHOLD } = cloudwatch.ComparisonOperator;
    const { BREACHING, NOT_BREACHING } = cloudwatch.TreatMissingData;
    const alarm = new cloudwatch.Alarm(this, alarmName, {
      alarmName,
      alarmDescription: description,
      metric,
      threshold,
      evaluationPeriods: 1,
      comparisonOperator: below ? LESS_THAN_THRESHOLD : GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      // Where nobody chats, nothing is wrong.
      treatMissingData: below ? BREACHING : NOT_BREACHING,
    });
    alarm.addAlarmAction(this.action);
    alarm.addOkAction(this.action);
  }
}

/** The alarms of one function, by the end of their name. */
function functionAlarms(fn: lambda.Function): Readonly<Record<string, Watched>> {
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
      metric: fn.metricDuration({ statistic: cloudwatch.Stats.MAXIMUM, period: PERIOD }),
      threshold: LONG * fn.timeout.toMilliseconds(),
      description:
        `A call took ${LONG * 100} % or more of the ${fn.timeout.toSeconds()} seconds that it has. Look at its X-Ray trace: ` +
        "what it waited for is slow, or hangs.",
    },
  };
}

/** CloudWatch tells topics of its own region only. */
function checkRegion(topicArn: string, region: string): void {
  const theirs = topicArn.split(":")[3] ?? "";
  if (Token.isUnresolved(region) || theirs === region) return;
  throw new Mistake(
    `alarmTopicArn (cdk.json, or -c key=value): the topic is in ${theirs}; allowed: a topic in ${region}, where the alarms are`,
  );
}
