/** Which program an entry of servers.yaml runs: the ways to say it, all of them made one. */
import { oneLine, type Report } from "../yaml-file";
import { NODE_RUNTIMES, PYTHON_RUNTIMES, type NodeRuntime, type Program, type PythonRuntime } from "./server";
import type { ServerFile } from "./server-file";

/** A program, how it is packed, and what it is called with. */
export interface Launch {
  readonly program: Program;
  readonly packaging: "zip" | "image";
  readonly arguments: readonly string[];
}

/** Source: PEP 508, "Names". */
const PYPI_NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;
/** A final, pre-, post- or development release. Source: PEP 440, "Public version identifiers". */
const PYPI_VERSION = /^(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?$/;
/** Source: PEP 508 without URLs and markers, which would make a package depend on where it is made. */
const PYPI_REQUIREMENT =
  /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(\[[A-Za-z0-9._, -]+\])?( ?(===?|~=|!=|<=|>=|<|>) ?[A-Za-z0-9.*+!_-]+,?)*$/;
/** Source: npm, "package.json", name. */
const NPM_NAME = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;
const NPM_VERSION = /^(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;
/** Programs that are no packages, and what to write instead. */
const NO_PACKAGES: ReadonlyMap<string, string> = new Map([
  ["docker", "a container cannot run inside Lambda: name the server's package or program, or runtime: remote"],
  ["podman", "a container cannot run inside Lambda: name the server's package or program, or runtime: remote"],
  ...["python", "python3", "uv", "pip", "pipx"].map((name) => [name, "use uvx and name the package"] as const),
  ...["node", "npm", "yarn", "pnpm", "bunx"].map((name) => [name, "use npx and name the package"] as const),
]);

/** Reads how a hosted server is launched; undefined, with the reasons reported, if that cannot be made out. */
export function readLaunch(file: ServerFile, report: Report): Launch | undefined {
  const { command, runtime } = file;
  if (command === "uvx" || (command === undefined && isOneOf(PYTHON_RUNTIMES, runtime)))
    return readPython(file, report);
  if (command === "npx" || (command === undefined && isOneOf(NODE_RUNTIMES, runtime))) return readNode(file, report);
  if (command === undefined) {
    report("command", "missing: uvx for a package of PyPI, npx for one of npm, or the file of a program");
    return undefined;
  }
  const instead = NO_PACKAGES.get(command);
  if (instead !== undefined) {
    report("command", `"${command}" cannot be hosted: ${instead}`);
    return undefined;
  }
  return readBinary(file, command, report);
}

/** What the command line of uvx or npx says. */
interface Words {
  /** Package with its version, as it stands there. */
  readonly spec?: string;
  readonly script?: string;
  readonly with: readonly string[];
  readonly arguments: readonly string[];
}

function readPython(file: ServerFile, report: Report): Launch | undefined {
  const runtime = runtimeOf<PythonRuntime>(file, PYTHON_RUNTIMES, "python3.13", report);
  const words = readWords(file, { package: "--from", with: "--with", flags: [] }, report);
  if (words === undefined || runtime === undefined) return undefined;
  const [, name = "", extras = "", joined] =
    /^([^@=[]*)(?:\[([^\]]*)\])?(?:(?:@|==)(.*))?$/.exec(words.spec ?? "") ?? [];
  const version = versionOf(file, name, joined, PYPI_VERSION, "1.4.0", report);
  let good = version !== undefined;
  if (!PYPI_NAME.test(name)) {
    report(at(file), `${quoted(words.spec)} does not name a package of PyPI, such as "mcp-server-git@2026.10.19"`);
    good = false;
  }
  const wanted = [...(file.with ?? []), ...words.with];
  for (const requirement of wanted.filter((text) => !PYPI_REQUIREMENT.test(text))) {
    report("with", `${quoted(requirement)} is not a requirement such as "mcp<2" (without markers and URLs)`);
    good = false;
  }
  if (!good || version === undefined) return undefined;
  const program: Program = {
    kind: "python",
    package: name,
    extras: words.spec?.includes("[") === true ? split(extras) : [],
    version,
    ...scriptOf(file, words),
    with: wanted,
    runtime,
  };
  return { program, packaging: packagingOf(file), arguments: words.arguments };
}

function readNode(file: ServerFile, report: Report): Launch | undefined {
  const runtime = runtimeOf<NodeRuntime>(file, NODE_RUNTIMES, "nodejs22.x", report);
  const words = readWords(file, { package: "--package", short: "-p", flags: ["-y", "--yes"] }, report);
  if (words === undefined || runtime === undefined) return undefined;
  const { name, version: joined } = splitNpm(words.spec ?? "");
  const version = versionOf(file, name, joined, NPM_VERSION, "1.4.0", report);
  let good = version !== undefined;
  if (!NPM_NAME.test(name)) {
    report(at(file), `${quoted(words.spec)} does not name a package of npm, such as "@scope/server@1.4.0"`);
    good = false;
  }
  const wanted = [...(file.with ?? []), ...words.with];
  for (const further of wanted) {
    const { name: other, version: exact = "" } = splitNpm(further);
    if (NPM_NAME.test(other) && NPM_VERSION.test(exact)) continue;
    report("with", `${quoted(further)} is not a package with its exact version, such as "zod@4.1.0"`);
    good = false;
  }
  if (!good || version === undefined) return undefined;
  const program: Program = { kind: "node", package: name, version, ...scriptOf(file, words), with: wanted, runtime };
  return { program, packaging: packagingOf(file), arguments: words.arguments };
}

function readBinary(file: ServerFile, command: string, report: Report): Launch | undefined {
  let good = true;
  if (!/^[A-Za-z0-9_.{}-]+(\/[A-Za-z0-9_.{}-]+)*$/.test(command) || command.split("/").includes("..")) {
    report("command", `${quoted(command)} is neither uvx nor npx nor the file of a program below this directory`);
    good = false;
  }
  if (file.runtime !== undefined && file.runtime !== "provided.al2023") {
    report("runtime", `${file.runtime} cannot run a program that is already built, provided.al2023 does`);
    good = false;
  }
  for (const key of ["package", "script", "with"] as const) {
    if (file[key] === undefined) continue;
    report(key, `only a package of PyPI or npm has it, and command is ${quoted(command)}`);
    good = false;
  }
  if (!good) return undefined;
  const version = file.version === undefined ? {} : { version: file.version };
  const program: Program = { kind: "binary", path: command, ...version, runtime: "provided.al2023" };
  return { program, packaging: "zip", arguments: file.args ?? [] };
}

/** Options that uvx or npx is given before the package. */
interface Options {
  /** Takes the package; the word after the options is its script then. */
  readonly package: string;
  readonly short?: string;
  /** Takes a further requirement. */
  readonly with?: string;
  /** Take nothing, and mean nothing here. */
  readonly flags: readonly string[];
}

/** Splits arguments as uvx and npx do; with the key `package`, all of them are the program's own. */
function readWords(file: ServerFile, options: Options, report: Report): Words | undefined {
  const words = file.args ?? [];
  if (file.package !== undefined) return { spec: file.package, with: [], arguments: words };
  const specs: string[] = [];
  const further: string[] = [];
  let index = 0;
  for (; index < words.length && words[index]?.startsWith("-") === true; index += 1) {
    const [option, joined] = splitOnce(words[index] ?? "", "=");
    if (options.flags.includes(option)) continue;
    const taker =
      option === options.package || option === options.short ? specs : option === options.with ? further : undefined;
    if (taker === undefined) {
      report(
        `args[${index}]`,
        `${quoted(words[index])} is not understood here; the package comes first, then its arguments`,
      );
      return undefined;
    }
    if (joined === undefined) index += 1;
    const value = joined ?? words[index];
    if (value === undefined) {
      report(`args[${index - 1}]`, `nothing follows ${option}`);
      return undefined;
    }
    taker.push(value);
  }
  const [first] = specs;
  const word = words[index];
  if (word === undefined) {
    report(
      "args",
      first === undefined ? "no package, neither here nor as package" : `no script after ${options.package}`,
    );
    return undefined;
  }
  const rest = { with: [...further, ...specs.slice(1)], arguments: words.slice(index + 1) };
  return first === undefined ? { spec: word, ...rest } : { spec: first, script: word, ...rest };
}

/** The exact version, from beside the name or from its own key; undefined and reported where there is none or two. */
function versionOf(
  file: ServerFile,
  name: string,
  joined: string | undefined,
  pattern: RegExp,
  example: string,
  report: Report,
): string | undefined {
  const version = joined ?? file.version;
  if (joined !== undefined && file.version !== undefined && joined !== file.version) {
    report("version", `"${file.version}" contradicts ${quoted(joined)} beside the package's name`);
    return undefined;
  }
  if (version !== undefined && pattern.test(version)) return version;
  const key = joined === undefined ? "version" : at(file);
  const problem = version === undefined ? "missing" : `${quoted(version)} is not an exact version`;
  report(key, `${problem}: write "${oneLine(name, 60)}@${example}" with the version that was tried`);
  return undefined;
}

function runtimeOf<R extends string>(
  { runtime }: ServerFile,
  known: readonly R[],
  usual: R,
  report: Report,
): R | undefined {
  if (runtime === undefined || runtime === "image") return usual;
  if (isOneOf(known, runtime)) return runtime;
  report("runtime", `${runtime} cannot run the package, one of ${known.join(", ")}, image does`);
  return undefined;
}

const isOneOf = <R extends string>(known: readonly R[], value: string | undefined): value is R =>
  known.some((one) => one === value);

const packagingOf = ({ runtime }: ServerFile): "zip" | "image" => (runtime === "image" ? "image" : "zip");

/** The key that names the package. */
const at = (file: ServerFile): string => (file.package === undefined ? "args" : "package");

const quoted = (text: string | undefined): string => JSON.stringify(oneLine(text ?? "", 100));

function scriptOf(file: ServerFile, words: Words): { script?: string } {
  const script = file.script ?? words.script;
  return script === undefined ? {} : { script };
}

const split = (list: string): string[] =>
  list
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "")
    .sort();

/** `@scope/name@version`: an `@` at the beginning belongs to the name. */
export function splitNpm(spec: string): { name: string; version?: string } {
  const index = spec.indexOf("@", 1);
  return index < 0 ? { name: spec } : { name: spec.slice(0, index), version: spec.slice(index + 1) };
}

function splitOnce(text: string, separator: string): [string, string?] {
  const index = text.indexOf(separator);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}
