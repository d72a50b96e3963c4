/** `make servers-check` against doubles of the package registries on the loopback address. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { check, type Finding } from "../hosting/check";
import { allowsPython, compareVersions, isFinal } from "../hosting/pep440";
import { askPypi } from "../hosting/registries";
import { serversOf } from "../hosting/servers";
import { ROOT } from "./support";

const NEEDS = 'data-requires-python="&gt;=3.10"';
/** Pages of the index, by the package's normalised name. */
const PAGES: Readonly<Record<string, string>> = {
  good: `<a ${NEEDS} href="x">good-1.2.0-py3-none-any.whl</a><a href="x">good-1.10.0.tar.gz</a>
    <a ${NEEDS} href="x">good-1.10.0-py3-none-any.whl</a><a href="x">good-2.0.0rc1-py3-none-any.whl</a>
    <a href="x" data-yanked="">good-3.0.0-py3-none-any.whl</a>`,
  gone: `<a href="x" data-yanked="superseded by &quot;good&quot;">gone-1.0.0-py3-none-any.whl</a>`,
  partly: `<a href="x" data-yanked="broken">partly-1.0.0-py3-none-any.whl</a><a href="x">partly-1.0.1-py3-none-any.whl</a>`,
  future: `<a data-requires-python="&gt;=3.14" href="x">future-1.0.0-py3-none-any.whl</a>`,
  source: `<a href="x">source-1.0.0.tar.gz</a>`,
};

async function listen(t: TestContext, server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An index as a mirror is that knows no JSON; it wants a user and a password. */
function pypi(t: TestContext): Promise<string> {
  const server = createServer((request, response) => {
    const name = /^\/private\/simple\/([^/]+)\/$/.exec(request.url ?? "")?.[1] ?? "";
    const known = request.headers.authorization === `Basic ${Buffer.from("me:p@ss").toString("base64")}`;
    const page = PAGES[name];
    response.writeHead(!known ? 401 : page === undefined ? 404 : 200, { "content-type": "text/html" }).end(page);
  });
  return listen(t, server);
}

/** A registry of npm with one package that is deprecated in its older version. */
async function npmRegistry(t: TestContext, root: string): Promise<string> {
  const version = (number: string, more: object) => ({
    name: "node-good",
    version: number,
    dist: { tarball: "x" },
    ...more,
  });
  const packument = {
    name: "node-good",
    "dist-tags": { latest: "2.0.0" },
    versions: {
      "1.0.0": version("1.0.0", { deprecated: "take 2" }),
      "2.0.0": version("2.0.0", { engines: { node: ">=24" } }),
    },
  };
  mkdirSync(path.join(root, "registry"), { recursive: true });
  writeFileSync(path.join(root, "registry", "node-good"), JSON.stringify(packument));
  const program = path.join(ROOT, "tests", "fixtures", "registry_double.mjs");
  const child = spawn(process.execPath, [program, path.join(root, "registry")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill());
  const [port] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
  return `http://127.0.0.1:${port.trim()}/`;
}

const entry = (id: string, keys: string) => `${id}:\n  name: N\n  description: D.\n${keys.replace(/^/gm, "  ")}\n`;

async function findingsOf(t: TestContext, text: string, files: Readonly<Record<string, string>> = {}) {
  const root = mkdtempSync(path.join(tmpdir(), "hosting-check-"));
  t.after(() => {
    rmSync(root, { recursive: true, force: true });
  });
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), content);
  }
  const environment = {
    ...process.env,
    PIP_INDEX_URL: `http://me:p%40ss@${await pypi(t)}/private/simple/`,
    npm_config_registry: await npmRegistry(t, root),
    npm_config_cache: path.join(root, "cache"),
  };
  let told = "";
  const terminal = { write: (part: string) => (told += part) !== "" } as unknown as NodeJS.WritableStream;
  const status = await check({ root, environment }, serversOf("servers.yaml", text), terminal, true);
  return { status, findings: JSON.parse(told) as Finding[], told };
}

/** Locks, so that nothing is said of them. */
const lock = (id: string, spec: string) => ({
  [`hosting/${id}/requirements.txt`]: `# ${spec} for Python 3.11 and newer; written by make servers-lock\n`,
});

test("each entry is resolved, and what to do is said", async (t) => {
  const cases: readonly (readonly [string, string, Finding["outcome"], RegExp | undefined])[] = [
    ["good", "good@1.10.0", "ok", undefined],
    ["good", "good@1.2.0", "note", /^1\.10\.0 is newer than 1\.2\.0: change servers\.yaml/],
    ["good", "good@9.9.9", "problem", /^PyPI has no version 9\.9\.9 of good, the newest is 1\.10\.0$/],
    ["absent", "absent@1.0.0", "problem", /^PyPI has no package absent: /],
    ["gone", "gone@1.0.0", "problem", /withdrawn \("superseded by "good""\) as all others were: take its successor/],
    ["partly", "partly@1.0.0", "problem", /withdrawn \("broken"\): take 1\.0\.1$/],
    ["future", "future@1.0.0", "problem", /^needs Python >=3\.14, and runtime is python3\.13/],
    ["source", "source@1.0.0", "problem", /^has no wheel/],
  ];
  const text = cases.map(([, spec], index) => entry(`s${index}`, `command: uvx\nargs: ["${spec}"]`)).join("");
  const files = cases.map(([, spec], index) => lock(`s${index}`, spec.replace("@", "==")));
  const { status, findings } = await findingsOf(t, text, Object.assign({}, ...files) as Record<string, string>);
  assert.equal(status, 1);
  for (const [index, [, spec, outcome, advice]] of cases.entries()) {
    const finding = findings[index]!;
    assert.equal(finding.outcome, outcome, JSON.stringify(finding));
    assert.equal(finding.program, spec.replace("@", "=="));
    assert.equal(finding.advice.length, advice === undefined ? 0 : 1, JSON.stringify(finding));
    if (advice !== undefined) assert.match(finding.advice[0]!, advice);
  }
  assert.equal(findings[0]!.newest, "1.10.0");
});

