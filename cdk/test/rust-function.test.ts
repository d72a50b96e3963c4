import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { Duration } from "aws-cdk-lib";
import { RustFunction } from "../constructs/rust-function";
import { Mistake } from "../mistake";
import { bootstrapArchitecture } from "../zip";
import { HANDLERS } from "../names";
import { LOCAL, scratch, stack, switchyard, zip, zipDirectory } from "./support";

/** The first bytes of an ELF binary of a machine. */
function elf(machine: number) {
  const header = Buffer.alloc(64);
  header.writeUInt32BE(0x7f454c46);
  header.writeUInt16LE(machine, 18);
  return header;
}
const X86_64 = elf(0x3e);
const ARM64 = elf(0xb7);

function build(zipDir: string, architecture: "arm64" | "x86_64" = "arm64"): RustFunction {
  return new RustFunction(stack(), "mcp_proxy", {
    stage: "dev",
    bin: "mcp_proxy",
    build: { zipDir, architecture },
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

test("the functions are told what they need, and nothing that is empty", () => {
  const { service } = switchyard({
    region: "us-east-1",
    allowedNetworks: "10.0.0.0/8,fd00::/8",
    protectedEnvironments: "prod,staging",
  });
  const variables = (at: string, from = service) =>
    (from.one("AWS::Lambda::Function", `${at}/`).Properties["Environment"] as { Variables: Record<string, string> })
      .Variables;
  assert.deepEqual(variables("mcp_proxy"), {
    STAGE: "dev",
    MEMORY_TABLE: "DeploymentMemory-dev",
    REGISTRY_TABLE: "MCPServerRegistry-dev",
    STATE_TABLE: "SwitchyardState-dev",
    ENVIRONMENTS: "dev,test,staging,prod",
    PROTECTED_ENVIRONMENTS: "prod,staging",
    REQUEST_KEY_MINUTES: "10",
    ALLOWED_NETWORKS: "10.0.0.0/8,fd00::/8",
  });
  assert.deepEqual(variables("registration"), {
    STAGE: "dev",
    REGISTRY_TABLE: "MCPServerRegistry-dev",
    ALLOWED_NETWORKS: "10.0.0.0/8,fd00::/8",
  });
  assert.deepEqual(variables("memory_manager"), { MEMORY_TABLE: "DeploymentMemory-dev" });
  assert.deepEqual(variables("Pipelines/pipelines"), {
    STAGE: "dev",
    GITLAB_URL: "https://gitlab.com",
    GITLAB_TOKEN_SECRET: "switchyard/dev/gitlab_token",
    API_KEY_SECRET: "switchyard/dev/mcp/pipelines/api_key",
  });
  const connectTo = "servers.test:443=127.0.0.1:8443";
  assert.equal(variables("mcp_proxy", switchyard({ ...LOCAL, connectTo }).service)["CONNECT_TO"], connectTo);
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

test("the machine is read from a deflated binary too, and from none that is a script", () => {
  const file = path.join(scratch(), "bootstrap.zip");
  const write = (content: Uint8Array) => {
    writeFileSync(file, content);
    return file;
  };
  const deflated = zip("bootstrap", deflateRawSync(Buffer.concat([ARM64, Buffer.alloc(100_000, 1)])));
  deflated.writeUInt16LE(8, deflated.indexOf(Buffer.from([0x50, 0x4b, 1, 2])) + 10);
  assert.equal(bootstrapArchitecture(write(deflated)), "arm64");
  assert.equal(bootstrapArchitecture(write(zip("bootstrap", X86_64))), "x86_64");
  assert.equal(bootstrapArchitecture(write(zip("bootstrap", Buffer.from("#!/bin/sh\n")))), undefined);
  assert.throws(() => bootstrapArchitecture(write(zip("main", X86_64))), /holds no bootstrap: run "make build" again/);
  assert.throws(
    () => bootstrapArchitecture(write(Buffer.from("not a zip"))),
    /is not a zip file: run "make build" again/,
  );
});

test("an empty directory in place of the zips is told for the whole app", () => {
  const directory = scratch();
  mkdirSync(path.join(directory, "mcp_proxy"));
  assert.throws(() => switchyard({ lambdaZipDir: directory }), /bootstrap.zip does not exist: run "make build" first/);
});
