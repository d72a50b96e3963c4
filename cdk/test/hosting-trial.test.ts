/** Trials of hosted servers on the double of the Runtime API, with a host that behaves in a way that is asked of it. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { packageServer, type Package } from "../hosting/package";
import type { HostedServer } from "../hosting/server";
import { serversOf } from "../hosting/servers";
import { tryServer } from "../hosting/trial";
import { verify } from "../hosting/verify";
import { ROOT } from "./support";

/** A workplace with one binary server, whose host behaves as it says. */
function stage(t: TestContext, behaviour: string, keys = "") {
  const root = mkdtempSync(path.join(tmpdir(), "hosting-trial-"));
  t.after(() => {
    rmSync(root, { recursive: true, force: true });
  });
  const double = path.join(ROOT, "tests", "fixtures", "host_double.mjs");
  const host = path.join(root, "stdio_host");
  writeFileSync(host, `#!/bin/sh\nexec "${process.execPath}" "${double}" "$@"\n`, { mode: 0o755 });
  writeFileSync(path.join(root, "server"), "the program");
  const text = `tried:\n  name: Tried\n  description: Tried.\n  command: server\n  env: { BEHAVIOUR: ${behaviour} }\n${keys}`;
  const server = serversOf("servers.yaml", text).hosted[0]!;
  const place = { root, environment: { ...process.env, STDIO_HOST: host } };
  return { place, server, made: packageServer(place, server, { kind: "here", host }) };
}

/** What `make servers-verify` prints, and its exit status. */
async function verified(place: { root: string; environment: NodeJS.ProcessEnv }, server: HostedServer) {
  let told = "";
  const terminal = { write: (text: string) => (told += text) !== "" } as unknown as NodeJS.WritableStream;
  return { status: await verify(place, [server], terminal), told: () => told };
}

test("a server that answers is ok, and its tools are written sorted, with all pages", async (t) => {
  const { place, server } = stage(t, "good");
  const { status, told } = await verified(place, server);
  assert.equal(status, 0, told());
  assert.match(told(), /^tried +ok +2 +\d+ +\d+\.\d +0\.0$/m);
  const { discovered_at: tried, tools } = JSON.parse(
    readFileSync(path.join(place.root, "hosting", "tried", "tools.json"), "utf8"),
  ) as { discovered_at: string; tools: { name: string; inputSchema: { properties: object } }[] };
  assert.equal(tried, "server");
  assert.deepEqual(
    tools.map(({ name }) => name),
    ["read", "write"],
  );
  assert.deepEqual(Object.keys(tools[0]!), ["name", "description", "inputSchema"]);
  assert.deepEqual(Object.keys(tools[0]!.inputSchema.properties), ["z", "a"]);
});

test("why a server is no good is told, and the exit status says that one is not", async (t) => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["cannot start", /python: not found/],
    ["crash", /the host ended with status 3 \(ImportError: cannot import name X\)/],
    ["long names", /tried___x+ has more than 64 characters: choose a shorter id, or gateway: none/],
  ];
  for (const [behaviour, reason] of cases) {
    const { place, server } = stage(t, behaviour);
    const { status, told } = await verified(place, server);
    assert.equal(status, 1, behaviour);
    assert.match(told(), reason);
    assert.throws(() => readFileSync(path.join(place.root, "hosting", "tried", "tools.json")), /ENOENT/);
  }
});

test("a server that writes into its package is found out, and the package is not used again", async (t) => {
  const { server, made } = stage(t, "writes");
  const { PATH } = process.env;
  t.after(() => {
    process.env["PATH"] = PATH;
  });
  // Where a directory can be sealed the writing fails.
  const sealed = (await tryServer(server, made, "custom")).problem ?? "";
  assert.match(sealed, /^(initialize: the host ended with status 1|it wrote into its package)/);
  // Without the program that seals it, what was written is seen afterwards.
  const again = stage(t, "writes");
  process.env["PATH"] = "/nowhere";
  const { problem } = await tryServer(again.server, again.made, "custom");
  assert.equal(problem, "it wrote into its package: stdio_host.json");
  assert.ok(!existsSync(again.made.directory));
});

test("as an exec wrapper the host gets the interpreter", async (t) => {
  const { server, made } = stage(t, "fewer when wrapped");
  const wrapped: Package = { ...made, interpreter: { path: process.execPath, version: "20.0.0" } };
  assert.equal((await tryServer(server, made, "custom")).tools.length, 2);
  assert.equal((await tryServer(server, wrapped, "wrapper")).tools.length, 0);
});

test("a server that is kept for one caller is told of one", async (t) => {
  const kept = stage(t, "wants a tenant", "  isolation: caller\n");
  assert.equal((await tryServer(kept.server, kept.made, "custom")).problem, undefined);
  const other = stage(t, "wants a tenant");
  assert.match((await tryServer(other.server, other.made, "custom")).problem ?? "", /initialize: no caller/);
});

test("a host that says nothing is given up after the server's time", async (t) => {
  const { server, made } = stage(t, "silent", "  timeout: 1\n");
  assert.equal((await tryServer(server, made, "custom")).problem, "initialize: no answer within 1 s");
});
