import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { Duration } from "aws-cdk-lib";
import { RustFunction } from "../constructs/rust-function";
import { Mistake } from "../mistake";
import { readLambdaZip } from "../zip";
import { HANDLERS } from "../names";
import { AGENTS, LOCAL, copyOfAgents, packed, scratch, stack, switchyard, zip, zipDirectory } from "./support";

/** The first bytes of an ELF binary of a machine. */
function elf(machine: number) {
  const header = Buffer.alloc(64);
  header.writeUInt32BE(0x7f454c46);
  header.writeUInt16LE(machine, 18);
  return header;
}
const X86_64 = elf(0x3e);
const ARM64 = elf(0xb7);

function build(
  lambdaZipDir: string,
  architecture: "arm64" | "x86_64" = "arm64",
  agentsDir: string = AGENTS,
): RustFunction {
  return new RustFunction(stack(), "mcp_proxy", {
    stage: "dev",
    bin: "mcp_proxy",
    build: { lambdaZipDir, architecture, agentsDir },
    description: "Calls tools",
    timeout: Duration.seconds(3),
  });
}

test("each function has a fixed name, a log group of its own and traces", () => {
  const { service } = switchyard();
  for (const bin of [...HANDLERS, "Pipelines/pipelines"]) {
    const name = `switchyard-dev-${bin.split("/").at(-1) ?? ""}`;
    const { Properties: p } = service.one("AWS::Lambda::Function", `${bin}/`);
    assert.equal(p["FunctionName"], name);
    assert.equal(p["Runtime"], "provided.al2023");
    assert.deepEqual(p["Architectures"], ["arm64"]);
    assert.deepEqual(p["TracingConfig"], { Mode: "Active" });
    assert.deepEqual(service.text((p["LoggingConfig"] as Record<string, unknown>)["LogGroup"]), `{${bin}/Logs}`);
    const { Properties: log } = service.one("AWS::Logs::LogGroup", `${bin}/`);
    assert.deepEqual(log, { LogGroupName: `/aws/lambda/${name}`, RetentionInDays: 30 });
  }
});

test("the functions are told what they need, and nothing else", () => {
  const { service } = switchyard({
    region: "us-east-1",
    allowedNetworks: "10.0.0.0/8,fd00::/8",
    protectedEnvironments: "prod,staging",
  });
  const roles = "arn:aws:iam::{AWS::AccountId}:role/switchyard-mcp/dev/switchyard-dev-mcp-";
  const told = (bin: string) =>
    Object.fromEntries(Object.entries(service.environment(bin)).map(([name, value]) => [name, service.text(value)]));
  assert.deepEqual(told("mcp_proxy"), {
    STAGE: "dev",
    MEMORY_TABLE: "DeploymentMemory-dev",
    REGISTRY_TABLE: "MCPServerRegistry-dev",
    STATE_TABLE: "SwitchyardState-dev",
    ENVIRONMENTS: "dev,test,staging,prod",
    PROTECTED_ENVIRONMENTS: "prod,staging",
    REQUEST_KEY_MINUTES: "10",
    ALLOWED_NETWORKS: "10.0.0.0/8,fd00::/8",
    MCP_ROLE_PREFIX: roles,
  });
  for (const bin of ["registration", "health_checker"]) {
    assert.deepEqual(told(bin), {
      STAGE: "dev",
      REGISTRY_TABLE: "MCPServerRegistry-dev",
      STATE_TABLE: "SwitchyardState-dev",
      APPROVAL_TOPIC: "{Approvals}",
      ALLOWED_NETWORKS: "10.0.0.0/8,fd00::/8",
      MCP_ROLE_PREFIX: roles,
    });
  }
  assert.deepEqual(service.environment("memory_manager"), { MEMORY_TABLE: "DeploymentMemory-dev" });
  assert.deepEqual(service.environment("Pipelines/pipelines"), {
    STAGE: "dev",
    GITLAB_URL: "https://gitlab.com",
    GITLAB_TOKEN_SECRET: "switchyard/dev/gitlab_token",
    API_KEY_SECRET: "switchyard/dev/mcp/pipelines/api_key",
  });
  const connectTo = "servers.test:443=127.0.0.1:8443";
  assert.equal(switchyard({ ...LOCAL, connectTo }).service.environment("mcp_proxy")["CONNECT_TO"], connectTo);
});

test("mcp_proxy is always told the environments, and in a word when none of them is protected", () => {
  assert.equal(switchyard().service.environment("mcp_proxy")["PROTECTED_ENVIRONMENTS"], "prod");
  for (const protectedEnvironments of [[], ""]) {
    const { service } = switchyard({ protectedEnvironments, environments: "dev,test,staging,prod,qa" });
    assert.equal(service.environment("mcp_proxy")["PROTECTED_ENVIRONMENTS"], "none");
    assert.equal(service.environment("mcp_proxy")["ENVIRONMENTS"], "dev,test,staging,prod,qa");
  }
});

test("a zip that was not built is told", () => {
  const directory = scratch();
  assert.throws(
    () => build(directory),
    new Mistake(`${directory}/mcp_proxy/bootstrap.zip does not exist: run "make build" first`),
  );
});

