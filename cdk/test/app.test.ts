import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { CfnResource, Stack } from "aws-cdk-lib";

import { version } from "../../package.json";
import { addSwitchyard } from "../switchyard";
import { ROOT, app, switchyard } from "./support";
import { VARIANTS } from "./variants";

for (const [name, settings] of Object.entries(VARIANTS)) {
  test(`the whole app passes CDK's checks: ${name}`, () => {
    const whole = app(settings, true);
    addSwitchyard(whole);
    const [data, service, ...rest] = whole.synth().stacks;
    assert.equal(data?.stackName, `Switchyard-${settings.stage}-data`);
    assert.equal(service?.stackName, `Switchyard-${settings.stage}-service`);
    const withServers = name.includes("servers") || name.includes("gateway");
    assert.deepEqual(
      rest.map(({ stackName }) => stackName),
      withServers ? [`Switchyard-${settings.stage}-servers`] : [],
    );
    assert.ok(service.dependencies.includes(data));
    for (const servers of rest) assert.ok(servers.dependencies.includes(service));
    const notes = [data, service, ...rest].flatMap((stack) =>
      stack.messages.map(({ level, entry }) => `${level}: ${JSON.stringify(entry.data)}`),
    );
    assert.deepEqual(
      notes.filter((note) => !note.startsWith("info: ")),
      [],
    );
  });
}

test("a dependency cycle is an error when the app is synthesised", (context) => {
  const cyclic = app({}, true);
  const stack = new Stack(cyclic, "Cyclic");
  const a = new CfnResource(stack, "A", { type: "AWS::SNS::Topic" });
  const b = new CfnResource(stack, "B", { type: "AWS::SNS::Topic" });
  a.addPropertyOverride("DisplayName", b.ref);
  b.addPropertyOverride("DisplayName", a.ref);
  const told = context.mock.method(process.stderr, "write", () => true);
  assert.throws(() => cyclic.synth());
  told.mock.restore();
  assert.match(
    told.mock.calls.map((call) => String(call.arguments[0])).join(""),
    /Circular dependency with \[A -> B -> A\]/,
  );
});

test("stacks pass each other names, not exports", () => {
  for (const { template } of Object.values(switchyard())) {
    const text = JSON.stringify(template.toJSON());
    assert.ok(!text.includes("Fn::ImportValue") && !text.includes('"Export"'));
  }
});

test("the workspace has one version", () => {
  const cargo = readFileSync(path.join(ROOT, "Cargo.toml"), "utf8");
  assert.equal(/\[workspace\.package\][^[]*?\nversion = "([^"]+)"/.exec(cargo)?.[1], version);
});

test("a mistake is told in words, without a stack trace", () => {
  const { status, stderr } = spawnSync(process.execPath, ["--import", "tsx", "cdk/app.ts"], {
    cwd: ROOT,
    encoding: "utf8",
    env: { PATH: process.env["PATH"], CDK_CONTEXT_JSON: JSON.stringify({ stage: "Prod" }) },
  });
  assert.equal(status, 1);
  assert.match(stderr, /^Settings \(cdk\.json, or -c key=value\):\n {2}stage: "Prod" is not allowed; allowed: /);
  assert.doesNotMatch(stderr, /\n\s+at /);
});