test("withdrawn servers are no problem where the file says so, and remote ones are not asked", async (t) => {
  const text =
    entry("gone", 'command: uvx\nargs: ["gone@1.0.0"]\ndeprecated: Take good.') +
    entry("far", 'runtime: remote\nremote: { endpoint_url: "https://mcp.invalid/mcp" }');
  const { status, findings, told } = await findingsOf(t, text, lock("gone", "gone==1.0.0"));
  assert.equal(status, 0, told);
  assert.deepEqual(
    findings.map(({ outcome }) => outcome),
    ["note", "ok"],
  );
  assert.ok(!told.includes("p@ss") && !told.includes("p%40ss"));
});

test("locks and sizes are checked, and npm's deprecations and engines", async (t) => {
  const text =
    entry("stale", 'command: uvx\nargs: ["good@1.10.0"]\nwith: ["mcp<2"]') +
    entry("large", 'command: uvx\nargs: ["good@1.10.0"]\nregistration: { read_only_tools: [read, raed] }') +
    entry("old", 'command: npx\nargs: ["node-good@1.0.0"]') +
    entry("new", 'command: npx\nargs: ["node-good@2.0.0"]') +
    entry("binary", "command: bin/server-{architecture}");
  const { findings } = await findingsOf(t, text, {
    ...lock("stale", "good==1.10.0"),
    ...lock("large", "good==1.10.0"),
    "hosting/large/tools.json": JSON.stringify({
      discovered_at: "good==1.10.0",
      package_mb: 251,
      tools: [{ name: "read" }],
    }),
    "bin/server-arm64": "",
  });
  const advice = Object.fromEntries(findings.map(({ id, advice: lines }) => [id, lines.join("; ")]));
  assert.match(advice["stale"]!, /made for something else than good==1\.10\.0 mcp<2 .*SERVER=stale/);
  const size = "251 MB unzipped, and a zip may have 250: write runtime: image";
  assert.equal(advice["large"], `${size}; the server has no tool raed: it has read`);
  assert.match(advice["old"]!, /withdrawn \("take 2"\): take 2\.0\.0/);
  assert.match(advice["new"]!, /^needs Node >=24, and runtime is nodejs22\.x/);
  assert.equal(advice["binary"], "bin/server-x86_64 is missing: build the program");
  assert.equal(findings[1]!.megabytes, 251);
});

test("an index that knows JSON is read as such, one that fails is named without its password", async (t) => {
  const answers: readonly { readonly status: number; readonly body: string }[] = [
    {
      status: 200,
      body: JSON.stringify({
        files: [
          { filename: "a-1.0-py3-none-any.whl", "requires-python": ">=3.9", yanked: "bad" },
          { filename: "a-1.1-py3-none-any.whl", "requires-python": null, yanked: false },
        ],
      }),
    },
    { status: 503, body: "" },
    { status: 200, body: "[" },
  ];
  let turn = 0;
  const server = createServer((_, response) => {
    const { status, body } = answers[turn++]!;
    response.writeHead(status, { "content-type": "application/vnd.pypi.simple.v1+json" }).end(body);
  });
  const address = await listen(t, server);
  const index = `http://me:secret@${address}/simple`;
  assert.deepEqual(await askPypi(index, "A", "1.0.0"), {
    newest: "1.1",
    version: { withdrawn: "bad", requires: ">=3.9", built: true },
  });
  await assert.rejects(askPypi(index, "a", "1"), { message: `http://${address}/simple/a/ answered 503` });
  await assert.rejects(
    askPypi(index, "a", "1"),
    /^Mistake: http:\/\/127\.0\.0\.1:\d+\/simple\/a\/ answered no list of files/,
  );
  server.close();
  server.closeAllConnections();
  await assert.rejects(askPypi(index, "a", "1"), /a\/ cannot be asked: /);
});

test("versions are ordered and Pythons admitted as PEP 440 has it", () => {
  const order = [
    "1.0.dev1",
    "1.0a1",
    "1.0b2",
    "1.0rc1",
    "1.0",
    "1.0.post1",
    "1.0.1",
    "1.2",
    "1.10",
    "2026.8.31",
    "1!0.1",
  ];
  for (const [index, version] of order.entries()) {
    for (const [other, than] of order.entries()) {
      assert.equal(Math.sign(compareVersions(version, than)), Math.sign(index - other), `${version} ${than}`);
    }
  }
  assert.equal(compareVersions("1.0", "1.0.0"), 0);
  assert.deepEqual(order.filter(isFinal), ["1.0", "1.0.post1", "1.0.1", "1.2", "1.10", "2026.8.31", "1!0.1"]);
  const cases: readonly (readonly [string, boolean])[] = [
    [">=3.10", true], [">=3.13", true], [">=3.13.2", true], [">=3.14", false], [">=3.10,<3.13", false], ["<3.14", true], ["<4.0", true],
    ["~=3.12", true], ["~=3.14", false], ["!=3.13.*", false], ["==3.13.*", true], ["==3.12.*", false], [">3.12", true], ["<=3.12", false], ["", true],
  ]; // prettier-ignore
  for (const [requires, allowed] of cases) assert.equal(allowsPython(requires, "3.13"), allowed, requires);
});