test("a zip that was built for another machine is told", () => {
  const directory = zipDirectory(X86_64);
  assert.throws(
    () => build(directory),
    new Mistake(
      `${directory}/mcp_proxy/bootstrap.zip was built for x86_64, but the setting architecture is arm64: ` +
        "build for arm64, or deploy with -c architecture=x86_64",
    ),
  );
  assert.doesNotThrow(() => build(directory, "x86_64"));
  assert.doesNotThrow(() => build(zipDirectory(ARM64)));
});

test("the code's hash changes with the zip", () => {
  assert.equal(build(zipDirectory(ARM64)).codeHash, build(zipDirectory(ARM64)).codeHash);
  assert.notEqual(build(zipDirectory(ARM64)).codeHash, build(zipDirectory(elf(0))).codeHash);
});

/** What is wrong with the definitions in a zip that was built from `built`, when the agents are now in `current`. */
function stale(built: Record<string, Buffer>, current: string): string | undefined {
  const directory = zipDirectory(ARM64, built);
  try {
    build(directory, "arm64", current);
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    const told = /^(.*) was not built from the agents in (.*) and the pipelines.yaml beside them \((.*)\): (.*)$/.exec(
      error.message,
    );
    assert.deepEqual(
      [told?.[1], told?.[2], told?.[4]],
      [`${directory}/mcp_proxy/bootstrap.zip`, current, 'run "make build" again'],
    );
    return told?.[3];
  }
  return undefined;
}

test("a zip with other agents or pipeline types than those of the files is told, with every difference", () => {
  const agents = copyOfAgents();
  const built = packed(agents);
  assert.equal(stale(built, agents), undefined);

  appendFileSync(path.join(agents, "app.yaml"), "# later\n");
  assert.equal(stale(built, agents), "agents/app.yaml differs");
  rmSync(path.join(agents, "compute.yaml"));
  writeFileSync(path.join(agents, "database.yaml"), "name: database\n");
  appendFileSync(path.join(agents, "..", "pipelines.yaml"), "# later\n");
  assert.equal(
    stale(built, agents),
    "agents/app.yaml differs; agents/compute.yaml is only in the zip; " +
      "agents/database.yaml is not in the zip; pipelines.yaml differs",
  );
  assert.equal(stale(packed(agents), agents), undefined, "built again");
});

test("a change that keeps a file's length is told too", () => {
  const built = packed();
  const app = Buffer.from(built["agents/app.yaml"]!);
  app.write("X", app.indexOf("deploy"));
  assert.equal(stale({ ...built, "agents/app.yaml": app }, AGENTS), "agents/app.yaml differs");
});

test("a zip without definitions is told; what else lies in it does not matter", () => {
  const names = ["app", "bootstrap", "compute", "orchestrator", "tools"].map(
    (name) => `agents/${name}.yaml is not in the zip`,
  );
  assert.equal(stale({}, AGENTS), [...names, "pipelines.yaml is not in the zip"].join("; "));
  const more = { "agents/README.md": Buffer.from("-"), "agents/old/app.yaml": Buffer.from("-") };
  assert.equal(stale({ ...packed(), ...more }, AGENTS), undefined);
});

test("pipeline types that are not beside the agents are told", () => {
  const agents = copyOfAgents();
  const file = path.join(agents, "..", "pipelines.yaml");
  rmSync(file);
  assert.throws(
    () => build(zipDirectory(ARM64), "arm64", agents),
    (error) => error instanceof Mistake && error.message.startsWith(`${file}: cannot be read: ENOENT`),
  );
});

test("what a zip holds is read, deflated or not, and the machine from none that is a script", () => {
  const file = path.join(scratch(), "bootstrap.zip");
  const read = (content: Uint8Array) => {
    writeFileSync(file, content);
    return readLambdaZip(file);
  };
  const bootstrap = (content: Buffer) => read(zip({ bootstrap: content }));
  const deflated = zip({ bootstrap: deflateRawSync(Buffer.concat([ARM64, Buffer.alloc(100_000, 1)])) });
  deflated.writeUInt16LE(8, deflated.indexOf(Buffer.from([0x50, 0x4b, 1, 2])) + 10);
  assert.equal(read(deflated).architecture, "arm64");
  assert.equal(bootstrap(X86_64).architecture, "x86_64");
  assert.equal(bootstrap(Buffer.from("#!/bin/sh\n")).architecture, undefined);

  // The check value that the definition of CRC-32 comes with.
  const { crc32, size } = read(zip({ a: Buffer.from("123456789"), bootstrap: ARM64 })).files.get("a")!;
  assert.deepEqual({ crc32, size }, { crc32: 0xcbf43926, size: 9 });
  assert.throws(() => read(zip({ main: X86_64 })), /holds no bootstrap: run "make build" again/);
  assert.throws(() => read(Buffer.from("not a zip")), /is not a zip file: run "make build" again/);
});

test("an empty directory in place of the zips is told for the whole app", () => {
  const directory = scratch();
  mkdirSync(path.join(directory, "mcp_proxy"));
  assert.throws(() => switchyard({ lambdaZipDir: directory }), /bootstrap.zip does not exist: run "make build" first/);
});
