/** `make servers-check`: asks the registries about every entry of servers.yaml, and says what to do. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { satisfies, validRange } from "semver";
import { Mistake } from "../mistake";
import { hostingDirectory, pythonOf, readNodeLock, readPythonLock } from "./locks";
import { MAX_ZIP_BYTES } from "./package";
import { allowsPython } from "./pep440";
import type { Workplace } from "./programs";
import { askNpm, askPypi, indexOf, type Known } from "./registries";
import type { HostedServer, NodeProgram, PythonProgram, RemoteServer, Servers } from "./server";
import { table } from "./table";
import { TOOLS, triedOf } from "./tools";

/** What was found out about one entry. */
export interface Finding {
  readonly id: string;
  /** Package with its version, file, or address. */
  readonly program: string;
  /** `problem`: it cannot be deployed as it stands, or nobody would know why it should not be. */
  readonly outcome: "ok" | "note" | "problem";
  readonly newest?: string;
  /** Size of the package in whole megabytes, as it was when the server was last tried. */
  readonly megabytes?: number;
  /** What to do. */
  readonly advice: readonly string[];
}

/** Tells problems from what is only worth knowing. */
class Advice {
  readonly lines: string[] = [];
  outcome: Finding["outcome"] = "ok";

  note(line: string): void {
    this.lines.push(line);
    if (this.outcome === "ok") this.outcome = "note";
  }

  problem(line: string): void {
    this.lines.push(line);
    this.outcome = "problem";
  }
}

/** Checks all entries; the result is the exit status: 1 if one of them has a problem. */
export async function check(
  place: Workplace,
  { hosted, remote }: Servers,
  terminal: NodeJS.WritableStream,
  json: boolean,
): Promise<number> {
  const index = indexOf(place);
  const findings: Finding[] = [];
  for (const server of hosted) findings.push(await checkHosted(place, index, server));
  findings.push(...remote.map(checkRemote));
  if (json) {
    terminal.write(`${JSON.stringify(findings, undefined, 2)}\n`);
  } else {
    const rows = findings.map(({ id, program, outcome, newest, megabytes }) => [
      id,
      program,
      outcome,
      newest ?? "-",
      megabytes === undefined ? "-" : String(megabytes),
    ]);
    terminal.write(`${table(["server", "program", "outcome", "newest", "MB"], rows)}\n\n`);
    for (const { id, advice } of findings) for (const line of advice) terminal.write(`${id}: ${line}\n`);
  }
  return findings.some(({ outcome }) => outcome === "problem") ? 1 : 0;
}

function checkRemote({ id, endpointUrl, deprecated }: RemoteServer): Finding {
  const advice = new Advice();
  if (deprecated !== undefined) advice.note(`deprecated: ${deprecated}`);
  return { id, program: endpointUrl, outcome: advice.outcome, advice: advice.lines };
}

async function checkHosted(place: Workplace, index: string, server: HostedServer): Promise<Finding> {
  const { id, program, deprecated } = server;
  const advice = new Advice();
  let known: Known | undefined;
  let tried: ReturnType<typeof readTried>;
  try {
    tried = readTried(place, server);
    if (program.kind === "python") known = await checkPython(place, index, server, program, advice);
    else if (program.kind === "node") known = checkNode(place, server, program, advice);
    else checkBinary(place, program.path, advice);
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    advice.problem(error.message);
  }
  checkSize(server, tried?.size, advice);
  if (tried !== undefined) checkTools(server, tried.tools, advice);
  if (deprecated !== undefined) advice.note(`deprecated: ${deprecated}`);
  return {
    id,
    program: triedOf(server),
    outcome: advice.outcome,
    ...(known?.newest === undefined ? {} : { newest: known.newest }),
    ...(tried === undefined ? {} : { megabytes: tried.size }),
    advice: advice.lines,
  };
}

async function checkPython(
  place: Workplace,
  index: string,
  server: HostedServer,
  program: PythonProgram,
  advice: Advice,
): Promise<Known | undefined> {
  const known = await askPypi(index, program.package, program.version);
  checkVersion(server, program, "PyPI", known, advice);
  const { requires, built } = known?.version ?? {};
  const python = pythonOf(program);
  if (requires !== undefined && !allowsPython(requires, python)) {
    advice.problem(`needs Python ${requires}, and runtime is ${program.runtime}: choose another one`);
  }
  if (built === false) advice.problem("has no wheel: packages that have to be built cannot be hosted");
  checkLock(() => readPythonLock(place, server.id, program), advice);
  return known;
}

