import assert from "node:assert/strict";
import { test } from "node:test";
import { Mistake } from "../mistake";
import { HANDLERS } from "../names";
import { LOCAL, switchyard } from "./support";

const TOPIC = "arn:aws:sns:us-east-1:111122223333:on-call";
const FUNCTIONS = [...HANDLERS, "pipelines"];
const REGISTRY = ["registry-errors", "unhealthy-servers", "health-unchecked", "approvals-waiting"];
const TYPES = ["AWS::CloudWatch::Alarm", "AWS::Logs::MetricFilter"];

/** The alarms by what follows the stage in their names. */
function alarms(settings: object = {}): Map<string, Readonly<Record<string, unknown>>> {
  const { service } = switchyard({ alarmTopicArn: TOPIC, ...settings });
  const all = [...service.ofType("AWS::CloudWatch::Alarm").values()].map(({ Properties: p }) => p);
  return new Map(all.map((p) => [String(p["AlarmName"]).replace(/^switchyard-dev-/, ""), p]));
}

/** The function's name that a metric is of, in words. */
function dimensions(alarm: Readonly<Record<string, unknown>> | undefined): Record<string, string> {
  const { service } = switchyard({ alarmTopicArn: TOPIC });
  const rows = (alarm?.["Dimensions"] ?? []) as { Name: string; Value: unknown }[];
  return Object.fromEntries(rows.map(({ Name, Value }) => [Name, service.text(Value)]));
}

test("without a topic nothing is made that costs", () => {
  for (const settings of [{}, LOCAL, { ...LOCAL, alarmTopicArn: TOPIC }]) {
    const { service } = switchyard(settings);
    for (const type of TYPES) assert.equal(service.ofType(type).size, 0, `${type} with ${JSON.stringify(settings)}`);
  }
});

test("every function has three alarms, the stage two more and the registry four", () => {
  const expected = FUNCTIONS.flatMap((bin) => ["duration", "errors", "throttles"].map((end) => `${bin}-${end}`));
  assert.deepEqual([...alarms().keys()].sort(), [...expected, ...REGISTRY, "chat_api-errors", "faults"].sort());
  const { service } = switchyard({ alarmTopicArn: TOPIC });
  assert.equal(service.ofType("AWS::Lambda::Function").size, FUNCTIONS.length, "no function is forgotten");
});

test("an alarm tells the topic when it goes off and when it is over, and is silent where nothing happens", () => {
  for (const [name, alarm] of alarms()) {
    assert.deepEqual(alarm["AlarmActions"], [TOPIC], name);
    assert.deepEqual(alarm["OKActions"], [TOPIC], name);
    assert.equal(alarm["EvaluationPeriods"], 1, name);
    if (name === "health-unchecked") continue;
    assert.equal(alarm["TreatMissingData"], "notBreaching", name);
    assert.equal(alarm["ComparisonOperator"], "GreaterThanOrEqualToThreshold", name);
    assert.equal(alarm["Period"], 300, name);
  }
});

test("15 minutes without a run of the health checks are a fault: there is no count of what does not happen", () => {
  const alarm = alarms().get("health-unchecked");
  assert.deepEqual(
    [alarm?.["Namespace"], alarm?.["MetricName"], alarm?.["Statistic"], dimensions(alarm)],
    ["MCPRegistry/Health", "ActiveServers", "SampleCount", { Stage: "dev" }],
  );
  assert.deepEqual(
    [alarm?.["ComparisonOperator"], alarm?.["Threshold"], alarm?.["Period"], alarm?.["TreatMissingData"]],
    ["LessThanThreshold", 1, 900, "breaching"],
  );
  const { service } = switchyard({ alarmTopicArn: TOPIC });
  const rules = [...service.ofType("AWS::Events::Rule").values()].map(({ Properties: p }) => String(p["Name"]));
  assert.ok(
    rules.some((name) => String(alarm?.["AlarmDescription"]).includes(`rule ${name} is`)),
    rules.join(),
  );
});

test("an alarm says in its mail what it means and what to do first", () => {
  for (const [name, alarm] of alarms()) {
    const description = String(alarm["AlarmDescription"]);
    assert.match(description, /^[A-Z0-9].*[.:] (Look|Take|Compare|Filter) .*\.$/, name);
    assert.ok(description.length <= 1024, `${name}: ${description.length}, CloudWatch takes 1024`);
  }
});

