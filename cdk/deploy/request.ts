/** What the person who deploys asks for: the variables of `make deploy` and `make destroy`. */
import { Mistake } from "../mistake";
import { splitWords } from "./words";

/** The variables, read and checked as far as they can be alone. */
export interface Request {
  /** Settings given for this run, on top of those in cdk.json. */
  readonly context: Readonly<Record<string, string>>;
  /** AWS account that the credentials must belong to. @default - any */
  readonly account?: string;
  /** Whether changes of permissions, and a destruction, need no further question. */
  readonly yes: boolean;
  /** Whether to find out by trying whether the account can create agents. */
  readonly probe: boolean;
  /** What `cdk deploy` is given beyond the settings. */
  readonly cdkArguments: readonly string[];
}

/** Options of cdk that have a variable here, or that would lead cdk elsewhere than the checks. */
const REFUSED: Readonly<Record<string, string>> = {
  "--profile": "choose the profile with the environment variable AWS_PROFILE, so that the checks use it too",
  "--region": "choose the region with REGION=…",
  "--app": "it is the app of cdk.json that is checked and deployed",
  "-a": "it is the app of cdk.json that is checked and deployed",
  "--output": "the templates are written to cdk.out",
  "-o": "the templates are written to cdk.out",
  "--outputs-file": "the outputs are read from build/outputs",
  "-O": "the outputs are read from build/outputs",
};
/** Settings that have a variable of their own. */
const VARIABLES = { STAGE: "stage", REGION: "region", ARCH: "architecture" } as const;

/** Reads the variables. Throws a {@link Mistake} with a line for each wrong one. */
export function readRequest(environment: NodeJS.ProcessEnv): Request {
  const problems: string[] = [];
  const given = (name: string): string | undefined => {
    const value = environment[name]?.trim() ?? "";
    return value === "" ? undefined : value;
  };

  const { context, cdkArguments } = readCdkArguments(given("CDK_ARGS") ?? "", problems);
  for (const [variable, key] of Object.entries(VARIABLES)) {
    const value = given(variable);
    if (value === undefined) continue;
    if (context[key] !== undefined && context[key] !== value) {
      problems.push(`${variable}: ${value}, but CDK_ARGS says ${key}=${context[key]}: say it once, with ${variable}`);
    }
    context[key] = value;
  }
  const account = given("ACCOUNT");
  if (account !== undefined && !/^\d{12}$/.test(account)) {
    problems.push(`ACCOUNT: ${JSON.stringify(account)} is not allowed; allowed: the 12 digits of an AWS account`);
  }
  const flag = (name: string): boolean => {
    const value = given(name);
    if (value !== undefined && value !== "1" && value !== "0") {
      problems.push(`${name}: ${JSON.stringify(value)} is not allowed; allowed: 1, or nothing`);
    }
    return value === "1";
  };
  const request: Request = {
    context,
    ...(account === undefined ? {} : { account }),
    yes: flag("YES"),
    probe: flag("PROBE"),
    cdkArguments,
  };
  if (problems.length > 0) throw new Mistake(["Variables:", ...problems.map((text) => `  ${text}`)].join("\n"));
  return request;
}

/** Parts `-c key=value` from what is handed on. */
function readCdkArguments(
  text: string,
  problems: string[],
): { context: Record<string, string>; cdkArguments: readonly string[] } {
  const context: Record<string, string> = {};
  const cdkArguments: string[] = [];
  const words = splitWords(text);
  if (typeof words === "string") {
    problems.push(`CDK_ARGS: ${words}`);
    return { context, cdkArguments };
  }
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const option = /^(--[^=]+|-[A-Za-z])=?/.exec(word)?.[1] ?? "";
    const refused = Object.hasOwn(REFUSED, option) ? REFUSED[option] : undefined;
    if (refused !== undefined) problems.push(`CDK_ARGS: ${option}: ${refused}`);
    if (option !== "-c" && option !== "--context") {
      cdkArguments.push(word);
      continue;
    }
    const setting = word === option ? (rest.shift() ?? "") : word.slice(option.length).replace(/^=/, "");
    const equals = setting.indexOf("=");
    if (equals < 1) problems.push(`CDK_ARGS: ${option} ${setting}: a setting is written key=value`);
    else context[setting.slice(0, equals)] = setting.slice(equals + 1);
  }
  return { context, cdkArguments };
}