function checkNode(place: Workplace, server: HostedServer, program: NodeProgram, advice: Advice): Known | undefined {
  const known = askNpm(place, program.package, program.version);
  checkVersion(server, program, "npm", known, advice);
  const requires = known?.version?.requires;
  // The newest of its line is what Lambda runs.
  const node = program.runtime.slice("nodejs".length).replace(".x", ".999.0");
  if (requires !== undefined && validRange(requires) !== null && !satisfies(node, requires)) {
    advice.problem(`needs Node ${requires}, and runtime is ${program.runtime}: choose another one`);
  }
  checkLock(() => readNodeLock(place, server.id, program), advice);
  return known;
}

function checkVersion(
  { deprecated }: HostedServer,
  program: PythonProgram | NodeProgram,
  registry: string,
  known: Known | undefined,
  advice: Advice,
): void {
  const { package: name, version } = program;
  if (known === undefined) {
    advice.problem(`${registry} has no package ${name}: correct its name, or take another server`);
    return;
  }
  const { newest } = known;
  if (known.version === undefined) {
    const instead = newest === undefined ? "" : `, the newest is ${newest}`;
    advice.problem(`${registry} has no version ${version} of ${name}${instead}`);
    return;
  }
  const { withdrawn } = known.version;
  if (withdrawn !== undefined) {
    const said = `version ${version} was withdrawn ("${withdrawn.slice(0, 200)}")`;
    if (newest !== undefined) advice.problem(`${said}: take ${newest}`);
    else if (deprecated === undefined)
      advice.problem(`${said} as all others were: take its successor, or write deprecated: with the reason`);
    else advice.note(`${said}, as all others were`);
  } else if (newest !== undefined && newest !== version) {
    advice.note(
      `${newest} is newer than ${version}: change servers.yaml, then make servers-lock servers-verify SERVER=…`,
    );
  }
}

function checkBinary({ root }: Workplace, file: string, advice: Advice): void {
  for (const architecture of file.includes("{architecture}") ? ["arm64", "x86_64"] : [""]) {
    const name = file.replaceAll("{architecture}", architecture);
    if (!existsSync(path.join(root, name))) advice.problem(`${name} is missing: build the program`);
  }
}

function checkLock(read: () => unknown, advice: Advice): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    advice.problem(error.message);
  }
}

/** What the last trial wrote; undefined where it tried something else or there was none. */
function readTried(
  place: Workplace,
  server: HostedServer,
): { readonly size: number; readonly tools: readonly string[] } | undefined {
  const file = path.join(hostingDirectory(place, server.id), TOOLS);
  if (!existsSync(file)) return undefined;
  try {
    const content = JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, unknown>>;
    const { discovered_at: tried, package_mb: size, tools } = content;
    if (tried !== triedOf(server) || typeof size !== "number" || !Array.isArray(tools)) return undefined;
    return { size, tools: tools.map((tool: { readonly name: string }) => tool.name) };
  } catch {
    throw new Mistake(`${file}: not valid JSON: run "make servers-verify SERVER=${server.id}"`);
  }
}

/** A tool that is not there cannot be read-only: most likely it has another name now. */
function checkTools({ registration, replay }: HostedServer, tools: readonly string[], advice: Advice): void {
  for (const name of [...registration.readOnlyTools, ...replay].filter((one) => !tools.includes(one))) {
    advice.problem(`the server has no tool ${name}: it has ${tools.join(", ")}`);
  }
}

function checkSize({ packaging, systemPackages }: HostedServer, size: number | undefined, advice: Advice): void {
  const most = MAX_ZIP_BYTES / 1024 / 1024;
  if (size === undefined) return;
  if (packaging === "zip" && size > most)
    advice.problem(`${size} MB unzipped, and a zip may have ${most}: write runtime: image`);
  if (packaging === "image" && size <= most && systemPackages.length === 0) {
    advice.note(`${size} MB unzipped, and a zip may have ${most}: it needs no image`);
  }
}
