/** The npm package as another team's CDK app gets it: packed, installed beside that app's own aws-cdk-lib, and used. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { peerDependencies, version } from "../../package.json";
import { ROOT, scratch } from "./support";

const MODULES = realpathSync(path.join(ROOT, "node_modules"));

/** Runs a program and returns what it prints; the error of one that fails tells what it printed. */
function run(directory: string, program: string, ...args: readonly string[]): string {
  try {
    return execFileSync(program, [...args], { cwd: directory, encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    const { stdout, stderr } = error as Readonly<Record<"stdout" | "stderr", string>>;
    throw new Error(`${program} ${args.join(" ")}: ${stdout}${stderr}`, { cause: error });
  }
}

/** A project with the package installed, and nothing else but its peers and the types of Node. */
const project = lazily(() => {
  const directory = scratch();
  run(ROOT, "npm", "run", "--silent", "package", "--", "--pack-destination", directory);
  run(directory, "tar", "xzf", `switchyard-${version}.tgz`);
  const modules = path.join(directory, "node_modules");
  mkdirSync(path.join(modules, "@types"), { recursive: true });
  run(directory, "mv", "package", path.join(modules, "switchyard"));
  for (const name of [...Object.keys(peerDependencies), "@types/node", "undici-types"]) {
    symlinkSync(path.join(MODULES, name), path.join(modules, name));
  }
  return directory;
});

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

const APP = `
import { App, Duration, Stack } from "aws-cdk-lib";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { McpServer, Mistake, type McpServerProps } from "switchyard";

const stack = new Stack(new App(), "Cities");
const serverFunction = new lambda.Function(stack, "Fn", {
  runtime: lambda.Runtime.PYTHON_3_13,
  handler: "index.handler",
  code: lambda.Code.fromInline("def handler(event, context): pass"),
});
const props: McpServerProps = { stage: "dev", serverId: "cities", serverFunction, healthCheckInterval: Duration.minutes(5) };
const server = new McpServer(stack, "Server", { ...props, route: "restApi", allowOrigins: ["*"] });
server.grantInvoke(serverFunction);
try {
  new McpServer(stack, "Wrong", { ...props, version: "v1" });
} catch (error) {
  if (!(error instanceof Mistake)) throw error;
  console.log(error.message);
}
// @ts-expect-error: no such protocol
const wrong: McpServerProps = { ...props, protocolType: "soap" };
void wrong;
console.log(JSON.stringify((stack.node.root as App).synth().getStackByName("Cities").template));
`;

test("another app imports McpServer, compiled as CommonJS against its types, and synthesises", () => {
  const directory = project();
  writeFileSync(path.join(directory, "app.ts"), APP);
  const options = { target: "es2022", module: "nodenext", strict: true, skipLibCheck: true, types: ["node"] };
  writeFileSync(path.join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["app.ts"] }));
  run(directory, process.execPath, path.join(MODULES, "typescript/bin/tsc"));
  const [mistake = "", template = ""] = run(directory, process.execPath, "app.js").split("\n");
  assert.match(mistake, /^McpServer "cities": version is "v1"; allowed: a semantic version/);
  const { Resources } = JSON.parse(template) as { Resources: Record<string, { Type: string; Properties: object }> };
  const all = Object.values(Resources);
  const entry = all.find(({ Type }) => Type === "Custom::SwitchyardMcpServer")?.Properties as Record<string, unknown>;
  assert.equal(entry["ServerId"], "cities");
  assert.equal(entry["HealthCheckInterval"], "300");
  assert.equal(entry["AuthenticationType"], "api_key");
  assert.equal(all.filter(({ Type }) => Type === "AWS::ApiGateway::UsagePlanKey").length, 1);

  const esm = 'import { McpServer } from "switchyard"; console.log(typeof McpServer);';
  assert.equal(run(directory, process.execPath, "--input-type=module", "--eval", esm), "function\n");
});

test("the package holds the construct and what it needs, and brings no copy of the CDK along", () => {
  const installed = path.join(project(), "node_modules/switchyard");
  const manifest = JSON.parse(readFileSync(path.join(installed, "package.json"), "utf8")) as Record<string, unknown>;
  assert.equal(manifest["dependencies"], undefined);
  const files = readdirSync(installed, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const names = files.map((file) => path.relative(installed, path.join(file.parentPath, file.name)));
  const others = names.filter((name) => !/^build\/package\/.*\.(js|d\.ts)$/.test(name));
  assert.deepEqual(others.sort(), ["LICENSE", "README.md", "package.json"]);
  assert.ok(names.includes("build/package/constructs/mcp-server.js"));
  assert.ok(!names.some((name) => /test|stacks|deploy/.test(name)), names.join());
});
