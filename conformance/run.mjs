// Has the official MCP conformance suite judge both of our sides: `node run.mjs CLIENT DOOR HOST SERVER`, after `npm ci`, with Node
// 22 or newer. CLIENT calls servers; `DOOR HOST SERVER` says `listening on URL` and serves SERVER there, hosted by HOST.
//
// One scenario after the other, because some of them measure time. Each has to end as expected-failures.yml says, and something
// has to have been checked. Where no failure is expected the client itself has to say that every call had its result, too.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parse } from "yaml";

const here = import.meta.dirname;
const suite = join(here, "node_modules", "@modelcontextprotocol", "conformance");
const baseline = join(here, "expected-failures.yml");

/** The specification revisions whose required scenarios are run, each with those run besides. */
const revisions = {
  client: new Map([
    ["2025-11-25", ["json-schema-2020-12-preservation"]],
    ["2026-07-28", ["json-schema-2020-12-preservation", "auth/client-credentials-basic"]],
  ]),
  server: new Map([
    ["2025-11-25", ["json-schema-2020-12", "server-session-lifecycle"]],
    ["2026-07-28", ["json-schema-2020-12", "http-header-validation", "http-custom-header-server-validation"]],
  ]),
};

/** Last line of a client for which every step had its result. */
const done = "every step had its result";

/** What a scenario came to: a problem, or the number of its checks that passed. */
function run(leg, target, scenario, revision, expected, results) {
  const judged = spawnSync(
    process.execPath,
    ["--import", join(here, "loopback.mjs"), join(suite, "dist", "index.js"), leg, ...target].concat(
      ["--scenario", scenario, "--spec-version", revision, "--force"],
      ["--expected-failures", baseline, "--output-dir", results],
    ),
    { encoding: "utf8" },
  );
  const said = `${judged.stdout}${judged.stderr}`;
  if (judged.status !== 0) return { problem: "it did not end as expected", said };
  // The directory of a scenario is its name and the time; in that of a server another word comes first.
  const parent = join(results, dirname(scenario));
  const [directory] = readdirSync(parent).map((name) => join(parent, name));
  const passed = JSON.parse(readFileSync(join(directory, "checks.json"), "utf8")).filter(
    (check) => check.status === "SUCCESS",
  );
  if (!expected && passed.length === 0) return { problem: "nothing was checked", said };
  if (leg === "client" && !expected) {
    const lines = readFileSync(join(directory, "stdout.txt"), "utf8").trimEnd().split("\n");
    if (lines.at(-1) !== done) return { problem: "the client failed", said: lines.join("\n") };
  }
  return { passed: passed.length };
}

/** Runs all scenarios of one side; tells how many did not end as expected, and a line for each revision. */
function judge(leg, target) {
  const expected = new Set((parse(readFileSync(baseline, "utf8"))[leg] ?? []).map((entry) => entry.split(":")[0]));
  const seen = new Set();
  const totals = [];
  let failed = 0;
  for (const [revision, besides] of revisions[leg]) {
    const required = parse(readFileSync(join(suite, "requirements", `${revision}.yaml`), "utf8"))[leg];
    let passing = 0;
    for (const scenario of [...required, ...besides]) {
      seen.add(scenario);
      const results = mkdtempSync(join(tmpdir(), "conformance-"));
      const { problem, said, passed } = run(leg, target, scenario, revision, expected.has(scenario), results);
      rmSync(results, { recursive: true });
      const word = problem !== undefined ? "FAILED  " : expected.has(scenario) ? "expected" : "passed  ";
      process.stdout.write(
        `${word}  ${leg}  ${revision}  ${scenario}${problem === undefined ? `  (${passed})` : `: ${problem}\n${said}`}\n`,
      );
      if (problem !== undefined) failed += 1;
      else if (!expected.has(scenario) && required.includes(scenario)) passing += 1;
    }
    totals.push(`${leg}, ${revision}: ${passing} of ${required.length} required scenarios pass`);
  }
  for (const scenario of expected) {
    if (seen.has(scenario)) continue;
    failed += 1;
    process.stdout.write(`FAILED    expected-failures.yml names ${scenario}, which is not run\n`);
  }
  return { failed, totals };
}

/** Opens the door of a hosted server, and tells its URL. It closes when its input does. */
async function open(command) {
  const door = spawn(command[0], command.slice(1), { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = await Promise.race([
    once(createInterface(door.stdout), "line"),
    once(door, "exit").then(([status]) => {
      throw new Error(`${command[0]} ended with ${status}`);
    }),
  ]);
  return { door, url: `${line.replace("listening on ", "")}/mcp` };
}

const [client, ...hosted] = process.argv.slice(2).map((argument) => resolve(argument));
if (hosted.length !== 3) throw new Error("usage: node run.mjs CLIENT DOOR HOST SERVER");
const { door, url } = await open(hosted);
const outcomes = [judge("server", ["--url", url]), judge("client", ["--command", client])];
door.stdin.end();
const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0);
process.stdout.write(`\n${outcomes.flatMap((outcome) => outcome.totals).join("\n")}\n${failed} not as expected\n`);
process.exitCode = failed > 0 ? 1 : 0;
