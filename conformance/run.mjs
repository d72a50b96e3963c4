// Has the client judged by the official MCP conformance suite: `node run.mjs CLIENT`, after `npm ci`, with Node 22 or newer.
//
// One scenario after the other, because some of them measure time. Each has to end as expected-failures.yml says, its server
// has to have seen something, and where no failure is expected the client itself has to say that every call had its result.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parse } from "yaml";

const here = import.meta.dirname;
const suite = join(here, "node_modules", "@modelcontextprotocol", "conformance");
const baseline = join(here, "expected-failures.yml");

/** The specification revisions whose required scenarios are run, each with those run besides. */
const revisions = new Map([
  ["2025-11-25", ["json-schema-2020-12-preservation"]],
  ["2026-07-28", ["json-schema-2020-12-preservation", "auth/client-credentials-basic"]],
]);

/** Last line of a client for which every step had its result. */
const done = "every step had its result";

/** What a scenario came to: a problem, or the number of its checks that passed. */
function run(client, scenario, revision, expected, results) {
  const judged = spawnSync(
    process.execPath,
    ["--import", join(here, "loopback.mjs"), join(suite, "dist", "index.js"), "client"].concat(
      ["--command", client, "--scenario", scenario, "--spec-version", revision, "--force"],
      ["--expected-failures", baseline, "--output-dir", results],
    ),
    { encoding: "utf8" },
  );
  const said = `${judged.stdout}${judged.stderr}`;
  if (judged.status !== 0) return { problem: "it did not end as expected", said };
  // The directory of a scenario is its name and the time.
  const parent = join(results, dirname(scenario));
  const [directory] = readdirSync(parent).map((name) => join(parent, name));
  const passed = JSON.parse(readFileSync(join(directory, "checks.json"), "utf8")).filter(
    (check) => check.status === "SUCCESS",
  );
  if (!expected && passed.length === 0) return { problem: "nothing was checked", said };
  const lines = readFileSync(join(directory, "stdout.txt"), "utf8").trimEnd().split("\n");
  if (!expected && lines.at(-1) !== done) return { problem: "the client failed", said: lines.join("\n") };
  return { passed: passed.length };
}

const [argument] = process.argv.slice(2);
if (argument === undefined) throw new Error("usage: node run.mjs CLIENT");
const client = resolve(argument);
const expected = new Set(parse(readFileSync(baseline, "utf8")).client.map((entry) => entry.split(":")[0]));
const seen = new Set();
let failed = 0;
const totals = [];
for (const [revision, besides] of revisions) {
  const required = parse(readFileSync(join(suite, "requirements", `${revision}.yaml`), "utf8")).client;
  let passing = 0;
  for (const scenario of [...required, ...besides]) {
    seen.add(scenario);
    const results = mkdtempSync(join(tmpdir(), "conformance-"));
    const { problem, said, passed } = run(client, scenario, revision, expected.has(scenario), results);
    rmSync(results, { recursive: true });
    const word = problem !== undefined ? "FAILED  " : expected.has(scenario) ? "expected" : "passed  ";
    process.stdout.write(
      `${word}  ${revision}  ${scenario}${problem === undefined ? `  (${passed})` : `: ${problem}\n${said}`}\n`,
    );
    if (problem !== undefined) failed += 1;
    else if (!expected.has(scenario) && required.includes(scenario)) passing += 1;
  }
  totals.push(`${revision}: ${passing} of ${required.length} required scenarios pass`);
}
for (const scenario of expected) {
  if (seen.has(scenario)) continue;
  failed += 1;
  process.stdout.write(`FAILED    expected-failures.yml names ${scenario}, which is not run\n`);
}
process.stdout.write(`\n${totals.join("\n")}\n${failed} not as expected\n`);
process.exitCode = failed > 0 ? 1 : 0;
