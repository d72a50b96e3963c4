/** Locks and packages of hosted servers, with registries of their own on the loopback address. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { files } from "../hosting/contents";
import { dockerfile } from "../hosting/image";
import { writeLock } from "../hosting/locks";
import { packageServer } from "../hosting/package";
import { findPython, type Workplace } from "../hosting/programs";
import type { HostedServer } from "../hosting/server";
import { serversOf } from "../hosting/servers";
import { Mistake } from "../mistake";
import { ROOT } from "./support";

/** A wheel with a console script, and with what no package needs. */
const WHEEL: Readonly<Record<string, string>> = {
  "demo_server/__init__.py": "def main():\n    print('demo')\n    return 3\n",
  "demo_server/__init__.pyi": "def main() -> int: ...\n",
  "demo_server/tests/test_all.py": "raise SystemExit\n",
  "demo_server-1.2.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: demo-server\nVersion: 1.2.0\n",
  "demo_server-1.2.0.dist-info/WHEEL":
    "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
  "demo_server-1.2.0.dist-info/entry_points.txt": "[console_scripts]\nrun-demo = demo_server:main\n[other]\nx = y\n",
  "demo_server-1.2.0.dist-info/licenses/LICENSE": "MIT\n",
};
/** A package of npm with two programs. */
const NODE_PACKAGE: Readonly<Record<string, string>> = {
  "package.json": JSON.stringify({
    name: "@demo/server",
    version: "1.2.0",
    bin: { server: "./dist/index.js", other: "o.js" },
  }),
  "dist/index.js": "#!/usr/bin/env node\nconsole.log('demo', process.argv[2]);\n",
  "dist/index.d.ts": "export {};\n",
  "dist/index.js.map": "{}\n",
  LICENSE: "MIT\n",
};

function write(directory: string, content: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(content)) {
    mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    writeFileSync(path.join(directory, name), text);
  }
}

function ran(program: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return stdout;
}

/** A workplace whose pip and npm look into registries with just these two packages. */
async function workplace(t: TestContext): Promise<Workplace> {
  const root = mkdtempSync(path.join(tmpdir(), "hosting-package-"));
  t.after(() => {
    // Files of packages are read-only, their directories are not.
    rmSync(root, { recursive: true, force: true });
  });
  symlinkSync(path.join(ROOT, ".venv"), path.join(root, ".venv"));
  const registry = path.join(root, "registry");
  const wheel = "demo_server-1.2.0-py3-none-any.whl";
  write(path.join(root, "wheel"), {
    ...WHEEL,
    "demo_server-1.2.0.dist-info/RECORD": Object.keys(WHEEL)
      .map((name) => `${name},,\n`)
      .join(""),
  });
  mkdirSync(path.join(registry, "simple", "demo-server"), { recursive: true });
  const zip = path.join(registry, wheel);
  const python = path.join(root, ".venv", "bin", "python");
  ran(
    python,
    ["-c", `import shutil, os; os.rename(shutil.make_archive("w", "zip", "wheel"), ${JSON.stringify(zip)})`],
    root,
  );
  const digest = createHash("sha256").update(readFileSync(zip)).digest("hex");
  write(registry, { "simple/demo-server/index.html": `<a href="/${wheel}#sha256=${digest}">${wheel}</a>` });
  write(path.join(root, "node", "package"), NODE_PACKAGE);
  ran("tar", ["-czf", path.join(registry, "server.tgz"), "-C", path.join(root, "node"), "package"], root);
  const child = spawn(process.execPath, [path.join(ROOT, "tests", "fixtures", "registry_double.mjs"), registry], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill());
  const [port] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
  const address = `http://127.0.0.1:${port.trim()}`;
  const integrity = `sha512-${createHash("sha512")
    .update(readFileSync(path.join(registry, "server.tgz")))
    .digest("base64")}`;
  const version = {
    ...(JSON.parse(NODE_PACKAGE["package.json"]!) as object),
    dist: { tarball: `${address}/server.tgz`, integrity },
  };
  write(registry, {
    "@demo/server": JSON.stringify({
      name: "@demo/server",
      "dist-tags": { latest: "1.2.0" },
      versions: { "1.2.0": version },
    }),
  });
  const environment = { ...process.env, PIP_INDEX_URL: `${address}/simple/`, UV_CACHE_DIR: path.join(root, "uv"), npm_config_registry: `${address}/`, npm_config_cache: path.join(root, "npm") }; // prettier-ignore
  writeFileSync(path.join(root, "stdio_host"), "the host", { mode: 0o755 });
  return { root, environment };
}

const serverOf = (keys: string): HostedServer =>
  serversOf("servers.yaml", `demo:\n  name: N\n  description: D.\n${keys.replace(/^/gm, "  ")}\n`).hosted[0]!;
