/** Programs that make packages: uv, npm and the interpreters of this machine. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { Mistake } from "../mistake";

/** Where things are, for everything that makes packages. */
export interface Workplace {
  /** The project: `.venv` is there, and `build` for what can be made again. */
  readonly root: string;
  /** Directory with servers.yaml, `hosting/` and programs that are already built. @default - the project */
  readonly servers?: string;
  /** Environment of the programs that are started. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What a program wrote to its standard output. Throws a {@link Mistake} with the end of what it said if it failed. */
export function run(
  { environment }: Pick<Workplace, "environment">,
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly doing: string },
): string {
  const ended = spawnSync(program, args, {
    cwd: options.cwd,
    env: environment,
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (ended.error !== undefined)
    throw new Mistake(`${options.doing}: ${program} cannot be run: ${ended.error.message}`);
  if (ended.status === 0) return ended.stdout;
  const said = `${ended.stderr}\n${ended.stdout}`.trim().split("\n").slice(0, 12).join("\n  ");
  throw new Mistake(
    `${options.doing}: ${path.basename(program)} failed (${ended.status ?? ended.signal ?? "?"}):\n  ${said}`,
  );
}

/** uv, which `make setup` installs. */
export function uv(place: Workplace, args: readonly string[], doing: string, cwd?: string): string {
  const program = path.join(place.root, ".venv", "bin", "uv");
  if (!existsSync(program)) throw new Mistake(`${doing}: uv is not there, run "make setup"`);
  const index = pypiIndex(place);
  // What is set for uv itself goes before what is set for pip.
  const known = ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_CONFIG_FILE"].some(
    (name) => place.environment[name] !== undefined,
  );
  const environment = {
    ...place.environment,
    UV_PYTHON_DOWNLOADS: "never",
    ...(known || index === undefined ? {} : { UV_DEFAULT_INDEX: index }),
  };
  return run({ environment }, program, args, { doing, ...(cwd === undefined ? {} : { cwd }) });
}

/** Address of the package index that pip is set to; undefined where it is pip's own default. */
export function pypiIndex({ root, environment }: Workplace): string | undefined {
  const own = environment["PIP_INDEX_URL"];
  if (own !== undefined && own !== "") return own;
  const python = path.join(root, ".venv", "bin", "python");
  const { status, stdout } = spawnSync(python, ["-m", "pip", "config", "get", "global.index-url"], {
    encoding: "utf8",
    env: environment,
  });
  const set = status === 0 ? stdout.trim() : "";
  return set === "" ? undefined : set;
}

export const npm = (place: Workplace, args: readonly string[], doing: string, cwd?: string): string =>
  run(place, "npm", args, { doing, ...(cwd === undefined ? {} : { cwd }) });

/** An interpreter of this machine. */
export interface Interpreter {
  /** Absolute, with links followed, so that it means the same in any environment. */
  readonly path: string;
  /** All of it, such as 3.13.0 or 22.20.0. */
  readonly version: string;
}

const ASK_PYTHON =
  "import os, sys; print(os.path.realpath(sys.executable)); print('.'.join(map(str, sys.version_info[:3])))";

/** The first Python on the PATH that has one of the versions (3.13), in their order; undefined if there is none. */
export function findPython(place: Workplace, versions: readonly string[]): Interpreter | undefined {
  const found = [...versions.map((version) => `python${version}`), "python3", "python"].flatMap((name) =>
    ask(place, name, ["-I", "-c", ASK_PYTHON]),
  );
  for (const version of versions) {
    const match = found.find((interpreter) => interpreter.version.startsWith(`${version}.`));
    if (match !== undefined) return match;
  }
  return undefined;
}

/** The Node on the PATH; undefined if there is none. */
export const findNode = (place: Workplace): Interpreter | undefined =>
  ask(place, "node", ["-p", "fs.realpathSync(process.execPath) + '\\n' + process.versions.node"])[0];

/** A name on the PATH can be a placeholder that does not run: what counts is an answer. */
function ask({ environment }: Workplace, name: string, args: readonly string[]): Interpreter[] {
  const { status, stdout } = spawnSync(name, args, { encoding: "utf8", env: environment });
  if (status !== 0) return [];
  const [file = "", version = ""] = stdout.trim().split("\n");
  return [{ path: file, version }];
}