test("one error and one throttled call are enough", () => {
  const all = alarms();
  for (const bin of FUNCTIONS) {
    const at = bin === "pipelines" ? "Pipelines/pipelines" : bin;
    for (const [end, metric] of [
      ["errors", "Errors"],
      ["throttles", "Throttles"],
    ] as const) {
      const alarm = all.get(`${bin}-${end}`);
      assert.deepEqual(
        [alarm?.["Namespace"], alarm?.["MetricName"], alarm?.["Statistic"], alarm?.["Threshold"]],
        ["AWS/Lambda", metric, "Sum", 1],
      );
      assert.deepEqual(dimensions(alarm), { FunctionName: `{${at}/Function}` });
    }
  }
});

for (const responseMode of ["STREAM", "BUFFERED"]) {
  test(`${responseMode}: the longest call is measured against four fifths of the function's own time`, () => {
    const all = alarms({ responseMode });
    const { service } = switchyard({ alarmTopicArn: TOPIC, responseMode });
    for (const bin of FUNCTIONS) {
      const at = bin === "pipelines" ? "Pipelines/pipelines" : bin;
      const alarm = all.get(`${bin}-duration`);
      const seconds = Number(service.one("AWS::Lambda::Function", `${at}/`).Properties["Timeout"]);
      assert.equal(alarm?.["Threshold"], seconds * 800, bin);
      assert.match(String(alarm["AlarmDescription"]), new RegExp(`80 % or more of the ${seconds} seconds`));
      assert.deepEqual([alarm["MetricName"], alarm["Statistic"]], ["Duration", "Maximum"]);
      assert.deepEqual(dimensions(alarm), { FunctionName: `{${at}/Function}` });
    }
  });
}

test("the chat API goes off at one failed answer in twenty", () => {
  const alarm = alarms().get("chat_api-errors");
  assert.deepEqual(
    [alarm?.["Namespace"], alarm?.["MetricName"], alarm?.["Statistic"], alarm?.["Threshold"]],
    ["AWS/ApiGateway", "5XXError", "Average", 0.05],
  );
  // Metrics of the stage, which come without the charged metrics by method.
  assert.deepEqual(dimensions(alarm), { ApiName: "switchyard-dev-chat", Stage: "{ChatApi/Api/DeploymentStage.dev}" });
});

test("the registry goes off at one failed answer, at 15 minutes without a server and at 48 hours without an answer", () => {
  const all = alarms();
  const of = (name: string) => {
    const alarm = all.get(name);
    const metric = [alarm?.["Namespace"], alarm?.["MetricName"], alarm?.["Statistic"], alarm?.["Threshold"]];
    return [...metric, dimensions(alarm)];
  };
  const api = { ApiName: "switchyard-dev-registry", Stage: "{RegistryApi/Api/DeploymentStage.dev}" };
  assert.deepEqual(of("registry-errors"), ["AWS/ApiGateway", "5XXError", "Sum", 1, api]);
  const health = "MCPRegistry/Health";
  assert.deepEqual(of("unhealthy-servers"), [health, "LongestUnhealthyMinutes", "Maximum", 15, { Stage: "dev" }]);
  assert.deepEqual(of("approvals-waiting"), [health, "OldestPendingHours", "Maximum", 48, { Stage: "dev" }]);
});

test("a fault that a function logs and survives is counted, in whichever function", () => {
  const { service } = switchyard({ alarmTopicArn: TOPIC });
  const alarm = alarms().get("faults");
  assert.deepEqual(
    [alarm?.["Namespace"], alarm?.["MetricName"], alarm?.["Statistic"], alarm?.["Threshold"]],
    ["Switchyard", "dev-faults", "Sum", 1],
  );
  const filters = [...service.ofType("AWS::Logs::MetricFilter").values()].map(({ Properties: p }) => p);
  for (const filter of filters) {
    assert.equal(filter["FilterPattern"], '{ $.level = "ERROR" }');
    assert.deepEqual(filter["MetricTransformations"], [
      { MetricNamespace: "Switchyard", MetricName: "dev-faults", MetricValue: "1" },
    ]);
  }
  const groups = filters.map((filter) => service.text(filter["LogGroupName"]));
  const logs = [...service.ofType("AWS::Lambda::Function").keys()].map((at) => `{${at.replace("/Function", "/Logs")}}`);
  assert.deepEqual(groups.sort(), logs.sort());
});

test("a topic of another region is refused, if there is a region", () => {
  assert.throws(
    () => alarms({ region: "eu-west-1" }),
    new Mistake(
      "alarmTopicArn (cdk.json, or -c key=value): the topic is in us-east-1; allowed: a topic in eu-west-1, where the alarms are",
    ),
  );
  assert.doesNotThrow(() => alarms({ region: "us-east-1" }));
});
