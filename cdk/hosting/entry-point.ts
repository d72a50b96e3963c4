/** How a program of a package is started without uvx or npx. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { Mistake } from "../mistake";
import type { NodeProgram, PythonProgram } from "./server";

/** What stands for the directory of the package, wherever it is unpacked. */
export const TASK_ROOT = "${LAMBDA_TASK_ROOT}";

/** PEP 503: the same package however its name is written. */
export const normalised = (name: string): string => name.replaceAll(/[-_.]+/g, "-").toLowerCase();

/**
 * `run.py`: what the installer would have made of the package's console script. Source: Python Packaging User Guide, "Entry
 * points specification".
 */
export function pythonStart(id: string, program: PythonProgram, directory: string): string {
  const scripts = consoleScripts(directory, program.package);
  const [name, object] = choose(id, "console script", scripts, program);
  const [, module = "", attribute = ""] = /^([\w.]+)\s*:\s*([\w.]+)\s*(\[.*\])?$/.exec(object) ?? [];
  const [first = ""] = attribute.split(".");
  if (module === "" || first === "")
    throw new Mistake(`${id}: the console script ${name} is "${object}", which names no function`);
  return [
    `"""Starts ${name} of ${program.package}."""`,
    "",
    "import sys",
    "",
    `from ${module} import ${first}`,
    "",
    `sys.argv[0] = ${JSON.stringify(name)}`,
    `sys.exit(${attribute}())`,
    "",
  ].join("\n");
}

/** Console scripts of an installed package, and what each of them calls. */
function consoleScripts(directory: string, name: string): Map<string, string> {
  const information = readdirSync(directory).find((entry) => {
    const [, distribution = ""] = /^(.+?)-[^-]+\.dist-info$/.exec(entry) ?? [];
    return normalised(distribution) === normalised(name);
  });
  const file = path.join(directory, information ?? "", "entry_points.txt");
  if (information === undefined || !existsSync(file)) return new Map();
  const scripts = new Map<string, string>();
  let section = "";
  for (const line of readFileSync(file, "utf8")
    .split("\n")
    .map((text) => text.trim())) {
    if (line.startsWith("[")) section = line;
    const [, key = "", object = ""] = /^([^=#;]+?)\s*=\s*(.+)$/.exec(line) ?? [];
    if (section === "[console_scripts]" && key !== "") scripts.set(key, object);
  }
  return scripts;
}

/** The file of the program, from the package's directory. Source: npm, "package.json", bin. */
export function nodeStart(id: string, program: NodeProgram, directory: string): string {
  const home = path.join(directory, "node_modules", program.package);
  const manifest = JSON.parse(readFileSync(path.join(home, "package.json"), "utf8")) as {
    readonly bin?: string | Readonly<Record<string, string>>;
  };
  const own = program.package.replace(/^@[^/]*\//, "");
  const bin = typeof manifest.bin === "string" ? { [own]: manifest.bin } : (manifest.bin ?? {});
  const [name, file] = choose(id, "program", new Map(Object.entries(bin)), { ...program, package: own });
  const start = path.posix.normalize(file);
  if (start.startsWith("..") || !existsSync(path.join(home, start))) {
    throw new Mistake(`${id}: the program ${name} of ${program.package} is ${file}, which is not in the package`);
  }
  return path.posix.join("node_modules", program.package, start);
}

/** The one that servers.yaml names, that is called as the package, or that is the only one. */
function choose(
  id: string,
  kind: string,
  scripts: ReadonlyMap<string, string>,
  { script, package: name }: { readonly script?: string; readonly package: string },
): [string, string] {
  const named = script ?? [...scripts.keys()].find((key) => normalised(key) === normalised(name));
  const chosen = named ?? (scripts.size === 1 ? [...scripts.keys()][0] : undefined);
  const found = chosen === undefined ? undefined : scripts.get(chosen);
  if (chosen !== undefined && found !== undefined) return [chosen, found];
  if (scripts.size === 0) throw new Mistake(`${id}: ${name} has no ${kind}: it is no server that can be started`);
  const known = [...scripts.keys()].sort().join(", ");
  throw new Mistake(
    `${id}: script: ${script === undefined ? "missing" : `"${script}" is unknown`}, ${name} has ${known}`,
  );
}
