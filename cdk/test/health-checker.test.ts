import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { serverMetric } from "../constructs/health-metrics";
import { LOCAL, ROOT, switchyard } from "./support";

for (const [name, settings, stage] of [
  ["on AWS", {}, "dev"],
  ["on this machine too", LOCAL, "local"],
] as const) {
  test(`${name} it runs once a minute, has a minute, and is not tried again`, () => {
    const { service } = switchyard(settings);
    const rule = service.one("AWS::Events::Rule").Properties;
    assert.equal(rule["Name"], `switchyard-${stage}-health_checker`);
    assert.equal(rule["ScheduleExpression"], "rate(1 minute)");
    assert.equal(rule["State"], "ENABLED");
    const [target, ...others] = rule["Targets"] as { Arn: unknown; RetryPolicy: unknown }[];
    assert.deepEqual(others, []);
    assert.equal(service.text(target?.Arn), "{health_checker/Function.Arn}");
    const once = { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 };
    assert.deepEqual(target?.RetryPolicy, once);
    const { MaximumRetryAttempts, MaximumEventAgeInSeconds } = service.one(
      "AWS::Lambda::EventInvokeConfig",
      "health_checker/",
    ).Properties;
    assert.deepEqual({ MaximumRetryAttempts, MaximumEventAgeInSeconds }, once);
    assert.equal(service.one("AWS::Lambda::Function", "health_checker/").Properties["Timeout"], 60);
  });
}

/** The body of the dashboard, with references written out. */
function dashboard(settings: object = {}) {
  const { service } = switchyard({ region: "us-east-1", ...settings });
  const { Properties: p } = service.one("AWS::CloudWatch::Dashboard");
  const body = JSON.parse(service.text(p["DashboardBody"])) as {
    widgets: { type: string; properties: { title: string; metrics?: unknown[][]; query?: string } }[];
  };
  return { name: p["DashboardName"], widgets: body.widgets.map(({ type, properties }) => ({ type, ...properties })) };
}

test("the dashboard shows servers, their answers, registrations and what waits", () => {
  const { name, widgets } = dashboard();
  assert.equal(name, "switchyard-dev-registry");
  const text = JSON.stringify(widgets);
  for (const shown of ["ActiveServers", "UnhealthyServers", "ServerHealth", "ResponseTime", "HealthCheckFailures"]) {
    assert.ok(text.includes(shown), shown);
  }
  for (const shown of [
    "PendingApprovals",
    "OldestPendingHours",
    "switchyard-dev-registry",
    "{registration/Function}",
  ]) {
    assert.ok(text.includes(shown), shown);
  }
  assert.deepEqual(
    widgets.filter(({ metrics, query }) => metrics === undefined && query === undefined),
    [],
  );
});

test("dashboard and alarms name metrics, and dimensions of them, that health_checker writes", () => {
  const source = readFileSync(path.join(ROOT, "handlers", "src", "health_checker", "metrics.rs"), "utf8");
  const constant = (name: string) => new RegExp(`const ${name}: &str = "([^"]+)"`).exec(source)?.[1];
  const namespace = constant("NAMESPACE");
  const written = (metric: string) => source.includes(`("${metric}", "`);
  let seen = 0;
  for (const { metrics = [] } of dashboard().widgets) {
    for (const [first, metric, ...dimensions] of metrics) {
      if (first !== namespace) continue;
      seen += 1;
      assert.ok(written(String(metric)), String(metric));
      assert.deepEqual(dimensions.slice(0, 2), [constant("STAGE"), "dev"]);
    }
  }
  assert.equal(seen, 5);
  const searches = [...JSON.stringify(dashboard().widgets).matchAll(/SEARCH\('\{([^}]+)\} MetricName=\W+(\w+)/g)];
  assert.equal(searches.length, 2);
  for (const [, schema, metric] of searches) {
    assert.equal(schema, [namespace, constant("SERVER_ID"), constant("STAGE")].join(","));
    assert.ok(written(String(metric)), metric);
  }
  const one = serverMetric("dev", "cities", "ServerHealth");
  assert.equal(one.namespace, namespace);
  assert.deepEqual(one.dimensions, { [String(constant("STAGE"))]: "dev", [String(constant("SERVER_ID"))]: "cities" });
  const { service } = switchyard({ alarmTopicArn: "arn:aws:sns:us-east-1:111122223333:on-call" });
  const alarms = [...service.ofType("AWS::CloudWatch::Alarm").values()].filter(
    ({ Properties: p }) => p["Namespace"] === namespace,
  );
  assert.equal(alarms.length, 3);
  for (const { Properties: p } of alarms) assert.ok(written(String(p["MetricName"])), String(p["MetricName"]));
});

test("on this machine there is no dashboard", () => {
  assert.equal(switchyard(LOCAL).service.ofType("AWS::CloudWatch::Dashboard").size, 0);
});
