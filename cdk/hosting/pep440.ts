/** Versions of PyPI: their order, and what a package says it needs of Python. Source: PEP 440. */

/** Groups of a version: epoch, release, pre-release, post-release, development release. */
const VERSION =
  /^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?(\d*))?(?:[-_.]?(?:post|rev|r)[-_.]?(\d*)|-(\d+))?(?:[-_.]?dev[-_.]?(\d*))?(?:\+.*)?$/i;
/** Where a development release stands among the pre-releases, and where no pre-release does. */
const DEVELOPMENT = -1;
const FINAL = 9;

/** What decides the order, most important first: epoch, release, pre-release, post-release, development release. */
function parse(
  version: string,
): { readonly release: readonly number[]; readonly rest: readonly number[]; readonly epoch: number } | undefined {
  const [match, epoch, release = "", letter, pre, post, implicitPost, development] = VERSION.exec(version.trim()) ?? [];
  if (match === undefined) return undefined;
  const isPost = post !== undefined || implicitPost !== undefined;
  const stage = letter === undefined ? (development !== undefined && !isPost ? DEVELOPMENT : FINAL) : stageOf(letter);
  return {
    epoch: Number(epoch ?? 0),
    release: release.split(".").map(Number),
    rest: [
      stage,
      Number(pre ?? 0),
      isPost ? Number(post ?? implicitPost ?? 0) : -1,
      development === undefined ? Infinity : Number(development),
    ],
  };
}

const stageOf = (letter: string): number =>
  ["a", "b", "c"].indexOf(
    letter
      .toLowerCase()
      .replace(/^(rc|pre.*)$/, "c")
      .charAt(0),
  );

/** Negative if `a` is older than `b`, positive if newer. What is no version is older than all. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  if (left === undefined || right === undefined) return Number(left !== undefined) - Number(right !== undefined);
  const length = Math.max(left.release.length, right.release.length);
  const numbers = ({ epoch, release, rest }: typeof left) => [
    epoch,
    ...Array.from({ length }, (_, index) => release[index] ?? 0),
    ...rest,
  ];
  const [these, those] = [numbers(left), numbers(right)];
  for (const [index, number] of these.entries()) {
    const other = those[index] ?? 0;
    if (number !== other) return number < other ? -1 : 1;
  }
  return 0;
}

/** Whether it is neither a pre-release nor a development release. */
export function isFinal(version: string): boolean {
  const parsed = parse(version);
  return parsed?.rest[0] === FINAL && parsed.rest[3] === Infinity;
}

/** Whether a version of Python, such as 3.13, is within what a package requires, such as `>=3.10,<4`. */
export function allowsPython(requires: string, python: string): boolean {
  return requires
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .every((part) => allows(part, python));
}

function allows(specifier: string, python: string): boolean {
  const [, operator = "", version = ""] = /^(===?|~=|!=|<=|>=|<|>)\s*(\S+)$/.exec(specifier) ?? [];
  const prefix = version.endsWith(".*") ? version.slice(0, -2) : undefined;
  const begins = (beginning: string) => `${python}.`.startsWith(`${beginning}.`);
  // The newest patch of a minor version is what runs: it is below `<3.14`, and not above `<=3.13`.
  const order = compareVersions(python, version);
  switch (operator) {
    case "==":
    case "===":
      return prefix === undefined ? begins(version) || order === 0 : begins(prefix);
    case "!=":
      return prefix === undefined ? order !== 0 : !begins(prefix);
    case "~=":
      return order >= 0 && begins(version.split(".").slice(0, -1).join("."));
    case "<=":
      return order <= 0;
    case "<":
      return order < 0;
    case ">=":
      return order >= 0 || begins(version.split(".").slice(0, 2).join("."));
    case ">":
      return order > 0;
    default:
      return true;
  }
}
