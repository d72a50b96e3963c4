/** Asks the registries of packages what they know of one: PyPI and npm, wherever the tools are set to look. */
import { Mistake } from "../mistake";
import { normalised } from "./entry-point";
import { compareVersions, isFinal } from "./pep440";
import { npm, pypiIndex, type Workplace } from "./programs";

/** What a registry knows of a package. */
export interface Known {
  /** Newest version that is final and in good standing; undefined if all have been withdrawn. */
  readonly newest?: string;
  /** The version that was asked for; undefined if the registry does not have it. */
  readonly version?: {
    /** Why it was withdrawn (yanked, deprecated); undefined if it is in good standing. */
    readonly withdrawn?: string;
    /** What it needs of Python or Node, in its registry's way to say it. */
    readonly requires?: string;
    /** Whether it can be installed without being built. */
    readonly built: boolean;
  };
}

/** pip's own default. Source: pip, "pip install", --index-url. */
const PYPI = "https://pypi.org/simple";
const JSON_TYPE = "application/vnd.pypi.simple.v1+json";

/** A file of a package. */
interface IndexFile {
  readonly filename: string;
  readonly requires?: string;
  /** Empty where no reason was given. */
  readonly yanked?: string;
}

/** Address of the package index that pip looks into. */
export const indexOf = (place: Workplace): string => pypiIndex(place) ?? PYPI;

/** Asks the package index at an address. Undefined if it does not know the package. Source: PEP 503, 592 and 691, simple repository API. */
export async function askPypi(address: string, name: string, version: string): Promise<Known | undefined> {
  const index = new URL(`${address.replace(/\/+$/, "")}/${normalised(name)}/`);
  const headers: Record<string, string> = { accept: `${JSON_TYPE}, text/html;q=0.5` };
  if (index.username !== "") {
    const credentials = `${decodeURIComponent(index.username)}:${decodeURIComponent(index.password)}`;
    headers["authorization"] = `Basic ${Buffer.from(credentials).toString("base64")}`;
    index.username = index.password = "";
  }
  let response: Response;
  let text: string;
  try {
    response = await fetch(index, { headers, signal: AbortSignal.timeout(30_000) });
    text = await response.text();
  } catch (error) {
    const { message, cause } = error as Error;
    throw new Mistake(`${index.href} cannot be asked: ${cause instanceof Error ? cause.message : message}`);
  }
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Mistake(`${index.href} answered ${response.status}`);
  const all =
    response.headers.get("content-type")?.startsWith(JSON_TYPE) === true ? fromJson(index.href, text) : fromHtml(text);
  const versions = new Map<string, IndexFile[]>();
  for (const file of all) {
    const found = versionOf(file.filename);
    if (found !== undefined) versions.set(found, [...(versions.get(found) ?? []), file]);
  }
  const good = [...versions].filter(
    ([found, files]) => isFinal(found) && files.some(({ yanked }) => yanked === undefined),
  );
  const newest = good
    .map(([found]) => found)
    .sort(compareVersions)
    .at(-1);
  const files = [...versions].find(([found]) => compareVersions(found, version) === 0)?.[1];
  return { ...given("newest", newest), ...given("version", files === undefined ? undefined : described(files)) };
}

function described(files: readonly IndexFile[]): NonNullable<Known["version"]> {
  const [first] = files;
  const withdrawn = files.every(({ yanked }) => yanked !== undefined) ? (first?.yanked ?? "") : undefined;
  return {
    ...given("withdrawn", withdrawn === "" ? "no reason given" : withdrawn),
    ...given("requires", first?.requires),
    built: files.some(({ filename }) => filename.endsWith(".whl")),
  };
}

/** Source: PEP 427, file name convention; PEP 625, file name of a source distribution. */
function versionOf(filename: string): string | undefined {
  return (
    /^[^-]+-([^-]+)(-[^-]+)?-[^-]+-[^-]+-[^-]+\.whl$/.exec(filename)?.[1] ??
    /^.+-([^-]+)\.(tar\.gz|zip)$/.exec(filename)?.[1]
  );
}

function fromJson(address: string, text: string): IndexFile[] {
  try {
    const { files } = JSON.parse(text) as {
      readonly files: readonly {
        readonly filename: string;
        readonly "requires-python"?: string | null;
        readonly yanked?: boolean | string;
      }[];
    };
    return files.map(({ filename, "requires-python": requires, yanked = false }) => ({
      filename,
      ...given("requires", requires ?? undefined),
      ...given("yanked", yanked === false ? undefined : yanked === true ? "" : yanked),
    }));
  } catch (error) {
    throw new Mistake(`${address} answered no list of files: ${(error as Error).message}`);
  }
}

/** A mirror that knows no JSON answers a page with a link for each file. */
function fromHtml(text: string): IndexFile[] {
  return [...text.matchAll(/<a\s([^>]*)>([^<]*)<\/a>/gi)].map(([, attributes = "", label = ""]) => ({
    filename: unescape(label.trim()),
    ...given("requires", attribute(attributes, "data-requires-python")),
    ...given("yanked", attribute(attributes, "data-yanked")),
  }));
}

function attribute(attributes: string, name: string): string | undefined {
  const [match, quoted] =
    new RegExp(`(?:^|\\s)${name}(?:=(?:"([^"]*)"|'[^']*'))?(?=\\s|$)`, "i").exec(attributes) ?? [];
  return match === undefined ? undefined : unescape(quoted ?? "");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&gt;": ">",
  "&lt;": "<",
  "&quot;": '"',
  "&#39;": "'",
  "&amp;": "&",
};
const unescape = (text: string): string =>
  text.replace(/&(gt|lt|quot|#39|amp);/g, (entity) => ENTITIES[entity] ?? entity);

/** Asks the registry of npm. Undefined if it does not know the package. */
export function askNpm(place: Workplace, name: string, version: string): Known | undefined {
  const newest = view(place, name, ["version"]);
  if (newest === undefined) return undefined;
  const found = view(place, `${name}@${version}`, ["version", "deprecated", "engines"]);
  const requires = (found?.["engines"] as { readonly node?: unknown } | undefined)?.node;
  const withdrawn = found?.["deprecated"];
  return {
    ...given("newest", typeof newest["version"] === "string" ? newest["version"] : undefined),
    ...(found?.["version"] === undefined
      ? {}
      : {
          version: {
            ...given("withdrawn", typeof withdrawn === "string" && withdrawn !== "" ? withdrawn : undefined),
            ...given("requires", typeof requires === "string" ? requires : undefined),
            built: true,
          },
        }),
  };
}

/** npm reads its own configuration: registries of scopes, tokens, proxies. */
function view(
  place: Workplace,
  spec: string,
  fields: readonly string[],
): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = npm(place, ["view", spec, "name", ...fields, "--json", "--loglevel=error"], `asking npm for ${spec}`);
    if (text.trim() === "") return {};
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch (error) {
    if (error instanceof Mistake && /\bE404\b/.test(error.message)) return undefined;
    throw error;
  }
}

const given = <K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> =>
  value === undefined ? {} : ({ [key]: value } as Record<K, V>);
