/** What holds for every file of an agent and for all settings. `FUZZ_CASES` says how many are tried. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Node } from "constructs";
import fc from "fast-check";
import { readConfig } from "../config";
import { Mistake } from "../mistake";
import { CASES, agentTexts, problemsOf } from "./agent-cases";
import { LOCAL, app } from "./support";

const CASES_ASKED = Number(process.env["FUZZ_CASES"] ?? 0);

/** Counts outcomes, and asserts that each of them occurred in at least one case of a thousand. */
class Outcomes {
  private readonly counts = new Map<string, number>();
  private readonly started = Date.now();

  note(outcome: string): void {
    this.counts.set(outcome, (this.counts.get(outcome) ?? 0) + 1);
  }

  include(cases: number, ...expected: readonly string[]): void {
    const seconds = ((Date.now() - this.started) / 1000).toFixed(1);
    const counts = JSON.stringify(Object.fromEntries(this.counts));
    process.stderr.write(`${cases} cases in ${seconds} s: ${counts}\n`);
    for (const outcome of expected) assert.ok((this.counts.get(outcome) ?? 0) * 1000 >= cases, `${outcome}: ${counts}`);
  }
}

/** A problem that a person can read: one line, not endless, nothing that a terminal would obey. */
function readable(problem: string): void {
  assert.ok(problem.trim() !== "" && problem.length <= 2000, `${problem.length} characters: ${problem.slice(0, 300)}`);
  assert.doesNotMatch(problem, /\p{Cc}/u);
}

test("every file is an agent or refused line by line", () => {
  const outcomes = new Outcomes();
  const cases = Math.max(500, CASES_ASKED);
  const property = fc.property(agentTexts, (text) => {
    const problems = problemsOf(text);
    for (const problem of problems) readable(problem);
    const [first = ""] = problems;
    if (first === "") outcomes.note("accepted");
    else if (first.includes("not valid YAML")) outcomes.note("no YAML");
    else if (first.includes("unknown key")) outcomes.note("unknown key");
    else if (first.includes(": missing")) outcomes.note("missing key");
    else if (first.includes("it must be of type")) outcomes.note("wrong type");
    else outcomes.note("rules");
  });
  fc.assert(property, { numRuns: cases });
  outcomes.include(cases, "accepted", "no YAML", "unknown key", "missing key", "wrong type", "rules");
});

test("both readers take and refuse the same files", () => {
  const lines = readFileSync(CASES, "utf8").trimEnd().split("\n");
  assert.ok(lines.length >= 500);
  for (const line of lines) {
    const { text, accepted } = JSON.parse(line) as { text: string; accepted: boolean };
    assert.equal(problemsOf(text).length === 0, accepted, `${text}\n${problemsOf(text).join("\n")}`);
  }
});

const KEYS = [
  "stage", "region", "model", "agentEngine", "responseMode", "architecture", "environments", "protectedEnvironments", "allowedNetworks",
  "invocableFunctions", "connectTo", "gitlabUrl", "requestKeyMinutes", "throttleRate", "throttleBurst", "lambdaZipDir", "agentsDir", "stgae",
] as const; // prettier-ignore
const VALUES: readonly unknown[] = [
  undefined, null, true, "", " ", "dev", "local", "prod", "none", "a".repeat(17), "eu-central-1", "eu-central", "arm64", "x86_64", "bedrock", "STREAM", "BUFFERED",
  "dev,prod", "dev,,prod", ["dev", "prod"], ["dev", 1], [], [[]], {}, "10.0.0.0/8", "10.0.0.0/33", "::/0", "fd00::/129", "https://gitlab.example", "http://127.0.0.1:8080",
  "https://u:p@gitlab.example", "https://gitlab.example?x", "javascript:alert(1)", 0, 1, 1.5, -1, 1441, 10_000, "5", "05", "1e3", "0x10", Number.NaN, Infinity, "\0", "a\nb",
  "*.example.com:443=127.0.0.1:4566", "arn:aws:lambda:us-east-1:123456789012:function:f", "anthropic.claude-v2:1",
]; // prettier-ignore

test("all settings are taken or refused by name", () => {
  const outcomes = new Outcomes();
  const cases = Math.max(500, CASES_ASKED);
  const bases = new Map([{}, LOCAL].map((base) => [base, app(base).node.getAllContext() as object]));
  const value = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...VALUES) },
    fc.string(),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const settings = fc.tuple(
    fc.constantFrom(...bases.keys()),
    fc.uniqueArray(fc.tuple(fc.constantFrom(...KEYS), value), { selector: ([key]) => key, maxLength: 2 }),
  );
  const property = fc.property(settings, ([base, changes]) => {
    try {
      const context = { ...bases.get(base), ...Object.fromEntries(changes) };
      readConfig({ getAllContext: () => context } as Partial<Node> as Node);
      outcomes.note("accepted");
    } catch (error) {
      assert.ok(error instanceof Mistake, String(error));
      const [, ...problems] = error.message.split("\n");
      assert.ok(problems.length > 0);
      for (const problem of problems) {
        readable(problem);
        assert.match(problem, /^ {2}[A-Za-z]+: .*; allowed: ./);
      }
      outcomes.note("refused");
    }
  });
  fc.assert(property, { numRuns: cases });
  outcomes.include(cases, "accepted", "refused");
});
