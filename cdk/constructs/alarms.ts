/** What wakes a person: alarms on every function, on the chat API and on the registry. */
import type * as apigateway from "aws-cdk-lib/aws-apigateway";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import type { IAlarmAction } from "aws-cdk-lib/aws-cloudwatch";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { functionName } from "../names";
import { PERIOD, addAlarm, alarmAction, functionAlarms } from "./function-alarms";
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

/** Share of the chat's answers that may fail without waking anybody. */
const FAILING = 0.05;

/**
 * Alarms that tell an SNS topic. The latency of the chat API has none: an answer takes as long as what its agents do, and
 * the duration of chat_handler tells when that comes near the limit.
 */
export class Alarms extends Construct {
  private readonly action: IAlarmAction;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const { stage, topicArn, functions, chatApi, registryApi } = props;
    this.action = alarmAction(this, topicArn);
    for (const fn of functions) {
      for (const [end, watched] of Object.entries(functionAlarms(fn.function, cloudwatch.Stats.MAXIMUM))) {
        this.add(`${fn.name}-${end}`, watched);
      }
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

  private add(alarmName: string, watched: Watched): void {
    addAlarm(this, alarmName, watched, this.action);
  }
}