const PYTHON = serverOf('command: uvx\nargs: ["demo-server@1.2.0", --flag]\nenv: { LEVEL: "1" }');
const NODE = serverOf('command: npx\nargs: ["@demo/server@1.2.0", x]');

const locked = (place: Workplace, name: string): string =>
  readFileSync(path.join(place.root, "hosting", "demo", name), "utf8");
const contentOf = (directory: string): string[] => files(directory).map(({ name }) => name);

test("a Python server is locked with checksums and packed with what it needs", async (t) => {
  const place = await workplace(t);
  writeLock(place, PYTHON);
  assert.match(
    locked(place, "requirements.txt"),
    /^# demo-server==1\.2\.0 for Python 3\.11 and newer; .*\ndemo-server==1\.2\.0 \\\n +--hash=sha256:[0-9a-f]{64}\n$/,
  );
  const target = { kind: "lambda", architecture: "arm64", host: path.join(place.root, "stdio_host") } as const;
  const made = packageServer(place, PYTHON, target);
  const compiled = findPython(place, ["3.13"]) !== undefined;
  assert.equal(made.slow === undefined, compiled);
  const without = contentOf(made.directory).filter((name) => !name.includes("__pycache__"));
  assert.deepEqual(without, [
    "python/bin/run-demo",
    "python/demo_server-1.2.0.dist-info/METADATA",
    "python/demo_server-1.2.0.dist-info/WHEEL",
    "python/demo_server-1.2.0.dist-info/entry_points.txt",
    "python/demo_server-1.2.0.dist-info/licenses/LICENSE",
    "python/demo_server/__init__.py",
    "run.py",
    "stdio_host",
    "stdio_host.json",
  ]);
  assert.equal(contentOf(made.directory).length, without.length + (compiled ? 1 : 0));
  assert.match(readFileSync(path.join(made.directory, "python/bin/run-demo"), "utf8"), /^#!\/usr\/bin\/env python3\n/);
  const host = JSON.parse(readFileSync(path.join(made.directory, "stdio_host.json"), "utf8")) as Record<
    string,
    unknown
  >;
  assert.deepEqual(host["command"], ["python", "${LAMBDA_TASK_ROOT}/run.py", "--flag"]);
  assert.equal((host["env"] as Record<string, string>)["LEVEL"], "1");
  assert.equal((host["env"] as Record<string, string>)["PYTHONPATH"], "${LAMBDA_TASK_ROOT}/python");
  // What is packed starts the console script, and ends with its status.
  const { status, stdout } = spawnSync("python3", ["run.py"], { cwd: made.directory, encoding: "utf8", env: { ...process.env, PYTHONPATH: "python", PYTHONDONTWRITEBYTECODE: "1" } }); // prettier-ignore
  assert.deepEqual([status, stdout], [3, "demo\n"]);
});

test("the same content gives the same package, byte by byte, and is made once", async (t) => {
  const place = await workplace(t);
  writeLock(place, PYTHON);
  const target = { kind: "lambda", architecture: "x86_64", host: path.join(place.root, "stdio_host") } as const;
  const first = packageServer(place, PYTHON, target);
  const copy = path.join(place.root, "copy");
  cpSync(first.directory, copy, { recursive: true });
  assert.equal(statSync(packageServer(place, PYTHON, target).directory).mtimeMs, statSync(first.directory).mtimeMs);
  rmSync(path.join(place.root, "build"), { recursive: true });
  const second = packageServer(place, PYTHON, target);
  assert.equal(second.hash, first.hash);
  assert.deepEqual(files(second.directory), files(copy));
  for (const { name } of files(copy)) {
    assert.ok(readFileSync(path.join(copy, name)).equals(readFileSync(path.join(second.directory, name))), name);
  }
  writeFileSync(path.join(place.root, "stdio_host"), "another host");
  assert.notEqual(packageServer(place, PYTHON, target).hash, first.hash);
  const other = { ...PYTHON, timeoutSeconds: 61, environment: { LEVEL: "2" } };
  assert.notEqual(packageServer(place, other, target).hash, packageServer(place, PYTHON, target).hash);
});

test("a Node server is locked and packed with its program's file", async (t) => {
  const place = await workplace(t);
  writeLock(place, NODE);
  assert.ok(!locked(place, "package-lock.json").includes("127.0.0.1"), "a lock names no registry");
  const made = packageServer(place, NODE, { kind: "here", host: path.join(place.root, "stdio_host") });
  assert.deepEqual(contentOf(made.directory), [
    "bootstrap",
    "node_modules/@demo/server/LICENSE",
    "node_modules/@demo/server/dist/index.js",
    "node_modules/@demo/server/package.json",
    "stdio_host.json",
  ]);
  const { command } = JSON.parse(readFileSync(path.join(made.directory, "stdio_host.json"), "utf8")) as {
    command: string[];
  };
  assert.deepEqual(command.slice(1), ["${LAMBDA_TASK_ROOT}/node_modules/@demo/server/dist/index.js", "x"]);
  assert.ok(existsSync(command[0]!), "on this machine the interpreter is named by its file");
});

test("what is missing, stale or ambiguous is said with what to do", async (t) => {
  const place = await workplace(t);
  const host = path.join(place.root, "stdio_host");
  const target = { kind: "lambda", architecture: "x86_64", host } as const;
  const refused = (server: HostedServer, pattern: RegExp, other: object = {}) => {
    assert.throws(() => packageServer(place, server, { ...target, ...other }), (error) => error instanceof Mistake && pattern.test(error.message), String(pattern)); // prettier-ignore
  };
  refused(PYTHON, /requirements\.txt: missing: run "make servers-lock SERVER=demo"$/);
  refused(PYTHON, /nowhere is missing: run "make build"$/, { host: "nowhere" });
  writeLock(place, PYTHON);
  writeLock(place, NODE);
  refused(serverOf('command: uvx\nargs: ["demo-server@1.3.0"]'), /made for something else than demo-server==1\.3\.0 of servers\.yaml: run "make servers-lock SERVER=demo"$/); // prettier-ignore
  refused(serverOf('command: uvx\nargs: ["demo-server@1.2.0"]\nscript: nothing'), /script: "nothing" is unknown, demo-server has run-demo$/); // prettier-ignore
  refused(
    serverOf('command: npx\nargs: ["@demo/server@1.2.0"]\nscript: o'),
    /script: "o" is unknown, server has other, server$/,
  );
  refused(serverOf("command: bin/server"), /bin\/server is missing: build the program, or correct command$/);
  const absent = serverOf('command: uvx\nargs: ["absent@1.0.0"]');
  assert.throws(() => { writeLock(place, absent); }, /^Mistake: demo: resolving absent==1\.0\.0: uv failed \(1\):/); // prettier-ignore
});

test("packages with another checksum than the lock's are not installed", async (t) => {
  const place = await workplace(t);
  const target = { kind: "lambda", architecture: "x86_64", host: path.join(place.root, "stdio_host") } as const;
  writeLock(place, PYTHON);
  writeLock(place, NODE);
  const directory = path.join(place.root, "hosting", "demo");
  for (const [server, name, checksum, other] of [
    [PYTHON, "requirements.txt", /sha256:[0-9a-f]{64}/, `sha256:${"0".repeat(64)}`],
    [PYTHON, "requirements.txt", / \\\n +--hash=\S+/, ""],
    [NODE, "package-lock.json", /sha512-[^"]+/, `sha512-${"A".repeat(86)}==`],
  ] as const) {
    const file = path.join(directory, name);
    const text = readFileSync(file, "utf8");
    assert.match(text, checksum);
    writeFileSync(file, text.replace(checksum, other));
    assert.throws(() => packageServer(place, server, target), /^Mistake: demo: installing for x86_64: (uv|npm) failed/);
    writeFileSync(file, text);
    assert.ok(packageServer(place, server, target).bytes > 0);
  }
});

test("an image is the package with a Dockerfile, and on this machine just the package", async (t) => {
  const place = await workplace(t);
  const server = serverOf('command: uvx\nargs: ["demo-server@1.2.0"]\nruntime: image\nsystem_packages: [git-core]');
  writeLock(place, server);
  const host = path.join(place.root, "stdio_host");
  const made = packageServer(place, server, { kind: "lambda", architecture: "arm64", host });
  assert.equal(made.packaging, "image");
  assert.deepEqual(readFileSync(path.join(made.directory, "Dockerfile"), "utf8").split("\n"), [
    "FROM --platform=linux/arm64 public.ecr.aws/lambda/python:3.13",
    "RUN microdnf install -y --setopt=install_weak_deps=0 git-core && microdnf clean all",
    "COPY . ${LAMBDA_TASK_ROOT}/",
    "# The host takes the place of the runtime's own client; its argument is the interpreter.",
    'ENTRYPOINT ["/var/task/stdio_host", "/var/lang/bin/python3.13"]',
    "",
  ]);
  const node = dockerfile({ ...NODE, packaging: "image" }, "x86_64");
  assert.match(node, /^FROM --platform=linux\/amd64 public\.ecr\.aws\/lambda\/nodejs:22\nCOPY /);
  assert.match(node, /"\/var\/lang\/bin\/node"\]\n$/);
  const here = packageServer(place, server, { kind: "here", host });
  assert.equal(here.packaging, "zip");
  assert.ok(!contentOf(here.directory).includes("Dockerfile"));
});
